//! `sk-sync log`: captured rows, newest first, with their status.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::support::Sandbox;
use crate::support::server::Server;
use crate::support::wire::envelope;

/// A project whose rows were delivered to `server`.
fn delivered(server: &Server) -> Sandbox {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("TZ", "UTC");
    sandbox.target(&server.url());
    let _run = sandbox.sk_sync(["run"]).success();
    sandbox
}

fn lines(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    let run = sandbox.sk_sync([&["log"], args].concat()).success();
    run.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn documents_and_events_come_newest_first_with_their_status() {
    let server = Server::honest();
    let sandbox = delivered(&server);
    let shown = lines(&sandbox, &[]);
    assert!(
        shown
            .iter()
            .all(|line| line.ends_with("  delivered") && !line.contains("MissionDossier")),
        "{shown:?}"
    );
    assert!(
        shown
            .iter()
            .any(|line| line.contains("  spec.md ") && line.contains("001-harbour-tide-table")),
        "{shown:?}"
    );
    assert!(
        shown.iter().all(|line| line.chars().count() <= 80),
        "{shown:?}"
    );
    // One more line, not sent yet, is the newest.
    let one = envelope("event-1", "a1", "x").replace(
        "\"payload\":{",
        "\"payload\":{\"mission_slug\":\"elsewhere\",",
    );
    let _captured = sandbox.sk_sync_with(["capture"], one + "\n").success();
    let shown = lines(&sandbox, &["-n", "2"]);
    assert_eq!(shown.len(), 2);
    assert!(
        shown[0].ends_with("  waiting") && shown[1].ends_with("  delivered"),
        "{shown:?}"
    );
    // Facts on request, in the order of the journal backwards.
    let all = sandbox
        .sk_sync(["log", "--all", "--jsonl", "-n", "1000"])
        .success()
        .json_lines();
    let seqs: Vec<_> = all.iter().map(|row| row["seq"].as_i64().unwrap()).collect();
    assert!(
        seqs.is_sorted_by(|a, b| a > b) && seqs.last() == Some(&1),
        "{seqs:?}"
    );
    assert!(
        all.iter()
            .any(|row| row["what"] == "MissionDossierArtifactIndexed")
    );
    let document = all.iter().find(|row| row["kind"] == "document").unwrap();
    assert_eq!(
        (&document["event_id"], document["status"].as_str()),
        (&serde_json::Value::Null, Some("success"))
    );
}

#[test]
fn rows_are_chosen_by_mission_and_time() {
    let server = Server::honest();
    let sandbox = delivered(&server);
    let mission = lines(&sandbox, &["--mission", "001-harbour-tide-table"]);
    assert!(
        !mission.is_empty()
            && mission
                .iter()
                .all(|line| line.contains("001-harbour-tide-table")),
        "{mission:?}"
    );
    assert_eq!(lines(&sandbox, &["--since", "1h"]), lines(&sandbox, &[]));
    for none in [&["--mission", "no-such"][..], &["--since", "2100-01-01"]] {
        let run = sandbox.sk_sync([&["log"], none].concat()).success();
        assert!(
            run.stdout.is_empty() && run.stderr.contains("no matching rows"),
            "{none:?}: {run:?}"
        );
    }
    let _usage = sandbox.sk_sync(["log", "--since", "yesterday"]).code(2);
}

/// Blocked rows differ from waiting ones, and reading writes nothing.
#[test]
fn a_log_without_a_server_changes_nothing() {
    let sandbox = Sandbox::with_repo();
    let empty = sandbox.sk_sync(["log"]).success();
    assert!(
        empty.stderr.contains("nothing was captured here yet"),
        "{empty:?}"
    );
    let _index = sandbox.sk_sync(["index"]).success();
    let before = sandbox.listing();
    let shown = lines(&sandbox, &[]);
    assert!(
        !shown.is_empty() && shown.iter().all(|line| line.ends_with("  waiting")),
        "{shown:?}"
    );
    assert_eq!(sandbox.listing(), before);
}

#[test]
fn following_shows_what_comes() {
    let sandbox = Sandbox::with_repo();
    let _index = sandbox.sk_sync(["index"]).success();
    let mut follower = sandbox
        .command(["log", "-f", "-n", "1", "--jsonl"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let _first = lines.next().unwrap().unwrap();
    let _captured = sandbox
        .sk_sync_with(["capture"], envelope("event-9", "a9", "x") + "\n")
        .success();
    assert!(lines.next().unwrap().unwrap().contains("event-9"));
    follower.kill().unwrap();
    let _killed = follower.wait().unwrap();
}

/// An ID prefix is enough if it is unique.
#[test]
fn the_beginning_of_an_id_is_enough() {
    let sandbox = Sandbox::with_repo();
    let both =
        envelope("Prefix-one", "a1", "x") + "\n" + &envelope("prefix-other", "a2", "x") + "\n";
    let _captured = sandbox.sk_sync_with(["capture"], both).success();
    let show = |id: &str| sandbox.sk_sync(["events", "show", id, "--json"]);
    assert_eq!(show("PREFIX-on").success().json()["event_id"], "Prefix-one");
    assert_eq!(
        show("prefix-ot").success().json()["event_id"],
        "prefix-other"
    );
    for id in ["prefix-o", "pre", "prefix-x", "%"] {
        let _none = show(id).code(2);
    }
}
