//! Lines that the spool accepts, and the damage that it reports.

use std::fs;

use serde_json::{Value, json};

use super::{PROJECT, begin_again, capture, event, id, lines, results, rows, spool_files, store};
use crate::support::Sandbox;
use crate::support::rights::{mode_of, with_mounts};
use crate::support::wire::open;

/// Rejections come before the spool: envelopes that break the contract with `--strict-envelope`,
/// and everything if a full journal must be refused and cannot be counted.
#[test]
fn the_strict_forms_spool_nothing_they_would_refuse() {
    let sandbox = Sandbox::with_repo();
    let _first = capture(&sandbox, &[], lines(0..1)).success();
    let store = store(&sandbox);
    fs::write(&store, "garbage").unwrap();
    let bad = event(&id(1)).replace("\"build_id\":\"b\"", "\"build_id\":\"\"");
    let run = capture(
        &sandbox,
        &["--strict-envelope"],
        format!("{bad}\nno json\n{}\n", event(&id(2))),
    )
    .code(2);
    assert_eq!(results(&run), ["refused", "refused", "spooled"]);
    let run = capture(&sandbox, &["--strict-capacity"], lines(3..4)).code(6);
    assert_eq!(run.json()["error"]["kind"], "store_damaged");
    begin_again(&store);
    let run = sandbox.sk_sync(["index"]).success();
    assert!(
        run.stdout.contains("Spooled   1 event from the spool"),
        "{}",
        run.stdout
    );
    assert_eq!(rows(&store)[0].0, id(2));
}

/// The preset at capture applies, whatever is configured later.
#[test]
fn holds_and_audits_of_opting_out_survive_the_spool() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_PRESET", "opt-out");
    let store = store(&sandbox);
    fs::create_dir_all(store.parent().unwrap()).unwrap();
    fs::write(&store, "garbage").unwrap();
    let run = capture(&sandbox, &[], lines(0..1)).success();
    assert_eq!(
        (
            &run.json_lines()[0]["result"],
            &run.json_lines()[0]["blocked"]
        ),
        (&json!("spooled"), &json!("opted_out"))
    );
    sandbox.set("SK_SYNC_OPT_OUT__TEAMSPACE_BOUND", "audit");
    let run = capture(&sandbox, &[], lines(1..2)).success();
    assert_eq!(results(&run), ["discarded"]);
    let spooled = fs::read_to_string(store.with_file_name("spool.lines")).unwrap();
    assert_eq!(
        spooled.matches("WorkPackage").count(),
        1,
        "of what is dropped no payload is kept"
    );
    begin_again(&store);
    sandbox.unset("SK_SYNC_OPT_OUT__TEAMSPACE_BOUND");
    sandbox.change("SK_SYNC_PRESET", "stub");
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        (
            &report["balance"]["captured"],
            &report["balance"]["blocked"]
        ),
        (&json!(1), &json!(1)),
        "{report}"
    );
    let audits = "SELECT COUNT(*) FROM journal_audit WHERE act = 'discarded' AND event_id = ?1";
    assert_eq!(
        open(&store)
            .query_row(audits, [id(1)], |r| r.get::<_, i64>(0))
            .unwrap(),
        1
    );
}

/// A line truncated by a kill is reported and kept; a changed one counts as damage until the user
/// has checked it.
#[test]
fn torn_and_damaged_lines_are_told_and_kept() {
    for (is_torn, code) in [(true, 0), (false, 6)] {
        let sandbox = Sandbox::with_repo();
        let store = store(&sandbox);
        fs::create_dir_all(store.parent().unwrap()).unwrap();
        fs::write(&store, "garbage").unwrap();
        let _run = capture(&sandbox, &[], lines(0..3)).success();
        let file = store.with_file_name("spool.lines");
        let mut bytes = fs::read(&file).unwrap();
        let at = bytes.len() - 40;
        if is_torn {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1;
        }
        fs::write(&file, bytes).unwrap();
        begin_again(&store);
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            (&report["spool"]["captured"], &report["spool"]["unreadable"]),
            (&json!(2), &json!(1))
        );
        assert!(
            report["warnings"].to_string().contains(".damaged"),
            "{}",
            report["warnings"]
        );
        let kept = spool_files(&store)
            .into_iter()
            .find(|path| path.extension().is_some_and(|e| e == "damaged"))
            .unwrap();
        assert_eq!(mode_of(&kept), 0o600);
        assert!(
            fs::read_to_string(&kept).unwrap().contains(&id(2)),
            "whole, as far as it is there"
        );
        let proof = sandbox.sk_sync(["verify", "--json"]).code(code).json();
        assert_eq!(
            proof["findings"].as_array().unwrap().len(),
            usize::from(!is_torn),
            "{proof}"
        );
        let status = sandbox
            .sk_sync(["status", "--check", "--json"])
            .code(code)
            .json();
        assert_eq!(status["ok"], is_torn);
        let words = sandbox.sk_sync(["status"]).success().stdout;
        assert!(
            words.contains(if is_torn {
                "1 incomplete: "
            } else {
                "1 damaged: "
            }),
            "{words}"
        );
        fs::remove_file(kept).unwrap();
        sandbox.verified();
    }
}

/// A spool on a disk that fills up: acknowledged lines are stored, the rest fails with a fix, and
/// no truncated line is left.
#[test]
fn a_full_disk_takes_no_spool() {
    let mut sandbox = Sandbox::with_repo();
    let small = sandbox.path("small");
    fs::create_dir(&small).unwrap();
    sandbox.set("SK_SYNC_HOME", small.to_str().unwrap());
    let input = (0..2000).map(|n| event(&id(n)) + "\n").collect::<String>();
    fs::write(sandbox.path("input"), input).unwrap();
    let place = sandbox.place_ahead(PROJECT);
    let id = place.file_name().unwrap().to_str().unwrap();
    for args in ["--each", "--batch 37"] {
        let script = format!(
            "mount -t tmpfs -o mode=700,size=512k tmpfs $SK_SYNC_HOME || exit
            P=$SK_SYNC_HOME/projects/{PROJECT}/{id}; mkdir -p $P; echo garbage > $P/store.db
            $SK capture --json {args} < ../input > ../answers; echo full $?
            mount -o remount,size=64m tmpfs $SK_SYNC_HOME; rm $P/store.db
            $SK drain --json > ../report; echo drain $?
            $SK events list --jsonl > ../kept; echo list $?
            $SK verify > ../proof; echo verify $?
            ls $P"
        );
        let Some(run) = with_mounts(&sandbox, &script) else {
            return;
        };
        assert!(
            run.stdout
                .starts_with("full 1\ndrain 0\nlist 0\nverify 0\n"),
            "{args}: {run:#?}"
        );
        assert!(!run.stdout.contains(".damaged"), "{args}: {}", run.stdout);
        let read = |file: &str| -> Vec<Value> {
            let text = fs::read_to_string(sandbox.path(file)).unwrap();
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        };
        let answers = read("answers");
        let (last, acknowledged) = answers.split_last().unwrap();
        assert_eq!(last["error"]["kind"], "disk_full", "{args}: {last}");
        assert!(
            last["error"]["hint"]
                .as_str()
                .unwrap()
                .contains("free some space"),
            "{last}"
        );
        assert!(
            acknowledged.len() > 200 && acknowledged.iter().all(|a| a["result"] == "spooled"),
            "{}",
            acknowledged.len()
        );
        let ids = |lines: &[Value]| {
            lines
                .iter()
                .map(|line| line["event_id"].clone())
                .collect::<Vec<_>>()
        };
        let kept = ids(&read("kept"));
        assert_eq!(kept[..acknowledged.len()], ids(acknowledged), "{args}");
        assert_eq!(read("report")[0]["spool"]["unreadable"], 0);
    }
}
