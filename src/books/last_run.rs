//! How the last run of a project ended: a small file beside the store, so that `status` need not guess.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::files;

/// Whose end is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// A command that somebody ran.
    Command,
    /// The process that a hook left behind.
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
    /// When it ended, RFC 3339.
    pub(crate) when: String,
    /// Which command.
    pub(crate) command: String,
    /// How it ended.
    pub(crate) exit_code: u8,
    /// Why its drain stopped early, if it did.
    #[serde(default)]
    pub(crate) halted: Option<String>,
    /// The same in a word.
    #[serde(default)]
    pub(crate) cause: Option<String>,
    /// The shell line that sends elsewhere, where the server may be gone.
    #[serde(default)]
    pub(crate) fix: Option<String>,
}

/// Writes it beside the store at `store`, where there is one.
pub(crate) fn write(store: &Path, runner: Runner, last: &LastRun) -> std::io::Result<()> {
    match store.parent() {
        Some(dir) if store.exists() => files::replace_lightly(&dir.join(runner.file()), &serde_json::to_vec(last)?),
        _ => Ok(()),
    }
}

/// Reads it; `None` when there was no run, or nothing readable is left of it.
pub(crate) fn read(store: &Path, runner: Runner) -> Option<LastRun> {
    serde_json::from_slice(&std::fs::read(store.parent()?.join(runner.file())).ok()?).ok()
}
