//! How the last run of a project ended: a small file next to the store, read by `status`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::files;

/// Kind of process whose end is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// A command that a user ran.
    Command,
    /// The background process that a hook started.
    Background,
}

impl Runner {
    const fn file(self) -> &'static str {
        match self {
            Self::Command => "last-run.json",
            Self::Background => "last-background.json",
        }
    }
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastRun {
    /// Time of the end, RFC 3339.
    pub(crate) when: String,
    /// Name of the command.
    pub(crate) command: String,
    pub(crate) exit_code: u8,
    /// Why its drain stopped early, if it did.
    #[serde(default)]
    pub(crate) halted: Option<String>,
    /// The same as one word.
    #[serde(default)]
    pub(crate) cause: Option<String>,
    /// The shell command that sends to another target, if the server seems to be gone.
    #[serde(default)]
    pub(crate) fix: Option<String>,
}

/// Writes the file next to the store at `store`, if the store exists.
pub(crate) fn write(store: &Path, runner: Runner, last: &LastRun) -> std::io::Result<()> {
    match store.parent() {
        Some(dir) if store.exists() => {
            files::replace_lightly(&dir.join(runner.file()), &serde_json::to_vec(last)?)
        }
        _ => Ok(()),
    }
}

/// Reads the file; `None` if there was no run, or the file is not readable.
pub(crate) fn read(store: &Path, runner: Runner) -> Option<LastRun> {
    serde_json::from_slice(&std::fs::read(store.parent()?.join(runner.file())).ok()?).ok()
}
