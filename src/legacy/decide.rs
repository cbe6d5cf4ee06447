//! Decides which of two contents of one id is kept as the event. Both are stored in either case,
//! and the act is audited.
//!
//! * Keep the journal's: the other content stays set aside.
//! * Keep the source's: it becomes a new event at the end of the journal, and the present event is
//!   given up and set aside. Only if no target can have received the present one: a receiver
//!   accepts only one content per id.

use std::path::PathBuf;

use serde::Serialize;

use super::import::wire_form;
use super::{Destination, Error, IMPORTED, Policy, marks};
use crate::base::{Timestamp, text};
use crate::books::{self, Obstacle};
use crate::event::inspect;
use crate::journal::{self, Audit, Conflict, Entry};
use crate::store::{ReadTx, WriteTx};

/// The content to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The one in the journal.
    Journal,
    /// The one from the older store.
    Source,
}

/// A decision of the user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decision<'a> {
    /// The content to keep.
    pub(crate) keep: Keep,
    /// For these ids; for all if `None`.
    pub(crate) ids: Option<&'a [String]>,
    /// Only if the other content came from this store, or has this digest.
    pub(crate) from: Option<&'a str>,
    /// Change nothing.
    pub(crate) is_dry: bool,
}

/// A conflict that stays open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    /// The id of both.
    pub(crate) event_id: String,
    /// Its store.
    pub(crate) store: String,
    /// Why the decision cannot be applied.
    pub(crate) reason: String,
}

/// Result of a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Decided {
    /// Number of conflicts that are closed, or would be.
    pub(crate) conflicts: u64,
    /// Conflicts that stay open.
    pub(crate) refused: Vec<Refused>,
    /// Stores that could not be read, with the error.
    pub(crate) troubles: Vec<String>,
}

/// Applies the decision in every store; a missing store has no conflicts, and an unreadable one
/// does not stop the others.
pub(crate) fn decide_everywhere(
    stores: &[(String, PathBuf)],
    now: Timestamp,
    decision: &Decision<'_>,
    policy: &Policy,
    project: Option<&str>,
) -> Decided {
    let mut decided = Decided::default();
    for (name, path) in stores.iter().filter(|(_, path)| path.exists()) {
        let is_own = project.is_some_and(|project| Destination::named(project).name() == name);
        let policy = Policy {
            is_opted_out: policy.is_opted_out && is_own,
            ..policy.clone()
        };
        let work = || -> Result<Decided, Error> {
            if decision.is_dry {
                let Some(store) = books::open_read(path)? else {
                    return Ok(Decided::default());
                };
                return store.read(|tx| look(tx, name, decision));
            }
            books::open(path)?.write(|tx| decide(tx, name, now, decision, &policy))
        };
        match work() {
            Ok(here) => {
                decided.conflicts += here.conflicts;
                decided.refused.extend(here.refused);
            }
            Err(error) => decided.troubles.push(format!(
                "the store of {name} ({}): {error}",
                text::path(path)
            )),
        }
    }
    decided
}

/// The result that the decision would have.
fn look(tx: &ReadTx<'_>, store: &str, decision: &Decision<'_>) -> Result<Decided, Error> {
    let mut decided = Decided::default();
    for (conflict, others) in chosen(tx, decision)? {
        match why_not(tx, &conflict, others, decision)? {
            None => decided.conflicts += 1,
            Some(reason) => decided.refuse(&conflict, store, reason),
        }
    }
    Ok(decided)
}

fn decide(
    tx: &WriteTx<'_>,
    store: &str,
    now: Timestamp,
    decision: &Decision<'_>,
    policy: &Policy,
) -> Result<Decided, Error> {
    let mut decided = Decided::default();
    for (conflict, others) in chosen(tx, decision)? {
        if let Some(reason) = why_not(tx, &conflict, others, decision)? {
            decided.refuse(&conflict, store, reason);
            continue;
        }
        let (resolution, reason) = match decision.keep {
            Keep::Journal => (
                "journal",
                "the journal's content is kept; the other stays set aside",
            ),
            Keep::Source => (
                "source",
                "the source's content is kept, as an event at the end of the journal",
            ),
        };
        if decision.keep == Keep::Source
            && let Err(obstacle) = take_in(tx, now, &conflict, policy)?
        {
            decided.refuse(&conflict, store, words(obstacle).to_owned());
            continue;
        }
        journal::decide(tx, now, &conflict, resolution)?;
        let sha256 = conflict.incoming_sha256;
        let (event_id, event_type) = (&conflict.event_id, "");
        journal::audit(
            tx,
            now,
            &Audit {
                act: "conflict_decided",
                event_id,
                event_type,
                sha256,
                reason,
            },
        )?;
        decided.conflicts += 1;
    }
    Ok(decided)
}

impl Decided {
    fn refuse(&mut self, conflict: &Conflict, store: &str, reason: String) {
        self.refused.push(Refused {
            event_id: conflict.event_id.clone(),
            store: store.to_owned(),
            reason,
        });
    }
}

/// The open conflicts that the decision concerns, each with the number of others with the same id.
fn chosen(tx: &ReadTx<'_>, decision: &Decision<'_>) -> Result<Vec<(Conflict, usize)>, Error> {
    let is_same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let is_meant = |conflict: &Conflict| {
        decision
            .ids
            .is_none_or(|ids| ids.iter().any(|id| is_same(id, &conflict.event_id)))
            && decision.from.is_none_or(|from| {
                let origin = conflict
                    .origin
                    .strip_prefix("import:")
                    .unwrap_or(&conflict.origin);
                origin == from || is_same(&conflict.incoming_sha256.to_string(), from)
            })
    };
    let mut open = journal::conflicts(tx, i64::MAX)?;
    open.retain(is_meant);
    let mut of_id = std::collections::HashMap::new();
    for conflict in &open {
        *of_id
            .entry(conflict.event_id.to_ascii_lowercase())
            .or_insert(0_usize) += 1;
    }
    let others = |conflict: &Conflict| {
        of_id
            .get(&conflict.event_id.to_ascii_lowercase())
            .map_or(0, |count| count - 1)
    };
    Ok(open
        .into_iter()
        .map(|conflict| (others(&conflict), conflict))
        .map(|(others, one)| (one, others))
        .collect())
}

/// Why the decision cannot be applied to a conflict; `None` if it can.
fn why_not(
    tx: &ReadTx<'_>,
    conflict: &Conflict,
    others: usize,
    decision: &Decision<'_>,
) -> Result<Option<String>, Error> {
    if decision.keep == Keep::Journal {
        return Ok(None);
    }
    if others > 0 {
        let why = format!(
            "{} contents stand against the journal's; name one with --from",
            others + 1
        );
        return Ok(Some(why));
    }
    Ok(books::obstacle(tx, &conflict.event_id)?.map(|obstacle| words(obstacle).to_owned()))
}

const fn words(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::MayBeSent => {
            "the journal's content may be at a target already, which keeps what it got first under an id; \
             only --keep journal is left"
        }
        Obstacle::NotLive => {
            "the journal's event was superseded or has failed, so neither content is sent; only --keep journal is possible"
        }
    }
}

/// Makes the source's content an event of the journal, replacing the one that has the id.
fn take_in(
    tx: &WriteTx<'_>,
    now: Timestamp,
    conflict: &Conflict,
    policy: &Policy,
) -> Result<Result<i64, Obstacle>, Error> {
    let (_, envelope) = journal::contents(tx, conflict)?;
    let Some(before) = journal::show(tx, &conflict.event_id)?.map(|listed| listed.record) else {
        return Ok(Err(Obstacle::NotLive));
    };
    let seen = inspect(&envelope);
    let (event_type, occurred_at) = match &seen {
        Ok(seen) if !seen.event_type.is_empty() => {
            (seen.event_type.as_str(), seen.occurred_at.as_deref())
        }
        Ok(seen) => (before.event_type.as_str(), seen.occurred_at.as_deref()),
        Err(_) => (before.event_type.as_str(), None),
    };
    // An event on hold stays on hold, and a family that must not be sent stays on this machine.
    let rule = Policy {
        is_held: before.held.as_deref() == Some(IMPORTED),
        ..policy.clone()
    };
    let entry = Entry {
        event_id: &conflict.event_id,
        event_type,
        occurred_at,
        envelope: &envelope,
        wire: wire_form(&conflict.event_id, &seen),
        coalesce: None,
        held: before.held.as_deref().or_else(|| rule.hold(event_type)),
        origin: &conflict.origin,
    };
    let replaced = books::replace(tx, now, &entry)?;
    if let Ok(seq) = replaced {
        marks::inherit(tx, before.seq, seq, &conflict.incoming_sha256)?;
    }
    Ok(replaced)
}
