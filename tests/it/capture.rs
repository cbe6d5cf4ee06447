//! `capture`: envelopes from a stream into the journal.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::wire::journal;

fn event(n: u32) -> String {
    json!({
        "event_id": format!("01JMBY7K8N3QRVX2DPFG5H{n:04}"), "event_type": "WPStatusChanged", "aggregate_id": "WP01",
        "aggregate_type": "WorkPackage", "schema_version": "3.0.0", "build_id": "b", "node_id": "b805cd5cee74",
        "lamport_clock": n, "causation_id": null, "correlation_id": format!("01JMBY7K8N3QRVX2DPFG5H{n:04}"),
        "timestamp": "2026-02-12T10:00:00+00:00", "project_uuid": "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60",
        "payload": {"wp_id": "WP01", "mission_slug": "m", "from_lane": "planned", "to_lane": "claimed", "actor": "a",
                    "execution_mode": "worktree"}
    })
    .to_string()
}

fn results(sandbox: &Sandbox, args: &[&str], input: &str, code: i32) -> Vec<Value> {
    let args = ["capture", "--json"].iter().chain(args).copied();
    let run = sandbox.sk_sync_with(args, input.as_bytes()).code(code);
    run.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_broken_line_never_stops_the_others() {
    let sandbox = Sandbox::with_repo();
    let input = format!("{}\nnot json\n\n[1]\n{{\"a\":1}}\n{}\n", event(1), event(2));
    let lines = results(&sandbox, &[], &input, 2);
    let told: Vec<_> = lines
        .iter()
        .map(|l| (l["line"].as_u64().unwrap(), l["result"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            (1, "captured"),
            (2, "refused"),
            (4, "refused"),
            (5, "refused"),
            (6, "captured")
        ]
    );
    assert!(
        lines
            .iter()
            .all(|l| l["result"] != "refused" || l["reason"].is_string())
    );
    sandbox.verified();
}

#[test]
fn ids_and_bytes_are_kept_as_they_came() {
    let sandbox = Sandbox::with_repo();
    let odd = event(1)
        .replace("\"build_id\"", " \"build_id\" ")
        .to_lowercase();
    let odd = odd.replace("01jmby7k8n3qrvx2dpfg5h0001", "01jmby7k8N3QRVX2DPFG5H0001");
    let _lines = results(&sandbox, &[], &odd, 0);
    let kept = journal(&sandbox.store());
    assert_eq!(kept["01jmby7k8N3QRVX2DPFG5H0001"], odd.as_bytes());
}

#[test]
fn the_same_again_is_unchanged_and_another_content_is_a_conflict() {
    let sandbox = Sandbox::with_repo();
    let one = event(1);
    let respelled = one.replace(":1,", ": 1,").replace("WP01", "\\u0057P01");
    let other = one.replace("claimed", "done");
    let lines = results(&sandbox, &[], &format!("{one}\n{respelled}\n{other}\n"), 5);
    let told: Vec<_> = lines
        .iter()
        .map(|l| l["result"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["captured", "unchanged", "conflict"]);
    assert!(lines.iter().all(|l| l["seq"] == 1));
    assert_eq!(
        journal(&sandbox.store()).into_values().next().unwrap(),
        one.into_bytes()
    );
    let status = sandbox
        .sk_sync(["status", "--check", "--json"])
        .code(5)
        .json();
    assert_eq!(
        (&status["migration_conflicts"]["count"], &status["ok"]),
        (&json!(1), &json!(false))
    );
    sandbox.verified();
}

/// An envelope that breaks the contract is reported at once, and captured unless that is forbidden.
#[test]
fn d17_a_broken_contract_is_said_at_capture() {
    let sandbox = Sandbox::with_repo();
    let bad = event(1).replace("\"build_id\":\"b\"", "\"build_id\":\"\"");
    let strict = results(&sandbox, &["--strict-envelope"], &bad, 5);
    assert_eq!(strict[0]["result"], "refused");
    let lenient = results(&sandbox, &[], &bad, 0);
    assert_eq!(lenient[0]["result"], "captured");
    assert!(
        lenient[0]["reason"].as_str().unwrap().contains("build_id"),
        "{lenient:?}"
    );
}

#[test]
fn at_capacity_a_strict_capture_refuses_with_cap_and_depth() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_JOURNAL__CAPACITY", "2");
    let input = format!("{}\n{}\n{}\n{}\n", event(1), event(2), event(3), event(1));
    for (args, first) in [
        (&["--strict-capacity"][..], "captured"),
        (&["--strict-capacity", "--each"], "unchanged"),
    ] {
        let lines = results(&sandbox, args, &input, 5);
        let told: Vec<_> = lines
            .iter()
            .map(|l| l["result"].as_str().unwrap())
            .collect();
        assert_eq!(told, [first, first, "refused", "unchanged"], "{args:?}");
        assert_eq!(
            lines[2]["reason"],
            "the journal is full: capacity 2, 2 live events"
        );
    }
    let status = sandbox.status();
    assert_eq!(
        (
            &status["balance"]["captured"],
            &status["event_journal"]["retained_event_count"]
        ),
        (&json!(2), &json!(2))
    );
    sandbox.verified();
}

/// An event is captured in the store of its own project, in any directory.
#[test]
fn d39_projects_never_mix() {
    let sandbox = Sandbox::with_repo();
    let mine = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";
    let theirs = "0f000000-0000-4000-8000-00000000000f";
    let input = format!("{}\n{}\n", event(1), event(2).replace(mine, theirs));
    assert!(
        results(&sandbox, &[], &input, 0)
            .iter()
            .all(|l| l["result"] == "captured")
    );
    for project in [mine, theirs] {
        let kept = journal(&sandbox.place_of(project).join("store.db"));
        assert_eq!(kept.len(), 1, "{project}");
    }
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(report["drain"]["success"], 1);
}

/// Every acknowledged line is in the journal after SIGKILL.
#[cfg(unix)]
#[test]
fn acknowledged_lines_survive_a_kill() {
    let sandbox = Sandbox::with_repo();
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let mut command = sandbox.command(["capture", "--json", "--each"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let feed = std::thread::spawn(move || {
            // The pipe breaks when the process is killed.
            for n in 0..500 {
                if writeln!(input, "{}", event(round * 1000 + n)).is_err() {
                    break;
                }
            }
        });
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..(7 + round * 13) {
            let line: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
            acknowledged.push(line["event_id"].as_str().unwrap().to_owned());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // Answers given before the kill and still in the pipe count as well.
        for line in answers.map_while(Result::ok) {
            if let Ok(line) = serde_json::from_str::<Value>(&line) {
                acknowledged.push(line["event_id"].as_str().unwrap().to_owned());
            }
        }
        feed.join().unwrap();
    }
    let kept = journal(&sandbox.store());
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|id| !kept.contains_key(*id))
        .collect();
    assert!(
        lost.is_empty() && acknowledged.len() > 80,
        "{lost:?} of {}",
        acknowledged.len()
    );
    sandbox.verified();
}

/// A merge may join two lines, and an editor may put a byte-order mark before the first: both are
/// read. A line of a mission log is not an event.
#[test]
fn joined_objects_and_a_byte_order_mark_are_read_and_a_line_of_a_log_is_refused() {
    let sandbox = Sandbox::with_repo();
    let event = |n: u32| json!({"event_id": format!("e{n}"), "event_type": "T"}).to_string();
    let lane =
        r#"{"event_id":"01KQXA0Q7W3M5D8F1GZ2H4J6K8","wp_id":"WP01","to_lane":"done","actor":"a"}"#;
    let input = format!(
        "\u{feff}{}\n{}{} {}\n{lane}\n{}garbage\n",
        event(1),
        event(2),
        event(3),
        event(4),
        event(5)
    );
    let run = sandbox.sk_sync_with(["capture", "--json"], input).code(2);
    let lines: Vec<_> = run
        .json_lines()
        .iter()
        .map(|l| (l["line"].clone(), l["result"].clone()))
        .collect();
    let expected = [
        (1, "captured"),
        (2, "captured"),
        (2, "captured"),
        (2, "captured"),
        (3, "refused"),
        (4, "refused"),
    ];
    assert_eq!(
        lines,
        expected.map(|(line, result)| (json!(line), json!(result)))
    );
    let reason = run.json_lines()[4]["reason"].as_str().unwrap().to_owned();
    assert!(
        reason.contains("`event_type`") && reason.contains("sk-sync run"),
        "{reason}"
    );
    assert_eq!(
        sandbox
            .sk_sync(["events", "list", "--jsonl"])
            .success()
            .json_lines()
            .len(),
        4,
        "kept nowhere"
    );
}

/// A line that never ends is skipped, not kept in memory, and the lines around it are captured.
#[test]
fn a_line_that_is_too_long_is_refused_alone() {
    let sandbox = Sandbox::with_repo();
    let event = |n: u32| json!({"event_id": format!("e{n}"), "event_type": "T"}).to_string();
    let long = "x".repeat((64 << 20) + 1);
    let input = format!("{}\n{long}\n{}\n", event(1), event(2));
    let run = sandbox.sk_sync_with(["capture", "--json"], input).code(2);
    let lines = run.json_lines();
    let results: Vec<_> = lines.iter().map(|line| &line["result"]).collect();
    assert_eq!(results, ["captured", "refused", "captured"]);
    assert_eq!(lines[1]["line"], 2);
    assert_eq!(lines[1]["reason"], "the line is longer than 64 MiB");
}
