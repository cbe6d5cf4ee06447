//! Runs `git` as a child process: with a reduced environment, without output, with limits.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::Checkout;
use crate::base::Env;
use crate::base::child::{self, Answer, Failure};
use crate::base::env::PATH;
use crate::base::mutex::held;

/// Time limit of a child.
const LIMIT: Duration = Duration::from_secs(5);
/// Settings that override a repository's configuration for a child: programs that it names
/// (`core.fsmonitor`, hooks, `gpg.program`), and directories that only look like a repository.
const SHUT: [&str; 4] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "log.showSignature=false",
    "safe.bareRepository=explicit",
];

/// How to run `git`.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    program: OsString,
    /// Environment for commands about a checkout.
    few: Vec<(OsString, OsString)>,
    /// Environment for credential helpers, which are programs of the user.
    most: Vec<(OsString, OsString)>,
    limit: Duration,
}

impl Git {
    /// The `git` on the `PATH`. Its environment contains neither this program's secrets nor the
    /// `GIT_*` variables, by which an outer git would control it.
    pub(crate) fn new(env: &Env) -> Self {
        let owned = |(name, value): (&OsStr, &OsStr)| (name.to_owned(), value.to_owned());
        let steers = |name: &OsStr| name.as_encoded_bytes().starts_with(b"GIT_");
        let most = env
            .for_own_program()
            .filter(|(name, _)| !steers(name))
            .map(owned)
            .collect();
        Self {
            program: on_the_path(env),
            few: env.for_git().map(owned).collect(),
            most,
            limit: LIMIT,
        }
    }

    /// Uses another program and another time limit.
    #[cfg(test)]
    pub(super) fn with(program: impl Into<OsString>, limit: Duration) -> Self {
        Self {
            program: program.into(),
            limit,
            ..Self::new(&Env::default())
        }
    }

    /// Paths of the user's and the system's git configuration, which need not exist.
    pub(super) fn configurations(&self) -> Vec<PathBuf> {
        let value = |name: &str| {
            self.few
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| PathBuf::from(value))
        };
        let home = value("HOME");
        let own = value("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
        // The system's is relative to git's installation.
        let prefix = Path::new(&self.program)
            .ancestors()
            .nth(2)
            .filter(|prefix| prefix.is_absolute());
        let all = [
            home.map(|home| home.join(".gitconfig")),
            own.map(|own| own.join("git/config")),
            Some(PathBuf::from("/etc/gitconfig")),
            prefix.map(|prefix| prefix.join("etc/gitconfig")),
        ];
        all.into_iter().flatten().collect()
    }

    /// Runs `git args…` at the top of `checkout` and waits for its answer. Never below it: git
    /// could take another directory for a repository than this program does. A repository in which
    /// one child did not answer is not asked again by this process: it would cost the limit each
    /// time.
    pub(crate) fn ask(&self, checkout: &Checkout, args: &[&str]) -> Result<Answer, Failure> {
        if silent().contains(&checkout.root) {
            return Err(Failure::TimedOut(self.limit));
        }
        let asked = child::ask(self.command(&checkout.root, args), b"", self.limit);
        if matches!(asked, Err(Failure::TimedOut(_))) {
            silent().push(checkout.root.clone());
        }
        asked
    }

    /// The password that git's credential helpers have for an `https` or `http` server; `None`
    /// without one. Never prompts, neither on a terminal nor in a window. Runs outside any
    /// repository, whose configuration could name a helper.
    pub(crate) fn credential(&self, scheme: &str, host: &str) -> Result<Option<String>, Failure> {
        let mut command = self.command(
            Path::new("/"),
            &["-c", "core.askPass=", "credential", "fill"],
        );
        command.envs(self.most.iter().map(|(name, value)| (name, value)));
        command
            .env_remove("SSH_ASKPASS")
            .env("GCM_INTERACTIVE", "never")
            .env("LC_ALL", "C");
        let question = format!("protocol={scheme}\nhost={host}\n\n");
        let answer = child::ask(command, question.as_bytes(), self.limit)?;
        let text = answer.line().unwrap_or_default().to_owned();
        Ok(text
            .lines()
            .find_map(|line| line.strip_prefix("password="))
            .filter(|p| !p.is_empty())
            .map(str::to_owned))
    }

    /// The values of `safe.directory` in the user's own git configuration, each after its scope,
    /// separated by NUL. No repository is read. The variables that name a configuration belong to
    /// the user and are kept.
    pub(super) fn safe_directories(&self, env: &Env) -> Option<Answer> {
        let words = [
            "config",
            "--show-scope",
            "--type=path",
            "-z",
            "--get-all",
            "safe.directory",
        ];
        let mut command = self.command(Path::new("/"), &words);
        command.env("GIT_DIR", "/dev/null");
        command.envs(
            env.pairs()
                .filter(|(name, _)| name.starts_with("GIT_CONFIG_")),
        );
        child::ask(command, b"", self.limit).ok()
    }

    fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(SHUT.iter().flat_map(|setting| ["-c", setting]))
            .args(args)
            .current_dir(dir);
        command
            .env_clear()
            .envs(self.few.iter().map(|(name, value)| (name, value)));
        // A missing object is not fetched: a repository could name the program or host to fetch it
        // from.
        command
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "");
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("LC_ALL", "C");
        command
    }
}

/// The work trees in which a child did not answer in time.
fn silent() -> MutexGuard<'static, Vec<PathBuf>> {
    static SILENT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    held(&SILENT)
}

/// The absolute path of `git` in the first absolute directory of the `PATH` that contains it: with
/// an absolute path, a child with a changed environment is spawned without a fork of this process.
fn on_the_path(env: &Env) -> OsString {
    let path = env.path(PATH).unwrap_or_default();
    let found = std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join("git"));
    found
        .into_iter()
        .find(|git| git.is_file())
        .map_or_else(|| "git".into(), PathBuf::into_os_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(dir: &Path) -> Checkout {
        crate::git::discover(dir).unwrap()
    }

    #[test]
    fn a_missing_program_is_a_value() {
        let git = Git::with("no-such-git-program", LIMIT);
        assert!(matches!(
            git.ask(&here(Path::new(".")), &["version"]),
            Err(Failure::Missing | Failure::Start(_))
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_child_that_hangs_is_killed() {
        let temp = tempfile::tempdir().unwrap();
        let script = temp.path().join("slow-git");
        std::fs::write(&script, "#!/bin/sh\nexec sleep 600\n").unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let git = Git::with(&script, Duration::from_millis(20));
        assert!(matches!(
            git.ask(&here(temp.path()), &[]),
            Err(Failure::TimedOut(_))
        ));
        // No second child is started there; later calls still run.
        let started = temp.path().join("started");
        std::fs::write(
            &script,
            format!("#!/bin/sh\necho >> {}\n", started.display()),
        )
        .unwrap();
        let (git, other) = (
            Git::with(&script, Duration::from_mins(1)),
            tempfile::tempdir().unwrap(),
        );
        assert!(
            matches!(git.ask(&here(temp.path()), &[]), Err(Failure::TimedOut(_)))
                && !started.exists()
        );
        assert!(git.ask(&here(other.path()), &[]).is_ok() && started.exists());
    }

    #[test]
    fn a_child_sees_neither_steering_variables_nor_secrets() {
        let names = [
            "GIT_TRACE",
            "GIT_DIR",
            "SK_SYNC_TOKEN",
            "SK_SYNC_SECRET_A",
            "AWS_SECRET",
            "HOME",
        ];
        let git = Git::new(&Env::of(&names.map(|name| (name, "x"))));
        let seen = |vars: &[(OsString, OsString)]| {
            vars.iter()
                .map(|(n, _)| n.to_string_lossy().into_owned())
                .collect()
        };
        let (few, most): (Vec<_>, Vec<_>) = (seen(&git.few), seen(&git.most));
        assert_eq!(
            (few, most),
            (
                vec!["HOME".to_owned()],
                vec!["AWS_SECRET".to_owned(), "HOME".to_owned()]
            )
        );
    }
}
