//! The loop of a drain, for events and documents: choose, hand out, settle answers, wait, until
//! nothing may be sent.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::Scope;
use std::time::Duration;

use super::RunningDrain;
use crate::base::Timestamp;
use crate::base::mutex::held;
use crate::store::Store;

/// The items that a drain sends.
pub(crate) trait Cargo {
    /// One request.
    type Job;
    /// Result of a request.
    type Answer;
    /// Why the store failed.
    type Error;

    /// Settles answers and chooses the next requests, while `at_hand` requests are running. Called
    /// without an answer at the beginning and after a wait.
    fn turn(
        &mut self,
        store: &mut Store,
        drain: &mut RunningDrain<'_>,
        answered: Vec<(Self::Job, Self::Answer)>,
        at_hand: usize,
    ) -> Result<Vec<Self::Job>, Self::Error>;

    /// Time at which something may be sent, when nothing may be sent now; `None` if no wait within
    /// this run helps.
    fn next_try(
        &mut self,
        store: &Store,
        drain: &RunningDrain<'_>,
    ) -> Result<Option<Timestamp>, Self::Error>;

    /// How long answers may stay unsettled; `None` for no limit.
    fn settles_within(&self, _course: &RunningDrain<'_>) -> Option<Duration> {
        None
    }
}

/// Performs the requests.
pub(crate) trait Hands<J, A> {
    /// Starts a request.
    fn submit(&mut self, job: J);
    /// Number of requests started and not yet returned by `collect`.
    fn at_hand(&self) -> usize;
    /// Waits at most this long for an answer, and returns all that have arrived; empty if no
    /// request is running.
    fn collect(&mut self, at_most: Option<Duration>) -> Vec<(J, A)>;
}

/// Drives a cargo until everything is delivered or there is a reason to stop, which `drain` then
/// holds.
pub(crate) fn drive<C: Cargo>(
    cargo: &mut C,
    store: &mut Store,
    drain: &mut RunningDrain<'_>,
    hands: &mut dyn Hands<C::Job, C::Answer>,
) -> Result<(), C::Error> {
    let mut answered = Vec::new();
    loop {
        for job in cargo.turn(store, drain, std::mem::take(&mut answered), hands.at_hand())? {
            hands.submit(job);
        }
        if hands.at_hand() > 0 {
            answered = hands.collect(cargo.settles_within(drain));
            continue;
        }
        let until = if drain.may_wait() {
            cargo.next_try(store, drain)?
        } else {
            None
        };
        if !until.is_some_and(|until| drain.wait_until(until)) {
            return Ok(());
        }
    }
}

/// One request at a time, on this thread.
pub(crate) struct OneByOne<'a, J, A> {
    work: &'a dyn Fn(&J) -> A,
    job: Option<J>,
}

impl<'a, J, A> OneByOne<'a, J, A> {
    pub(crate) fn new(work: &'a dyn Fn(&J) -> A) -> Self {
        Self { work, job: None }
    }
}

impl<J, A> Hands<J, A> for OneByOne<'_, J, A> {
    fn submit(&mut self, job: J) {
        self.job = Some(job);
    }

    fn at_hand(&self) -> usize {
        usize::from(self.job.is_some())
    }

    fn collect(&mut self, _at_most: Option<Duration>) -> Vec<(J, A)> {
        let work = self.work;
        self.job
            .take()
            .map(|job| (work(&job), job))
            .map(|(answer, job)| (job, answer))
            .into_iter()
            .collect()
    }
}

/// A few threads for requests; only the caller's thread touches the store. The threads end when the
/// pool is dropped and their requests are done.
#[derive(Debug)]
pub(crate) struct Pool<J, A> {
    jobs: Sender<J>,
    done: Receiver<(J, A)>,
    at_hand: usize,
}

impl<J, A> Pool<J, A> {
    /// Starts `count` threads.
    pub(crate) fn start<'scope, 'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        count: usize,
        work: &'env (dyn Fn(&J) -> A + Sync + 'env),
    ) -> Self
    where
        J: Send + 'scope,
        A: Send + 'scope,
    {
        let (jobs, queue) = channel::<J>();
        let (results, done) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let (queue, results) = (Arc::clone(&queue), results.clone());
            scope.spawn(move || {
                while let Some(job) = take(&queue) {
                    let answer = work(&job);
                    if results.send((job, answer)).is_err() {
                        break;
                    }
                }
            });
        }
        Self {
            jobs,
            done,
            at_hand: 0,
        }
    }
}

impl<J, A> Hands<J, A> for Pool<J, A> {
    fn submit(&mut self, job: J) {
        self.at_hand += usize::from(self.jobs.send(job).is_ok());
    }

    fn at_hand(&self) -> usize {
        self.at_hand
    }

    fn collect(&mut self, at_most: Option<Duration>) -> Vec<(J, A)> {
        let first = match at_most {
            Some(time) => self.done.recv_timeout(time),
            None => self.done.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        // No sender is left, so no answer can arrive.
        if matches!(first, Err(RecvTimeoutError::Disconnected)) {
            self.at_hand = 0;
        }
        let done: Vec<_> = first.into_iter().chain(self.done.try_iter()).collect();
        self.at_hand = self.at_hand.saturating_sub(done.len());
        done
    }
}

fn take<J>(queue: &Mutex<Receiver<J>>) -> Option<J> {
    held(queue).recv().ok()
}
