//! Signs that another server answers at a target's URL than before; kept with the target until a
//! user replays to it or dismisses them.

use serde_json::{Value, json};

use super::Error;
use crate::base::Timestamp;
use crate::store::{ReadTx, WriteTx};

/// A field of a deployment with another value than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Name of the field.
    pub(crate) field: &'static str,
    /// Earlier value.
    pub(crate) previous: String,
    /// Value now.
    pub(crate) current: String,
}

/// Signs that another server answers at a target's URL than the one that received its deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reset {
    /// When the change was first seen.
    pub(crate) since: Timestamp,
    /// The fields that differ.
    pub(crate) changes: Vec<Change>,
}

/// The fields that can differ.
const FIELDS: [&str; 3] = ["server_instance_id", "environment_name", "git_sha"];

/// The unconfirmed change of a target's server; `None` if there is none.
pub(crate) fn pending_reset(tx: &ReadTx<'_>, target: i64) -> Result<Option<Reset>, Error> {
    let sql = "SELECT reset_seen_at, reset_changes FROM delivery_targets WHERE id = ?1 AND reset_seen_at IS NOT NULL";
    let found: Option<(i64, String)> = tx.first(sql, [target], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let Some((since, text)) = found else {
        return Ok(None);
    };
    let members: Value = serde_json::from_str(&text).unwrap_or_default();
    let change = |field: &'static str| {
        let [previous, current] = ["previous", "current"]
            .map(|of| members.get(field)?.get(of)?.as_str().map(str::to_owned));
        Some(Change {
            field,
            previous: previous?,
            current: current?,
        })
    };
    let changes = FIELDS.into_iter().filter_map(change).collect();
    Ok(Some(Reset {
        since: Timestamp::from_micros(since),
        changes,
    }))
}

/// Merges the changes seen now with the pending ones: a field is compared with its value before the
/// first change, and a field that returns to that value is removed.
pub(super) fn note(
    tx: &WriteTx<'_>,
    target: i64,
    seen: &[Change],
    now: Timestamp,
) -> Result<(), Error> {
    if seen.is_empty() {
        return Ok(());
    }
    let pending = pending_reset(tx, target)?;
    let since = pending.as_ref().map_or(now, |reset| reset.since);
    match merged(pending.map(|reset| reset.changes).unwrap_or_default(), seen) {
        changes if changes.is_empty() => settle_reset(tx, target),
        changes => {
            let members: serde_json::Map<_, _> = changes
                .iter()
                .map(|c| {
                    (
                        c.field.to_owned(),
                        json!({"previous": c.previous, "current": c.current}),
                    )
                })
                .collect();
            tx.prepare(
                "UPDATE delivery_targets SET reset_seen_at = ?2, reset_changes = ?3 WHERE id = ?1",
            )?
            .execute((
                target,
                since.as_micros(),
                Value::Object(members).to_string(),
            ))?;
            Ok(())
        }
    }
}

/// Removes the pending change, after a replay or when the user confirmed that nothing was lost.
pub(crate) fn settle_reset(tx: &WriteTx<'_>, target: i64) -> Result<(), Error> {
    tx.prepare(
        "UPDATE delivery_targets SET reset_seen_at = NULL, reset_changes = NULL WHERE id = ?1",
    )?
    .execute([target])?;
    Ok(())
}

fn merged(mut pending: Vec<Change>, seen: &[Change]) -> Vec<Change> {
    for change in seen {
        match pending.iter_mut().find(|known| known.field == change.field) {
            Some(known) => known.current.clone_from(&change.current),
            None => pending.push(change.clone()),
        }
    }
    pending.retain(|change| change.previous != change.current);
    pending
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Books;
    use super::*;

    fn change(field: &'static str, previous: &str, current: &str) -> Change {
        Change {
            field,
            previous: previous.to_owned(),
            current: current.to_owned(),
        }
    }

    #[test]
    fn an_offer_stays_until_it_is_answered_or_the_server_is_back() {
        let mut books = Books::new();
        let (id, now) = (books.target().id, books.now());
        let mut see = |changes: &[Change], at: i64| {
            let at = Timestamp::from_micros(now.as_micros() + at);
            books.write(|tx| {
                note(tx, id, changes, at)?;
                pending_reset(tx, id)
            })
        };
        assert_eq!(see(&[], 0), None);
        let first = see(&[change("server_instance_id", "a", "b")], 1).unwrap();
        assert_eq!(see(&[], 2), Some(first.clone()));
        let more = see(
            &[
                change("server_instance_id", "b", "c"),
                change("git_sha", "1", "2"),
            ],
            3,
        )
        .unwrap();
        let both = [
            change("server_instance_id", "a", "c"),
            change("git_sha", "1", "2"),
        ];
        assert_eq!(
            (more.since, more.changes.as_slice()),
            (first.since, &both[..])
        );
        let back = [
            change("server_instance_id", "c", "a"),
            change("git_sha", "2", "1"),
        ];
        assert_eq!(see(&back, 4), None, "the same as when all was well");
        let again = see(&[change("git_sha", "1", "3")], 5).unwrap();
        assert!(again.since > first.since);
        books.write(|tx| settle_reset(tx, id));
        assert_eq!(books.write(|tx| pending_reset(tx, id)), None);
    }
}
