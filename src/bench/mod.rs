//! Benchmarks: the cost of work, compared with the raw limit of the same machine at the same time.
//!
//! * `suite` interleaves lanes (ours, the limit, ours, the limit, …) and makes rows of their
//!   samples; `enqueue` and its siblings are the suites; `bare` is SQLite alone.
//! * `ground` is the directory for a measurement, `corpus` generates events, `site` is a project;
//!   `plot` and `document` show the result.
//!
//! **Invariant:** a suite calls the same functions as the commands, on real files with real
//! durability; the limit writes the same bytes to the same tables of the same file system, in as
//! many commits. **Invariant:** the measured work is deterministic (events, trees, order of lanes);
//! only times differ between runs. **Invariant:** nothing outside the directory of the measurement
//! is changed; it is deleted afterwards.

mod bare;
mod corpus;
mod document;
mod drain;
mod enqueue;
mod exchange;
mod ground;
mod hashing;
mod index;
mod memory;
mod plot;
mod receiver;
mod sample;
mod settled;
mod site;
mod status;
mod suite;
mod tree;
mod usage;

pub(crate) use document::{Document, Machine};
pub use ground::Ground;
pub(crate) use plot::depth_plot;
pub use suite::{Lane, Reading, Suite};

use std::path::PathBuf;

use crate::base::{Env, Interrupt};

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

/// Amount of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Events in the journal before single events are added.
    pub depths: Vec<u64>,
    /// Single events per sample.
    pub each: u64,
    /// Events in bulk per sample.
    pub bulk: u64,
    /// Events in the long input of the memory measurement.
    pub stream: u64,
    /// Feature directories in the indexed tree.
    pub missions: usize,
    /// Files in the indexed tree.
    pub files: usize,
    /// Events delivered per sample.
    pub drain: u64,
    /// Delivered events in the journals with nothing left to send.
    pub settled: Vec<u64>,
}

impl Sizes {
    /// The sizes used in `BENCHMARKS.md`.
    pub fn full() -> Self {
        Self {
            depths: vec![0, 5_000, 20_000, 1_000_000],
            each: 1_000,
            bulk: 50_000,
            stream: 1_000_000,
            missions: 412,
            files: 10_437,
            drain: 10_000,
            settled: vec![10_000, 1_000_000],
        }
    }

    /// Sizes that take seconds: to check that everything runs, and for deterministic figures (rows,
    /// requests, commits).
    pub fn quick() -> Self {
        Self {
            depths: vec![0, 1_000],
            each: 50,
            bulk: 2_000,
            stream: 5_000,
            missions: 12,
            files: 200,
            drain: 1_000,
            settled: vec![1_000],
        }
    }
}

/// The environment of a measurement.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The program under test, for measurements of whole processes.
    pub program: PathBuf,
    env: Env,
    interrupt: Interrupt,
}

impl Stage {
    /// A stage for `program`, in this environment.
    pub(crate) fn new(program: PathBuf, env: Env, interrupt: Interrupt) -> Self {
        Self {
            program,
            env,
            interrupt,
        }
    }

    /// A stage for `program` in the environment of this process.
    pub fn of_process(program: PathBuf) -> Self {
        Self::new(program, Env::of_process(), Interrupt::default())
    }
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

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system of the directory is in memory.
    #[error(
        "{dir} is on {file_system}, which keeps nothing on a disk: what durable work costs cannot be measured there"
    )]
    Volatile {
        /// The directory.
        dir: String,
        /// Its file system.
        file_system: String,
    },
    /// A file of the measurement cannot be created.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Bare SQLite failed.
    #[error("bare SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The work under test failed.
    #[error("the work to measure failed: {0}")]
    Work(String),
    /// A stop was requested.
    #[error("interrupted; nothing is left behind")]
    Interrupted,
}

impl From<crate::ops::Error> for Error {
    fn from(error: crate::ops::Error) -> Self {
        Self::Work(error.to_string())
    }
}

impl From<crate::store::Error> for Error {
    fn from(error: crate::store::Error) -> Self {
        Self::Work(error.to_string())
    }
}
