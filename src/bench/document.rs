//! The result of a benchmark, with the machine, as one document.

use serde::Serialize;

use super::ground::Ground;
use super::suite::Row;

/// The machine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// Processors that this process may use.
    pub(crate) cpus: usize,
    /// Operating system and architecture.
    pub(crate) platform: String,
    /// The file system of the directory.
    pub(crate) file_system: String,
    /// `release`, or `debug`: then the figures mean little.
    pub(crate) build: &'static str,
}

impl Machine {
    /// This machine, with the file system of `ground`.
    pub(crate) fn of(ground: &Ground) -> Self {
        Self {
            cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            file_system: ground.file_system().to_owned(),
            build: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        }
    }
}

/// The result of the command.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    /// The machine.
    pub(crate) machine: &'a Machine,
    /// Number of samples per lane.
    pub(crate) repeats: usize,
    /// The figures.
    pub(crate) rows: &'a [Row],
}
