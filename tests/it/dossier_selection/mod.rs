//! Which missions a run covers: by name, by change, and by the checkout it is started in.

mod checkouts;

use serde_json::Value;

use crate::support::Sandbox;

const SURGE: &str = "storm-surge-alerts-01KQX7M2";

/// The slugs of the missions whose artifacts a dry run lists.
fn covered(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let report = sandbox
        .sk_sync(["index", "--dry-run", "--json"].iter().chain(words))
        .success()
        .json();
    let slugs = report["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["mission_slug"].as_str().unwrap().to_owned());
    let mut slugs: Vec<_> = slugs.collect();
    slugs.dedup();
    slugs
}

/// How many missions a command covered.
fn missions(sandbox: &Sandbox, words: &[&str]) -> u64 {
    let report = sandbox
        .sk_sync(words.iter().chain(&["--json"]))
        .success()
        .json();
    report["index"]["missions"].as_u64().unwrap()
}

fn captured(report: &Value) -> u64 {
    report["capture"]["captured"].as_u64().unwrap()
}

#[test]
fn missions_by_name() {
    let sandbox = Sandbox::with_repo();
    let all = covered(&sandbox, &[]);
    assert_eq!(all.len(), 3);
    assert_eq!(covered(&sandbox, &["--all"]), all);
    assert_eq!(covered(&sandbox, &["--mission", SURGE]), [SURGE]);
    assert_eq!(
        covered(&sandbox, &["--mission", SURGE, &all[0]]),
        [all[0].as_str(), SURGE]
    );
    for way in [
        "kitty-specs/storm-surge-alerts-01KQX7M2/",
        " storm-surge-alerts-01KQX7M2\r",
        "storm-s",
    ] {
        assert_eq!(covered(&sandbox, &["--mission", way]), [SURGE], "{way:?}");
    }
    let typo = sandbox
        .sk_sync(["run", "--mission", "storm-surge-alert-01KQX7M2", SURGE])
        .code(2);
    assert!(
        typo.stderr
            .contains("there is no mission storm-surge-alert-01KQX7M2"),
        "{}",
        typo.stderr
    );
    assert!(
        typo.stderr
            .contains(&format!("hint: did you mean {SURGE}?")),
        "{}",
        typo.stderr
    );
    for words in [
        ["--all", "--changed"],
        ["--all", "--mission=x"],
        ["--changed", "--mission=x"],
    ] {
        for command in ["run", "index"] {
            let _refused = sandbox.sk_sync([command, words[0], words[1]]).code(2);
        }
    }
}

/// Only missions with a difference are covered: another text, a file more or less, a new mission;
/// not a touched file.
#[test]
fn changed_missions() {
    let sandbox = Sandbox::with_repo();
    let file = |name: &str| format!("kitty-specs/{SURGE}/{name}");
    let gone = |name: &str| std::fs::remove_file(sandbox.repo().join(file(name))).unwrap();
    let run = || missions(&sandbox, &["run", "--changed"]);
    assert_eq!(run(), 3, "nothing is remembered yet");
    assert_eq!(run(), 0);
    sandbox.write(&file("spec.md"), "other");
    assert_eq!(missions(&sandbox, &["index", "--changed"]), 1);
    assert_eq!(missions(&sandbox, &["index", "--changed"]), 0);
    assert_eq!(run(), 0, "what an index captured is owed, and goes");
    assert_eq!(run(), 0);
    sandbox.write(&file("spec.md"), "other");
    assert_eq!(run(), 0, "the same text");
    sandbox.write(&file("research/new.md"), "new");
    assert_eq!((run(), run()), (1, 0));
    gone("research/new.md");
    assert_eq!((run(), run()), (1, 0));
    sandbox.write(&file("meta.json"), r#"{"target_branch": "elsewhere"}"#);
    assert_eq!((run(), run()), (1, 0));
    sandbox.write("kitty-specs/new-one/spec.md", "spec");
    assert_eq!((run(), run()), (1, 0));
    std::fs::remove_dir_all(sandbox.repo().join("kitty-specs/new-one")).unwrap();
    assert_eq!(run(), 0, "nothing is left of it");
    sandbox.write("kitty-specs/new-one/spec.md", "spec");
    assert_eq!(run(), 1, "it is new again");
}

/// A run of one mission leaves the others as they were.
#[test]
fn changed_beside_a_run_of_one_mission() {
    let sandbox = Sandbox::with_repo();
    let run = |words: &[&str]| missions(&sandbox, words);
    let spec = |mission: &str| format!("kitty-specs/{mission}/spec.md");
    assert_eq!(run(&["run"]), 3);
    for mission in [SURGE, "new-one"] {
        sandbox.write(&spec(mission), "once more");
    }
    assert_eq!(run(&["run", "--mission", SURGE]), 1);
    assert_eq!(
        (run(&["run", "--changed"]), run(&["run", "--changed"])),
        (1, 0)
    );
    assert_eq!(run(&["run", "--changed", "--no-cache"]), 4);
    assert_eq!(run(&["run"]), 4);
}

/// Work done for one target, or in one store, does not count for another.
#[test]
fn changed_since_a_run_to_this_target_and_into_this_store() {
    let mut sandbox = Sandbox::with_repo();
    let run = |sandbox: &Sandbox| {
        let report = sandbox
            .sk_sync(["run", "--changed", "--json"])
            .success()
            .json();
        (
            report["index"]["missions"].as_u64().unwrap(),
            report["bodies"]["uploaded"].as_u64().unwrap(),
        )
    };
    sandbox.set("SK_SYNC_PRESET", "local-retention");
    assert_eq!((run(&sandbox), run(&sandbox)), ((3, 0), (0, 0)));
    sandbox.change("SK_SYNC_PRESET", "stub");
    let (covered, uploaded) = run(&sandbox);
    assert!(
        covered == 3 && uploaded > 0,
        "there is a target now: {covered} {uploaded}"
    );
    assert_eq!(run(&sandbox), (0, 0));
    sandbox.write(&format!("kitty-specs/{SURGE}/spec.md"), "other");
    let (covered, uploaded) = run(&sandbox);
    assert_eq!((covered, uploaded), (1, 1));
    sandbox.set("SK_SYNC_ARTIFACTS__FORMATS", "[\"md\"]");
    assert_eq!(run(&sandbox).0, 3, "other bodies are wanted");
    std::fs::remove_dir_all(sandbox.store().parent().unwrap()).unwrap();
    assert_eq!(run(&sandbox).0, 3, "the store is gone");
}

/// A required file is missing, present, missing and present again: each change is captured, in
/// order.
#[test]
fn what_is_missing_appears_and_is_missing_again() {
    let sandbox = Sandbox::with_repo();
    let spec = sandbox.repo().join(format!("kitty-specs/{SURGE}/spec.md"));
    let text = std::fs::read(&spec).unwrap();
    let told = |words: &[&str]| -> Vec<String> {
        let before = sandbox
            .sk_sync(["events", "list", "--jsonl"])
            .success()
            .json_lines()
            .len();
        let _run = sandbox
            .sk_sync(
                words
                    .iter()
                    .chain(&["--mission", SURGE, "--step", "specify"]),
            )
            .success();
        let events = sandbox
            .sk_sync(["events", "list", "--jsonl", "--envelope"])
            .success()
            .json_lines();
        let about_spec = events[before..]
            .iter()
            .filter(|e| e["envelope"]["aggregate_id"] == format!("{SURGE}:spec.md"));
        about_spec
            .map(|e| {
                e["event_type"]
                    .as_str()
                    .unwrap()
                    .trim_start_matches("MissionDossierArtifact")
                    .to_owned()
            })
            .collect()
    };
    for round in 0..3 {
        std::fs::remove_file(&spec).ok();
        assert_eq!(told(&["index"]), ["Missing"], "round {round}");
        assert_eq!(told(&["index"]), [""; 0], "round {round}: said once");
        assert_eq!(
            told(&["index", "--no-cache"]),
            [""; 0],
            "round {round}: said once, remembered or not"
        );
        std::fs::write(&spec, &text).unwrap();
        assert_eq!(
            told(&["index"]),
            ["Indexed"],
            "round {round}: the same text as ever"
        );
        assert_eq!(told(&["index"]), [""; 0], "round {round}");
        if round == 1 {
            let _sent = sandbox.sk_sync(["drain"]).success();
        }
    }
}
