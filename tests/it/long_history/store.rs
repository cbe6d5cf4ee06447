//! Where a hub keeps what it received: a file of one receiver, or a PostgreSQL that two share.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::clones;
use crate::support::Sandbox;
#[cfg(feature = "postgres")]
use crate::support::postgres::Postgres;
#[cfg(not(feature = "postgres"))]
use crate::support::tell;
use crate::support::wire::{Received, received};

/// The variable that names the database.
#[cfg(feature = "postgres")]
const NAMED_IN: &str = "DATABASE_URL";

/// A store that outlives its receivers.
pub(super) enum Store {
    File(PathBuf),
    #[cfg(feature = "postgres")]
    Database(Box<Postgres>),
}

impl Store {
    pub(super) fn file(keeper: &Sandbox) -> Self {
        Self::File(keeper.path("received.db"))
    }

    /// A database that `keeper` names to its receivers; a file, with a notice, where there is no
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    pub(super) fn shared(keeper: &mut Sandbox) -> Self {
        let Some(database) = Postgres::start(&[]) else {
            return Self::file(keeper);
        };
        keeper.set(NAMED_IN, &database.url());
        Self::Database(Box::new(database))
    }

    #[cfg(not(feature = "postgres"))]
    pub(super) fn shared(keeper: &mut Sandbox) -> Self {
        tell("SKIPPED: two receivers on one PostgreSQL: a build without it");
        Self::file(keeper)
    }

    /// How many receivers use it.
    pub(super) const fn receivers(&self) -> usize {
        match self {
            Self::File(_) => 1,
            #[cfg(feature = "postgres")]
            Self::Database(_) => 2,
        }
    }

    /// The arguments of `serve` that name it.
    pub(super) fn arguments(&self) -> Vec<&str> {
        match self {
            Self::File(file) => vec!["--store", file.to_str().unwrap()],
            #[cfg(feature = "postgres")]
            Self::Database(_) => vec!["--store-env", NAMED_IN, "--migrate"],
        }
    }

    /// SIGKILL of the database, and its next start. A file has no process.
    pub(super) fn kill(&mut self) {
        match self {
            Self::File(_) => {}
            #[cfg(feature = "postgres")]
            Self::Database(database) => {
                database.kill();
                database.restart();
            }
        }
    }

    /// Everything in it; a row that occurs twice fails here.
    pub(super) fn received(&self) -> Received {
        match self {
            Self::File(file) => received(file),
            #[cfg(feature = "postgres")]
            Self::Database(database) => Received {
                events: events(database),
                bodies: bodies(database),
            },
        }
    }

    /// The digests of all texts.
    pub(super) fn texts(&self) -> BTreeSet<String> {
        match self {
            Self::File(file) => clones::texts(file),
            #[cfg(feature = "postgres")]
            Self::Database(database) => {
                let digests =
                    database.query("SELECT DISTINCT encode(sha256, 'hex') FROM sk_bodies");
                digests.lines().map(str::to_owned).collect()
            }
        }
    }
}

#[cfg(feature = "postgres")]
fn events(database: &Postgres) -> std::collections::BTreeMap<String, Vec<u8>> {
    let rows = database.query("SELECT event_id || ' ' || encode(envelope, 'hex') FROM sk_events");
    let mut events = std::collections::BTreeMap::new();
    for row in rows.lines() {
        let (id, envelope) = row.split_once(' ').unwrap();
        let twice = events.insert(id.to_owned(), of_hex(envelope));
        assert!(twice.is_none(), "an event is stored twice");
    }
    events
}

/// Mission, path and text of every document.
#[cfg(feature = "postgres")]
fn bodies(database: &Postgres) -> Vec<(String, String, String)> {
    let sql = "SELECT encode(convert_to(mission_slug, 'UTF8'), 'hex') || ' ' ||
                 encode(convert_to(path, 'UTF8'), 'hex') || ' ' || encode(content, 'hex')
               FROM sk_bodies JOIN sk_artifacts USING (tenant, project_uuid, artifact)
                 JOIN sk_blobs ON (sk_blobs.tenant, sk_blobs.project_uuid, sk_blobs.sha256) =
                   (sk_bodies.tenant, sk_bodies.project_uuid, sk_bodies.sha256)";
    let rows = database.query(sql);
    let words = rows.lines().map(|row| {
        let mut words = row
            .split(' ')
            .map(|word| String::from_utf8(of_hex(word)).unwrap());
        let mut next = || words.next().unwrap();
        (next(), next(), next())
    });
    words.collect()
}

#[cfg(feature = "postgres")]
fn of_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}
