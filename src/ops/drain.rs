//! Delivers what is left to send: one drain at a time, events before documents.

use std::any::Any;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::report::{self, Drain};
use super::run::Journey;
use super::{Error, Step, Workspace, World};
use crate::base::lock::{self, Lock};
use crate::base::{Timestamp, shell};
use crate::bodies::{self, DrainPolicy, Push};
use crate::config::{KeepTexts, PersonalData};
use crate::delivery::{self, BatchReceiver, Change, Conditions, Means, Policy, Stop};
use crate::endpoint::{self, Credentials, Gate, Identity, Link, Resolved};
use crate::http::Cause;
use crate::store::Store;

/// Hint: how to send to another URL, once or from now on.
const REPOINT: &str =
    "sk-sync drain --target-url URL   # from now on: sk-sync target set --url URL";

/// The embedded receiver while it runs; dropping it stops it.
pub(crate) struct Stub {
    /// Where it listens.
    pub(crate) origin: String,
    /// Keeps it running.
    #[expect(dead_code, reason = "held for what its drop does")]
    pub(crate) guard: Box<dyn Any>,
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stub")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Starts the embedded receiver on a store file; passed in by the command line, because `ops` must
/// not depend on `serve`.
pub(crate) type StartStub<'a> = &'a dyn Fn(&Path) -> Result<Stub, String>;

/// The connection to a target, opened only when there is something to send.
pub(super) struct TargetConnection<'a> {
    workspace: &'a Workspace,
    resolved: &'a Resolved,
    credentials: &'a Credentials<'a>,
    start_stub: StartStub<'a>,
    stub: Option<Stub>,
}

impl<'a> TargetConnection<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        resolved: &'a Resolved,
        credentials: &'a Credentials<'a>,
        start_stub: StartStub<'a>,
    ) -> Self {
        Self {
            workspace,
            resolved,
            credentials,
            start_stub,
            stub: None,
        }
    }

    /// The permitted target, or the checks that fail; `None` if delivery is turned off.
    pub(super) fn link(&mut self) -> Result<Result<Option<Link>, Vec<Gate>>, Error> {
        let is_stub = self.resolved.receiver == Some(endpoint::ReceiverKind::Stub);
        if is_stub && self.stub.is_none() {
            self.stub =
                Some((self.start_stub)(&self.workspace.place.stub_store()).map_err(Error::Stub)?);
        }
        let origin = self.stub.as_ref().map(|stub| stub.origin.as_str());
        Ok(self.credentials.link(origin))
    }
}

/// Takes the lock that allows one drain at a time.
pub(super) fn lock(
    world: &World<'_>,
    workspace: &Workspace,
    patience: Duration,
) -> Result<Lock, lock::Error> {
    Lock::take(
        &workspace.place.drain_lock(),
        "drain",
        patience,
        world.clock,
        world.interrupt,
    )
}

/// Delivers the events that are left to send over `link`.
pub(super) fn events(
    journey: &Journey<'_>,
    store: &mut Store,
    link: &Link,
    (begun, deadline): (Timestamp, Timestamp),
    on_settled: &mut dyn FnMut(u64),
) -> Result<delivery::Report, Error> {
    let (world, workspace) = (journey.world, journey.workspace);
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
        health_asked: journey.health_asked,
        begun,
        deadline,
        interrupt: world.interrupt,
    };
    Ok(delivery::drain(store, &receiver, &conditions, on_settled)?)
}

/// Sends the documents that are due at the target of row `target`; `on_disk` reads texts that are
/// not in the store.
pub(super) fn documents(
    journey: &mut Journey<'_>,
    store: &mut Store,
    push: &Push,
    (target, total): (i64, u64),
    deadline: Timestamp,
    on_disk: &dyn Fn(&bodies::Row) -> Option<bodies::Body>,
) -> Result<bodies::Report, Error> {
    let (world, progress) = (journey.world, journey.progress);
    let means = Means {
        clock: world.clock,
        random: &world.random,
        interrupt: world.interrupt,
        deadline,
    };
    let keeps_texts = journey.workspace.loaded.config.documents.keep == KeepTexts::Always;
    let policy = DrainPolicy {
        target,
        keeps_texts,
        is_again: journey.resubmits(),
        on_disk,
    };
    let tally = &mut journey.tally;
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
