//! Changes of the journal, posted to the ledger of every target in the same transaction.

use super::postings::{Postings, scope_of};
use super::registry::{self, Target};
use super::rows::row_of;
use super::{Class, Error, documents};
use crate::journal::{Kind, Receipt};
use crate::store::{Counter, ReadTx, WriteTx, add_to_counter};

/// Posts the rows that a transaction appended to the journal to every live target. A superseded
/// event has no row at any target, so it was untried at each.
pub(crate) fn post_appended(tx: &WriteTx<'_>, receipt: &Receipt) -> Result<(), Error> {
    let Receipt {
        captured,
        held,
        superseded,
        documents,
        ..
    } = *receipt;
    let counts = [
        (Kind::Event, captured, held, superseded),
        (
            Kind::Document,
            documents.captured,
            documents.held,
            documents.superseded,
        ),
    ];
    for (kind, captured, held, superseded) in counts {
        if captured == 0 && superseded == 0 {
            continue;
        }
        for Target { id, .. } in registry::live(tx)? {
            let scope = scope_of(id, kind);
            for (class, by) in [
                (Class::Untried, captured - held - superseded),
                (Class::Blocked, held),
                (Class::Superseded, superseded),
            ] {
                add_to_counter(
                    tx,
                    Counter {
                        scope: &scope,
                        name: class.name(),
                    },
                    by,
                )?;
            }
        }
    }
    Ok(())
}

/// Queues a released event for every live target: a target whose cursor passed it gets a row. An
/// existing row keeps its state.
pub(crate) fn post_released(tx: &WriteTx<'_>, seq: i64, kind: Kind) -> Result<(), Error> {
    for target in registry::live(tx)? {
        if row_of(tx, target.id, seq)?.is_some_and(|row| row.status.class() != Class::Untried) {
            continue;
        }
        let mut postings = Postings::default();
        postings.moved_of(kind, Class::Blocked, Class::Untried);
        postings.post(tx, target.id)?;
        if kind == Kind::Document {
            documents::enter(tx, target.id, seq)?;
        } else if seq <= target.cursor_seq {
            tx.prepare(
                "INSERT INTO delivery_rows (target, seq, status, due_at) VALUES (?1, ?2, 'queued', 0)
                 ON CONFLICT (target, seq) DO UPDATE SET status = 'queued', due_at = 0 WHERE status = 'closed'",
            )?
            .execute([target.id, seq])?;
        }
    }
    Ok(())
}

/// Posts that a row was put on hold: it is sent to no target from now on; deliveries so far are
/// unchanged. It is in flight nowhere.
pub(crate) fn post_held(tx: &WriteTx<'_>, seq: i64, kind: Kind) -> Result<(), Error> {
    for target in registry::targets(tx)? {
        let from = row_of(tx, target.id, seq)?.map_or(Class::Untried, |row| row.status.class());
        if matches!(from, Class::Delivered | Class::Undeliverable) {
            continue;
        }
        if target.is_live {
            let mut postings = Postings::default();
            postings.moved_of(kind, from, Class::Blocked);
            postings.post(tx, target.id)?;
        }
        tx.prepare(
            "UPDATE delivery_rows SET status = 'closed', due_at = NULL, behind = NULL
             WHERE target = ?1 AND seq = ?2 AND status IN ('queued', 'rejected', 'transient')",
        )?
        .execute([target.id, seq])?;
    }
    Ok(())
}

/// Posts that the payload of an event was restored, which had been counted as `from`: it is left to
/// send to each live target that lacks it, unless it is on hold.
pub(crate) fn post_returned(
    tx: &WriteTx<'_>,
    (seq, kind): (i64, Kind),
    from: Class,
    is_held: bool,
) -> Result<(), Error> {
    for target in registry::live(tx)? {
        if row_of(tx, target.id, seq)?.is_some_and(|row| row.status.class() != Class::Untried) {
            continue;
        }
        let mut postings = Postings::default();
        postings.moved_of(
            kind,
            from,
            if is_held {
                Class::Blocked
            } else {
                Class::Untried
            },
        );
        postings.post(tx, target.id)?;
        if kind == Kind::Document {
            documents::enter(tx, target.id, seq)?;
        } else if seq <= target.cursor_seq && !is_held {
            tx.prepare(
                "INSERT INTO delivery_rows (target, seq, status, due_at) VALUES (?1, ?2, 'queued', 0)
                 ON CONFLICT (target, seq) DO UPDATE SET status = 'queued', due_at = 0",
            )?
            .execute([target.id, seq])?;
        }
    }
    Ok(())
}

/// Posts that the payload of an event was deleted: where it was left to send, it is counted as `to`
/// from now on, and its row is closed. The event was live, and in flight nowhere.
pub(crate) fn post_left(
    tx: &WriteTx<'_>,
    (seq, kind): (i64, Kind),
    was_held: bool,
    to: Class,
) -> Result<(), Error> {
    for target in registry::targets(tx)? {
        let row = row_of(tx, target.id, seq)?;
        let from = match row.as_ref().map(|r| r.status.class()) {
            None | Some(Class::Untried) if was_held => Class::Blocked,
            None => Class::Untried,
            Some(class) => class,
        };
        if matches!(from, Class::Delivered | Class::Undeliverable) {
            continue;
        }
        if target.is_live {
            let mut postings = Postings::default();
            postings.moved_of(kind, from, to);
            postings.post(tx, target.id)?;
        }
        tx.prepare(
            "UPDATE delivery_rows SET status = 'closed', due_at = NULL, behind = NULL
             WHERE target = ?1 AND seq = ?2 AND status IN ('queued', 'rejected', 'transient')",
        )?
        .execute([target.id, seq])?;
    }
    Ok(())
}

/// True when some target has the event in flight or pending: its payload must stay.
pub(crate) fn is_in_flight(tx: &ReadTx<'_>, seq: i64) -> Result<bool, Error> {
    for target in registry::targets(tx)? {
        if row_of(tx, target.id, seq)?.is_some_and(|row| row.status.class() == Class::InFlight) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True if some target, live or not, has a row for this event: the event was selected for it, or an
/// older ledger recorded a delivery.
pub(crate) fn is_known_anywhere(tx: &ReadTx<'_>, seq: i64) -> Result<bool, Error> {
    for target in registry::targets(tx)? {
        if row_of(tx, target.id, seq)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
