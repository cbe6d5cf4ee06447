//! Uploading what is due: rows are read and settled here, on the thread that owns the store, while a pool uploads.
//!
//! At most two texts for each worker are in memory. Settling comes in small transactions; when the process dies before
//! one, its bodies are uploaded again and the server says that it has them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::outcome::{Outcome, Pace};
use super::pool::{Done, Pool, Work};
use super::push::{LONGEST_UPLOAD, Push};
use super::report::{ArtifactOutcome, Report, Status, Stop};
use super::select::{self, Cursor, Row, Stored};
use super::{Error, queue, stats};
use crate::base::{Clock, Interrupt, Timestamp, retry};
use crate::config::WireNames;
use crate::store::Store;
use crate::target::Link;

/// Rows read at once, without their texts.
const CHUNK: u32 = 64;

/// Bodies settled at once.
const SETTLED_AT_ONCE: usize = 32;

/// Bodies that become due within this time of each other are tried again together.
const TOGETHER: Duration = Duration::from_millis(500);

/// The settings of a drain.
#[derive(Debug, Clone)]
pub(crate) struct DrainPolicy {
    /// How many uploads at a time (`bodies.parallel`).
    pub(crate) parallel: usize,
    /// The names on the wire (`bodies.wire_names`).
    pub(crate) wire_names: WireNames,
    /// The missions to upload for; `None` for all.
    pub(crate) missions: Option<Vec<String>>,
    /// When the run's time is up.
    pub(crate) deadline: Option<Timestamp>,
    /// How long, all in all, to wait for bodies that the server is not ready for.
    pub(crate) patience: Duration,
}

/// Uploads what is due and says what came of it. `on_outcome` hears of each body once, when its row is settled; of those
/// kept for another try at the end. `random` is in 0..1.
pub(crate) fn drain(
    store: &mut Store,
    link: &Link,
    policy: &DrainPolicy,
    clock: &dyn Clock,
    interrupt: &Interrupt,
    random: &mut dyn FnMut() -> f64,
    on_outcome: &mut dyn FnMut(&ArtifactOutcome),
) -> Result<Report, Error> {
    let parallel = policy.parallel.max(1);
    let Some(push) = Push::new(link, policy.wire_names, parallel) else {
        let remaining = store.read(stats::counts)?.rows;
        return Ok(Report { remaining, stopped: Some(Stop::NoEndpoint), ..Report::default() });
    };
    if store.read(stats::counts)?.rows == 0 {
        return Ok(Report::default());
    }
    let brake = AtomicBool::new(false);
    let work = |row: &Row, content: &str| {
        let left = policy.deadline.map_or(LONGEST_UPLOAD, |d| d.since(clock.now()).min(LONGEST_UPLOAD));
        if brake.load(Ordering::SeqCst) || interrupt.is_requested() || left.is_zero() {
            return None;
        }
        let outcome = push.upload(row, content, left, clock);
        if stops_everybody(&outcome) {
            brake.store(true, Ordering::SeqCst);
        }
        Some(outcome)
    };
    let work: &Work<'_> = &work;
    let mut drain = Drain {
        store,
        policy,
        clock,
        interrupt,
        random,
        on_outcome,
        brake: &brake,
        at_most: 2 * parallel,
        rows: VecDeque::new(),
        cursor: None,
        unsettled: Vec::new(),
        kept: BTreeMap::new(),
        soon: BTreeSet::new(),
        pause: None,
        patience: policy.patience,
        report: Report::default(),
    };
    std::thread::scope(|scope| {
        let mut pool = Pool::start(scope, parallel, work);
        let outcome = drain.run(&mut pool);
        brake.store(true, Ordering::SeqCst);
        outcome
    })?;
    drain.finish()
}

/// True for answers after which no other body may go out.
fn stops_everybody(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Halt { .. } | Outcome::Unreachable { .. } | Outcome::Retry { pace: Pace::Everybody, .. })
}

/// What to do with a row whose upload is over.
enum Act {
    Settle(Status, &'static str),
    Postpone { reason: String, due_at: Timestamp },
    Fail { reason: String },
}

struct Drain<'a> {
    store: &'a mut Store,
    policy: &'a DrainPolicy,
    clock: &'a dyn Clock,
    interrupt: &'a Interrupt,
    random: &'a mut dyn FnMut() -> f64,
    on_outcome: &'a mut dyn FnMut(&ArtifactOutcome),
    /// Set when no more uploads may begin.
    brake: &'a AtomicBool,
    /// How many texts may be in memory.
    at_most: usize,
    /// Rows read and not yet handed out.
    rows: VecDeque<Row>,
    /// Where to read on; `None` when everything due was read.
    cursor: Option<Cursor>,
    unsettled: Vec<(Row, Act)>,
    /// What is to be said of rows kept for another try, by row.
    kept: BTreeMap<i64, ArtifactOutcome>,
    /// When rows are due that may be tried again in this run.
    soon: BTreeSet<Timestamp>,
    /// Until when the server wants no requests.
    pause: Option<Timestamp>,
    /// How much waiting is left.
    patience: Duration,
    report: Report,
}

impl Drain<'_> {
    fn run(&mut self, pool: &mut Pool) -> Result<(), Error> {
        loop {
            self.pass(pool)?;
            if self.report.stopped.is_some() || !self.wait() {
                return Ok(());
            }
        }
    }

    /// Tries everything that is due, once.
    fn pass(&mut self, pool: &mut Pool) -> Result<(), Error> {
        self.rows.clear();
        self.cursor = Some(Cursor::START);
        loop {
            while pool.at_hand() < self.at_most {
                let Some(row) = self.next_row()? else { break };
                if !self.may_go_on() {
                    break;
                }
                match self.store.read(|tx| select::content(tx, &row))? {
                    Stored::Intact(body) => pool.submit(row, body.into_text()),
                    Stored::Damaged => {
                        let reason = "content_hash_mismatch: the store is damaged here".to_owned();
                        self.unsettled.push((row, Act::Fail { reason }));
                    }
                    Stored::Gone => {}
                }
            }
            let done = pool.collect();
            if done.is_empty() {
                return self.settle();
            }
            for upload in done {
                self.note(upload);
            }
            if self.unsettled.len() >= SETTLED_AT_ONCE {
                self.settle()?;
            }
        }
    }

    /// Asked when there is something to do: false says why in the report, or is a pause that all bodies make.
    fn may_go_on(&mut self) -> bool {
        if self.report.stopped.is_none() {
            let is_late = self.policy.deadline.is_some_and(|d| d <= self.clock.now());
            self.report.stopped =
                if self.interrupt.is_requested() { Some(Stop::Interrupted) } else { is_late.then_some(Stop::Deadline) };
        }
        self.report.stopped.is_none() && !self.brake.load(Ordering::SeqCst)
    }

    fn next_row(&mut self) -> Result<Option<Row>, Error> {
        if let (true, Some(cursor)) = (self.rows.is_empty(), self.cursor) {
            let (missions, now) = (self.policy.missions.as_deref(), self.clock.now());
            self.rows = self.store.read(|tx| select::due(tx, missions, now, cursor, CHUNK))?.into();
            self.cursor = self.rows.back().map(Cursor::behind);
        }
        Ok(self.rows.pop_front())
    }

    /// Takes down what an upload came to.
    fn note(&mut self, done: Done) {
        let Done { row, outcome } = done;
        let Some(outcome) = outcome else {
            self.may_go_on();
            return;
        };
        self.report.requests += 1;
        let act = match outcome {
            Outcome::Uploaded => Act::Settle(Status::Uploaded, "stored"),
            Outcome::AlreadyExists => Act::Settle(Status::AlreadyExists, "already_exists"),
            Outcome::Failed { reason } => Act::Fail { reason },
            Outcome::Retry { reason, pace, server_wait } => {
                let wait = retry::backoff(row.retry_count, server_wait, (self.random)());
                let due_at = self.clock.now().after(wait);
                match pace {
                    Pace::Later => {}
                    Pace::Soon => drop(self.soon.insert(due_at)),
                    Pace::Everybody => self.pause = self.pause.max(Some(due_at)),
                }
                Act::Postpone { reason, due_at }
            }
            Outcome::Halt { reason } => return self.stop(Stop::Halted(reason)),
            Outcome::Unreachable { reason } => return self.stop(Stop::Unreachable(reason)),
        };
        self.unsettled.push((row, act));
    }

    /// The first reason to stop is the one that is told.
    fn stop(&mut self, stop: Stop) {
        self.report.stopped.get_or_insert(stop);
    }

    /// Writes down what was noted, in one transaction, and then tells it.
    fn settle(&mut self) -> Result<(), Error> {
        if self.unsettled.is_empty() {
            return Ok(());
        }
        let (settled, now) = (std::mem::take(&mut self.unsettled), self.clock.now());
        self.store.write(|tx| {
            settled.iter().try_for_each(|(row, act)| match act {
                Act::Settle(..) => queue::settle(tx, row, now),
                Act::Postpone { reason, due_at } => queue::postpone(tx, row, reason, *due_at),
                Act::Fail { reason } => queue::fail(tx, row, reason, now),
            })
        })?;
        for (row, act) in settled {
            self.tell(row, act);
        }
        Ok(())
    }

    fn tell(&mut self, row: Row, act: Act) {
        let (status, reason, retryable) = match act {
            Act::Settle(status, reason) => (status, reason.to_owned(), false),
            Act::Postpone { reason, .. } => (Status::Queued, reason, true),
            Act::Fail { reason } => (Status::Failed, reason, false),
        };
        let outcome =
            ArtifactOutcome { mission_slug: row.namespace.mission_slug, path: row.path, status, reason, retryable };
        if retryable {
            self.kept.insert(row.id, outcome);
            return;
        }
        self.kept.remove(&row.id);
        *match status {
            Status::Uploaded => &mut self.report.uploaded,
            Status::AlreadyExists => &mut self.report.already_exists,
            _ => &mut self.report.failed,
        } += 1;
        (self.on_outcome)(&outcome);
    }

    /// Waits until another pass can help; false when none can, or not within this run.
    fn wait(&mut self) -> bool {
        let Some(until) = self.pause.or_else(|| Some(self.soon.first()?.after(TOGETHER))) else {
            return false;
        };
        let now = self.clock.now();
        let wait = until.since(now);
        if wait > self.patience || self.policy.deadline.is_some_and(|d| now.after(wait) >= d) {
            if self.pause.is_some() {
                self.stop(Stop::RateLimited);
            }
            return false;
        }
        self.patience -= wait;
        if self.interrupt.wait(wait) {
            self.stop(Stop::Interrupted);
            return false;
        }
        self.pause = None;
        self.soon.retain(|due| *due > until);
        self.brake.store(false, Ordering::SeqCst);
        true
    }

    /// Tells of what is kept, and adds up.
    fn finish(mut self) -> Result<Report, Error> {
        self.report.retryable = self.kept.len() as u64;
        self.kept.values().for_each(|outcome| (self.on_outcome)(outcome));
        self.report.remaining = self.store.read(stats::counts)?.rows;
        Ok(self.report)
    }
}
