//! The loop of a drain: select, send, record, until nothing is owed or somebody says stop.

use std::time::Duration;

use super::batch::Batch;
use super::deployment::{self, Asked, Change};
use super::receiver::DeliveryReceiver;
use super::record::{self, Settled, Settling};
use super::select::{self, Policy, Selection};
use super::{Error, Target, Verdict, attempt, outcome, patience, registry, rows};
use crate::base::ids::Ids;
use crate::base::{Clock, Interrupt, Timestamp, failpoint};
use crate::endpoint::{Identity, Manner, ServerStand};
use crate::event::WireContext;
use crate::http::{Answer, Cause, Failure, Meaning, Reading};
use crate::store::{Store, WriteTx};

/// How often a drain halves a refused batch before it leaves the rest to the next one. One culprit among 1,000 events
/// takes ten halvings and about twenty requests, ninety of them some 400; the bound is for a server that refuses
/// everything without a word on whom.
const SPLIT_BUDGET: u64 = 400;
/// The longest one exchange may take.
const EXCHANGE: Duration = Duration::from_mins(2);

/// The longest that a target may think about who it is.
const PROBE: Duration = Duration::from_secs(5);

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
    /// When the command began to deliver: what it got an answer for since then is left to a later one.
    pub(crate) begun: Timestamp,
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
    /// Questions for the target's health, which the requests do not count.
    pub(crate) health_requests: u64,
    /// What says that another server answers there than before.
    pub(crate) changes: Vec<Change>,
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
    /// What the last exchange was, if it ended it.
    pub(crate) cause: Option<Cause>,
    /// Whether the server accepts requests, or refuses every one.
    pub(crate) server: ServerStand,
}

impl Report {
    /// Adds what a later drain of the same command did; its end is the end.
    pub(crate) fn add(&mut self, later: &Self) {
        self.requests += later.requests;
        self.health_requests += later.health_requests;
        self.changes.extend(later.changes.iter().cloned());
        self.selected += later.selected;
        self.success += later.success;
        self.duplicate += later.duplicate;
        self.pending += later.pending;
        self.rejected += later.rejected;
        self.transient += later.transient;
        self.terminal_failed += later.terminal_failed;
        self.stop.clone_from(&later.stop);
        self.cause = later.cause;
        self.server = std::mem::take(&mut self.server).then(later.server.clone());
    }

    fn count(&mut self, settled: Settled) {
        self.success += settled.success;
        self.duplicate += settled.duplicate;
        self.pending += settled.pending;
        self.rejected += settled.rejected;
        self.transient += settled.transient;
        self.terminal_failed += settled.terminal_failed;
    }
}

/// Delivers what is owed to the receiver's target. `on_batch` is told how many events were settled so far.
///
/// A request costs one commit: what an answer says is settled in the transaction that chooses the next batch. A process
/// that dies before that finds the batch in flight, and sends it again.
pub(crate) fn drain(
    store: &mut Store,
    receiver: &dyn DeliveryReceiver,
    conditions: &Conditions<'_>,
    on_batch: &mut dyn FnMut(u64),
) -> Result<Report, Error> {
    let mut course = Course {
        conditions,
        identity: receiver.identity(),
        manner: receiver.manner(),
        now: conditions.clock.now(),
        report: Report::default(),
        splits: 0,
        unknown_in_a_row: 0,
    };
    let mut next = course.begin(store, receiver)?;
    loop {
        while let Some((target, batch)) = next {
            failpoint::at(failpoint::ATTEMPT_WRITTEN);
            let exchange = receiver.deliver(&batch, course.time_left())?;
            failpoint::at(failpoint::ANSWER_READ);
            next = course.settle(store, &target, &batch, &exchange)?;
            on_batch(course.report.success + course.report.duplicate);
        }
        if !course.wait(store)? {
            return Ok(course.report);
        }
        let chosen = store.write(|tx| course.choose(tx))?;
        next = course.follow(store, chosen)?;
    }
}

/// A batch to send, and its target as it was when the batch was chosen.
type Next = Option<(Target, Batch)>;

/// A drain on its way.
struct Course<'a> {
    conditions: &'a Conditions<'a>,
    identity: &'a Identity,
    manner: Manner,
    /// When something happened last.
    now: Timestamp,
    report: Report,
    splits: u64,
    unknown_in_a_row: u32,
}

impl Course<'_> {
    fn time_left(&self) -> Duration {
        self.conditions.deadline.since(self.now).clamp(Duration::from_secs(1), EXCHANGE)
    }

    /// Whether the run's time is over; the report says so then.
    fn is_over(&mut self) -> bool {
        self.now = self.conditions.clock.now();
        if self.conditions.interrupt.is_requested() {
            self.report.stop = Some(Stop::Interrupted);
        } else if self.now >= self.conditions.deadline {
            self.report.stop = Some(Stop::Deadline);
        } else {
            return false;
        }
        true
    }

    /// The first batch.
    fn begin(&mut self, store: &mut Store, receiver: &dyn DeliveryReceiver) -> Result<Next, Error> {
        if self.is_over() {
            return Ok(None);
        }
        let asked = if self.is_to_ask(store)? { self.ask(receiver) } else { Asked::Nothing };
        if self.is_over() {
            return Ok(None);
        }
        let (chosen, changes) = store.write(|tx| {
            let target = registry::register(tx, self.identity, self.now)?;
            let changes = deployment::note(tx, &target, &asked, self.now)?;
            Ok::<_, Error>((self.choose(tx)?, changes))
        })?;
        self.report.changes = changes;
        self.follow(store, chosen)
    }

    /// Whether the target is asked who it is: when something will be sent, and not when it has nothing to say.
    fn is_to_ask(&self, store: &Store) -> Result<bool, Error> {
        store.read(|tx| match registry::current(tx, &self.identity.target_id)? {
            Some(target) if target.no_health_until.is_some_and(|until| until > self.now) => Ok(false),
            Some(target) => rows::is_due(tx, &target, self.now),
            None => Ok(true),
        })
    }

    /// Asks it.
    fn ask(&mut self, receiver: &dyn DeliveryReceiver) -> Asked {
        let Some(exchange) = receiver.health(self.time_left().min(PROBE)) else { return Asked::Nothing };
        self.report.health_requests += 1;
        exchange.as_ref().map_or(Asked::Nothing, deployment::read)
    }

    /// Chooses what goes next, to the target as it is now.
    fn choose(&self, tx: &WriteTx<'_>) -> Result<(Target, Selection), Error> {
        let Conditions { project_uuid, ids, begun, .. } = *self.conditions;
        let id = &self.identity.target_id;
        let target = registry::current(tx, id)?.ok_or_else(|| Error::Damaged(format!("target {id} vanished")))?;
        let policy = &self.conditions.policy;
        let context = WireContext {
            project_uuid,
            team_slug: &self.identity.team_slug,
            sends_personal_data: policy.sends_personal_data,
            form: self.manner.form,
        };
        let selection = select::select(tx, &target, policy, context, ids, (begun, self.now))?;
        Ok((target, selection))
    }

    /// The batch that was chosen; looks further, a bounded number of rows at a time, while there was none so far.
    fn follow(&mut self, store: &mut Store, chosen: (Target, Selection)) -> Result<Next, Error> {
        let (mut target, mut selection) = chosen;
        loop {
            self.report.terminal_failed += u64::try_from(selection.not_sendable).unwrap_or(u64::MAX);
            if let Some(batch) = selection.batch {
                self.report.requests += 1;
                self.report.selected += u64::try_from(batch.items.len()).unwrap_or(u64::MAX);
                return Ok(Some((target, batch)));
            }
            if !selection.has_more || self.is_over() {
                return Ok(None);
            }
            (target, selection) = store.write(|tx| self.choose(tx))?;
        }
    }

    /// Settles an exchange and chooses the next batch, in one transaction.
    fn settle(
        &mut self,
        store: &mut Store,
        target: &Target,
        batch: &Batch,
        exchange: &Result<Answer, Failure>,
    ) -> Result<Next, Error> {
        self.now = self.conditions.clock.now();
        let reading = Reading::of(exchange, self.now);
        let verdict = self.judge(outcome::verdict(&batch.items, &reading, self.manner.ack));
        let stand = ServerStand::of(reading.refusal().as_ref(), reading.meaning == Meaning::Accepted);
        self.report.server = std::mem::take(&mut self.report.server).then(stand);
        let settling = Settling {
            policy: &self.conditions.policy,
            form: self.manner.form,
            http_status: reading.status,
            ids: self.conditions.ids,
            random: (self.conditions.random)(),
            now: self.now,
        };
        let goes_on = self.note_end(verdict.clone()) && !self.is_over();
        let is_its_end = !matches!(self.report.stop, None | Some(Stop::Deadline | Stop::Interrupted));
        self.report.cause = is_its_end.then_some(reading.cause);
        let record = |tx: &WriteTx<'_>| record::record(tx, target, batch, &verdict, &settling);
        let written = store.write(|tx| {
            let settled = record(tx)?;
            Ok::<_, Error>((settled, if goes_on { Some(self.choose(tx)?) } else { None }))
        });
        match written {
            Ok((settled, chosen)) => {
                failpoint::at(failpoint::LEDGER_COMMITTED);
                self.report.count(settled);
                chosen.map_or(Ok(None), |chosen| self.follow(store, chosen))
            }
            Err(error) => {
                // What the answer said must not be lost with a batch that cannot be chosen.
                store.write(record)?;
                Err(error)
            }
        }
    }

    /// Waits until something may go again, if that is within the time of the run; false when nothing more is to be done.
    fn wait(&mut self, store: &Store) -> Result<bool, Error> {
        let may_go_on = match self.report.stop {
            None | Some(Stop::Throttled(_)) => true,
            Some(Stop::Unknown(_)) => self.unknown_in_a_row < attempt::PATIENCE,
            Some(_) => false,
        };
        let id = &self.identity.target_id;
        let until = match store.read(|tx| registry::current(tx, id))? {
            Some(target) if may_go_on => store.read(|tx| patience::next_try(tx, &target, self.now))?,
            _ => None,
        };
        let Some(until) = until.filter(|until| *until < self.conditions.deadline) else { return Ok(false) };
        if self.conditions.interrupt.wait(until.since(self.now)) {
            self.report.stop = Some(Stop::Interrupted);
            return Ok(false);
        }
        self.now = self.conditions.clock.now();
        // A clock that stands still would make this an endless loop.
        Ok(self.now >= until && !self.is_over())
    }

    /// The verdict, unless finding culprits has cost too many requests already.
    fn judge(&mut self, verdict: Verdict) -> Verdict {
        if matches!(verdict, Verdict::Bisect(_) | Verdict::TooLarge(_) | Verdict::Limited { .. }) {
            self.splits += 1;
            if self.splits > SPLIT_BUDGET {
                let words = "too many requests spent on finding refused events; the rest waits";
                return Verdict::Halt(words.to_owned());
            }
        }
        verdict
    }

    /// Notes how a request ended; false when no other may follow.
    fn note_end(&mut self, verdict: Verdict) -> bool {
        let asked_to_wait = matches!(&verdict, Verdict::Unknown { wait: Some(wait), .. } if !wait.is_zero());
        self.report.stop = match verdict {
            Verdict::Halt(reason) => Some(Stop::Halted(reason)),
            Verdict::Throttled { reason, .. } => Some(Stop::Throttled(reason)),
            Verdict::Unreachable(reason) => Some(Stop::Unreachable(reason)),
            // Only this batch waits: the next selection says whether anything else may go.
            Verdict::Unknown { reason, .. } => Some(Stop::Unknown(reason)),
            Verdict::Settled(_) | Verdict::TooLarge(_) | Verdict::Limited { .. } | Verdict::Bisect(_) => None,
        };
        let is_unknown = matches!(self.report.stop, Some(Stop::Unknown(_)));
        // A server that says when to come again is there.
        self.unknown_in_a_row = if is_unknown && !asked_to_wait { self.unknown_in_a_row + 1 } else { 0 };
        // Parked events are left when it seems to be the target that fails, not they.
        let goes_on = self.report.stop.is_none() || is_unknown;
        goes_on && self.unknown_in_a_row < attempt::PATIENCE
    }
}
