//! One `git` child process: scrubbed, silent, bounded.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::base::Env;
use crate::base::child::{self, Answer, Failure};

/// How long a child may take.
const LIMIT: Duration = Duration::from_secs(5);
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
        child::ask(self.command(dir, args), b"", self.limit)
    }

    /// What git's credential helpers know for an `https` or `http` server: its password. Asks nobody: no terminal, no
    /// window. Runs outside of any repository, whose configuration could name a helper.
    pub(crate) fn credential(&self, scheme: &str, host: &str) -> Result<Option<String>, Failure> {
        let mut command = self.command(Path::new("/"), &["-c", "core.askPass=", "credential", "fill"]);
        command.env_remove("SSH_ASKPASS").env("GCM_INTERACTIVE", "never");
        let question = format!("protocol={scheme}\nhost={host}\n\n");
        let answer = child::ask(command, question.as_bytes(), self.limit)?;
        let text = answer.line().unwrap_or_default().to_owned();
        Ok(text.lines().find_map(|line| line.strip_prefix("password=")).filter(|p| !p.is_empty()).map(str::to_owned))
    }

    /// What the user's own git configuration says of `safe.directory`, each value after its scope, NUL between them. No
    /// repository is looked at. The variables that name a configuration are the user's own, and are kept.
    pub(super) fn safe_directories(&self, env: &Env) -> Option<Answer> {
        let words = ["config", "--show-scope", "--type=path", "-z", "--get-all", "safe.directory"];
        let mut command = self.command(Path::new("/"), &words);
        command.env("GIT_DIR", "/dev/null");
        command.envs(env.pairs().filter(|(name, _)| name.starts_with("GIT_CONFIG_")));
        child::ask(command, b"", self.limit).ok()
    }

    fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]).args(args).current_dir(dir);
        for name in &self.scrubbed {
            command.env_remove(name);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        command
    }
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
        assert!(matches!(git.ask(temp.path(), &[]), Err(Failure::TimedOut(_))));
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
