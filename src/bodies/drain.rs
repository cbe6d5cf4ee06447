//! Uploading what is due: rows are read and settled here, on the thread that owns the store, while a pool uploads.
//!
//! At most two texts for each worker are in memory. The first body goes alone: what everybody is refused for, or a server
//! that is not there, costs one request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::outcome::{Outcome, Pace};
use super::pool::{Done, Pool, Work};
use super::push::{LONGEST_UPLOAD, Push};
use super::report::{ArtifactOutcome, Report, Status, Stop};
use super::select::{self, Row, Stored};
use super::settle::{Act, Gathered};
use super::{Body, Error};
use crate::base::{Clock, Interrupt, Timestamp, retry};
use crate::delivery::{self, Class};
use crate::endpoint::ServerStand;
use crate::event;
use crate::journal::Kind;
use crate::store::{ReadTx, Store};

/// Rows read at once, without their texts.
const CHUNK: i64 = 64;

/// Bodies that become due within this time of each other are tried again together.
const TOGETHER: Duration = Duration::from_millis(500);

/// The settings of a drain.
#[derive(Clone, Copy)]
pub(crate) struct DrainPolicy<'a> {
    /// The target's row in the ledger.
    pub(crate) target: i64,
    /// Texts stay in the store although every target has them.
    pub(crate) keeps_texts: bool,
    /// Reads the text of a version from the disk, where it is there.
    pub(crate) on_disk: &'a dyn Fn(&Row) -> Option<Body>,
    /// When the run's time is up.
    pub(crate) deadline: Option<Timestamp>,
    /// How long, all in all, to wait for bodies that the server is not ready for.
    pub(crate) patience: Duration,
}

/// Uploads what is due and says what came of it. `on_outcome` hears of each body once, when its row is settled; of those
/// kept for another try at the end. `random` is in 0..1.
pub(crate) fn drain(
    store: &mut Store,
    push: &Push,
    policy: &DrainPolicy<'_>,
    clock: &dyn Clock,
    interrupt: &Interrupt,
    random: &mut dyn FnMut() -> f64,
    on_outcome: &mut dyn FnMut(&ArtifactOutcome),
) -> Result<Report, Error> {
    let start = clock.now();
    if store.read(|tx| select::due(tx, policy.target, start, 0, 1))?.is_empty() {
        return Ok(Report { remaining: store.read(|tx| remaining(tx, policy.target))?, ..Report::default() });
    }
    let brake = AtomicBool::new(false);
    let deadline = policy.deadline;
    let work = |row: &Row, content: &str| {
        let left = deadline.map_or(LONGEST_UPLOAD, |d| d.since(clock.now()).min(LONGEST_UPLOAD));
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
    let pause = store.read(|tx| delivery::documents_not_before(tx, policy.target))?;
    let pause = pause.filter(|until| !retry::is_due(*until, start));
    let mut drain = Drain {
        store,
        policy,
        clock,
        interrupt,
        random,
        on_outcome,
        brake: &brake,
        at_most: 2 * push.parallel(),
        is_open: false,
        rows: VecDeque::new(),
        cursor: None,
        behind: VecDeque::new(),
        at_hand: BTreeSet::new(),
        gathered: Gathered::default(),
        kept: BTreeMap::new(),
        untouched: Vec::new(),
        soon: BTreeSet::new(),
        pause,
        patience: policy.patience,
        report: Report::default(),
    };
    std::thread::scope(|scope| {
        let mut pool = Pool::start(scope, push.parallel(), work);
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

struct Drain<'a> {
    store: &'a mut Store,
    policy: &'a DrainPolicy<'a>,
    clock: &'a dyn Clock,
    interrupt: &'a Interrupt,
    random: &'a mut dyn FnMut() -> f64,
    on_outcome: &'a mut dyn FnMut(&ArtifactOutcome),
    /// Set when no more uploads may begin.
    brake: &'a AtomicBool,
    /// How many texts may be in memory.
    at_most: usize,
    /// The server answered for a body; before that they go one by one.
    is_open: bool,
    /// Rows read and not yet handed out.
    rows: VecDeque<Row>,
    /// Where to read on; `None` when everything due was read.
    cursor: Option<i64>,
    /// Rows of documents of which another version is being uploaded: they go after it.
    behind: VecDeque<Row>,
    /// The documents that are being uploaded.
    at_hand: BTreeSet<[u8; 16]>,
    gathered: Gathered,
    /// What is to be said of rows kept for another try, by row.
    kept: BTreeMap<i64, ArtifactOutcome>,
    /// What is to be said of rows whose answer was about everybody.
    untouched: Vec<ArtifactOutcome>,
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
        let mut goes_on = self.pause.is_none() || self.wait();
        while goes_on {
            self.pass(pool)?;
            goes_on = self.report.stopped.is_none() && self.wait();
        }
        Ok(())
    }

    /// Tries everything that is due, once.
    fn pass(&mut self, pool: &mut Pool) -> Result<(), Error> {
        self.rows.clear();
        self.cursor = Some(0);
        loop {
            self.hand_out(pool)?;
            if pool.at_hand() == 0 {
                self.settle()?;
                if self.behind.is_empty() || !self.may_go_on() {
                    self.behind.clear();
                    return Ok(());
                }
                self.rows.append(&mut self.behind);
                continue;
            }
            for upload in pool.collect(self.gathered.time_left(self.clock.now())) {
                self.note(upload);
            }
            if self.gathered.is_due(self.clock.now()) {
                self.settle()?;
            }
        }
    }

    /// Gives the pool as much as it may have.
    fn hand_out(&mut self, pool: &mut Pool) -> Result<(), Error> {
        while pool.at_hand() < if self.is_open { self.at_most } else { 1 } {
            let Some(row) = self.next_row()? else { break };
            if !self.may_go_on() {
                break;
            }
            let kept = match self.store.read(|tx| select::content(tx, &row))? {
                Stored::Intact(body) => Some(body),
                // A damaged one is healed by the file.
                Stored::Damaged | Stored::Nothing => (self.policy.on_disk)(&row),
            };
            match kept {
                Some(_) if !self.at_hand.insert(key(&row)) => self.behind.push_back(row),
                Some(body) => pool.submit(row, body.into_text()),
                None => self.report.textless.push(row),
            }
        }
        Ok(())
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
            let (target, now) = (self.policy.target, self.clock.now());
            self.rows = self.store.read(|tx| select::due(tx, target, now, cursor, CHUNK))?.into();
            self.cursor = self.rows.back().map(|row| row.id);
        }
        Ok(self.rows.pop_front())
    }

    /// Takes down what an upload came to.
    fn note(&mut self, done: Done) {
        let Done { row, outcome } = done;
        self.at_hand.remove(&key(&row));
        let Some(outcome) = outcome else {
            self.may_go_on();
            return;
        };
        self.report.requests += 1;
        self.is_open |= !stops_everybody(&outcome);
        let is_accepted = matches!(outcome, Outcome::Uploaded | Outcome::AlreadyExists);
        self.learn(ServerStand::of(None, is_accepted));
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
                    Pace::Everybody => {
                        self.pause = self.pause.max(Some(due_at));
                        self.gathered.add_pause(due_at);
                    }
                }
                Act::Postpone { reason, due_at }
            }
            Outcome::Halt { reason, refusal } => {
                self.learn(ServerStand::of(refusal.as_ref(), false));
                return self.halt(row, Stop::Halted(reason));
            }
            Outcome::Unreachable { reason } => return self.halt(row, Stop::Unreachable(reason)),
        };
        self.gathered.add(row, act, self.clock.now());
    }

    fn learn(&mut self, stand: ServerStand) {
        self.report.server = std::mem::take(&mut self.report.server).then(stand);
    }

    /// An answer that says nothing about the body: its row stays as it is.
    fn halt(&mut self, row: Row, stop: Stop) {
        self.untouched.push(outcome_of(row, Status::Queued, stop.reason().to_owned(), true));
        self.stop(stop);
    }

    /// The first reason to stop is the one that is told.
    fn stop(&mut self, stop: Stop) {
        self.report.stopped.get_or_insert(stop);
    }

    /// Writes down what was gathered, and then tells it.
    fn settle(&mut self) -> Result<(), Error> {
        for (row, act) in
            self.gathered.write(self.store, self.policy.target, self.policy.keeps_texts, self.clock.now())?
        {
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
        let id = row.id;
        let outcome = outcome_of(row, status, reason, retryable);
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

    /// Waits until another pass can help; false when none can, or not within this run.
    fn wait(&mut self) -> bool {
        let Some(until) = self.pause.or_else(|| Some(self.soon.first()?.after(TOGETHER))) else {
            return false;
        };
        let now = self.clock.now();
        let wait = until.since(now);
        // What the server asks for is waited for as long as the run lasts; what it has yet to do, for a while.
        let is_asked = self.pause.is_some();
        let is_late = self.policy.deadline.map_or(is_asked, |deadline| now.after(wait) >= deadline);
        if is_late || !is_asked && wait > self.patience {
            if is_asked {
                self.stop(Stop::RateLimited);
            }
            return false;
        }
        if !is_asked {
            self.patience -= wait;
        }
        if self.interrupt.wait(wait) {
            self.stop(Stop::Interrupted);
            return false;
        }
        if self.pause.take().is_some() {
            self.is_open = false;
        }
        self.soon.retain(|due| *due > until);
        self.brake.store(false, Ordering::SeqCst);
        true
    }

    /// Tells of what is kept, and adds up.
    fn finish(mut self) -> Result<Report, Error> {
        self.report.retryable = self.kept.len() as u64;
        self.kept.values().chain(&self.untouched).for_each(|outcome| (self.on_outcome)(outcome));
        self.report.remaining = self.store.read(|tx| remaining(tx, self.policy.target))?;
        Ok(self.report)
    }
}

/// What the versions of a document have in common.
fn key(row: &Row) -> [u8; 16] {
    event::document_key(&row.namespace, &row.path)
}

/// Documents that the target lacks and that a later drain sends.
fn remaining(tx: &ReadTx<'_>, target: i64) -> Result<u64, Error> {
    let target = delivery::targets(tx)?.into_iter().find(|known| known.id == target);
    let balance = delivery::balance_of(tx, target.as_ref(), Kind::Document)?;
    Ok(u64::try_from(balance.of(Class::Untried) + balance.of(Class::Retryable)).unwrap_or(0))
}

fn outcome_of(row: Row, status: Status, reason: String, retryable: bool) -> ArtifactOutcome {
    let (mission_slug, target_branch) = (row.namespace.mission_slug, row.namespace.target_branch);
    let (path, sha256) = (row.path, row.sha256);
    ArtifactOutcome { mission_slug, target_branch, path, sha256, status, reason, retryable }
}
