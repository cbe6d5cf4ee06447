//! What an operator makes owed again: what a target has, or what was given up at it.

use super::Error;
use crate::base::Timestamp;
use crate::delivery::{self, Again, Among, Settled, Target};
use crate::journal::{self, Notice};
use crate::store::Store;

/// Makes settled events owed to the target with this id again, a bounded number at a time; or, in a dry run, counts
/// them. `None` where there is no such target.
pub(crate) fn owe_again(
    store: &mut Store,
    target_id: &str,
    which: Settled,
    among: &Among,
    now: Timestamp,
    is_dry: bool,
) -> Result<Option<(Target, u64)>, Error> {
    let Some(target) = store.read(|tx| delivery::current(tx, target_id))? else { return Ok(None) };
    let (mut events, mut after) = (0, 0);
    loop {
        let did: Again = if is_dry {
            store.read(|tx| delivery::owed_again(tx, target.id, which, among, after))?
        } else {
            store.write(|tx| {
                let did = delivery::owe_again(tx, target.id, which, among, after)?;
                if did.events > 0 {
                    let reason = format!("{} events, target {target_id}", did.events);
                    journal::notice(tx, now, &Notice { act: act(which), reason: &reason })?;
                }
                Ok::<_, Error>(did)
            })?
        };
        events += did.events;
        match did.last {
            Some(last) => after = last,
            None => return Ok(Some((target, events))),
        }
    }
}

const fn act(which: Settled) -> &'static str {
    match which {
        Settled::Delivered => "replayed",
        Settled::GivenUp => "retried",
    }
}
