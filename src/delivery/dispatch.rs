//! Sending events: select, send, record, until nothing is left to send or there is a reason to
//! stop.

use std::time::Duration;

use super::batch::Batch;
use super::deployment::{self, Asked};
use super::drive::{Cargo, OneByOne, drive};
use super::health::{is_to_ask, question};
use super::limits::Policy;
use super::receiver::DeliveryReceiver;
use super::record;
use super::report::Report;
use super::running_drain::{Alike, Means, RunningDrain, Stop};
use super::select::{self, Selection};
use super::step::Settling;
use super::{Error, Outcome, Target, Verdict, outcome, register, registry, rows};
use crate::base::ids::Ids;
use crate::base::{Clock, Interrupt, Timestamp, failpoint, retry};
use crate::endpoint::Protocol;
use crate::event::WireContext;
use crate::http::{Answer, Failure, Meaning, Reading};
use crate::store::{Store, WriteTx};

/// Number of halvings of refused batches in one drain; the rest is left to the next drain. One bad
/// event among 1,000 takes ten halvings and about twenty requests, ninety of them about 400
/// halvings. The limit is for a server that refuses everything and names no event.
const SPLIT_BUDGET: u64 = 400;
/// The longest one exchange may take.
const EXCHANGE: Duration = Duration::from_mins(2);

/// Settings and dependencies of a drain.
pub(crate) struct Conditions<'a> {
    /// Limits of a request and of repeated tries.
    pub(crate) policy: Policy,
    /// Project of the store; filled in where an envelope has none.
    pub(crate) project_uuid: Option<&'a str>,
    /// The time.
    pub(crate) clock: &'a dyn Clock,
    /// New idempotency keys.
    pub(crate) ids: &'a dyn Ids,
    /// Random numbers in 0..1, for the waits.
    pub(crate) random: &'a (dyn Fn() -> f64 + Sync),
    /// The command has asked the target for its health already.
    pub(crate) health_asked: bool,
    /// When the command began to deliver: rows that were answered since then are left to a later
    /// command.
    pub(crate) begun: Timestamp,
    /// No request starts after this time.
    pub(crate) deadline: Timestamp,
    /// A request to stop early.
    pub(crate) interrupt: &'a Interrupt,
}

impl<'a> Conditions<'a> {
    fn means(&self) -> Means<'a> {
        let Self {
            clock,
            random,
            interrupt,
            deadline,
            ..
        } = *self;
        Means {
            clock,
            random,
            interrupt,
            deadline,
        }
    }
}

/// Delivers what is left to send to the receiver's target. `on_batch` is called with the number of
/// events settled so far.
///
/// A request costs one commit: an answer is settled in the transaction that chooses the next batch.
/// If the process dies before that, the next one finds the batch in flight, and sends it again.
pub(crate) fn drain(
    store: &mut Store,
    receiver: &dyn DeliveryReceiver,
    conditions: &Conditions<'_>,
    on_batch: &mut dyn FnMut(u64),
) -> Result<Report, Error> {
    let means = conditions.means();
    let mut drain = RunningDrain::new(means);
    let mut events = Events {
        conditions,
        receiver,
        protocol: receiver.protocol(),
        on_batch,
        report: Report::default(),
        has_begun: false,
        splits: 0,
        alone: Vec::new(),
    };
    let post = |(_, batch): &Parcel| {
        failpoint::at(failpoint::ATTEMPT_WRITTEN);
        let exchange = receiver.deliver(batch, means.time_left(EXCHANGE));
        failpoint::at(failpoint::ANSWER_READ);
        exchange
    };
    drive(&mut events, store, &mut drain, &mut OneByOne::new(&post))?;
    let RunningDrain {
        stop,
        cause,
        server,
        ..
    } = drain;
    Ok(Report {
        stop,
        cause,
        server,
        ..events.report
    })
}

/// A batch to send, and its target as it was when the batch was chosen.
type Parcel = (Target, Batch);

/// The events of a drain, one batch at a time.
struct Events<'a> {
    conditions: &'a Conditions<'a>,
    receiver: &'a dyn DeliveryReceiver,
    protocol: Protocol,
    on_batch: &'a mut dyn FnMut(u64),
    report: Report,
    has_begun: bool,
    splits: u64,
    /// Events that were refused alone for the same reason, while nothing was accepted.
    alone: Vec<i64>,
}

impl Cargo for Events<'_> {
    type Job = Parcel;
    type Answer = Result<Result<Answer, Failure>, Error>;
    type Error = Error;

    fn turn(
        &mut self,
        store: &mut Store,
        drain: &mut RunningDrain<'_>,
        mut answered: Vec<(Parcel, Self::Answer)>,
        _at_hand: usize,
    ) -> Result<Vec<Parcel>, Error> {
        let next = match answered.pop() {
            Some(((target, batch), exchange)) => {
                let next = self.settle(store, drain, &target, &batch, &exchange?)?;
                (self.on_batch)(self.report.success + self.report.duplicate);
                next
            }
            None if !std::mem::replace(&mut self.has_begun, true) => self.begin(store, drain)?,
            None => {
                let chosen = store.write(|tx| self.choose(tx, drain.now))?;
                self.follow(store, drain, chosen)?
            }
        };
        Ok(next.into_iter().collect())
    }

    /// The end of the wait that the target asked for, or the due time of the open attempt that
    /// everything else waits for. `None` if nothing waits for time alone, or only rows that this
    /// drain got an answer for wait; those are left to a later drain.
    fn next_try(
        &mut self,
        store: &Store,
        drain: &RunningDrain<'_>,
    ) -> Result<Option<Timestamp>, Error> {
        store.read(|tx| {
            let Some(target) = registry::current(tx, &self.receiver.identity().target_id)? else {
                return Ok(None);
            };
            let attempt = rows::next_attempt(tx, target.id)?;
            let times = attempt.into_iter().chain(target.not_before);
            Ok(times.filter(|due| !retry::is_due(*due, drain.now)).max())
        })
    }
}

impl Events<'_> {
    /// The first batch.
    fn begin(
        &mut self,
        store: &mut Store,
        drain: &mut RunningDrain<'_>,
    ) -> Result<Option<Parcel>, Error> {
        if drain.is_over() {
            return Ok(None);
        }
        let identity = self.receiver.identity();
        let is_to_ask = !self.conditions.health_asked
            && store.read(|tx| is_to_ask(tx, &identity.target_id, drain.now))?;
        let asked = if is_to_ask {
            question(self.receiver, drain.means)
        } else {
            Asked::Skipped
        };
        self.report.health_requests += u64::from(asked != Asked::Skipped);
        if drain.is_over() {
            return Ok(None);
        }
        let now = drain.now;
        let (chosen, changes) = store.write(|tx| {
            let target = register::register(tx, identity, now)?;
            let changes = deployment::note(tx, &target, &asked, now)?;
            Ok::<_, Error>((self.choose(tx, now)?, changes))
        })?;
        self.report.changes = changes;
        self.follow(store, drain, chosen)
    }

    /// Chooses the next batch for the target in its present state.
    fn choose(&self, tx: &WriteTx<'_>, now: Timestamp) -> Result<(Target, Selection), Error> {
        let Conditions {
            project_uuid,
            ids,
            begun,
            ..
        } = *self.conditions;
        let identity = self.receiver.identity();
        let id = &identity.target_id;
        let target = registry::current(tx, id)?
            .ok_or_else(|| Error::Damaged(format!("target {id} vanished")))?;
        let policy = &self.conditions.policy;
        let context = WireContext {
            project_uuid,
            team_slug: &identity.team_slug,
            sends_personal_data: policy.sends_personal_data,
            form: self.protocol.form,
        };
        let selection = select::select(tx, &target, policy, context, ids, (begun, now))?;
        Ok((target, selection))
    }

    /// The chosen batch; if none was found yet, examines further rows, a bounded number at a time.
    fn follow(
        &mut self,
        store: &mut Store,
        drain: &mut RunningDrain<'_>,
        chosen: (Target, Selection),
    ) -> Result<Option<Parcel>, Error> {
        let (mut target, mut selection) = chosen;
        loop {
            self.report.terminal_failed +=
                u64::try_from(selection.not_sendable).unwrap_or(u64::MAX);
            if let Some(batch) = selection.batch {
                self.report.requests += 1;
                self.report.selected += u64::try_from(batch.items.len()).unwrap_or(u64::MAX);
                return Ok(Some((target, batch)));
            }
            if !selection.has_more || drain.is_over() {
                return Ok(None);
            }
            (target, selection) = store.write(|tx| self.choose(tx, drain.now))?;
        }
    }

    /// Settles an exchange and chooses the next batch, in one transaction.
    fn settle(
        &mut self,
        store: &mut Store,
        drain: &mut RunningDrain<'_>,
        target: &Target,
        batch: &Batch,
        exchange: &Result<Answer, Failure>,
    ) -> Result<Option<Parcel>, Error> {
        drain.now = drain.means.clock.now();
        let reading = Reading::of(exchange, drain.now);
        let verdict = outcome::verdict(&batch.items, &reading, self.protocol.ack);
        let (verdict, innocent) = self.judge(drain, batch, verdict, &reading);
        drain.note(&reading, stop_of(&verdict));
        let settling = Settling {
            policy: &self.conditions.policy,
            form: self.protocol.form,
            http_status: reading.status,
            ids: self.conditions.ids,
            random: (drain.means.random)(),
            now: drain.now,
        };
        let goes_on = drain.may_follow() && !drain.is_over();
        let now = drain.now;
        let record = |tx: &WriteTx<'_>| {
            let taken_back = record::take_back(tx, target.id, &innocent)?;
            Ok::<_, Error>((
                record::record(tx, target, batch, &verdict, &settling)?,
                taken_back,
            ))
        };
        let written = store.write(|tx| {
            let settled = record(tx)?;
            Ok::<_, Error>((
                settled,
                if goes_on {
                    Some(self.choose(tx, now)?)
                } else {
                    None
                },
            ))
        });
        match written {
            Ok(((settled, taken_back), chosen)) => {
                failpoint::at(failpoint::LEDGER_COMMITTED);
                self.report.count(settled, taken_back);
                if settled.success + settled.duplicate + settled.pending > 0 {
                    drain.note_accepted();
                }
                chosen.map_or(Ok(None), |chosen| self.follow(store, drain, chosen))
            }
            Err(error) => {
                // The answer must be recorded even if the next batch cannot be chosen.
                store.write(record)?;
                Err(error)
            }
        }
    }

    /// The verdict, unless the search for bad events has cost too many requests, or events are
    /// refused one after the other for the same reason: then the server refuses everything, and the
    /// refused events return to their earlier state.
    fn judge(
        &mut self,
        drain: &mut RunningDrain<'_>,
        batch: &Batch,
        verdict: Verdict,
        reading: &Reading,
    ) -> (Verdict, Vec<i64>) {
        let is_split = matches!(
            verdict,
            Verdict::Bisect(_) | Verdict::TooLarge(_) | Verdict::Limited { .. }
        );
        self.splits += u64::from(is_split);
        if is_split && self.splits > SPLIT_BUDGET {
            let words = "too many requests spent on finding refused events; the rest waits";
            return (Verdict::Halt(words.to_owned()), Vec::new());
        }
        // The server names no event, so its reason may be about any of them.
        let is_refused = |reason: &Outcome| matches!(reason, Outcome::Rejected(reason) if *reason == reading.said);
        if let ([item], Verdict::Settled(outcomes), Meaning::Refused) =
            (&batch.items[..], &verdict, reading.meaning)
            && outcomes.iter().all(is_refused)
        {
            let alike = drain.note_refused(reading);
            if alike == Alike::New {
                self.alone.clear();
            }
            if alike == Alike::Everything {
                return (
                    Verdict::Halt(reading.said.clone()),
                    std::mem::take(&mut self.alone),
                );
            }
            self.alone.push(item.seq);
        }
        (verdict, Vec::new())
    }
}

/// Why no other request follows, according to the verdict; `None` if one may.
fn stop_of(verdict: &Verdict) -> Option<Stop> {
    Some(match verdict.clone() {
        Verdict::Halt(reason) => Stop::Halted(reason),
        Verdict::Throttled { reason, .. } => Stop::Throttled(reason),
        Verdict::Unreachable(reason) => Stop::Unreachable(reason),
        // Only this batch waits: the next selection says whether anything else may go.
        Verdict::Unknown { reason, .. } => Stop::Unknown(reason),
        Verdict::Settled(_)
        | Verdict::TooLarge(_)
        | Verdict::Limited { .. }
        | Verdict::Bisect(_) => return None,
    })
}
