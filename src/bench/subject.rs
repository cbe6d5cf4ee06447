//! The subjects of measurement, each with its suite.

use super::error::Error;
use super::ground::Ground;
use super::sizes::Sizes;
use super::stage::Stage;
use super::suite::Suite;
use super::{drain, enqueue, index, status};

/// A subject of measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Events into the journal.
    Enqueue,
    /// The feature directories.
    Index,
    /// Events to a receiver.
    Drain,
    /// `status`.
    Status,
}

impl Subject {
    /// All of them, in the order of execution.
    pub const ALL: [Self; 4] = [Self::Enqueue, Self::Index, Self::Drain, Self::Status];
}

/// Sets up the lanes of a subject on `ground`. `progress` is called with the current step.
pub fn suite<'a>(
    subject: Subject,
    stage: &'a Stage,
    ground: &'a Ground,
    sizes: &Sizes,
    progress: &dyn Fn(&str),
) -> Result<Suite<'a>, Error> {
    match subject {
        Subject::Enqueue => enqueue::suite(stage, ground, sizes, progress),
        Subject::Index => index::suite(stage, ground, sizes, progress),
        Subject::Drain => drain::suite(stage, ground, sizes, progress),
        Subject::Status => status::suite(stage, ground, sizes, progress),
    }
}
