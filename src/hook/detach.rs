//! A process left behind: it outlives the hook, holds nothing that anybody waits for, and nobody waits for it.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Starts `program` with its three streams on nothing. The child leaves the session by itself: [`leave_session`].
pub(crate) fn leave_behind(program: &Path, words: &[OsString]) -> io::Result<()> {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(windows)]
    {
        /// A console of its own that nobody sees, and no part in its parent's Ctrl-C.
        const DETACHED: u32 = 0x0000_0008 | 0x0000_0200;
        std::os::windows::process::CommandExt::creation_flags(&mut command, DETACHED);
    }
    command.spawn().map(drop)
}

/// Takes this process out of its terminal's session, so that closing the terminal, or Ctrl-C in it, does not end it.
pub(crate) fn leave_session() {
    // Who leads a group already cannot; then there is nothing to leave.
    #[cfg(unix)]
    let _leads_a_group = rustix::process::setsid();
}
