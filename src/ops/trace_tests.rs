//! The statements that capture runs, at any depth of the journal: none counts rows, and none scans
//! a table.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

use super::{News, Setup, StreamRequest, Workspace, World, capture_stream};
use crate::base::clock::FixedClock;
use crate::base::ids::SystemIds;
use crate::base::{Env, Interrupt, Timestamp, env};
use crate::endpoint::{Identity, ReceiverKind};
use crate::event::WireForm;
use crate::journal::{self, Entry};
use crate::store::{ReadTx, Store, traced};
use crate::{books, delivery};

const DEPTH: u64 = 100_000;
const NOW: Timestamp = Timestamp::from_micros(1_770_000_000_000_000);
const PROJECT: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";

/// A project with `DEPTH` events in its journal, and a target that has none of them.
struct Deep {
    _dir: tempfile::TempDir,
    env: Env,
    ids: SystemIds,
    interrupt: Interrupt,
    workspace: Workspace,
}

fn world<'a>(env: &'a Env, ids: &'a SystemIds, interrupt: &'a Interrupt) -> World<'a> {
    World {
        env,
        clock: &FixedClock(NOW),
        ids,
        random: fastrand::f64,
        interrupt,
    }
}

impl Deep {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().join("repo");
        std::fs::create_dir_all(repo.join(".kittify")).unwrap();
        std::fs::write(
            repo.join(".kittify/config.yaml"),
            format!("project:\n  uuid: {PROJECT}\n"),
        )
        .unwrap();
        let own = dir.path().join("home/.config/sk-sync");
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("config.toml"), config).unwrap();
        let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        let env = Env::of(&[
            (env::STATE_HOME, &path("state")),
            (env::HOME, &path("home")),
        ]);
        let setup = Setup {
            cwd: &repo,
            start: &repo,
            config_file: None,
            flags: &[],
            settings: None,
            allows_file: false,
        };
        let (ids, interrupt) = (SystemIds::default(), Interrupt::default());
        let workspace = Workspace::open(&world(&env, &ids, &interrupt), &setup).unwrap();
        fill(&mut books::open(&workspace.place.store()).unwrap());
        Self {
            _dir: dir,
            env,
            ids,
            interrupt,
            workspace,
        }
    }

    fn store(&self) -> std::path::PathBuf {
        self.workspace.place.store()
    }

    /// Captures lines one at a time; returns their results, and the statements that ran.
    fn capture(&self, lines: &[String], capacity: Option<u64>) -> (Vec<&'static str>, Vec<String>) {
        let request = StreamRequest {
            strict_envelope: false,
            capacity,
            batch: 1,
        };
        let input = Box::new(Cursor::new(lines.join("\n")));
        let mut results = Vec::new();
        let world = world(&self.env, &self.ids, &self.interrupt);
        let (end, heard) = traced(|| {
            let mut on_news = |news: News<'_>| match news {
                News::Lines(lines) => results.extend(lines.iter().map(|line| line.result)),
                news => panic!("{news:?}"),
            };
            capture_stream(&world, &self.workspace, &request, input, &mut on_news)
        });
        end.unwrap();
        (results, heard)
    }
}

fn fill(store: &mut Store) {
    let identity = Identity {
        target_id: "tgt_a".to_owned(),
        receiver: ReceiverKind::Stub,
        canonical_url: "a".to_owned(),
        team_slug: String::new(),
        user_email: String::new(),
    };
    let filled: Result<_, books::Error> = store.write(|tx| {
        delivery::register_for_tests(tx, &identity, NOW)?;
        books::append(tx, NOW, |appending| {
            for n in 0..DEPTH {
                let id = format!("deep-{n}");
                let entry = Entry {
                    event_id: &id,
                    event_type: "T",
                    occurred_at: None,
                    envelope: id.as_bytes(),
                    wire: WireForm::AsIs,
                    coalesce: None,
                    held: None,
                    origin: "capture",
                };
                appending.append(&entry)?;
            }
            Ok::<_, books::Error>(())
        })
    });
    filled.unwrap();
}

fn plain(id: &str, said: &str) -> String {
    format!(r#"{{"event_id":"{id}","event_type":"WPStatusChanged","payload":{{"said":"{said}"}}}}"#)
}

fn keyed(id: &str, said: &str) -> String {
    format!(
        r#"{{"event_id":"{id}","event_type":"MissionDossierArtifactIndexed","payload":{{"artifact_id":{{"path":"a"}},"namespace":{{"mission_slug":"m"}},"said":"{said}"}}}}"#
    )
}

/// Findings about the statements, on the store they ran in: those that count, and those that scan a
/// table, except tables in `small`.
fn costly(store: &Path, heard: &[String], small: &[&str]) -> Vec<String> {
    let words = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
    let statements: BTreeSet<&String> = heard
        .iter()
        .filter(|sql| words.iter().any(|word| sql.trim_start().starts_with(word)))
        .collect();
    let plans = |tx: &ReadTx<'_>| {
        let mut found = Vec::new();
        for sql in statements {
            let mut plan = tx.conn().prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let steps: Vec<String> = plan
                .raw_query()
                .mapped(|r| r.get(3))
                .collect::<Result<_, _>>()?;
            let scans = |step: &&String| {
                step.contains("SCAN")
                    && !small
                        .iter()
                        .any(|table| step.starts_with(&format!("SCAN {table}")))
            };
            found.extend(
                steps
                    .iter()
                    .find(scans)
                    .map(|step| format!("{step}: {sql}")),
            );
            if sql.contains("COUNT(") {
                found.push(format!("it counts: {sql}"));
            }
        }
        Ok::<_, books::Error>(found)
    };
    books::open(store).unwrap().read(plans).unwrap()
}

/// The statement that reads the counters of a scope.
const LOAD: &str = "SELECT name, value FROM store_counters";

/// Number of statements that contain these words.
fn times(heard: &[String], words: &str) -> usize {
    heard.iter().filter(|sql| sql.contains(words)).count()
}

#[test]
fn capture_asks_the_same_at_any_depth() {
    let deep = Deep::new("preset = 'stub'");
    let lines = [
        plain("a", "x"),
        plain("a", "x"),
        plain("A", "y"),
        keyed("k1", "x"),
        keyed("k2", "x"),
        keyed("k3", "y"),
        plain("deep-7", "z"),
    ];
    let (results, heard) = deep.capture(&lines, None);
    assert_eq!(
        results,
        [
            "captured",
            "unchanged",
            "conflict",
            "captured",
            "unchanged",
            "captured",
            "conflict"
        ]
    );
    for words in [
        "INSERT INTO journal_events",
        "SET superseded_by",
        "INSERT INTO journal_conflicts",
        "INTO store_counters",
    ] {
        assert!(times(&heard, words) > 0, "{words} was not heard");
    }
    assert_eq!(costly(&deep.store(), &heard, &[]), [""; 0]);
    let (results, heard) = deep.capture(&[plain("b", "x"), keyed("k4", "z")], Some(DEPTH + 2));
    assert_eq!(
        results,
        ["refused", "captured"],
        "what replaces an event makes none more"
    );
    // The counters are compared for each line and read once.
    assert_eq!(
        (times(&heard, "PRAGMA data_version"), times(&heard, LOAD)),
        (2, 1)
    );
    assert_eq!(costly(&deep.store(), &heard, &[]), [""; 0]);
    let found = books::open(&deep.store())
        .unwrap()
        .read(books::check)
        .unwrap();
    assert_eq!(found, []);
}

#[test]
fn size_asks_the_same_at_any_depth() {
    let deep = Deep::new("preset = 'stub'");
    let live = i64::try_from(DEPTH).unwrap();
    let (sizes, heard) = traced(|| {
        let store = books::open(&deep.store()).unwrap();
        let twice = [
            store.read(journal::size).unwrap(),
            store.read(journal::size).unwrap(),
        ];
        let cold = books::open_read(&deep.store()).unwrap().unwrap();
        (twice, cold.read(journal::size).unwrap())
    });
    assert_eq!(sizes, ([live, live], live));
    assert_eq!(costly(&deep.store(), &heard, &[]), [""; 0]);
    assert_eq!(times(&heard, LOAD), 2, "once for each handle");
    let (on_disk, counting) = traced(|| {
        books::open(&deep.store())
            .unwrap()
            .read(journal::size_from_disk)
            .unwrap()
    });
    assert_eq!(on_disk, live);
    assert!(
        !costly(&deep.store(), &counting, &[]).is_empty(),
        "a count is found"
    );
}

/// The number of targets does not depend on the depth.
#[test]
fn eviction_asks_the_same_at_any_depth() {
    let deep = Deep::new(&format!(
        "preset = 'stub'\nretention = 'off'\njournal.capacity = {DEPTH}"
    ));
    let (results, heard) = deep.capture(&[plain("a", "x"), plain("b", "x")], None);
    assert_eq!(results, ["captured", "captured"]);
    assert!(times(&heard, "UPDATE journal_events SET discarded") > 0);
    assert_eq!(
        costly(&deep.store(), &heard, &["delivery_targets"]),
        [""; 0]
    );
    assert_eq!(
        books::open(&deep.store())
            .unwrap()
            .read(journal::size)
            .unwrap(),
        i64::try_from(DEPTH).unwrap()
    );
}
