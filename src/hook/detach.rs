//! A background process that outlives the hook: it holds no handle that another process waits for.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Starts `program` without standard streams. The child must call [`leave_session`].
pub(crate) fn leave_behind(program: &Path, words: &[OsString]) -> io::Result<()> {
    let mut command = Command::new(program);
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(windows)]
    {
        /// A separate, invisible console, outside the parent's Ctrl-C group.
        const DETACHED: u32 = 0x0000_0008 | 0x0000_0200;
        std::os::windows::process::CommandExt::creation_flags(&mut command, DETACHED);
    }
    command.spawn().map(drop)
}

/// Moves this process out of its terminal's session, so that closing the terminal, or Ctrl-C in it,
/// does not end it.
pub(crate) fn leave_session() {
    // The leader of a process group cannot; it needs no new session.
    #[cfg(unix)]
    let _leads_a_group = rustix::process::setsid();
}
