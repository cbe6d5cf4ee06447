//! Sending documents: rows are read and settled on the thread that owns the store, while a pool
//! uploads.
//!
//! At most two texts per worker are in memory. Until the server has answered to a document they are
//! sent one at a time, so a general refusal or a failing server costs only a few requests.

#[path = "choose.rs"]
mod choose;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Status;
use super::outcome::{Outcome, Pace};
use super::push::{LONGEST_UPLOAD, Push, Read};
use super::report::{ArtifactOutcome, Report};
use super::select::{self, Row};
use super::settle::{Act, Gathered};
use super::{Body, Error};
use crate::base::{Timestamp, retry};
use crate::delivery::{self, Alike, Cargo, Means, PATIENCE, Pool, RunningDrain, Stop, Target};
use crate::http::Reading;
use crate::store::Store;

/// Documents that become due within this time of each other are retried together.
const TOGETHER: Duration = Duration::from_millis(500);

/// The longest wait for one document within a run; longer waits are left to a later run.
const SOON: Duration = Duration::from_secs(10);

/// The settings of a drain.
#[derive(Clone, Copy)]
pub(crate) struct DrainPolicy<'a> {
    /// The target's row in the ledger.
    pub(crate) target: i64,
    /// Keep texts in the store after every target has them.
    pub(crate) keeps_texts: bool,
    /// True if the documents were acknowledged by the target before: it probably has their texts.
    pub(crate) is_again: bool,
    /// Reads the text of a version from the disk; `None` if it is not there.
    pub(crate) on_disk: &'a dyn Fn(&Row) -> Option<Body>,
}

/// Uploads what is due and reports the results. `on_outcome` is called once for each document: when
/// its row is settled, or at the end if it is kept for another try.
pub(crate) fn drain(
    store: &mut Store,
    push: &Push,
    policy: &DrainPolicy<'_>,
    means: Means<'_>,
    on_outcome: &mut dyn FnMut(&ArtifactOutcome),
) -> Result<Report, Error> {
    let mut drain = RunningDrain::new(means);
    let (target, in_backoff) = store.read(|tx| {
        let is_due = !select::due(tx, policy.target, drain.now, 0, 1)?.is_empty();
        let target = delivery::of_row(tx, policy.target)?.filter(|_| is_due);
        let (in_backoff, _) = delivery::document_retries(tx, policy.target, drain.now)?;
        Ok::<_, Error>((target, in_backoff))
    })?;
    let Some(target) = target else {
        return Ok(Report {
            remaining: store.read(|tx| select::remaining(tx, policy.target))?,
            ..Report::default()
        });
    };
    let brake = AtomicBool::new(false);
    let goes_on = |outcome: &Outcome| {
        if outcome.stops_everything() {
            brake.store(true, Ordering::SeqCst);
        }
        !brake.load(Ordering::SeqCst) && means.end().is_none()
    };
    let time_left = || means.time_left(LONGEST_UPLOAD);
    let work = |job: &Job| {
        if brake.load(Ordering::SeqCst) || means.end().is_some() {
            return vec![None; job.len()];
        }
        let read = push.upload_all(job, &time_left, means.clock, &goes_on);
        read.iter().flatten().for_each(|(_, outcome)| {
            goes_on(outcome);
        });
        read
    };
    let mut documents = Documents {
        push,
        policy,
        on_outcome,
        brake: &brake,
        at_most: 2 * push.parallel(),
        target,
        is_open: false,
        has_waiting: in_backoff > 0,
        rows: VecDeque::new(),
        cursor: None,
        behind: VecDeque::new(),
        at_hand: BTreeSet::new(),
        gathered: Gathered::default(),
        refused: Vec::new(),
        kept: BTreeMap::new(),
        tries: BTreeMap::new(),
        untouched: Vec::new(),
        soon: BTreeSet::new(),
        pause: None,
        report: Report::default(),
    };
    documents.pause = documents
        .target
        .documents_not_before
        .filter(|until| !retry::is_due(*until, drain.now));
    std::thread::scope(|scope| {
        let mut pool = Pool::start(scope, push.parallel(), &work);
        let outcome = delivery::drive(&mut documents, store, &mut drain, &mut pool);
        brake.store(true, Ordering::SeqCst);
        outcome
    })?;
    documents.finish(store, drain)
}

/// Documents of one request, each with its text: one, or several if the target accepts many at a
/// time.
type Job = Vec<(Row, String)>;

struct Documents<'a> {
    push: &'a Push,
    policy: &'a DrainPolicy<'a>,
    on_outcome: &'a mut dyn FnMut(&ArtifactOutcome),
    /// Set when no more uploads may begin.
    brake: &'a AtomicBool,
    /// How many texts may be in memory.
    at_most: usize,
    /// The target at the beginning of the drain.
    target: Target,
    /// The server accepts documents; until that is known they are sent one at a time.
    is_open: bool,
    /// Some documents waited for another try when the drain began.
    has_waiting: bool,
    /// Rows read and not yet submitted.
    rows: VecDeque<Row>,
    /// Row to continue reading after; `None` once everything due was read.
    cursor: Option<i64>,
    /// Rows whose document has another version being uploaded; they are sent after it.
    behind: VecDeque<Row>,
    /// The documents that are being uploaded.
    at_hand: BTreeSet<[u8; 16]>,
    gathered: Gathered,
    /// Refused documents, while the server may still turn out to refuse everything.
    refused: Vec<(Row, String)>,
    /// Reports about rows kept for another try, by row.
    kept: BTreeMap<i64, ArtifactOutcome>,
    /// Number of tries in this drain of each kept row.
    tries: BTreeMap<i64, u32>,
    /// Reports about rows whose answer concerned every document.
    untouched: Vec<ArtifactOutcome>,
    /// Due times of rows that may be tried again in this run.
    soon: BTreeSet<Timestamp>,
    /// Time before which the server wants no requests.
    pause: Option<Timestamp>,
    report: Report,
}

impl Cargo for Documents<'_> {
    type Job = Job;
    type Answer = Vec<Read>;
    type Error = Error;

    fn turn(
        &mut self,
        store: &mut Store,
        drain: &mut RunningDrain<'_>,
        answered: Vec<(Job, Self::Answer)>,
        at_hand: usize,
    ) -> Result<Vec<Job>, Error> {
        if at_hand == 0 && answered.is_empty() {
            self.begin_pass(drain.now);
        }
        drain.now = drain.means.clock.now();
        for (job, answers) in answered {
            self.report.requests += u64::from(answers.iter().any(Option::is_some));
            for ((row, _), answer) in job.into_iter().zip(answers) {
                self.at_hand.remove(&row.key());
                match answer {
                    Some((reading, outcome)) => self.note(drain, row, &reading, outcome),
                    None if drain.may_follow() => drop(drain.is_over()),
                    None => {}
                }
            }
        }
        if self.gathered.is_due(drain.now) {
            self.settle(store, drain.now)?;
        }
        let mut jobs = self.hand_out(store, drain, at_hand)?;
        if at_hand == 0 && jobs.is_empty() {
            self.fail_refused(drain.now);
            self.settle(store, drain.now)?;
            self.rows.append(&mut self.behind);
            jobs = self.hand_out(store, drain, at_hand)?;
        }
        Ok(jobs)
    }

    fn next_try(
        &mut self,
        _: &Store,
        drain: &RunningDrain<'_>,
    ) -> Result<Option<Timestamp>, Error> {
        let is_paused = matches!(drain.stop, Some(Stop::Throttled(_)));
        Ok(if is_paused {
            self.pause
        } else {
            self.soon.first().map(|due| due.after(TOGETHER))
        })
    }

    fn settles_within(&self, drain: &RunningDrain<'_>) -> Option<Duration> {
        self.gathered.time_left(drain.means.clock.now())
    }
}

impl Documents<'_> {
    /// Starts a pass over everything that is due, unless the server asked for a pause.
    fn begin_pass(&mut self, now: Timestamp) {
        self.rows.clear();
        self.behind.clear();
        self.cursor = Some(0);
        self.soon.retain(|due| *due > now);
        if self.pause.is_some_and(|until| retry::is_due(until, now)) {
            (self.pause, self.is_open) = (None, false);
        }
        self.brake.store(self.pause.is_some(), Ordering::SeqCst);
    }

    /// Records the result of an upload.
    fn note(
        &mut self,
        drain: &mut RunningDrain<'_>,
        row: Row,
        reading: &Reading,
        outcome: Outcome,
    ) {
        self.is_open |= match &outcome {
            Outcome::Uploaded | Outcome::AlreadyExists => true,
            Outcome::Retry { pace, .. } => matches!(pace, Pace::Later | Pace::Soon),
            Outcome::Failed { .. } | Outcome::Halt { .. } | Outcome::Unreachable { .. } => false,
        };
        self.report.unknown_events = match reading.text("error") {
            Some("index_entry_not_found") => self.report.unknown_events + 1,
            _ => 0,
        };
        let mut stop = None;
        match outcome {
            Outcome::Uploaded => self.accept(drain, row, Act::Settle(Status::Uploaded, "stored")),
            Outcome::AlreadyExists => self.accept(
                drain,
                row,
                Act::Settle(Status::AlreadyExists, "already_exists"),
            ),
            Outcome::Failed { reason } => stop = self.refuse(drain, row, reading, reason),
            Outcome::Retry {
                reason,
                pace,
                server_wait,
            } => {
                let (now, random) = (drain.now, (drain.means.random)());
                let mut due_at = now.after(retry::backoff(row.retry_count, server_wait, random));
                match pace {
                    Pace::Later => drop(self.tries.insert(row.id, PATIENCE)),
                    Pace::Soon | Pace::Unknown => {
                        stop = (pace == Pace::Unknown).then(|| Stop::Unknown(reason.clone()));
                        *self.tries.entry(row.id).or_default() += 1;
                        if due_at.since(now) <= SOON {
                            self.soon.insert(due_at);
                        }
                    }
                    Pace::Everybody => {
                        // Requests that were running when the server first asked for a pause repeat
                        // that request.
                        if self.pause.is_none_or(|until| until <= now) {
                            due_at =
                                due_at.max(delivery::pause(&self.target, server_wait, random, now));
                            self.target.throttled += 1;
                        }
                        self.pause = self.pause.max(Some(due_at));
                        self.gathered.add_pause(due_at);
                        stop = Some(Stop::Throttled(reason.clone()));
                    }
                }
                self.gathered
                    .add(row, Act::Postpone { reason, due_at }, now);
            }
            // These results do not concern the document: its row is unchanged.
            Outcome::Halt { reason, .. } => {
                self.untouched.push(ArtifactOutcome::of(
                    row,
                    Status::Queued,
                    reason.clone(),
                    true,
                ));
                stop = Some(Stop::Halted(reason));
            }
            Outcome::Unreachable { reason } => {
                self.untouched.push(ArtifactOutcome::of(
                    row,
                    Status::Queued,
                    reason.clone(),
                    true,
                ));
                stop = Some(Stop::Unreachable(reason));
            }
        }
        drain.note(reading, stop);
    }

    fn accept(&mut self, drain: &mut RunningDrain<'_>, row: Row, act: Act) {
        drain.note_accepted();
        self.fail_refused(drain.now);
        self.gathered.add(row, act, drain.now);
    }

    /// Records a refusal. Documents refused one after the other for the same reason, with none
    /// accepted, are one halt: they return to their earlier state.
    fn refuse(
        &mut self,
        drain: &mut RunningDrain<'_>,
        row: Row,
        reading: &Reading,
        reason: String,
    ) -> Option<Stop> {
        let alike = if reading.is_too_large() {
            Alike::New
        } else {
            drain.note_refused(reading)
        };
        if alike == Alike::New {
            self.fail_refused(drain.now);
        }
        self.refused.push((row, reason.clone()));
        if !drain.is_in_question() || reading.is_too_large() {
            self.fail_refused(drain.now);
        }
        if alike != Alike::Everything {
            return None;
        }
        self.brake.store(true, Ordering::SeqCst);
        let untouched = self
            .refused
            .drain(..)
            .map(|(row, reason)| ArtifactOutcome::of(row, Status::Queued, reason, true));
        self.untouched.extend(untouched);
        Some(Stop::Halted(reason))
    }

    /// The refusals so far concerned the documents: records them.
    fn fail_refused(&mut self, now: Timestamp) {
        for (row, reason) in self.refused.drain(..) {
            self.gathered.add(row, Act::Fail { reason }, now);
        }
    }

    /// Writes the gathered results, then reports them.
    fn settle(&mut self, store: &mut Store, now: Timestamp) -> Result<(), Error> {
        for (row, act) in
            self.gathered
                .write(store, self.policy.target, self.policy.keeps_texts, now)?
        {
            self.tell(row, act);
        }
        Ok(())
    }

    fn tell(&mut self, row: Row, act: Act) {
        let (status, reason, retryable) = act.told();
        let id = row.id;
        let outcome = ArtifactOutcome::of(row, status, reason, retryable);
        if retryable {
            self.kept.insert(id, outcome);
            return;
        }
        self.kept.remove(&id);
        *match status {
            Status::Uploaded => &mut self.report.uploaded,
            Status::AlreadyExists => &mut self.report.already_exists,
            _ => &mut self.report.failed,
        } += 1;
        (self.on_outcome)(&outcome);
    }

    /// Reports what is kept for another try, and returns the totals.
    fn finish(mut self, store: &Store, drain: RunningDrain<'_>) -> Result<Report, Error> {
        self.report.retryable = self.kept.len() as u64;
        self.kept
            .values()
            .chain(&self.untouched)
            .for_each(|outcome| (self.on_outcome)(outcome));
        self.report.remaining = store.read(|tx| select::remaining(tx, self.policy.target))?;
        (self.report.stopped, self.report.server) = (drain.stop, drain.server);
        Ok(self.report)
    }
}
