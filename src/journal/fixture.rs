//! A journal for the tests of this module, and entries for it.

use std::time::Duration;

use super::{Appended, Appender, Entry, Mark, Receipt, Totals};
use crate::base::{Sha256, Timestamp};
use crate::event::{Coalesce, WireForm};
use crate::store::{Schema, Store, WriteTx};

pub(super) const SCHEMA: Schema = Schema {
    application_id: 1,
    steps: &[&[super::SCHEMA]],
};

pub(super) const NOW: Timestamp = Timestamp::from_micros(1_770_000_000_000_000);

pub(super) struct Journal {
    pub(super) _dir: tempfile::TempDir,
    pub(super) store: Store,
}

/// An entry of this key and facts.
pub(super) fn keyed<'a>(id: &'a str, key: u8, facts: &str) -> Entry<'a> {
    let coalesce = Some(Coalesce {
        key: [key; 16],
        facts: Sha256::of(facts.as_bytes()),
        rival: None,
    });
    Entry {
        coalesce,
        ..plain(id, id.as_bytes())
    }
}

pub(super) fn plain<'a>(id: &'a str, envelope: &'a [u8]) -> Entry<'a> {
    Entry {
        event_id: id,
        event_type: "T",
        occurred_at: None,
        envelope,
        wire: WireForm::AsIs,
        coalesce: None,
        held: None,
        origin: "capture",
    }
}

pub(super) fn held(entry: Entry<'_>) -> Entry<'_> {
    Entry {
        held: Some("opted_out"),
        ..entry
    }
}

pub(super) fn captured(seq: i64, superseded: Option<i64>) -> Appended {
    Appended::Captured { seq, superseded }
}

impl Journal {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("s.db"), &SCHEMA, Duration::from_secs(5)).unwrap();
        Self { _dir: dir, store }
    }

    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, super::Error>,
    ) -> T {
        self.store.write(work).unwrap()
    }

    /// Adds all in one transaction.
    pub(super) fn append_all(&mut self, entries: &[Entry<'_>]) -> (Vec<Appended>, Receipt) {
        self.write(|tx| {
            let mut appender = Appender::new(tx, NOW)?;
            let results = entries
                .iter()
                .map(|e| appender.append(e))
                .collect::<Result<_, _>>()?;
            Ok((results, appender.finish()?))
        })
    }

    pub(super) fn append(&mut self, entry: Entry<'_>) -> Appended {
        self.append_all(&[entry]).0[0]
    }

    pub(super) fn seal(&mut self, seq: i64) {
        self.write(|tx| super::seal(tx, seq));
    }

    pub(super) fn discard(&mut self, seq: i64) {
        self.write(|tx| super::let_go(tx, NOW, seq, Mark::Discarded("evicted")))
            .expect("a live row");
    }

    /// The marks of a row that name others: the row that superseded it, and the one that it
    /// follows.
    pub(super) fn marks(&mut self, id: &str) -> (Option<i64>, Option<i64>) {
        self.write(|tx| {
            let record = super::show(tx, id)?.unwrap().record;
            Ok((record.superseded_by, record.follows))
        })
    }

    pub(super) fn totals(&mut self) -> Totals {
        self.write(|tx| {
            let totals = super::totals(tx)?;
            assert_eq!(totals, super::recount(tx)?);
            Ok(totals)
        })
    }

    pub(super) fn audits(&mut self) -> Vec<(String, String)> {
        self.write(|tx| {
            let mut statement =
                tx.prepare("SELECT act, event_id FROM journal_audit ORDER BY id")?;
            let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}
