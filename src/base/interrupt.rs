//! A request to stop: set once by Ctrl-C or a termination signal, checked between two steps of
//! work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longest time until a wait notices a stop.
const GLANCE: Duration = Duration::from_millis(25);

/// A shared flag that asks the program to finish the current step and stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Requests the stop.
    pub(crate) fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// True once a stop was requested.
    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Waits for `time`, or until a stop is requested; true if one was.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that waits, and it looks up from waiting"
    )]
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let mut left = time;
        while !self.is_requested() && !left.is_zero() {
            let nap = left.min(GLANCE);
            std::thread::sleep(nap);
            left = left.saturating_sub(nap);
        }
        self.is_requested()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_by_itself_or_at_once_when_asked_to_stop() {
        let interrupt = Interrupt::default();
        assert!(!interrupt.wait(Duration::from_millis(1)));
        interrupt.request();
        assert!(interrupt.wait(Duration::MAX));
    }
}
