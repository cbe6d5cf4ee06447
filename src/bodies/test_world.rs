//! A store with journal and ledger, one target, and documents that no event announces.

use std::time::Duration;

use super::{Body, Error, Row, SCHEMA, count_failures, list};
use crate::base::{Sha256, Timestamp};
use crate::delivery::{self, Class};
use crate::endpoint::{Identity, ReceiverKind};
use crate::event::NamespaceRef;
use crate::journal::{self, Appender, Document, Kind};
use crate::store::{Schema, Store, WriteTx};

const TABLES: Schema = Schema {
    application_id: 7,
    steps: &[&[journal::SCHEMA, delivery::SCHEMA, SCHEMA]],
};

/// A store in a separate directory, with target 1.
pub(super) struct World {
    pub(super) store: Store,
    _dir: tempfile::TempDir,
}

/// Counts of documents.
pub(super) struct Counts {
    /// Left to send.
    pub(super) rows: u64,
    /// Refused.
    pub(super) failures: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut store =
            Store::open(&dir.path().join("s.db"), &TABLES, Duration::from_secs(5)).unwrap();
        let identity = Identity {
            target_id: "tgt_a".to_owned(),
            receiver: ReceiverKind::ExternalReceiver,
            canonical_url: String::new(),
            team_slug: String::new(),
            user_email: String::new(),
        };
        let known = store
            .write(|tx| delivery::register_for_tests(tx, &identity, second(0)))
            .unwrap();
        assert_eq!(known.id, 1);
        Self { store, _dir: dir }
    }

    pub(super) fn write<T>(&mut self, work: impl FnOnce(&WriteTx<'_>) -> Result<T, Error>) -> T {
        self.store.write(work).unwrap()
    }

    /// Captures a document of mission `m` at second `at`, with its text.
    pub(super) fn put(&mut self, path: &str, text: &str, at: i64) {
        self.write(|tx| put(tx, &namespace("m"), path, text, at));
    }

    /// The documents that the target lacks, in journal order.
    pub(super) fn rows(&self) -> Vec<Row> {
        self.store.read(|tx| list(tx, Some(1), None, 1000)).unwrap()
    }

    /// Settles everything that is left to send.
    pub(super) fn clear(&mut self) {
        self.write(|tx| {
            for row in list(tx, Some(1), None, 1000)? {
                let answered = delivery::Answered::Stored { before: false };
                delivery::settle_document(
                    tx,
                    1,
                    (row.id, row.sha256),
                    &answered,
                    false,
                    second(0),
                )?;
            }
            Ok(())
        });
    }

    /// The counters, after asserting that they equal the rows.
    pub(super) fn counts(&self) -> Counts {
        let read: Result<Counts, Error> = self.store.read(|tx| {
            let target = delivery::current(tx, "tgt_a")?.unwrap();
            let balance = delivery::balance_of(tx, Some(&target), Kind::Document)?;
            assert!(balance.holds(), "{balance:?}");
            let count = |class| u64::try_from(balance.of(class)).unwrap();
            let failures = count(Class::Undeliverable) + count_failures(tx)?;
            Ok(Counts {
                rows: count(Class::Untried) + count(Class::Retryable),
                failures,
            })
        });
        read.unwrap()
    }
}

pub(super) fn namespace(mission: &str) -> NamespaceRef {
    NamespaceRef {
        project_uuid: "8a4a7da6-a97c-4bb4-893a-b31664abfee4".to_owned(),
        mission_slug: mission.to_owned(),
        target_branch: "main".to_owned(),
        mission_type: "software-dev".to_owned(),
        manifest_version: "1".to_owned(),
    }
}

pub(super) fn body(text: &str) -> Body {
    Body::verify(text.as_bytes().to_vec(), Sha256::of(text.as_bytes())).unwrap()
}

pub(super) fn second(at: i64) -> Timestamp {
    Timestamp::from_micros(at * 1_000_000)
}

pub(super) fn put(
    tx: &WriteTx<'_>,
    namespace: &NamespaceRef,
    path: &str,
    text: &str,
    at: i64,
) -> Result<(), Error> {
    let (body, namespace, path) = (body(text), namespace.clone(), path.to_owned());
    let document = Document {
        namespace,
        path,
        sha256: body.sha256(),
        size: text.len() as u64,
        place: None,
    };
    let mut appender = Appender::new(tx, second(at))?;
    let id = format!(
        "doc:{at}:{}:{}",
        document.namespace.mission_slug, document.path
    );
    let outcome = appender.append_document(&id, &document, None, None, "test")?;
    let receipt = appender.finish()?;
    delivery::post_appended(tx, &receipt)?;
    match outcome {
        journal::Appended::Captured { seq, .. } => delivery::enter_everywhere(tx, seq)?,
        journal::Appended::Unchanged { seq } => delivery::offer_again(tx, 1, seq)?,
        _ => {}
    }
    Ok(journal::keep_text(tx, body.sha256(), text.as_bytes())?)
}
