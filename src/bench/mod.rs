//! What work costs, beside the raw limit of the same machine in the same minutes.
//!
//! * `suite` interleaves lanes (ours, the limit, ours, the limit, …) and makes rows of their samples; `enqueue` and its
//!   siblings are the suites; `bare` is SQLite with nothing around it.
//! * `ground` is the directory to measure in, `corpus` what to measure with, `site` a project to measure on; `plot` and
//!   `document` show what came out.
//!
//! **Invariant:** a suite drives the very functions that the commands call, on real files with real durability; the
//! limit writes the same bytes to the same tables of the same file system, in as many commits.
//! **Invariant:** what is measured is deterministic (events, trees, order of lanes); only times differ between runs.
//! **Invariant:** nothing outside the directory to measure in is touched; it is gone afterwards.

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

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Events into the journal.
    Enqueue,
    /// What the feature directories hold.
    Index,
    /// Events to a receiver.
    Drain,
    /// A look at everything.
    Status,
}

impl Subject {
    /// Each of them, in the order they run.
    pub const ALL: [Self; 4] = [Self::Enqueue, Self::Index, Self::Drain, Self::Status];
}

/// How large the work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Events in the journal before events are added one by one.
    pub depths: Vec<u64>,
    /// Events added one by one in a sample.
    pub each: u64,
    /// Events added in bulk in a sample.
    pub bulk: u64,
    /// Events in the long input whose memory is looked at.
    pub stream: u64,
    /// Feature directories in the tree to index.
    pub missions: usize,
    /// Files in that tree.
    pub files: usize,
    /// Events delivered in a sample.
    pub drain: u64,
    /// Delivered events in the journals where nothing is owed.
    pub settled: Vec<u64>,
}

impl Sizes {
    /// The sizes that `BENCHMARKS.md` speaks of.
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

    /// Sizes that are over in seconds: to see that everything runs, and for what repeats (rows, requests, commits).
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

/// The world that is measured in.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The program under test, for what is measured as a whole process.
    pub program: PathBuf,
    env: Env,
    interrupt: Interrupt,
}

impl Stage {
    /// A stage for `program`, in this environment.
    pub(crate) fn new(program: PathBuf, env: Env, interrupt: Interrupt) -> Self {
        Self { program, env, interrupt }
    }

    /// A stage for `program` in the environment of this process.
    pub fn of_process(program: PathBuf) -> Self {
        Self::new(program, Env::of_process(), Interrupt::default())
    }
}

/// Sets up what a subject's lanes need on `ground`. `progress` is told what is being done.
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
    /// The directory keeps nothing on a disk.
    #[error(
        "{dir} is on {file_system}, which keeps nothing on a disk: what durable work costs cannot be measured there"
    )]
    Volatile {
        /// The directory.
        dir: String,
        /// Its file system.
        file_system: String,
    },
    /// A file of the measurement cannot be made.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Bare SQLite failed.
    #[error("bare SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The work under test failed.
    #[error("the work to measure failed: {0}")]
    Work(String),
    /// A stop was asked for.
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
