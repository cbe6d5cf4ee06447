//! `hook run` with a real git: what each operation captures, and that git does not wait for the
//! background drain.

mod operations;
mod projects;
mod quiet;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::programs::{newer_git, prefer};
use crate::support::server::Server;
use crate::support::stores::places;
use crate::support::wire::{honest, journal, open};
use crate::support::{Sandbox, pause};

/// How long a background process may take before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(30);

/// A gate that holds every answer of the receiver until the test opens it.
type Gate = Arc<(Mutex<bool>, Condvar)>;

/// The fixture repository with installed hooks, and a receiver that answers only when the test lets
/// it.
struct Hooked {
    sandbox: Sandbox,
    server: Server,
    gate: Gate,
    /// Requests that reached the receiver.
    asked: Arc<AtomicUsize>,
    known: BTreeSet<String>,
}

/// How an operation of git ended.
struct Ended {
    code: Option<i32>,
    said: String,
}

impl Hooked {
    /// Prepares the repository without hooks, captures its content, and installs hooks.
    fn new(git: Option<&Path>, prepare: impl FnOnce(&Sandbox)) -> Self {
        let gate = Gate::default();
        let (held, asked) = (Arc::clone(&gate), Arc::<AtomicUsize>::default());
        let seen = Arc::clone(&asked);
        let server = Server::answering(move |request| {
            seen.fetch_add(1, Ordering::SeqCst);
            let (open, changed) = &*held;
            let waited = changed
                .wait_timeout_while(open.lock().unwrap(), PATIENCE, |open| !*open)
                .unwrap();
            assert!(*waited.0, "the test never let the receiver answer");
            honest(request, "success")
        });
        let mut sandbox = Sandbox::with_repo();
        let program: &Path = assert_cmd::cargo::cargo_bin!("sk-sync");
        prefer(
            &mut sandbox,
            &std::iter::once(program).chain(git).collect::<Vec<_>>(),
        );
        sandbox.target(&server.url());
        sandbox.set("GIT_ALLOW_PROTOCOL", "file");
        // A machine that runs many tests at once is slow at times.
        sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
        // A mission that names no target branch is named after the one that is checked out, and so
        // is new on each.
        let meta = "kitty-specs/001-harbour-tide-table/meta.json";
        sandbox.write(
            meta,
            sandbox
                .read(meta)
                .replacen('{', "{\"target_branch\": \"main\",", 1),
        );
        sandbox.git(&["commit", "--quiet", "--all", "--message=target"]);
        prepare(&sandbox);
        assert_eq!(
            sandbox.sk_sync(["index", "--json"]).success().json()["exit_code"],
            0
        );
        let mut hooked = Self {
            sandbox,
            server,
            gate,
            asked,
            known: BTreeSet::new(),
        };
        hooked.captured();
        hooked.install(".");
        hooked
    }

    fn install(&self, repo: &str) {
        let done = self
            .sandbox
            .sk_sync(["--repo", repo, "hook", "install", "--json"])
            .success()
            .json();
        assert!(
            done["hooks"]
                .as_array()
                .unwrap()
                .iter()
                .all(|hook| hook["state"] != "absent"),
            "{done}"
        );
    }

    /// Runs git in `dir` as `git … 2>&1 | cat`, and returns when `cat` has read the last of it.
    fn git_in(&self, dir: &str, args: &[&str], vars: &[(&str, &str)]) -> Ended {
        let mut command = self.sandbox.command(["--version"]);
        let surroundings: Vec<_> = command
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.map(Into::<std::ffi::OsString>::into)))
            .collect();
        command = Command::new("bash");
        command.env_clear();
        for (name, value) in surroundings {
            command.env(name, value.unwrap_or_default());
        }
        command
            .envs(vars.iter().copied())
            .current_dir(self.sandbox.repo().join(dir));
        command
            .args(["-c", "set -o pipefail; \"$@\" 2>&1 | cat", "bash", "git"])
            .args(args)
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        Ended {
            code: output.status.code(),
            said: String::from_utf8_lossy(&output.stdout).into_owned(),
        }
    }

    /// The same at the root, having ended with `code`.
    fn git(&self, args: &[&str], code: i32) -> String {
        let ended = self.git_in(".", args, &[]);
        assert_eq!(ended.code, Some(code), "git {args:?}: {}", ended.said);
        ended.said
    }

    /// The artifacts with a new event since the last look, as `mission/path`, sorted.
    fn captured(&mut self) -> Vec<String> {
        let mut paths = Vec::new();
        for (id, envelope) in self
            .places()
            .iter()
            .flat_map(|place| journal(&place.join("store.db")))
        {
            let event: Value = serde_json::from_slice(&envelope).unwrap();
            if self.known.insert(id) && event["event_type"] == "MissionDossierArtifactIndexed" {
                let payload = &event["payload"];
                let mission = payload["namespace"]["mission_slug"].as_str().unwrap();
                paths.push(format!("{mission}/{}", path_of(payload)));
            }
        }
        paths.sort();
        paths
    }

    /// The directory of each repository that captured something.
    fn places(&self) -> Vec<PathBuf> {
        places(&self.sandbox.state())
            .into_iter()
            .filter(|place| place.join("store.db").is_file())
            .collect()
    }

    fn log(&self) -> String {
        let read =
            |place: &PathBuf| std::fs::read_to_string(place.join("hook.log")).unwrap_or_default();
        self.places().iter().map(read).collect()
    }

    fn drains(&self) -> usize {
        self.log().matches("] drain: ").count()
    }

    /// How many events the receiver has acknowledged, as the ledger knows.
    fn delivered(&self) -> u64 {
        let count = |place: &PathBuf| -> i64 {
            let sql = "SELECT COUNT(*) FROM delivery_rows WHERE status IN ('success', 'duplicate')";
            open(&place.join("store.db"))
                .query_row(sql, [], |r| r.get(0))
                .unwrap()
        };
        self.places().iter().map(count).sum::<i64>().unsigned_abs()
    }

    /// Waits until this holds.
    fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < PATIENCE, "{what}:\n{}", self.log());
            pause(Duration::from_millis(5));
        }
    }

    /// Lets the receiver answer, and waits until as many drains have ended as were left behind.
    fn let_go(&self, drains: usize) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
        self.wait_until(&format!("{drains} drains should have ended"), |hooked| {
            hooked.drains() >= drains
        });
    }
}

fn path_of(payload: &Value) -> &str {
    payload["artifact_id"]["path"]
        .as_str()
        .unwrap_or_else(|| panic!("{payload}"))
}

/// Each way of being called that this machine can try: hook files, and the configuration of a newer
/// git.
fn ways() -> Vec<Option<PathBuf>> {
    let newer = newer_git();
    std::iter::once(None).chain(newer.map(Some)).collect()
}
