//! The loop of a drain: select, send, record, until nothing is owed or somebody says stop.

use std::time::Duration;

use super::receiver::DeliveryReceiver;
use super::record::{self, Settling};
use super::select::{self, Policy};
use super::{Error, Verdict, attempt, outcome, registry};
use crate::base::ids::Ids;
use crate::base::{Clock, Interrupt, Timestamp};
use crate::event::WireContext;
use crate::store::Store;

/// Requests a drain spends on finding culprits before it leaves the rest to the next one.
const SPLIT_BUDGET: u64 = 400;
/// The longest one exchange may take.
const EXCHANGE: Duration = Duration::from_mins(2);

/// What a drain depends on from outside.
pub(crate) struct Conditions<'a> {
    /// Bounds of a request and of patience.
    pub(crate) policy: Policy,
    /// The project of the store, to fill where an envelope has none.
    pub(crate) project_uuid: Option<&'a str>,
    /// The time.
    pub(crate) clock: &'a dyn Clock,
    /// New idempotency keys.
    pub(crate) ids: &'a dyn Ids,
    /// Random numbers in 0..1, for the waits.
    pub(crate) random: &'a (dyn Fn() -> f64 + Sync),
    /// When to stop starting requests.
    pub(crate) deadline: Timestamp,
    /// A request to stop early.
    pub(crate) interrupt: &'a Interrupt,
}

/// Why a drain ended before everything was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The target refuses everything for now.
    Halted(String),
    /// The target asked to be left alone.
    Throttled(String),
    /// There is no connection.
    Unreachable(String),
    /// The last answer is unknown; the batch is in flight and waits.
    Unknown(String),
    /// The run's time is over.
    Deadline,
    /// A person or the system asked to stop.
    Interrupted,
}

/// What a drain did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Requests made.
    pub(crate) requests: u64,
    /// Events sent, each counted once for every time it was sent.
    pub(crate) selected: u64,
    /// Stored by the receiver now.
    pub(crate) success: u64,
    /// Stored by the receiver earlier.
    pub(crate) duplicate: u64,
    /// Accepted, not yet stored.
    pub(crate) pending: u64,
    /// Refused; tried again later.
    pub(crate) rejected: u64,
    /// Without a usable word; tried again later.
    pub(crate) transient: u64,
    /// Given up.
    pub(crate) terminal_failed: u64,
    /// Why it ended early, if it did.
    pub(crate) stop: Option<Stop>,
}

impl Report {
    /// Adds what a later drain of the same command did; its end is the end.
    pub(crate) fn add(&mut self, later: &Self) {
        self.requests += later.requests;
        self.selected += later.selected;
        self.success += later.success;
        self.duplicate += later.duplicate;
        self.pending += later.pending;
        self.rejected += later.rejected;
        self.transient += later.transient;
        self.terminal_failed += later.terminal_failed;
        self.stop.clone_from(&later.stop);
    }
}

/// Delivers what is owed to the receiver's target. `on_batch` is told how many events were settled so far.
pub(crate) fn drain(
    store: &mut Store,
    receiver: &dyn DeliveryReceiver,
    conditions: &Conditions<'_>,
    on_batch: &mut dyn FnMut(u64),
) -> Result<Report, Error> {
    let mut report = Report::default();
    let (mut splits, mut unknown_in_a_row) = (0, 0);
    let identity = receiver.identity();
    loop {
        let now = conditions.clock.now();
        if conditions.interrupt.is_requested() {
            report.stop = Some(Stop::Interrupted);
            break;
        }
        if now >= conditions.deadline {
            report.stop = Some(Stop::Deadline);
            break;
        }
        let context = WireContext { project_uuid: conditions.project_uuid, team_slug: &identity.team_slug };
        let (target, selection) = store.write(|tx| {
            let target = registry::register(tx, identity, now)?;
            let selection = select::select(tx, &target, &conditions.policy, context, conditions.ids, now)?;
            Ok::<_, Error>((target, selection))
        })?;
        report.terminal_failed += u64::try_from(selection.not_sendable).unwrap_or(u64::MAX);
        let Some(batch) = selection.batch else {
            if selection.has_more {
                continue;
            }
            break;
        };
        report.requests += 1;
        report.selected += u64::try_from(batch.items.len()).unwrap_or(u64::MAX);
        let within = conditions.deadline.since(now).clamp(Duration::from_secs(1), EXCHANGE);
        let exchange = receiver.deliver(&batch, within)?;
        let now = conditions.clock.now();
        let mut verdict = outcome::verdict(&batch.items, &exchange, now);
        if matches!(verdict, Verdict::Bisect(_) | Verdict::TooLarge(_)) {
            splits += 1;
            if splits > SPLIT_BUDGET {
                verdict = Verdict::Halt("too many requests spent on finding refused events; the rest waits".to_owned());
            }
        }
        let settling = Settling {
            policy: &conditions.policy,
            http_status: exchange.as_ref().ok().map(|a| a.status),
            ids: conditions.ids,
            random: (conditions.random)(),
            now,
        };
        let settled = store.write(|tx| record::record(tx, &target, &batch, &verdict, &settling))?;
        report.success += settled.success;
        report.duplicate += settled.duplicate;
        report.pending += settled.pending;
        report.rejected += settled.rejected;
        report.transient += settled.transient;
        report.terminal_failed += settled.terminal_failed;
        on_batch(report.success + report.duplicate);
        report.stop = match verdict {
            Verdict::Halt(reason) => Some(Stop::Halted(reason)),
            Verdict::Throttled { reason, .. } => Some(Stop::Throttled(reason)),
            Verdict::Unreachable(reason) => Some(Stop::Unreachable(reason)),
            // Only this batch waits: the next selection says whether anything else may go.
            Verdict::Unknown { reason, .. } => Some(Stop::Unknown(reason)),
            Verdict::Settled(_) | Verdict::TooLarge(_) | Verdict::Bisect(_) => None,
        };
        unknown_in_a_row = if matches!(report.stop, Some(Stop::Unknown(_))) { unknown_in_a_row + 1 } else { 0 };
        // Parked events are left when it seems to be the target that fails, not they.
        if unknown_in_a_row >= attempt::PATIENCE {
            break;
        }
        if matches!(report.stop, Some(Stop::Halted(_) | Stop::Throttled(_) | Stop::Unreachable(_))) {
            break;
        }
    }
    Ok(report)
}
