//! Asks the target what it has, before a journal that has nothing yet captures. Whatever goes
//! wrong, everything is captured and sent as without it.

use std::collections::BTreeMap;

use super::plan::{Plan, is_shut};
use crate::base::failpoint;
use crate::delivery::{self, BatchReceiver, Inventory, Means};
use crate::endpoint::{Link, ReceiverKind};
use crate::journal;
use crate::ops::Error;
use crate::ops::served::Served;
use crate::store::Store;

/// The answer of the target.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What it has; `None` where it was not asked, or gave no usable answer.
    pub(super) served: Option<Served>,
    /// It was asked for its health: the drain of this run need not ask again.
    pub(super) was_asked: bool,
}

/// Asks, where the journal has nothing yet and everything allows to send to the target.
pub(super) fn ask(plan: &Plan<'_>, store: &mut Store) -> Result<Asked, Error> {
    let is_server = plan.resolved.receiver.is_some_and(ReceiverKind::is_server);
    let may_ask = plan.request.scope.drains && is_server && !is_shut(&plan.gates);
    if !may_ask || plan.resubmits() || store.read(journal::last_seq)? > 0 {
        return Ok(Asked::default());
    }
    let Ok(Some(link)) = plan.connection().link()? else {
        return Ok(Asked::default());
    };
    let (project_uuid, world) = (plan.workspace.project_uuid()?, plan.world);
    let means = Means {
        clock: world.clock,
        random: &world.random,
        interrupt: world.interrupt,
        deadline: plan.deadline(),
    };
    let answer = inventory(store, &link, project_uuid, means)?;
    failpoint::at(failpoint::TARGET_ASKED);
    let served = answer.unwrap_or_else(|why| {
        log::info!("what the target has is not known, so everything is sent: {why}");
        None
    });
    Ok(Asked {
        served,
        was_asked: true,
    })
}

/// What the target says it has, or why that is not known.
type Answer = Result<Option<Served>, String>;

fn inventory(
    store: &mut Store,
    link: &Link,
    project_uuid: &str,
    means: Means<'_>,
) -> Result<Answer, Error> {
    delivery::ask(store, &BatchReceiver::new(link, means.clock), means)?;
    let target = store.read(|tx| delivery::current(tx, &link.identity().target_id))?;
    let can = target
        .map(|target| delivery::capabilities(&target, means.clock.now()))
        .unwrap_or_default();
    let Some(inventory) = Inventory::new(link, project_uuid, means).filter(|_| can.facts) else {
        return Ok(Ok(None));
    };
    let events = match inventory.newest_events() {
        Ok(events) if events.is_empty() => return Ok(Ok(None)),
        Ok(events) => events,
        Err(why) => return Ok(Err(why)),
    };
    let logged = if can.states {
        inventory.logged_events()
    } else {
        Ok(BTreeMap::new())
    };
    let logged = logged.unwrap_or_else(|why| {
        log::info!("which lines of logs the target has is not known, so all are sent: {why}");
        BTreeMap::new()
    });
    Ok(Ok(Some(Served::of(
        link.identity().clone(),
        project_uuid,
        events,
        logged,
    ))))
}
