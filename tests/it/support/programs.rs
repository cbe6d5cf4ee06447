//! Programs of the machine: put first on the path, or skipped loudly where they are absent.

use std::path::{Path, PathBuf};

use super::Sandbox;

/// Prints that a case cannot be tested here.
#[expect(clippy::print_stderr, reason = "a skipped test must be loud")]
pub(crate) fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// A git that takes hooks from its configuration (2.54 or newer), where the machine names one.
#[expect(
    clippy::disallowed_methods,
    reason = "the machine names the git to test with"
)]
pub(crate) fn newer_git() -> Option<PathBuf> {
    let git = std::env::var_os("SK_SYNC_TEST_GIT")
        .map(PathBuf::from)
        .filter(|git| git.is_file());
    if git.is_none() {
        skip(
            "SK_SYNC_TEST_GIT names no git of 2.54 or newer: hooks in git's configuration are not tried",
        );
    }
    git
}

/// Puts programs before all others on the path of every command.
#[expect(
    clippy::disallowed_methods,
    reason = "a test decides what of its own environment the program sees"
)]
pub(crate) fn prefer(sandbox: &mut Sandbox, programs: &[&Path]) {
    let path = std::env::var("PATH").unwrap();
    let dirs = programs
        .iter()
        .map(|program| format!("{}:", program.parent().unwrap().display()));
    sandbox.change("PATH", &format!("{}{path}", dirs.collect::<String>()));
}
