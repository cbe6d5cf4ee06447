//! Requeues events for a target on an operator's request: events that were delivered, and events
//! that were given up.

use std::path::Path;

use super::Error;
use crate::base::Timestamp;
use crate::books;
use crate::delivery::{self, Again, Among, Settled, Target};
use crate::journal::{self, Notice};
use crate::store::Store;

/// Requeues settled events for the target with this id, a bounded number at a time; in a dry run,
/// counts them. `None` if the target does not exist.
pub(crate) fn owe_again(
    store: &mut Store,
    target_id: &str,
    which: Settled,
    among: &Among,
    now: Timestamp,
    is_dry: bool,
) -> Result<Option<(Target, u64)>, Error> {
    let Some(target) = store.read(|tx| delivery::current(tx, target_id))? else {
        return Ok(None);
    };
    let (mut events, mut after) = (0, 0);
    loop {
        let did: Again = if is_dry {
            store.read(|tx| delivery::owed_again(tx, target.id, which, among, after))?
        } else {
            store.write(|tx| {
                let did = delivery::owe_again(tx, target.id, which, among, after)?;
                if did.events > 0 {
                    let reason = format!("{} events, target {target_id}", did.events);
                    journal::notice(
                        tx,
                        now,
                        &Notice {
                            act: act(which),
                            reason: &reason,
                        },
                    )?;
                }
                Ok::<_, Error>(did)
            })?
        };
        events += did.events;
        let Some(last) = did.last else { break };
        after = last;
    }
    if which == Settled::Delivered && !is_dry {
        // A replay confirms that the user knows about the new server.
        store.write(|tx| delivery::settle_reset(tx, target.id))?;
    }
    Ok(Some((target, events)))
}

const fn act(which: Settled) -> &'static str {
    match which {
        Settled::Delivered => "replayed",
        Settled::GivenUp => "retried",
    }
}

/// True if another server seems to answer at the target with this id, and the user has not yet
/// reacted.
pub(crate) fn pending_offer(store: &Path, target_id: &str) -> Result<bool, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(false);
    };
    Ok(store.read(|tx| match delivery::current(tx, target_id)? {
        Some(target) => Ok(delivery::pending_reset(tx, target.id)?.is_some()),
        None => Ok::<_, delivery::Error>(false),
    })?)
}

/// Removes the offer to replay: the user confirmed that the server still has everything.
pub(crate) fn dismiss_offer(store: &mut Store, target_id: &str) -> Result<(), Error> {
    Ok(store.write(|tx| match delivery::current(tx, target_id)? {
        Some(target) => delivery::settle_reset(tx, target.id),
        None => Ok(()),
    })?)
}
