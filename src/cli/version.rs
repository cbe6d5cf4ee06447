//! `sk-sync --version --json`: the build, for a bug report or a script.

use std::ffi::OsString;

use serde::Serialize;

/// Facts about this build.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    name: &'static str,
    version: &'static str,
    /// The commit of the build, if the build recorded it.
    commit: Option<&'static str>,
    target: &'static str,
    profile: &'static str,
    rustc: &'static str,
    sqlite: &'static str,
}

impl Document {
    pub(super) fn of_build() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            commit: Some(env!("SK_SYNC_COMMIT")).filter(|commit| !commit.is_empty()),
            target: env!("SK_SYNC_TARGET"),
            profile: env!("SK_SYNC_PROFILE"),
            rustc: env!("SK_SYNC_RUSTC"),
            sqlite: crate::store::sqlite_version(),
        }
    }
}

/// True if `words` ask for the version as JSON, without a command.
pub(super) fn is_asked(words: &[OsString]) -> bool {
    let words: Vec<_> = words
        .iter()
        .skip(1)
        .filter_map(|word| word.to_str())
        .collect();
    let is_version = |word: &&str| matches!(*word, "--version" | "-V");
    words.len() == 2 && words.iter().any(is_version) && words.contains(&"--json")
}
