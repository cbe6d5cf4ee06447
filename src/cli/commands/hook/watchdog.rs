//! Limits how long git waits: a thread that ends the process, with success, when the time is up.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::cli::Exit;

/// Ends the process when its time is up, unless it is dropped before.
#[derive(Debug)]
pub(super) struct Watchdog(mpsc::Sender<Duration>);

impl Watchdog {
    /// Starts watching. After `budget`, calls `last_words`, then ends the process. An open
    /// transaction of SQLite is then rolled back, as after a crash; committed ones stay.
    pub(super) fn start(budget: Duration, last_words: impl FnOnce() + Send + 'static) -> Self {
        let begun = Instant::now();
        let (sender, changes) = mpsc::channel();
        std::thread::spawn(move || {
            let mut budget = budget;
            loop {
                match changes.recv_timeout(budget.saturating_sub(begun.elapsed())) {
                    Ok(other) => budget = other,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                }
            }
            last_words();
            end();
        });
        Self(sender)
    }

    /// Changes the time, counted from the start.
    pub(super) fn allow(&self, budget: Duration) {
        // A watchdog that is ending the process no longer receives.
        let _ending = self.0.send(budget);
    }
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the current work may hang, and git waits"
)]
fn end() -> ! {
    std::process::exit(i32::from(Exit::Success.code()))
}
