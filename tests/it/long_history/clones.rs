//! Three clones of one repository, each on its own machine, each with a linked work tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::chance::Chance;
use crate::support::rights::with_mounts;
use crate::support::stores::places;
use crate::support::wire::{journal, open};
use crate::support::{Run, Sandbox};

/// The project of the fixture.
const PROJECT: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";
/// The mission that is edited in the linked work tree, and those of the main one: where two work
/// trees change one file, the newest is what counts.
const OF_SIDE: &str = "002-tide-gauge-survey";
const OF_MAIN: [&str; 2] = ["001-harbour-tide-table", "storm-surge-alerts-01KQX7M2"];
/// Files that are edited.
const FILES: [&str; 5] = [
    "spec.md",
    "plan.md",
    "research/a.md",
    "research/b.md",
    "tasks/WP09-more.md",
];

/// One of the two work trees of a clone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Main,
    Side,
}

/// A clone on its own machine.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) sandbox: Sandbox,
    side: PathBuf,
}

/// What a ledger calls delivered to a target: ids of events, digests of documents.
pub(super) struct Delivered {
    pub(super) events: BTreeSet<String>,
    pub(super) documents: BTreeSet<String>,
}

/// A repository and two clones of it.
pub(super) fn three() -> Vec<Machine> {
    let first = Sandbox::with_repo();
    let source = first.repo();
    // A default branch, as the clones have it: without one, missions that name no branch belong to
    // the current one.
    first.git(&[
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
    ]);
    let others = (0..2).map(|_| {
        let other = Sandbox::new();
        other.git(&["clone", "--quiet", source.to_str().unwrap(), "."]);
        other
    });
    let all: Vec<_> = others.collect();
    [first].into_iter().chain(all).map(Machine::of).collect()
}

/// An event that a receiver accepts, with its id.
pub(super) fn event(n: usize) -> (String, String) {
    let id = format!("01JMBY7K8N3QRVX2DP{n:08}");
    let event = json!({
        "event_id": id, "event_type": "WPStatusChanged", "aggregate_id": format!("WP{:02}", n % 7),
        "aggregate_type": "WorkPackage", "schema_version": "3.0.0", "build_id": "b", "node_id": "b805cd5cee74",
        "lamport_clock": n, "causation_id": null, "correlation_id": id, "timestamp": "2026-02-12T10:00:00+00:00",
        "team_slug": "harbour", "project_uuid": PROJECT,
        "payload": {"wp_id": "WP01", "mission_slug": "m", "from_lane": "planned", "to_lane": "claimed",
                    "actor": "a", "execution_mode": "worktree"}
    });
    (id, event.to_string())
}

/// True if an event is kept as it was captured, but for a team that is filled in when it is sent.
pub(super) fn is_sent_as(captured: &[u8], kept: &[u8]) -> bool {
    let [mut captured_value, kept_value] =
        [captured, kept].map(|bytes| serde_json::from_slice::<Value>(bytes).unwrap());
    if captured_value["team_slug"].is_null() {
        captured_value["team_slug"] = "harbour".into();
        return captured_value == kept_value;
    }
    captured == kept
}

/// The digests of all texts of a receiver's file.
pub(super) fn texts(file: &Path) -> BTreeSet<String> {
    let conn = open(file);
    let mut statement = conn
        .prepare("SELECT lower(hex(content_sha256)) FROM serve_bodies")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

impl Machine {
    fn of(mut sandbox: Sandbox) -> Self {
        for (name, value) in [
            ("SK_SYNC_HOOK__DRAIN", "none"),
            ("SK_SYNC_DRAIN__MAX_EVENTS", "8"),
            ("SK_SYNC_DRAIN__MAX_TIME", "2s"),
            ("SK_SYNC_BODIES__PARALLEL", "2"),
        ] {
            sandbox.set(name, value);
        }
        let side = sandbox.path("side");
        sandbox.git(&[
            "worktree",
            "add",
            "--quiet",
            "-b",
            "side",
            side.to_str().unwrap(),
        ]);
        let clone = Self { sandbox, side };
        // Both work trees say what they have while it is the same.
        for place in [Place::Main, Place::Side] {
            let _told = clone.run(place, &["index"]).success();
        }
        clone
    }

    fn root(&self, place: Place) -> PathBuf {
        match place {
            Place::Main => self.sandbox.repo(),
            Place::Side => self.side.clone(),
        }
    }

    pub(super) fn command(&self, place: Place, words: &[&str]) -> Command {
        let mut command = self.sandbox.command(["--repo"]);
        command.arg(self.root(place)).args(words);
        command
    }

    pub(super) fn run(&self, place: Place, words: &[&str]) -> Run {
        let root = self.root(place);
        self.sandbox
            .sk_sync(["--repo", root.to_str().unwrap()].iter().chain(words))
    }

    pub(super) fn has_store(&self) -> bool {
        places(&self.sandbox.state())
            .iter()
            .any(|place| place.join("store.db").is_file())
    }

    /// Writes one of few texts into a file, or removes it; returns what was done.
    pub(super) fn edit(&self, place: Place, chance: &mut Chance) -> String {
        let mission = if place == Place::Side {
            OF_SIDE
        } else {
            OF_MAIN[chance.place(2)]
        };
        let name = FILES[chance.place(FILES.len())];
        let path = self
            .root(place)
            .join("kitty-specs")
            .join(mission)
            .join(name);
        // A text may return, and the same text may be in several files.
        let text = format!("# Text {}\n", chance.below(40)).repeat(1 + chance.place(60));
        if name.contains('/') && chance.below(5) == 0 {
            let _absent = std::fs::remove_file(&path);
            return format!("{mission}/{name} is removed");
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
        format!("{mission}/{name}: {} bytes", text.len())
    }

    /// Adds a line to a mission log.
    pub(super) fn write_log(&self, n: usize) {
        let file = format!("kitty-specs/{}/status.events.jsonl", OF_MAIN[1]);
        let line = json!({"actor": "a", "at": "2026-02-23T18:10:00.410438+00:00", "event_id": format!("01KJ5V38JT00JPNCGN{n:08}"),
            "evidence": null, "execution_mode": "direct_repo", "force": true, "from_lane": "planned",
            "mission_slug": OF_MAIN[1], "policy_metadata": null, "reason": "r", "review_ref": null, "to_lane": "done",
            "wp_id": "WP01"});
        self.sandbox
            .write(&file, self.sandbox.read(&file) + &format!("{line}\n"));
    }

    fn git(&self, place: Place, words: &[&str]) -> bool {
        let root = self.root(place);
        let words: Vec<&str> = ["git", "-C", root.to_str().unwrap()]
            .into_iter()
            .chain(words.iter().copied())
            .collect();
        let line = words
            .iter()
            .map(|word| format!("'{word}'"))
            .collect::<Vec<_>>()
            .join(" ");
        let status = self.sandbox.path("git-status");
        self.sandbox.shell(&format!(
            "{line} >'{0}.out' 2>&1; echo $? >'{0}'",
            status.display()
        ));
        std::fs::read_to_string(status).unwrap().trim() == "0"
    }

    /// Commits everything, and runs the hook of that as git would.
    pub(super) fn commit(&self, place: Place) -> Run {
        assert!(
            self.git(place, &["add", "--all"])
                && self.git(
                    place,
                    &["commit", "--quiet", "--allow-empty", "--message=x"]
                )
        );
        self.run(place, &["hook", "run", "post-commit"])
    }

    /// The id of the target at this URL; `None` before its first use.
    pub(super) fn target_at(&self, url: &str) -> Option<String> {
        let sql = "SELECT target_id FROM delivery_targets WHERE rtrim(canonical_url, '/') = ?1";
        open(&self.sandbox.store())
            .query_row(sql, [url], |row| row.get(0))
            .ok()
    }

    /// Takes over what another clone committed; false if that is not possible.
    pub(super) fn merge(&self, from: &Path) -> bool {
        let _hook = self.commit(Place::Main);
        let is_merged = self.git(
            Place::Main,
            &[
                "pull",
                "--quiet",
                "--no-rebase",
                "--no-edit",
                "--strategy-option=ours",
                from.to_str().unwrap(),
                "main",
            ],
        );
        if !is_merged {
            assert!(self.git(Place::Main, &["reset", "--quiet", "--hard"]));
        }
        is_merged
    }

    /// A run with so many KiB left for the state directory; `None`, with a notice, if that cannot
    /// be tried here.
    pub(super) fn with_little_space(&self, spare: usize) -> Option<Run> {
        let script = format!(
            "mkdir -p ../whole && mount --bind \"$SK_SYNC_HOME\" ../whole || exit 90
             size=$(du -sk ../whole | cut -f1)
             mount -t tmpfs -o mode=700,size=$((size + {spare}))k tmpfs \"$SK_SYNC_HOME\" || exit 90
             cp -a ../whole/. \"$SK_SYNC_HOME/\" 2>/dev/null || exit 0
             \"$SK\" run --json
             code=$?
             find ../whole -mindepth 1 -delete && cp -a \"$SK_SYNC_HOME/.\" ../whole/ || exit 91
             exit $code"
        );
        let run = with_mounts(&self.sandbox, &script)?;
        assert_ne!(
            run.code,
            Some(91),
            "the state could not be copied back: {run:?}"
        );
        Some(run)
    }

    /// The events of the journal that were not superseded.
    pub(super) fn journal(&self) -> BTreeMap<String, Vec<u8>> {
        journal(&self.sandbox.store())
    }

    /// Every document on disk, each in the work tree where it is edited: mission, path and text.
    pub(super) fn documents(&self) -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        for place in [Place::Main, Place::Side] {
            let listed = self
                .run(place, &["index", "--dry-run", "--json"])
                .success()
                .json();
            let queued = listed["artifacts"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|artifact| artifact["decision"] == "queued");
            let words = |value: &Value| value.as_str().unwrap().to_owned();
            let names =
                queued.map(|artifact| (words(&artifact["mission_slug"]), words(&artifact["path"])));
            for (mission, path) in
                names.filter(|(mission, _)| (mission == OF_SIDE) == (place == Place::Side))
            {
                let text = std::fs::read_to_string(
                    self.root(place)
                        .join("kitty-specs")
                        .join(&mission)
                        .join(&path),
                )
                .unwrap();
                all.push((mission, path, text));
            }
        }
        assert!(all.len() > 5, "{all:?}");
        all
    }

    /// What the ledger calls delivered to the target at this URL.
    pub(super) fn delivered(&self, url: &str) -> Delivered {
        let mut delivered = Delivered {
            events: BTreeSet::new(),
            documents: BTreeSet::new(),
        };
        if !self.has_store() {
            return delivered;
        }
        let conn = open(&self.sandbox.store());
        let sql = "SELECT e.kind, e.event_id, p.envelope FROM delivery_rows AS d
                   JOIN delivery_targets AS t ON t.id = d.target JOIN journal_events AS e ON e.seq = d.seq
                   JOIN journal_payloads AS p ON p.seq = e.seq
                   WHERE rtrim(t.canonical_url, '/') = ?1 AND d.status IN ('success', 'duplicate')";
        let mut statement = conn.prepare(sql).unwrap();
        let mut rows = statement.query([url]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            if row.get::<_, i64>(0).unwrap() == 0 {
                delivered.events.insert(row.get(1).unwrap());
            } else {
                let document: Value =
                    serde_json::from_slice(&row.get::<_, Vec<u8>>(2).unwrap()).unwrap();
                delivered
                    .documents
                    .insert(document["content_hash"].as_str().unwrap().to_lowercase());
            }
        }
        delivered
    }
}
