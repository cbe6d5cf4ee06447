//! A few threads that upload, so that the store is touched by one thread only.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;
use std::time::Duration;

use super::outcome::Outcome;
use super::select::Row;

/// What a worker does with a body; `None` when it did not begin.
pub(super) type Work<'a> = dyn Fn(&Row, &str) -> Option<Outcome> + Sync + 'a;

/// The row of a body that was handed out, and what came of it; `None` when the upload did not begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Done {
    /// The row.
    pub(super) row: Row,
    /// What came of it.
    pub(super) outcome: Option<Outcome>,
}

/// The threads, and what they have at hand. They end when it is dropped and the bodies handed out are done.
#[derive(Debug)]
pub(super) struct Pool {
    jobs: Sender<(Row, String)>,
    done: Receiver<Done>,
    at_hand: usize,
}

impl Pool {
    /// Starts `count` threads.
    pub(super) fn start<'scope, 'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        count: usize,
        work: &'env Work<'env>,
    ) -> Self {
        let (jobs, queue) = channel::<(Row, String)>();
        let (results, done) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let (queue, results) = (Arc::clone(&queue), results.clone());
            scope.spawn(move || {
                while let Some((row, content)) = take(&queue) {
                    let outcome = work(&row, &content);
                    drop(content);
                    if results.send(Done { row, outcome }).is_err() {
                        break;
                    }
                }
            });
        }
        Self { jobs, done, at_hand: 0 }
    }

    /// Hands out a body.
    pub(super) fn submit(&mut self, row: Row, content: String) {
        self.at_hand += usize::from(self.jobs.send((row, content)).is_ok());
    }

    /// How many bodies are handed out and not yet taken back.
    pub(super) fn at_hand(&self) -> usize {
        self.at_hand
    }

    /// Waits for a body that is done, at most this long, and takes back all that are; nothing when none is handed out.
    pub(super) fn collect(&mut self, at_most: Option<Duration>) -> Vec<Done> {
        if self.at_hand == 0 {
            return Vec::new();
        }
        let first = match at_most {
            Some(time) => self.done.recv_timeout(time),
            None => self.done.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        // Without a sender left there is nothing to wait for.
        if first == Err(RecvTimeoutError::Disconnected) {
            self.at_hand = 0;
        }
        let done: Vec<Done> = first.into_iter().chain(self.done.try_iter()).collect();
        self.at_hand = self.at_hand.saturating_sub(done.len());
        done
    }
}

fn take(queue: &Mutex<Receiver<(Row, String)>>) -> Option<(Row, String)> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
