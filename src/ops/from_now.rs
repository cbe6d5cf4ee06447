//! Consent to send from now on: earlier rows stay on hold until the user allows them too.

use std::path::Path;

use super::Error;
use crate::base::Timestamp;
use crate::books;
use crate::delivery::{self, Class};
use crate::journal::{self, BEFORE_CONSENT, HeldFilter, Kind, Notice};
use crate::store::Store;

/// Rows examined in one transaction.
const CHUNK: i64 = 1000;

/// Numbers of events and documents on hold for this reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct KeptBack {
    pub(crate) events: u64,
    pub(crate) documents: u64,
}

impl KeptBack {
    /// True if both are 0.
    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }

    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Event => self.events += 1,
            Kind::Document => self.documents += 1,
        }
    }
}

/// Puts the captured rows that `target_id` does not have on hold. Rows in flight were sent: they
/// are unchanged.
pub(crate) fn hold_captured(
    store: &mut Store,
    target_id: Option<&str>,
    now: Timestamp,
) -> Result<KeptBack, Error> {
    let (mut kept, mut after) = (KeptBack::default(), 0);
    loop {
        let last = store.write(|tx| {
            let target = target_id.map_or(Ok(None), |id| delivery::current(tx, id))?;
            let rows = journal::live_after(tx, after, CHUNK)?;
            for row in rows.iter().filter(|row| !row.is_held) {
                let at_target = target
                    .as_ref()
                    .map_or(Ok(None), |t| delivery::row_of(tx, t.id, row.seq))?;
                let is_there = at_target.is_some_and(|row| row.status.class() == Class::Delivered);
                if !is_there && books::hold(tx, row.seq, BEFORE_CONSENT)? {
                    kept.add(row.kind);
                }
            }
            Ok::<_, Error>(rows.last().map(|row| row.seq))
        })?;
        let Some(last) = last else { break };
        after = last;
    }
    if !kept.is_none() {
        let reason = format!(
            "{} events and {} documents captured before consent",
            kept.events, kept.documents
        );
        store.write(|tx| {
            journal::notice(
                tx,
                now,
                &Notice {
                    act: "held",
                    reason: &reason,
                },
            )
        })?;
    }
    Ok(kept)
}

/// Releases the rows that [`hold_captured`] put on hold; returns how many. A row with a newer one
/// of its key is superseded instead.
pub(crate) fn release_captured(store: &mut Store, now: Timestamp) -> Result<KeptBack, Error> {
    let filter = HeldFilter {
        reason: Some(BEFORE_CONSENT.to_owned()),
        ..HeldFilter::default()
    };
    let (events, documents) = store.read(|tx| journal::held_of(tx, BEFORE_CONSENT))?;
    let mut after = 0;
    loop {
        let last = store.write(|tx| {
            let rows = journal::held_rows(tx, &filter, after, CHUNK)?;
            for row in &rows {
                books::release_late(tx, now, row.seq)?;
            }
            Ok::<_, Error>(rows.last().map(|row| row.seq))
        })?;
        let Some(last) = last else {
            return Ok(KeptBack { events, documents });
        };
        after = last;
    }
}

/// Number of rows on hold for this reason; creates nothing and changes nothing.
pub(crate) fn kept_back(store: &Path) -> Result<KeptBack, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(KeptBack::default());
    };
    let (events, documents) = store.read(|tx| journal::held_of(tx, BEFORE_CONSENT))?;
    Ok(KeptBack { events, documents })
}
