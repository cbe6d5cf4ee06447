//! Tests of the whole index over small trees.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::*;
use crate::base::Interrupt;
use crate::config::{Artifacts, EventSyncConfig};
use crate::dossier::mission::Completeness;
use crate::dossier::{Edition, Project, Sources};

static NOTHING: Cache = Cache {
    missions: std::collections::BTreeMap::new(),
};

struct Tree {
    _temp: tempfile::TempDir,
    root: PathBuf,
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().canonicalize().unwrap();
    for (path, content) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    Tree { _temp: temp, root }
}

/// The layout `kitty` at this root.
fn below(root: &str) -> &'static Sources {
    let artifacts = Artifacts {
        root: root.to_owned(),
        ..EventSyncConfig::default().artifacts
    };
    Box::leak(Box::new(Sources::of(&artifacts, &|_| false).unwrap()))
}

fn with<'a>(root: &'a Path, interrupt: &'a Interrupt) -> Request<'a> {
    Request {
        project: Project {
            root,
            is_repository: true,
            sources: below("specs"),
            git_ignored: None,
            interrupt,
        },
        meta_root: root,
        missions: None,
        edition: Edition::Seed,
        step: None,
        parity: ParityForm::Path,
        baseline_owner: None,
        begun: Timestamp::from_micros(0),
        known: &NOTHING,
        default_branch: &|| "trunk".to_owned(),
        progress: &|_| {},
    }
}

fn run(root: &Path) -> Index {
    index(&with(root, &Interrupt::default())).unwrap()
}

#[test]
fn missions_and_artifacts_come_in_byte_order() {
    let tree = tree(&[
        (
            "specs/b/meta.json",
            r#"{"mission": "research", "target_branch": "2.x"}"#,
        ),
        ("specs/b/spec.md", "s"),
        ("specs/B/meta.json", "{}"),
        ("specs/a/x.csv", ""),
        ("specs/README.md", ""),
    ]);
    std::fs::write(tree.root.join("specs/b/bad.csv"), b"\xff1").unwrap();
    let index = run(&tree.root);
    let missions: Vec<_> = index
        .missions
        .iter()
        .map(|m| {
            (
                m.slug.as_str(),
                m.mission_type.as_str(),
                m.target_branch.as_str(),
            )
        })
        .collect();
    assert_eq!(
        missions,
        [
            ("B", "software-dev", "trunk"),
            ("a", "software-dev", "trunk"),
            ("b", "research", "2.x")
        ]
    );
    assert_eq!(index.missions[1].oddity, Some(Reason::MetaMissing));
    let artifacts: Vec<_> = index.missions[2]
        .artifacts
        .iter()
        .map(|a| {
            (
                a.path.as_str(),
                a.size,
                a.sha256.is_some(),
                a.is_present,
                a.error_reason,
            )
        })
        .collect();
    assert_eq!(
        artifacts,
        [
            ("bad.csv", 2, true, false, Some("invalid_utf8")),
            ("meta.json", 47, true, true, None),
            ("spec.md", 1, true, true, None)
        ]
    );
    assert_eq!((index.files, index.bytes), (5, 52));
    assert_eq!(index.missions[2].artifacts[2].key, "input.spec.research");
}

#[test]
fn an_odd_mission_costs_only_itself() {
    let tree = tree(&[
        ("specs/good/meta.json", "{}"),
        ("specs/list/meta.json", "[]"),
        ("specs/blank/meta.json", r#"{"target_branch": ""}"#),
        ("specs/nested/.git/HEAD", "x"),
        ("specs/not safe/meta.json", "{}"),
        ("specs/.worktrees/w/specs/copy/meta.json", "{}"),
    ]);
    let index = run(&tree.root);
    assert_eq!(
        index
            .missions
            .iter()
            .map(|m| m.slug.as_str())
            .collect::<Vec<_>>(),
        ["good"]
    );
    let skipped: Vec<_> = index
        .skipped
        .iter()
        .map(|s| (s.mission_slug.as_deref(), s.path.as_str(), s.reason.code()))
        .collect();
    assert_eq!(
        skipped,
        [
            (None, "not safe", "unsafe_name"),
            (Some("blank"), "meta.json", "meta_blank_branch"),
            (Some("list"), "meta.json", "meta_not_object"),
            (Some("nested"), "", "nested_repository"),
        ]
    );
}

#[test]
fn asked_for_missions_are_meant_by_name_or_left_out_with_a_reason() {
    let tree = tree(&[
        ("specs/a/meta.json", "{}"),
        ("specs/b/meta.json", "[]"),
        ("specs/not safe/meta.json", "{}"),
    ]);
    let interrupt = Interrupt::default();
    let ask = |names: &[&str]| {
        let wanted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        index(&Request {
            missions: Some(&wanted),
            ..with(&tree.root, &interrupt)
        })
    };
    let found = ask(&["specs/a/", "b", "not safe"]).unwrap();
    assert_eq!((found.missions.len(), found.skipped.len()), (1, 2));
    assert!(matches!(ask(&["a", "zz"]), Err(Error::NoMission { asked, .. }) if asked == "zz"));
}

#[test]
fn one_thread_and_many_agree() {
    let names: Vec<String> = (0..60)
        .map(|i| format!("specs/m{}/d{}/f{i}.md", i % 7, i % 3))
        .collect();
    let files: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), name.as_str()))
        .collect();
    let tree = tree(&files);
    let with_threads = |count| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .build()
            .unwrap();
        pool.install(|| run(&tree.root))
    };
    let one = with_threads(1);
    assert_eq!(one.files, 60);
    assert_eq!(one, with_threads(8));
}

#[test]
fn the_default_branch_is_asked_for_once_and_only_if_needed() {
    let tree = tree(&[("specs/a/meta.json", r#"{"target_branch": "x"}"#)]);
    let interrupt = Interrupt::default();
    let asked = std::cell::Cell::new(0);
    let default_branch = || {
        asked.set(asked.get() + 1);
        "d".to_owned()
    };
    let run = || {
        index(&Request {
            default_branch: &default_branch,
            ..with(&tree.root, &interrupt)
        })
        .unwrap()
    };
    run();
    assert_eq!(asked.get(), 0);
    for name in ["b", "c"] {
        std::fs::create_dir(tree.root.join("specs").join(name)).unwrap();
    }
    assert_eq!(
        run()
            .missions
            .iter()
            .map(|m| m.target_branch.as_str())
            .collect::<Vec<_>>(),
        ["x", "d", "d"]
    );
    assert_eq!(asked.get(), 1);
}

#[test]
fn the_main_work_tree_says_what_a_mission_is() {
    let files = |branch| format!(r#"{{"target_branch": "{branch}"}}"#);
    let (old, new) = (files("from-main"), files("from-side"));
    let main = tree(&[
        ("specs/a/meta.json", &old),
        ("specs/only-main/meta.json", &old),
    ]);
    let side = tree(&[("specs/a/meta.json", &new), ("specs/b/meta.json", &new)]);
    let interrupt = Interrupt::default();
    let index = index(&Request {
        meta_root: &main.root,
        ..with(&side.root, &interrupt)
    })
    .unwrap();
    let branches: Vec<_> = index
        .missions
        .iter()
        .map(|m| (m.slug.as_str(), m.target_branch.as_str()))
        .collect();
    assert_eq!(branches, [("a", "from-main"), ("b", "from-side")]);
    assert!(index.missions[0].dir.starts_with(&side.root));
}

#[test]
fn progress_reaches_the_total_and_a_stop_is_obeyed() {
    let tree = tree(&[("specs/a/x", "12"), ("specs/a/y", "3")]);
    let (interrupt, seen) = (Interrupt::default(), Mutex::new(Vec::new()));
    let progress = |p: Progress| seen.lock().unwrap().push((p.files, p.total));
    index(&Request {
        progress: &progress,
        ..with(&tree.root, &interrupt)
    })
    .unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    assert_eq!(seen, [(1, 2), (2, 2)]);
    interrupt.request();
    assert!(matches!(
        index(&with(&tree.root, &interrupt)),
        Err(Error::Interrupted)
    ));
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_there_but_not_present() {
    use std::os::unix::fs::PermissionsExt as _;
    let tree = tree(&[
        ("specs/a/spec.md", "s"),
        ("specs/a/x.md", "x"),
        ("specs/a/shut/y.md", "y"),
    ]);
    let set = |path: &str, mode| {
        std::fs::set_permissions(tree.root.join(path), std::fs::Permissions::from_mode(mode))
            .unwrap();
    };
    set("specs/a/spec.md", 0o000);
    set("specs/a/shut", 0o000);
    let may_read_all = std::fs::read(tree.root.join("specs/a/spec.md")).is_ok();
    let index = run(&tree.root);
    set("specs/a/shut", 0o700);
    if may_read_all {
        return; // the superuser: nothing is closed to it
    }
    let mission = &index.missions[0];
    let artifacts: Vec<_> = mission
        .artifacts
        .iter()
        .map(|a| (a.path.as_str(), a.size, a.error_reason))
        .collect();
    assert_eq!(
        artifacts,
        [("spec.md", 0, Some("unreadable")), ("x.md", 1, None)]
    );
    assert_eq!(mission.completeness, Completeness::Incomplete);
    assert_eq!(index.skipped[0].reason, Reason::UnreadableDirectory);
}

#[test]
fn the_fixture_repository_is_indexed_as_expected() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let (root, interrupt) = (fixtures.join("repo"), Interrupt::default());
    let mut request = with(&root, &interrupt);
    request.project.sources = below("kitty-specs");
    let index = index(&request).unwrap();
    assert_eq!(index.skipped, vec![]);
    let namespaces: Vec<_> = index
        .missions
        .iter()
        .map(|m| (m.mission_type.as_str(), m.target_branch.as_str(), m.oddity))
        .collect();
    assert_eq!(
        namespaces,
        [
            ("software-dev", "trunk", None),
            ("research", "main", None),
            ("software-dev", "feat/storm-surge-alerts", None)
        ]
    );
    let found: Vec<_> = index
        .missions
        .iter()
        .flat_map(|m| m.artifacts.iter().map(|a| (m.slug.clone(), a)))
        .collect();
    let expected = std::fs::read_to_string(fixtures.join("expected.jsonl")).unwrap();
    let expected: Vec<serde_json::Value> = expected
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(found.len(), expected.len());
    for ((slug, artifact), expected) in found.into_iter().zip(expected) {
        let sha256 = artifact
            .sha256
            .map(|sha256| sha256.to_string())
            .unwrap_or_default();
        assert_eq!(
            (slug.as_str(), artifact.path.as_str()),
            (
                expected["mission_slug"].as_str().unwrap(),
                expected["path"].as_str().unwrap()
            )
        );
        assert_eq!(
            (sha256.as_str(), artifact.size),
            (
                expected["sha256"].as_str().unwrap(),
                expected["size"].as_u64().unwrap()
            )
        );
        assert_eq!(
            artifact.is_present,
            expected["reason"] != "not_present: invalid_utf8",
            "{}",
            artifact.path
        );
    }
}
