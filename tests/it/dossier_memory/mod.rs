//! The cache of a checkout: it saves work and never changes a result.

mod spoilt;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::{Sandbox, pause};

const MISSION: &str = "kitty-specs/storm-surge-alerts-01KQX7M2";

/// Files that were just written are read again; after this they are trusted.
const SETTLED: Duration = Duration::from_millis(2100);

/// A repository whose files are known and captured.
fn remembered() -> Sandbox {
    let sandbox = Sandbox::with_repo();
    pause(SETTLED);
    let _first = index(&sandbox, &[]);
    sandbox
}

fn index(sandbox: &Sandbox, more: &[&str]) -> Value {
    sandbox
        .sk_sync(["index", "--json"].iter().chain(more))
        .success()
        .json()
}

fn captured(report: &Value) -> u64 {
    report["capture"]["captured"].as_u64().unwrap()
}

/// The cache directory of the only checkout.
fn memory(sandbox: &Sandbox) -> PathBuf {
    let checkouts = sandbox.store().with_file_name("checkouts");
    let dirs: Vec<_> = std::fs::read_dir(checkouts)
        .unwrap()
        .map(|dir| dir.unwrap().path())
        .collect();
    assert_eq!(dirs.len(), 1, "{dirs:?}");
    dirs.into_iter().next().unwrap()
}

/// The same document, byte for byte, but for how it came about.
fn assert_the_cache_does_not_show(sandbox: &Sandbox, case: &str) {
    let [with, without] = [&["--dry-run"][..], &["--dry-run", "--no-cache"]].map(|more| {
        let mut report = index(sandbox, more);
        assert!(more.len() == 1 || report["index"]["cached"] == 0);
        for field in ["hashed", "cached", "seconds"] {
            report["index"]
                .as_object_mut()
                .unwrap()
                .remove(field)
                .unwrap();
        }
        serde_json::to_string_pretty(&report).unwrap()
    });
    assert_eq!(with, without, "{case}");
}

#[test]
fn an_unchanged_index_reads_no_file_and_looks_no_event_up() {
    let sandbox = remembered();
    let before = sandbox.listing();
    let report = index(&sandbox, &[]);
    assert_eq!(
        (&report["index"]["hashed"], &report["index"]["cached"]),
        (&json!(0), &report["index"]["artifacts"])
    );
    let balance = &report["balance"];
    assert_eq!(
        (captured(&report), &report["capture"]["unchanged"]),
        (0, &balance["captured"])
    );
    assert_eq!(balance["holds"], true);
    assert_eq!(
        sandbox.listing(),
        before,
        "no file appeared, went, or changed its size"
    );
    let read_again = index(&sandbox, &["--no-cache"]);
    assert_eq!(read_again["capture"], report["capture"]);
    assert_eq!(
        (
            &read_again["index"]["cached"],
            read_again["index"]["hashed"].is_u64()
        ),
        (&json!(0), true)
    );
}

/// A file that was written just now may change again without a change of its file state.
#[test]
fn what_was_just_written_is_read_again() {
    let sandbox = Sandbox::with_repo();
    let _first = index(&sandbox, &[]);
    sandbox.write(&format!("{MISSION}/spec.md"), "as long as this");
    let one = index(&sandbox, &[]);
    sandbox.write(&format!("{MISSION}/spec.md"), "as long as that");
    assert_eq!(captured(&index(&sandbox, &[])), 2);
    assert!(one["index"]["hashed"].as_u64().unwrap() > 0);
    assert_the_cache_does_not_show(&sandbox, "written twice");
}

/// Sets a file's time of modification.
fn touch(path: &Path, at: SystemTime) {
    std::fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(at)
        .unwrap();
}

/// Changes a file without changing its size or its time of modification.
fn forge(path: &Path) {
    let at = std::fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    std::fs::write(path, bytes).unwrap();
    touch(path, at);
}

/// An edit of a tree, with its name.
type Edit<'a> = (&'a str, Box<dyn Fn() + 'a>);

/// After any sequence of edits, however well hidden, the result equals that of reading everything.
#[test]
fn no_edit_escapes() {
    let sandbox = remembered();
    let dir = sandbox.repo().join(MISSION);
    let file = |name: &str| dir.join(name);
    let day = |days: u64| SystemTime::UNIX_EPOCH + Duration::from_hours(24 * days);
    let replace = |name: &'static str, text: &'static str| {
        let (new, old) = (file("new"), file(name));
        std::fs::write(&new, text).unwrap();
        touch(&new, std::fs::metadata(&old).unwrap().modified().unwrap());
        std::fs::rename(new, old).unwrap();
    };
    let edits: Vec<Edit<'_>> = vec![
        ("same size, same time", Box::new(|| forge(&file("plan.md")))),
        (
            "the same again at once",
            Box::new(|| forge(&file("plan.md"))),
        ),
        ("and again", Box::new(|| forge(&file("plan.md")))),
        (
            "touched into the past",
            Box::new(|| touch(&file("status.events.jsonl"), day(10_000))),
        ),
        (
            "touched into the future",
            Box::new(|| touch(&file("status.events.jsonl"), day(100_000))),
        ),
        (
            "appended",
            Box::new(|| sandbox.write(&format!("{MISSION}/status.events.jsonl"), "more")),
        ),
        (
            "another renamed over it",
            Box::new(|| replace("spec.md", "short")),
        ),
        (
            "one of that size renamed over it",
            Box::new(|| replace("spec.md", "SHORT")),
        ),
        (
            "two swapped",
            Box::new(|| {
                std::fs::rename(file("spec.md"), file("x")).unwrap();
                std::fs::rename(file("plan.md"), file("spec.md")).unwrap();
                std::fs::rename(file("x"), file("plan.md")).unwrap();
            }),
        ),
        (
            "the type of the mission",
            Box::new(|| forge(&file("meta.json"))),
        ),
        (
            "no meta.json",
            Box::new(|| std::fs::rename(file("meta.json"), file("beta.json")).unwrap()),
        ),
        (
            "meta.json is back",
            Box::new(|| std::fs::rename(file("beta.json"), file("meta.json")).unwrap()),
        ),
        (
            "not UTF-8",
            Box::new(|| std::fs::write(file("spec.md"), b"\xff").unwrap()),
        ),
        (
            "gone",
            Box::new(|| std::fs::remove_file(file("spec.md")).unwrap()),
        ),
        (
            "a directory in its place",
            Box::new(|| std::fs::create_dir(file("spec.md")).unwrap()),
        ),
        (
            "with a file in it",
            Box::new(|| std::fs::write(file("spec.md/a.md"), "a").unwrap()),
        ),
        (
            "the directory renamed",
            Box::new(|| std::fs::rename(file("spec.md"), file("tasks/deep")).unwrap()),
        ),
        (
            "the mission renamed",
            Box::new(|| {
                std::fs::rename(&dir, dir.with_file_name("other")).unwrap();
            }),
        ),
        (
            "and back",
            Box::new(|| std::fs::rename(dir.with_file_name("other"), &dir).unwrap()),
        ),
    ];
    for (number, (case, edit)) in edits.iter().enumerate() {
        edit();
        assert_the_cache_does_not_show(&sandbox, case);
        if number % 2 == 0 {
            let _remembered = index(&sandbox, &[]);
            assert_the_cache_does_not_show(&sandbox, &format!("{case}, remembered"));
        }
    }
    let _all = index(&sandbox, &[]);
    assert_eq!(captured(&index(&sandbox, &["--no-cache"])), 0);
}

#[cfg(unix)]
#[test]
fn links_and_modes_do_not_escape_either() {
    use crate::support::rights::mode;
    let sandbox = remembered();
    let dir = sandbox.repo().join(MISSION);
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, dir.join(name)).unwrap();
    link("plan.md", "linked.md");
    assert_the_cache_does_not_show(&sandbox, "a link");
    let _remembered = index(&sandbox, &[]);
    forge(&dir.join("plan.md"));
    assert_the_cache_does_not_show(&sandbox, "behind a link");
    std::fs::remove_file(dir.join("linked.md")).unwrap();
    link("spec.md", "linked.md");
    assert_the_cache_does_not_show(&sandbox, "elsewhere");
    let _remembered = index(&sandbox, &[]);
    mode(dir.join("plan.md"), 0o000);
    assert_the_cache_does_not_show(&sandbox, "not readable");
    let _remembered = index(&sandbox, &[]);
    mode(dir.join("plan.md"), 0o644);
    assert_the_cache_does_not_show(&sandbox, "readable");
    std::fs::hard_link(dir.join("plan.md"), dir.join("again.md")).unwrap();
    assert_the_cache_does_not_show(&sandbox, "a second name");
    std::fs::remove_file(dir.join("spec.md")).unwrap();
    link("../../secret", "spec.md");
    std::fs::write(sandbox.repo().join("secret"), "secret").unwrap();
    assert_the_cache_does_not_show(&sandbox, "a link that leads out");
}

/// Events that others capture in between cost no second look at files or facts, unless they are
/// about the same.
#[test]
fn foreign_events_are_looked_at_once() {
    let sandbox = remembered();
    let line =
        r#"{"event_id":"01JMBY7K8N3QRVX2DPF0000001","event_type":"WPStatusChanged","payload":{}}"#;
    let _foreign = sandbox.sk_sync_with(["capture"], line).success();
    let memory_before = std::fs::read(memory(&sandbox).join("missions")).unwrap();
    assert_eq!(captured(&index(&sandbox, &[])), 0);
    assert_eq!(
        std::fs::read(memory(&sandbox).join("missions")).unwrap(),
        memory_before
    );
    // An event of another producer about one of our artifacts: this checkout has stated its fact,
    // and nothing changed here.
    let events = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines();
    let mut ours = events
        .iter()
        .find(|e| e["event_type"] == "MissionDossierArtifactIndexed")
        .unwrap()["envelope"]
        .clone();
    ours["event_id"] = json!("01JMBY7K8N3QRVX2DPF0000002");
    ours["payload"]["content_ref"]["size_bytes"] = json!(7);
    let _foreign = sandbox
        .sk_sync_with(["capture"], ours.to_string())
        .success();
    assert_eq!(captured(&index(&sandbox, &[])), 0);
    assert_eq!(captured(&index(&sandbox, &[])), 0);
}

/// Order and bytes do not depend on the number of threads.
#[test]
fn one_thread_and_many_print_the_same_bytes() {
    let sandbox = Sandbox::with_repo();
    for n in 0..300 {
        sandbox.write(
            &format!("kitty-specs/many-{:02}/deep/{}/f{n}.md", n % 13, n % 3),
            format!("{n}\n").repeat(n),
        );
    }
    std::fs::write(sandbox.repo().join("kitty-specs/many-03/bad.csv"), b"\xff").unwrap();
    let with = |threads: &str, more: &[&str]| {
        let mut command = sandbox.command(["index", "--dry-run", "--json"].iter().chain(more));
        let output = command.env("RAYON_NUM_THREADS", threads).output().unwrap();
        let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["index"]["seconds"] = json!(0);
        report.to_string()
    };
    let one = with("1", &[]);
    assert!(
        one.contains("many-12/deep") || one.contains("deep/2/f299.md"),
        "{one}"
    );
    for threads in ["2", "3", "16"] {
        assert_eq!(with(threads, &[]), one, "{threads} threads");
    }
    let first = with("1", &["--step", "plan", "--manifests", "newest"]);
    assert_eq!(
        with("8", &["--step", "plan", "--manifests", "newest"]),
        first
    );
}
