//! What was measured, and on what, as one document.

use serde::Serialize;

use super::Ground;
use super::suite::Row;

/// The machine that was measured on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// Processors that this process may use.
    pub(crate) cpus: usize,
    /// Operating system and architecture.
    pub(crate) platform: String,
    /// The file system of the directory.
    pub(crate) file_system: String,
    /// `release`, or `debug`: then the figures say little.
    pub(crate) build: &'static str,
}

impl Machine {
    /// This machine, on this ground.
    pub(crate) fn of(ground: &Ground) -> Self {
        Self {
            cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            file_system: ground.file_system().to_owned(),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
        }
    }
}

/// The result of the command.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    /// What was measured on.
    pub(crate) machine: &'a Machine,
    /// Samples of each lane.
    pub(crate) repeats: usize,
    /// The figures.
    pub(crate) rows: &'a [Row],
}
