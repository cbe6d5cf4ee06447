//! `target list` and `target forget`: every target that was ever used.

use std::path::Path;

use serde::Serialize;

use crate::base::Timestamp;
use crate::books::{self, Error};
use crate::delivery::{self, Class, Target};
use crate::endpoint::ReceiverKind;

/// The targets of a store, as printed by `target list --json`.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct TargetList {
    /// The targets, in the order of registration.
    pub(crate) targets: Vec<TargetRow>,
}

/// One target.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TargetRow {
    pub(crate) target_id: String,
    pub(crate) receiver: ReceiverKind,
    pub(crate) canonical_url: String,
    pub(crate) team_slug: String,
    pub(crate) user_email: String,
    /// True for the configured one.
    pub(crate) is_current: bool,
    /// True while its balance is maintained; false once it is forgotten.
    pub(crate) is_live: bool,
    /// True if payloads that it lacks must be kept.
    pub(crate) holds_payloads: bool,
    pub(crate) delivered: i64,
    pub(crate) in_flight: i64,
    pub(crate) retryable: i64,
    pub(crate) undeliverable: i64,
    /// Left to send and never tried.
    pub(crate) untried: i64,
}

/// The targets that the store at `store` knows; `current` is the id of the configured one.
pub(crate) fn list_targets(store: &Path, current: Option<&str>) -> Result<TargetList, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(TargetList::default());
    };
    store.read(|tx| {
        let row = |target: Target| {
            let books = delivery::balance(tx, Some(&target))?;
            let is_current = current == Some(target.identity.target_id.as_str());
            let is_real = target.identity.receiver.is_server();
            Ok(TargetRow {
                is_current,
                is_live: target.is_live,
                holds_payloads: is_real && (target.is_live || is_current),
                target_id: target.identity.target_id,
                receiver: target.identity.receiver,
                canonical_url: target.identity.canonical_url,
                team_slug: target.identity.team_slug,
                user_email: target.identity.user_email,
                delivered: books.of(Class::Delivered),
                in_flight: books.of(Class::InFlight),
                retryable: books.of(Class::Retryable),
                undeliverable: books.of(Class::Undeliverable),
                untried: books.of(Class::Untried),
            })
        };
        let targets = delivery::targets(tx)?
            .into_iter()
            .map(row)
            .collect::<Result<_, Error>>()?;
        Ok(TargetList { targets })
    })
}

/// Forgets the target with this id: no payload is kept for it any more. Returns how many events
/// were in flight there, or `None` if no target has the id. No drain may be running.
pub(crate) fn forget_target(
    store: &Path,
    target_id: &str,
    now: Timestamp,
) -> Result<Option<i64>, Error> {
    books::open(store)?.write(|tx| match delivery::current(tx, target_id)? {
        Some(target) => Ok(Some(delivery::forget(tx, &target, now)?)),
        None => Ok(None),
    })
}
