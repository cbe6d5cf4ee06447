//! Every engine that can be had here, so that what holds for one is seen to hold for all.
//!
//! With the feature `postgres`, `.ci/engines` names a PostgreSQL, a pooler in front of it and an
//! object store; what is not named is said to be skipped.

use std::path::Path;

use super::client::{file, memory};
use crate::serve::Server;

/// Two receivers in front of one engine; in memory there is one.
pub(super) struct Engine {
    pub(super) name: &'static str,
    pub(super) server: Server,
    pub(super) other: Option<Server>,
}

impl Engine {
    /// The receiver that did not get the request before.
    pub(super) fn other(&self) -> &Server {
        self.other.as_ref().unwrap_or(&self.server)
    }

    /// True when the engine is this process's own, and stores every count.
    pub(super) fn is_local(&self) -> bool {
        !self.name.starts_with("postgres")
    }
}

fn local(dir: &Path) -> [Engine; 2] {
    let path = dir.join("deep/serve.db");
    [
        Engine {
            name: "memory",
            server: memory(),
            other: None,
        },
        Engine {
            name: "sqlite",
            server: file(&path),
            other: Some(file(&path)),
        },
    ]
}

/// Runs a test over the options of each storage that outlives its process.
pub(super) fn over_each_lasting(test: impl Fn(&str, &dyn Fn() -> crate::serve::Options)) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("serve.db");
    test("sqlite", &|| {
        super::client::options(crate::serve::Storage::File(path.clone()))
    });
    #[cfg(feature = "postgres")]
    if let Some(url) = shared::database() {
        test("postgres", &|| {
            shared::databases(&[&url], crate::serve::Migrate::Apply)
        });
    }
}

/// The same, with several databases and an object store, whose clock is that of the hour.
pub(super) fn over_every_lasting(test: impl Fn(&str, &dyn Fn() -> crate::serve::Options)) {
    over_each_lasting(&test);
    #[cfg(feature = "postgres")]
    shared::over_others(test);
}

/// Runs a test over each engine.
pub(super) fn over_each_engine(test: impl Fn(&Engine)) {
    let dir = tempfile::tempdir().unwrap();
    for engine in local(dir.path()) {
        test(&engine);
    }
    #[cfg(feature = "postgres")]
    shared::over_each(test);
}

#[cfg(feature = "postgres")]
pub(super) mod shared {
    //! Separate databases on the PostgreSQL that `.ci/engines` started.

    use std::sync::Arc;

    use secrecy::SecretString;

    use crate::base::clock::SystemClock;
    use crate::serve::tests::client::options;
    use crate::serve::tests::engines::Engine;
    use crate::serve::{Databases, Keys, Migrate, ObjectStore, Options, Server, Storage};

    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "a test asks which engines this machine has"
    )]
    fn named(variable: &str) -> Option<String> {
        let value = std::env::var(variable).ok();
        if value.is_none() {
            eprintln!(
                "SKIPPED: {variable} is not set: run .ci/engines cargo test --features postgres"
            );
        }
        value
    }

    /// A statement outside of any receiver.
    pub(in crate::serve::tests) fn execute(url: &str, sql: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
                .await
                .unwrap();
            let connection = tokio::spawn(connection);
            client.batch_execute(sql).await.unwrap();
            drop(client);
            connection.await.unwrap().unwrap();
        });
    }

    /// An empty database, by the URL of the server itself; `None` where there is no server.
    pub(in crate::serve::tests) fn database() -> Option<String> {
        let server = named("SK_SYNC_TEST_POSTGRES")?;
        let name = format!("t_{}", uuid::Uuid::new_v4().simple());
        execute(&server, &format!("CREATE DATABASE {name}"));
        Some(format!("{}/{name}", server.rsplit_once('/').unwrap().0))
    }

    pub(in crate::serve::tests) fn databases(urls: &[&str], migrate: Migrate) -> Options {
        let urls = urls.iter().map(|url| SecretString::from(*url)).collect();
        options(Storage::Databases(Box::new(Databases {
            urls,
            migrate,
            authorities: None,
            bodies: None,
        })))
    }

    /// The object store of `.ci/engines`, under a separate prefix.
    fn object_store() -> Option<ObjectStore> {
        let address = named("SK_SYNC_TEST_S3")?;
        let (bucket, query) = address.split_once('?').unwrap();
        let secret = SecretString::from("secret-of-tests");
        let keys = Keys {
            id: "sk-tests".to_owned(),
            secret,
            session: None,
            region: None,
        };
        Some(
            ObjectStore::read(&format!("{bucket}/{}?{query}", uuid::Uuid::new_v4()), keys).unwrap(),
        )
    }

    /// Two databases, and one with an object store.
    pub(super) fn over_others(test: impl Fn(&str, &dyn Fn() -> Options)) {
        let (Some(one), Some(other)) = (database(), database()) else {
            return;
        };
        let halves = [one, other];
        test("postgres, two databases", &|| {
            databases(&halves.each_ref().map(String::as_str), Migrate::Apply)
        });
        if let Some(store) = object_store() {
            let url = database().unwrap();
            test("postgres and S3", &|| with_object_store(&[&url], &store));
        }
    }

    fn with_object_store(urls: &[&str], store: &ObjectStore) -> Options {
        let mut options = databases(urls, Migrate::Apply);
        // Signatures are of the hour.
        options.clock = Arc::new(SystemClock);
        if let Storage::Databases(databases) = &mut options.store {
            databases.bodies = Some(store.clone());
        }
        options
    }

    fn pair(name: &'static str, urls: &[&str], bodies: Option<&ObjectStore>) -> Engine {
        let start = |_| {
            let options = match bodies {
                Some(store) => with_object_store(urls, store),
                None => databases(urls, Migrate::Apply),
            };
            Server::start(options).unwrap()
        };
        let [server, other] = [0, 1].map(start);
        Engine {
            name,
            server,
            other: Some(other),
        }
    }

    pub(super) fn over_each(test: impl Fn(&Engine)) {
        let Some(url) = database() else { return };
        test(&pair("postgres", &[&url], None));
        let halves = [database().unwrap(), database().unwrap()];
        test(&pair(
            "postgres, two databases",
            &halves.each_ref().map(String::as_str),
            None,
        ));
        if let Some(pooler) = named("SK_SYNC_TEST_PGBOUNCER") {
            let url = database().unwrap();
            let pooled = format!(
                "{}/{}",
                pooler.rsplit_once('/').unwrap().0,
                url.rsplit_once('/').unwrap().1
            );
            test(&pair("postgres behind a pooler", &[&pooled], None));
        }
        if let Some(store) = object_store() {
            let url = database().unwrap();
            test(&pair("postgres and S3", &[&url], Some(&store)));
        }
    }
}
