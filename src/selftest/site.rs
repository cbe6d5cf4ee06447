//! The directory of a self-test, and the children that run in it.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::Value;

use super::fault::Fault;
use super::setup::Setup;
use crate::base::mutex::held;
use crate::base::{env, files};

/// Project of the self-test.
pub(super) const PROJECT: &str = "5e1f7e57-0000-4000-8000-000000000000";
/// How long a child may take before it is ended and the check fails.
const LONGEST: Duration = Duration::from_secs(20);

/// Most characters of a child's words that are shown.
const MOST_WORDS: usize = 400;

/// The files of the repository.
const FILES: [(&str, &str); 7] = [
    (".git/HEAD", "ref: refs/heads/main\n"),
    (
        ".git/config",
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n",
    ),
    (
        "kitty-specs/001-tide/spec.md",
        "# Tide\n\nThe table of the year.\n",
    ),
    ("kitty-specs/001-tide/plan.md", "# Plan\n"),
    ("kitty-specs/001-tide/tasks.md", "- [ ] WP01\n"),
    ("kitty-specs/002-surge/spec.md", "# Surge\n"),
    ("kitty-specs/002-surge/plan.md", "# Plan of the surge\n"),
];

/// A document that changes during the self-test.
const CHANGING: &str = "kitty-specs/001-tide/spec.md";

/// A directory with a repository, a state directory and a home.
#[derive(Debug)]
pub(super) struct Site {
    dir: tempfile::TempDir,
    program: PathBuf,
    variables: Vec<(OsString, OsString)>,
}

/// How a child ended.
#[derive(Debug)]
pub(super) struct Ended {
    status: ExitStatus,
    /// The command, for messages.
    words: String,
    pub(super) stdout: String,
    stderr: String,
}

impl Site {
    /// Makes the directory.
    pub(super) fn new(setup: &Setup<'_>) -> Result<Self, Fault> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("sk-sync-selftest-");
        let dir = match setup.dir {
            Some(dir) => builder.tempdir_in(dir),
            None => builder.tempdir(),
        }?;
        let mut variables: Vec<_> = setup
            .env
            .for_git()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (name, place) in [
            (env::HOME, "home"),
            ("USERPROFILE", "home"),
            (env::STATE_HOME, "state"),
            (env::XDG_STATE_HOME, "home"),
            (env::XDG_CONFIG_HOME, "home"),
            (env::LEGACY_HOME, "home/older"),
            ("TMPDIR", "home"),
            ("TEMP", "home"),
        ] {
            variables.push((name.into(), dir.path().join(place).into()));
        }
        let site = Self {
            dir,
            program: setup.program.clone(),
            variables,
        };
        files::create_private_dir(&site.path("home"))?;
        for dir in [".git/objects", ".git/refs", ".kittify"] {
            files::create_private_dir(&site.path("repo").join(dir))?;
        }
        for (file, text) in FILES {
            site.write(file, text)?;
        }
        site.write(
            ".kittify/config.yaml",
            &format!("project:\n  uuid: {PROJECT}\n"),
        )?;
        site.private(&site.path("repo"))?;
        Ok(site)
    }

    /// Its place, for people.
    pub(super) fn words(&self) -> String {
        format!(
            "{} is private to this user",
            crate::base::text::path(self.dir.path())
        )
    }

    /// Deletes the directory unless it `is_kept`; returns its path.
    pub(super) fn end(self, is_kept: bool) -> PathBuf {
        let path = self.dir.path().to_owned();
        if is_kept {
            return self.dir.keep();
        }
        if let Err(error) = self.dir.close() {
            log::warn!("cannot delete {}: {error}", path.display());
        }
        path
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Sets a variable for all children that follow.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.into(), value.into()));
    }

    fn write(&self, file: &str, text: &str) -> Result<(), Fault> {
        let path = self.path("repo").join(file);
        if let Some(dir) = path.parent() {
            files::create_private_dir(dir)?;
        }
        Ok(files::replace(&path, text.as_bytes())?)
    }

    /// Gives the changing document this text.
    pub(super) fn change(&self, text: &str) -> Result<(), Fault> {
        self.write(CHANGING, text)
    }

    /// Fails if other users may open anything in the state directory.
    pub(super) fn state_is_private(&self) -> Result<(), Fault> {
        let mut pending = vec![self.path("state")];
        while let Some(path) = pending.pop() {
            self.private(&path)?;
            if path.is_dir() {
                for entry in std::fs::read_dir(&path)? {
                    pending.push(entry?.path());
                }
            }
        }
        Ok(())
    }

    /// Fails if other users may read or write `path`.
    #[cfg(unix)]
    fn private(&self, path: &Path) -> Result<(), Fault> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            let (path, dir) = (
                crate::base::text::path(path),
                crate::base::text::path(self.dir.path()),
            );
            let what = format!("other users can open {path} (mode {:o})", mode & 0o777);
            return Err(Fault(format!(
                "{what}: the file system of {dir} keeps no modes"
            )));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn private(&self, _: &Path) -> Result<(), Fault> {
        Ok(())
    }

    /// The program with `args`, in the repository and with the environment of this site only.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(self.path("repo"))
            .env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the program.
    pub(super) fn start(&self, args: &[&str]) -> Result<Running, Fault> {
        Running::of(self.command(args), args)
    }

    /// Starts the program with a pipe as its input.
    pub(super) fn start_with_input(&self, args: &[&str]) -> Result<Running, Fault> {
        let mut command = self.command(args);
        command.stdin(Stdio::piped());
        Running::of(command, args)
    }

    /// Runs the program to its end.
    pub(super) fn run(&self, args: &[&str]) -> Result<Ended, Fault> {
        self.start(args)?.end()
    }
}

impl Ended {
    /// The same, if it ended with one of these codes.
    pub(super) fn with(self, codes: &[i32]) -> Result<Self, Fault> {
        if self.status.code().is_some_and(|code| codes.contains(&code)) {
            return Ok(self);
        }
        Err(Fault(self.said()))
    }

    /// How it ended, and its first words.
    pub(super) fn said(&self) -> String {
        let error = serde_json::from_str::<Value>(&self.stdout)
            .ok()
            .map(|document| document["error"].clone());
        let words = error
            .as_ref()
            .map(|error| [error["message"].as_str(), error["hint"].as_str()]);
        let said = match words {
            Some([Some(message), hint]) => [message, hint.unwrap_or_default()].join("; "),
            _ => [&self.stderr, &self.stdout]
                .into_iter()
                .flat_map(|text| text.lines())
                .take(3)
                .collect::<Vec<_>>()
                .join("; "),
        };
        let said = crate::base::text::printable(&said);
        let short: String = said.chars().take(MOST_WORDS).collect();
        format!(
            "`sk-sync {}` ended with {}: {short}",
            self.words, self.status
        )
    }

    /// True if it ended with success.
    pub(super) fn is_success(&self) -> bool {
        self.status.success()
    }

    /// The document on its stdout.
    pub(super) fn json(&self) -> Result<Value, Fault> {
        serde_json::from_str(&self.stdout)
            .map_err(|e| Fault(format!("`sk-sync {}` printed no document: {e}", self.words)))
    }
}

/// A child, ended if it takes too long.
#[derive(Debug)]
pub(super) struct Running {
    child: Arc<Mutex<Child>>,
    words: String,
    /// Its stdout, line by line.
    pub(super) lines: mpsc::Receiver<String>,
    stderr: std::thread::JoinHandle<String>,
    input: Option<std::process::ChildStdin>,
    /// Closes when it has ended, so that the watch ends too.
    _watched: mpsc::Sender<()>,
}

impl Running {
    fn of(mut command: Command, args: &[&str]) -> Result<Self, Fault> {
        let mut child = command.spawn()?;
        let (input, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Arc::new(Mutex::new(child));
        let (line, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let read = stdout
                .into_iter()
                .flat_map(|out| std::io::BufRead::lines(std::io::BufReader::new(out)));
            // The rest is dropped once nothing reads it.
            read.map_while(Result::ok)
                .try_for_each(|text| line.send(text))
                .ok();
        });
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut stderr) = stderr {
                // A pipe that breaks ends it, as a child that ends.
                std::io::Read::read_to_end(&mut stderr, &mut text).ok();
            }
            String::from_utf8_lossy(&text).into_owned()
        });
        let (watched, watch) = mpsc::channel::<()>();
        let late = Arc::clone(&child);
        std::thread::spawn(move || {
            if watch.recv_timeout(LONGEST) == Err(mpsc::RecvTimeoutError::Timeout) {
                // It may have ended already.
                held(&late).kill().ok();
            }
        });
        Ok(Self {
            child,
            words: args.join(" "),
            lines,
            stderr,
            input,
            _watched: watched,
        })
    }

    /// Writes a line to its input; false once it has ended.
    pub(super) fn write(&mut self, line: &str) -> bool {
        self.input.as_mut().is_some_and(|input| {
            writeln!(input, "{line}")
                .and_then(|()| input.flush())
                .is_ok()
        })
    }

    /// True once it has ended.
    pub(super) fn is_over(&self) -> bool {
        !matches!(held(&self.child).try_wait(), Ok(None))
    }

    /// Ends it as SIGKILL does: it cannot prepare for that.
    pub(super) fn kill(&self) -> Result<(), Fault> {
        Ok(held(&self.child).kill()?)
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> Result<Ended, Fault> {
        self.input = None;
        let stdout: Vec<String> = self.lines.iter().collect();
        let stderr = self.stderr.join().unwrap_or_default();
        let status = held(&self.child).wait()?;
        Ok(Ended {
            status,
            words: self.words,
            stdout: stdout.join("\n"),
            stderr,
        })
    }
}
