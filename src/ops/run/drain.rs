//! One drain at a time: its lock, its requests, and its section of the report.

use std::time::Duration;

use super::plan::Plan;
use crate::base::lock::{self, Lock};
use crate::base::{Timestamp, shell};
use crate::bodies::{self, DrainPolicy, Push};
use crate::config::{KeepTexts, PersonalData};
use crate::delivery::{self, BatchReceiver, Change, Conditions, Means, Policy, Stop};
use crate::endpoint::{Identity, Link};
use crate::http::Cause;
use crate::ops::report::{self, Drain};
use crate::ops::tally::Tally;
use crate::ops::{Error, Step};
use crate::store::Store;

/// Hint: how to send to another URL, once or from now on.
const REPOINT: &str =
    "sk-sync drain --target-url URL   # from now on: sk-sync target set --url URL";

/// Takes the lock that allows one drain at a time.
pub(super) fn lock(plan: &Plan<'_>, patience: Duration) -> Result<Lock, lock::Error> {
    Lock::take(
        &plan.workspace.place.drain_lock(),
        "drain",
        patience,
        plan.world.clock,
        plan.world.interrupt,
    )
}

/// Delivers the events that are left to send over `link`. `health_asked`: this run asked the target
/// for its health already.
pub(super) fn events(
    plan: &Plan<'_>,
    store: &mut Store,
    link: &Link,
    (begun, deadline): (Timestamp, Timestamp),
    health_asked: bool,
    on_settled: &mut dyn FnMut(u64),
) -> Result<delivery::Report, Error> {
    let (world, workspace) = (plan.world, plan.workspace);
    let config = &workspace.loaded.config;
    let receiver = BatchReceiver::new(link, world.clock);
    let conditions = Conditions {
        policy: Policy {
            max_events: config.drain.max_events,
            max_bytes: usize::try_from(config.drain.max_bytes).unwrap_or(usize::MAX),
            max_rejections: i64::from(config.drain.max_rejections),
            sends_personal_data: config.migrate.personal_data == PersonalData::Send,
        },
        project_uuid: workspace.identity.project_uuid.as_deref(),
        clock: world.clock,
        ids: world.ids,
        random: &world.random,
        health_asked,
        begun,
        deadline,
        interrupt: world.interrupt,
    };
    Ok(delivery::drain(store, &receiver, &conditions, on_settled)?)
}

/// Sends the documents that are due at the target of row `target`; `on_disk` reads texts that are
/// not in the store.
pub(super) fn documents(
    plan: &Plan<'_>,
    tally: &mut Tally,
    store: &mut Store,
    push: &Push,
    (target, total): (i64, u64),
    deadline: Timestamp,
    on_disk: &dyn Fn(&bodies::Row) -> Option<bodies::Body>,
) -> Result<bodies::Report, Error> {
    let (world, progress) = (plan.world, plan.progress);
    let means = Means {
        clock: world.clock,
        random: &world.random,
        interrupt: world.interrupt,
        deadline,
    };
    let keeps_texts = plan.workspace.loaded.config.documents.keep == KeepTexts::Always;
    let policy = DrainPolicy {
        target,
        keeps_texts,
        is_again: plan.resubmits(),
        on_disk,
    };
    let report = bodies::drain(store, push, &policy, means, &mut |outcome| {
        progress(Step::Uploading {
            done: tally.uploaded(outcome),
            total,
        });
    })?;
    tally.drained(&report);
    Ok(report)
}

/// Report section of one drain.
pub(super) fn section(did: &delivery::Report, took: Duration) -> Drain {
    Drain {
        requests: did.requests,
        health_requests: did.health_requests,
        selected: did.selected,
        success: did.success,
        duplicate: did.duplicate,
        pending: did.pending,
        rejected: did.rejected,
        transient: did.transient,
        terminal_failed: did.terminal_failed,
        halted: did.stop.as_ref().map(Stop::words),
        cause: did.cause.map(Cause::word),
        fix: did
            .cause
            .filter(|cause| cause.may_be_gone())
            .map(|_| REPOINT.to_owned()),
        seconds: report::seconds(took),
    }
}

/// The hint to send everything again, if another server seems to answer at the target's URL; `None`
/// otherwise.
pub(super) fn offer(identity: &Identity, changes: &[Change]) -> Option<String> {
    if changes.is_empty() {
        return None;
    }
    let said: Vec<String> = changes
        .iter()
        .map(|c| format!("{} was `{}` and is `{}`", c.field, c.previous, c.current))
        .collect();
    Some(format!(
        "{} seems to be another server than before ({}). If it lost what it had: {}",
        identity.canonical_url,
        said.join(", "),
        shell::line("sk-sync replay --to", [&identity.target_id])
    ))
}
