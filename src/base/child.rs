//! A child process: silent, bounded in time and output.

use std::io::{Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::text;

/// Longest standard output that is read, in bytes; the rest is ignored.
const LONGEST_ANSWER: u64 = 8 << 20;

/// Result of a child that ended within its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// True when it exited with 0.
    pub(crate) is_success: bool,
    /// Its standard output.
    pub(crate) stdout: Vec<u8>,
    /// The beginning of its standard error, printable.
    pub(crate) stderr: String,
}

impl Answer {
    /// The trimmed output, if the child succeeded and wrote non-empty UTF-8; else `None`.
    pub(crate) fn line(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.stdout).ok().map(str::trim);
        text.filter(|text| self.is_success && !text.is_empty())
    }
}

/// Why a child gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The program does not exist.
    #[error("not installed or not on the PATH")]
    Missing,
    /// It took too long and was killed.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It could not be started.
    #[error("cannot be started: {0}")]
    Start(std::io::Error),
}

/// Runs `command` with `stdin` as its input and waits at most `limit` for it to end.
pub(crate) fn ask(mut command: Command, stdin: &[u8], limit: Duration) -> Result<Answer, Failure> {
    let input = if stdin.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    };
    command
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let has_dir = command
        .get_current_dir()
        .is_none_or(std::path::Path::is_dir);
    let mut child = command.spawn().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound if has_dir => Failure::Missing,
        _ => Failure::Start(e),
    })?;
    if let Some(mut pipe) = child.stdin.take() {
        let words = stdin.to_vec();
        // A child that does not read its input closes the pipe, or is killed below; only its output
        // counts.
        std::thread::spawn(move || drop(pipe.write_all(&words)));
    }
    let output = child
        .stdout
        .take()
        .map(|out| read_aside(out, LONGEST_ANSWER));
    let errors = child.stderr.take().map(|err| read_aside(err, 4096));
    // A child that closed its output is about to exit; one that does not is killed, even if another
    // process still holds the pipe.
    let Some(stdout) = output.and_then(|output| output.recv_timeout(limit).ok()) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(Failure::TimedOut(limit));
    };
    let status = child.wait().map_err(Failure::Start)?;
    let stderr = errors
        .and_then(|errors| errors.recv_timeout(limit).ok())
        .unwrap_or_default();
    let stderr = text::printable(String::from_utf8_lossy(&stderr).trim());
    Ok(Answer {
        is_success: status.success(),
        stdout,
        stderr,
    })
}

/// Reads at most `limit` bytes of a pipe in a separate thread; the channel gives them when the pipe
/// ends.
fn read_aside(pipe: impl Read + Send + 'static, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // Bytes read before an error are still used.
        let _ = pipe.take(limit).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_a_value() {
        let command = Command::new("no-such-program-anywhere");
        assert!(matches!(
            ask(command, b"", Duration::from_secs(5)),
            Err(Failure::Missing | Failure::Start(_))
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_child_is_given_its_input_and_heard() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "read word; echo \"$word again\"; echo aside >&2; exit 3",
        ]);
        let answer = ask(command, b"once\n", Duration::from_secs(20)).unwrap();
        assert_eq!(
            (answer.stdout.as_slice(), answer.stderr.as_str()),
            (b"once again\n".as_slice(), "aside")
        );
        assert!(!answer.is_success && answer.line().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_child_that_hangs_is_killed() {
        let mut command = Command::new("sleep");
        command.arg("600");
        assert!(matches!(
            ask(command, b"", Duration::from_millis(20)),
            Err(Failure::TimedOut(_))
        ));
    }
}
