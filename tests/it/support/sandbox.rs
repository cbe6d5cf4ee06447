//! An isolated environment for the program: its own home and state, no settings of git.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::server::Server;
use super::stores::{places, prove};
use super::{Run, Served};

/// How long a command may take before it counts as hanging and is killed.
const HANGS: Duration = Duration::from_mins(1);

/// A temporary home with a repository in it. When it is dropped, every store in it must be whole.
#[derive(Debug)]
pub(crate) struct Sandbox {
    dir: tempfile::TempDir,
    vars: Vec<(String, String)>,
    /// The test damaged a store on purpose.
    is_spoilt: AtomicBool,
}

impl Sandbox {
    /// An empty home and an empty directory `repo`, where commands run.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["home", "state", "kitty", "repo"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self {
            dir,
            vars: Vec::new(),
            is_spoilt: AtomicBool::default(),
        }
    }

    /// A sandbox whose `repo` is the fixture repository, committed once on `main`.
    pub(crate) fn with_repo() -> Self {
        let sandbox = Self::new();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/repo");
        super::copy(&fixture, &sandbox.repo());
        sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
        sandbox.git(&["add", "--all"]);
        sandbox.git(&["commit", "--quiet", "--allow-empty", "--message=first"]);
        sandbox
    }

    /// A sandbox whose `repo` is an empty repository: no mission, no identity.
    pub(crate) fn with_empty_repo() -> Self {
        let sandbox = Self::new();
        sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
        sandbox.git(&["commit", "--quiet", "--allow-empty", "--message=first"]);
        sandbox
    }

    /// The same as `with_repo`, with this server as the target.
    pub(crate) fn aimed_at(server: &Server) -> Self {
        let mut sandbox = Self::with_repo();
        sandbox.target(&server.url());
        sandbox
    }

    /// Sets a variable for all commands that follow.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.vars.push((name.to_owned(), value.to_owned()));
    }

    /// A path in the sandbox.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The work tree's root.
    pub(crate) fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// How many processes of the sandbox there are, by the state directory in their environment;
    /// none are seen where the system does not show it.
    pub(crate) fn processes(&self) -> usize {
        let state = format!("SK_SYNC_HOME={}", self.state().display());
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let environments =
            processes.filter_map(|process| std::fs::read(process.path().join("environ")).ok());
        environments
            .filter(|vars| vars.split(|b| *b == 0).any(|var| var == state.as_bytes()))
            .count()
    }

    /// The project's store file.
    pub(crate) fn store(&self) -> PathBuf {
        self.place().join("store.db")
    }

    /// The directory of the one project in the state directory, in the one repository that has it.
    pub(crate) fn place(&self) -> PathBuf {
        let places = places(&self.state());
        assert_eq!(places.len(), 1, "{places:?}");
        places.into_iter().next().unwrap()
    }

    /// The directory of this project, in the one repository that has it; a path of nothing while
    /// none has.
    pub(crate) fn place_of(&self, project_uuid: &str) -> PathBuf {
        let mut of_project = places(&self.state());
        of_project.retain(|place| place.parent().unwrap().file_name().unwrap() == project_uuid);
        assert!(of_project.len() <= 1, "{of_project:?}");
        of_project.pop().unwrap_or_else(|| {
            self.state()
                .join("projects")
                .join(project_uuid)
                .join("none")
        })
    }

    /// Where the project's files are, or will be: the repository is given its id where it has none
    /// yet.
    pub(crate) fn place_ahead(&self, project_uuid: &str) -> PathBuf {
        let file = ".git/sk-sync/id";
        if !self.repo().join(file).exists() {
            self.write(file, "1".repeat(32));
        }
        self.state()
            .join("projects")
            .join(project_uuid)
            .join(self.read(file).trim_end())
    }

    /// Proves the store from its rows: hashes, chain, counters, books.
    pub(crate) fn verified(&self) {
        let proof = self.sk_sync(["verify", "--json"]).success().json();
        assert_eq!(proof["findings"], serde_json::json!([]), "{proof}");
    }

    /// Marks a store as damaged on purpose: it is not verified at the end.
    pub(crate) fn spoilt(&self) {
        self.is_spoilt.store(true, Ordering::SeqCst);
    }

    /// Every project's store, with the project's id.
    fn stores(&self) -> Vec<(String, PathBuf)> {
        let uuid = |place: &Path| {
            place
                .parent()
                .unwrap()
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        let stores = places(&self.state())
            .into_iter()
            .map(|place| (uuid(&place), place.join("store.db")));
        stores.filter(|(_, store)| store.is_file()).collect()
    }

    /// Sets a variable to another value.
    pub(crate) fn change(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.set(name, value);
    }

    /// Takes a variable back.
    pub(crate) fn unset(&mut self, name: &str) {
        self.vars.retain(|(known, _)| known != name);
    }

    /// Points every command at a served receiver, as a Teamspace.
    pub(crate) fn target(&mut self, url: &str) {
        for (name, value) in [
            ("SK_SYNC_PRESET", "teamspace"),
            ("SK_SYNC_TARGET_URL", url),
            ("SK_SYNC_TOKEN", "correct-horse"),
            ("SK_SYNC_TEAMSPACE__TEAM_SLUG", "harbour"),
        ] {
            self.change(name, value);
        }
    }

    /// Every file below the sandbox's home directories with its size: to see that nothing appears.
    pub(crate) fn listing(&self) -> Vec<(PathBuf, u64)> {
        let mut pending = vec![self.dir.path().to_owned()];
        let mut found = Vec::new();
        while let Some(dir) = pending.pop() {
            for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
                let meta = entry.metadata().unwrap();
                found.push((entry.path(), if meta.is_dir() { 0 } else { meta.len() }));
                if meta.is_dir() {
                    pending.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }

    /// Writes a file of the work tree, with its directories.
    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.repo().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Sets the user's own file to this text, and the repository's to nothing. The limits of a
    /// repository's file have separate tests.
    pub(crate) fn own(&self, text: impl AsRef<[u8]>) {
        let dir = self.path("home/config/sk-sync");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("config.toml"), text).unwrap();
        self.write("event-sync.toml", "");
    }

    /// Allows the repository's file in its present version.
    pub(crate) fn agree(&self) {
        let _agreed = self.sk_sync(["allow", "local"]).success();
    }

    /// Reads a file of the work tree.
    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.repo().join(file)).unwrap()
    }

    /// Runs git in the work tree and returns its output.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let mut git = Command::new("git");
        self.surround(&mut git);
        let output = git.args(args).output().unwrap();
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// Runs a line of the shell in the work tree, as the environment of the sandbox has it.
    pub(crate) fn shell(&self, line: &str) {
        let mut shell = Command::new("/bin/sh");
        self.surround(&mut shell);
        let output = shell.args(["-c", line]).output().unwrap();
        assert!(
            output.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Runs the program in the work tree.
    pub(crate) fn sk_sync(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        self.sk_sync_with(args, "")
    }

    /// The document of `status --json`, which must succeed.
    pub(crate) fn status(&self) -> serde_json::Value {
        self.sk_sync(["status", "--json"]).success().json()
    }

    /// Runs the program in the work tree with this standard input.
    pub(crate) fn sk_sync_with(
        &self,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        stdin: impl AsRef<[u8]> + Send,
    ) -> Run {
        let mut command = self.command(args);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let pid = child.id().to_string();
        let (over, watched) = mpsc::channel::<()>();
        let output = std::thread::scope(|scope| {
            // A program that does not read its input closes the pipe: no concern of the test.
            scope.spawn(move || drop(input.write_all(stdin.as_ref())));
            scope.spawn(move || {
                if watched.recv_timeout(HANGS) == Err(mpsc::RecvTimeoutError::Timeout) {
                    drop(Command::new("kill").args(["-9", &pid]).status());
                }
            });
            let output = child.wait_with_output().unwrap();
            drop(over);
            output
        });
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The program, not started yet: for tests that need its streams or its process.
    pub(crate) fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sk-sync"));
        self.surround(&mut command);
        command.args(args);
        command
    }

    /// Starts `sk-sync serve` with these further arguments and waits until it listens.
    pub(crate) fn serve(&self, args: &[&str]) -> Served {
        Served::start(
            self.command(["serve"].iter().chain(args)),
            &self.path("port"),
        )
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test decides what of its own environment the program sees"
    )]
    /// A clean environment: only `PATH` of the machine (and variables that Windows needs to start a
    /// process).
    fn surround(&self, command: &mut Command) {
        command.env_clear().current_dir(self.repo());
        for (name, value) in std::env::vars_os() {
            if ["PATH", "SYSTEMROOT", "TEMP", "TMP", "LLVM_PROFILE_FILE"]
                .iter()
                .any(|kept| name == **kept)
            {
                command.env(name, value);
            }
        }
        for (name, dir) in [
            ("HOME", "home"),
            ("USERPROFILE", "home"),
            ("XDG_STATE_HOME", "home/state"),
            ("XDG_CONFIG_HOME", "home/config"),
            ("SK_SYNC_HOME", "state"),
            ("SPEC_KITTY_HOME", "kitty"),
        ] {
            command.env(name, self.path(dir));
        }
        let who = [
            "GIT_AUTHOR_NAME",
            "GIT_AUTHOR_EMAIL",
            "GIT_COMMITTER_NAME",
            "GIT_COMMITTER_EMAIL",
        ];
        command.envs(who.map(|name| (name, "tester@example.org")));
        let when = ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"];
        command.envs(when.map(|name| (name, "2026-01-02T03:04:05Z")));
        // A file that is not there, and not /dev/null: as root, `git config --global` would replace
        // the device.
        command.env("GIT_CONFIG_GLOBAL", self.path("home/no-gitconfig"));
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0");
        command.envs(self.vars.iter().map(|(name, value)| (name, value)));
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !self.is_spoilt.load(Ordering::SeqCst) && !std::thread::panicking() {
            self.stores()
                .iter()
                .for_each(|(project_uuid, store)| prove(project_uuid, store));
        }
    }
}
