//! Deliveries to the configured target that an older ledger records.
//!
//! Only `success` and `duplicate` of the same identity count, and none if the older version
//! delivered to an external receiver: it recorded that under the Teamspace's name. Events whose
//! delivery is not believed are sent again, and the target answers that it has them.

use std::path::{Path, PathBuf};

use rusqlite::OptionalExtension as _;

use super::import::Trouble;
use super::{marks, scopes, tables};
use crate::base::{Interrupt, Timestamp, text};
use crate::config::Access;
use crate::delivery::{self, Inherited};
use crate::endpoint::Identity;
use crate::journal;
use crate::store::{Foreign, ForeignError, Stamp, Store, WriteTx};

/// Number of rows posted together.
const CHUNK: usize = 1000;

/// The older ledger's file.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    stamp: Stamp,
}

impl Ledger {
    pub(super) fn name(&self) -> String {
        text::path(&self.path)
    }
}

/// The ledger below an older home directory.
pub(super) fn found(home: Option<&Path>) -> Option<Ledger> {
    let path = home?.join("delivery/ledger.db");
    let stamp = Stamp::of(&path).ok().flatten()?;
    Some(Ledger { path, stamp })
}

/// The target and store for which the ledger is read.
pub(super) struct Question<'a> {
    pub(super) home: &'a Path,
    pub(super) scratch: &'a Path,
    pub(super) target: &'a Identity,
    pub(super) now: Timestamp,
}

/// Result of reading the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Number of events that the target has and that were still to be sent.
    pub(crate) delivered: u64,
    /// Why the ledger is not believed; `None` if it is.
    pub(crate) doubt: Option<&'static str>,
}

/// Records in the store what the target has, unless that was done since the last new event.
pub(super) fn believe(
    store: &mut Store,
    ledger: &Ledger,
    asked: &Question<'_>,
    interrupt: &Interrupt,
) -> Result<Answer, Trouble> {
    if asked.target.receiver.access() != Access::Token {
        return Ok(Answer::default());
    }
    let told = store.read(|tx| {
        let newest: i64 = tx
            .prepare("SELECT COALESCE(MAX(imported_at), 0) FROM legacy_sources")
            .and_then(|mut last| Ok(last.query_row([], |r| r.get(0))?))?;
        let done = tx
            .prepare("SELECT done FROM legacy_ledgers WHERE path = ?1 AND target_id = ?2")
            .map_err(super::Error::from)?
            .query_row((marks::name(&ledger.path), &asked.target.target_id), |r| {
                r.get::<_, String>(0)
            })
            .optional()?;
        Ok::<_, super::Error>((format!("{} {newest}", ledger.stamp), done))
    })?;
    let (mark, done) = told;
    if done.as_deref() == Some(&mark) {
        return Ok(Answer::default());
    }
    let doubt = doubt(asked.home);
    let foreign = Foreign::open(&ledger.path, asked.scratch, interrupt).map_err(Trouble::Source)?;
    let is_ledger = tables::columns(&foreign, "delivery_ledger")
        .map_err(Trouble::Source)?
        .is_some_and(|columns| {
            ["event_id", "target_id", "status"]
                .iter()
                .all(|name| columns.iter().any(|column| column == name))
        });
    store.write(|tx| {
        let mut answer = Answer::default();
        if is_ledger {
            let delivered = delivered(tx, &foreign, asked)?;
            match doubt {
                Some(why) if !delivered.is_empty() => answer.doubt = Some(why),
                Some(_) => {}
                None => {
                    for chunk in delivered.chunks(CHUNK) {
                        answer.delivered += delivery::inherit(tx, asked.target, chunk, asked.now)?;
                    }
                }
            }
        }
        if !ledger.stamp.is_fresh(asked.now) {
            tx.prepare(
                "INSERT OR REPLACE INTO legacy_ledgers (path, target_id, done) VALUES (?1, ?2, ?3)",
            )?
            .execute((marks::name(&ledger.path), &asked.target.target_id, &mark))
            .map_err(super::Error::from)?;
        }
        Ok(answer)
    })
}

/// Why an older ledger is not believed; `None` if it is.
fn doubt(home: &Path) -> Option<&'static str> {
    match scopes::older_mode(home).as_deref() {
        Some("external_receiver") => Some(
            "it was kept while events went to an external receiver, which it recorded under the Teamspace's name",
        ),
        Some(_) => None,
        None => Some(
            "the config.toml next to it cannot be read, so the server it delivered to is unknown",
        ),
    }
}

/// The events of the journal that the ledger records as delivered, in journal order.
fn delivered(
    tx: &WriteTx<'_>,
    foreign: &Foreign,
    asked: &Question<'_>,
) -> Result<Vec<Inherited>, Trouble> {
    foreign.begin();
    let sorted = |error| Trouble::Source(foreign.sorted(error));
    let sql = "SELECT event_id, status, completed_at FROM delivery_ledger NOT INDEXED
               WHERE target_id = ?1 AND status IN ('success', 'duplicate')";
    let mut statement = foreign.conn().prepare(sql).map_err(sorted)?;
    let mut rows = statement.query([&asked.target.target_id]).map_err(sorted)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(sorted)? {
        let Ok(event_id) = tables::event_id(row.get_ref(0).map_err(sorted)?) else {
            continue;
        };
        let Some(holder) = journal::holder(tx, event_id)? else {
            continue;
        };
        let word = tables::text(row.get_ref(1).map_err(sorted)?).unwrap_or_default();
        let settled_at = tables::text(row.get_ref(2).map_err(sorted)?)
            .ok()
            .and_then(Timestamp::parse);
        found.push(Inherited {
            seq: holder.seq,
            was_duplicate: word == "duplicate",
            settled_at,
        });
    }
    found.sort_by_key(|event| event.seq);
    Ok(found)
}

impl From<ForeignError> for Trouble {
    fn from(error: ForeignError) -> Self {
        Self::Source(error)
    }
}
