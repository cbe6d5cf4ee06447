//! One `git` child process: scrubbed, silent, bounded.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::base::{Env, text};

/// How long a child may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How much of an answer is read, in bytes.
const LONGEST_ANSWER: u64 = 8 << 20;
/// The variables by which an outer git steers an inner one, removed even where their values are not UTF-8.
const STEERING: [&str; 17] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// What a child said.
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
    /// The output without the blanks around it, when the child succeeded and said something in UTF-8.
    pub(crate) fn line(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.stdout).ok().map(str::trim);
        text.filter(|text| self.is_success && !text.is_empty())
    }
}

/// Why a child said nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There is no `git` program.
    #[error("git is not installed or not on the PATH")]
    Missing,
    /// It took too long and was killed.
    #[error("git did not answer within {} s", LIMIT.as_secs())]
    TimedOut,
    /// It could not be started.
    #[error("git could not be started: {0}")]
    Start(std::io::Error),
}

/// How to run `git`.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    program: std::ffi::OsString,
    scrubbed: Vec<String>,
    limit: Duration,
}

impl Git {
    /// The `git` of the `PATH`, run without the `GIT_*` variables of `env`.
    pub(crate) fn new(env: &Env) -> Self {
        let of_env = env.pairs().map(|(name, _)| name).filter(|name| name.starts_with("GIT_"));
        let scrubbed = of_env.chain(STEERING).map(str::to_owned).collect();
        Self { program: "git".into(), scrubbed, limit: LIMIT }
    }

    /// Another program in place of `git`, and another bound.
    #[cfg(test)]
    pub(super) fn with(program: impl Into<std::ffi::OsString>, limit: Duration) -> Self {
        Self { program: program.into(), limit, ..Self::new(&Env::default()) }
    }

    /// Runs `git args…` in `dir` and waits for its answer.
    pub(crate) fn ask(&self, dir: &Path, args: &[&str]) -> Result<Answer, Failure> {
        let mut command = Command::new(&self.program);
        command.args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]).args(args).current_dir(dir);
        for name in &self.scrubbed {
            command.env_remove(name);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound if dir.is_dir() => Failure::Missing,
            _ => Failure::Start(e),
        })?;
        let output = child.stdout.take().map(|out| read_aside(out, LONGEST_ANSWER));
        let errors = child.stderr.take().map(|err| read_aside(err, 4096));
        // A child that closed its output is about to exit; one that does not is killed, whatever still holds the pipe.
        let Some(stdout) = output.and_then(|output| output.recv_timeout(self.limit).ok()) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Failure::TimedOut);
        };
        let status = child.wait().map_err(Failure::Start)?;
        let stderr = errors.and_then(|errors| errors.recv_timeout(self.limit).ok()).unwrap_or_default();
        let stderr = text::printable(String::from_utf8_lossy(&stderr).trim());
        Ok(Answer { is_success: status.success(), stdout, stderr })
    }
}

/// Reads at most `limit` bytes of a pipe in a thread of its own; the channel gives them when the pipe ends.
fn read_aside(pipe: impl Read + Send + 'static, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still the best answer there is.
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
        let git = Git::with("no-such-git-program", LIMIT);
        assert!(matches!(git.ask(Path::new("."), &["version"]), Err(Failure::Missing | Failure::Start(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_child_that_hangs_is_killed() {
        let temp = tempfile::tempdir().unwrap();
        let script = temp.path().join("slow-git");
        std::fs::write(&script, "#!/bin/sh\nexec sleep 600\n").unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let git = Git::with(&script, Duration::from_millis(20));
        assert!(matches!(git.ask(temp.path(), &[]), Err(Failure::TimedOut)));
    }

    #[test]
    fn steering_variables_are_scrubbed() {
        let git = Git::new(&Env::of(&[("GIT_TRACE", "1"), ("HOME", "/h")]));
        for name in ["GIT_TRACE", "GIT_DIR", "GIT_INDEX_FILE"] {
            assert!(git.scrubbed.iter().any(|s| s == name), "{name}");
        }
        assert!(!git.scrubbed.iter().any(|s| s == "HOME"));
    }
}
