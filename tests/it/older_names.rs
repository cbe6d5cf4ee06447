//! Names and promises that scripts of Spec Kitty and of operators rely on: digests, counts, the
//! order of events, and the behaviour of a full queue.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, envelope, id, put};
use crate::support::server::{Reply, Server};

const SPEC: &str = "kitty-specs/001-harbour-tide-table/spec.md";

/// `sync status` names the source of a conflict by the digest in the name of its file.
#[test]
fn a_conflict_names_its_source_as_the_file_does() {
    let sandbox = Sandbox::with_repo();
    let (queue, scoped) = (
        sandbox.queue("queue.db", Era::Last),
        sandbox.queue("queues/queue-0a1b.db", Era::Last),
    );
    put(&queue, &id(1), envelope(&id(1), Some(HARBOUR), "first"), 1);
    put(
        &scoped,
        &id(1),
        envelope(&id(1), Some(HARBOUR), "second"),
        1,
    );
    drop((queue, scoped));
    assert_eq!(sandbox.migrated(5)["conflicts"], 1);
    assert_eq!(
        sandbox.status()["migration_conflicts"]["conflicts"][0]["source_digest"],
        "0a1b"
    );
}

/// Events in a verified archive are counted separately.
#[test]
fn archived_events_are_not_retained_ones() {
    let sandbox = Sandbox::with_repo();
    let _index = sandbox.sk_sync(["index"]).success();
    let counts = |sandbox: &Sandbox| {
        let journal = sandbox.status()["event_journal"].clone();
        (
            journal["retained_event_count"].clone(),
            journal["archived_event_count"].clone(),
        )
    };
    assert_eq!(counts(&sandbox), (json!(23), json!(0)));
    let file = sandbox.path("archive.gz");
    let _archive = sandbox
        .sk_sync(["archive", "--output", file.to_str().unwrap()])
        .success();
    assert_eq!(counts(&sandbox), (json!(0), json!(23)));
    assert!(
        sandbox
            .sk_sync(["status", "-v"])
            .success()
            .stdout
            .contains("0 events and 23 in an archive")
    );
}

/// Members about a daemon that no longer exists: present, and empty.
#[test]
fn members_about_the_daemon_are_there_and_empty() {
    let mut sandbox = Sandbox::with_repo();
    let none = sandbox.status();
    assert_eq!(
        (&none["auth_required"], &none["auth_present"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(none["daemon_owner_record"]["status"], "absent");
    for (pointer, empty) in [
        ("/foreground/pid", json!(null)),
        ("/foreground/team_or_user", json!(null)),
        ("/daemon_owner_record/pid", json!(null)),
        ("/mismatches", json!([])),
        ("/orphan_records", json!([])),
        ("/live_orphan_daemon_count", json!(0)),
    ] {
        assert_eq!(none.pointer(pointer), Some(&empty), "{pointer}");
    }
    sandbox.target("http://127.0.0.1:9");
    let with_token = sandbox.status();
    assert_eq!(
        (&with_token["auth_required"], &with_token["auth_present"]),
        (&json!(true), &json!(true))
    );
    sandbox.unset("SK_SYNC_TOKEN");
    let without = sandbox.status();
    assert_eq!(
        (&without["auth_required"], &without["auth_present"]),
        (&json!(true), &json!(false))
    );
}

/// The events of one document, in the order of the journal.
fn events_of_spec(sandbox: &Sandbox) -> Vec<Value> {
    let listed = sandbox
        .sk_sync(["events", "list", "--jsonl", "--envelope"])
        .success()
        .json_lines();
    let is_of_spec = |event: &Value| {
        let payload = &event["envelope"]["payload"];
        payload["artifact_id"]["path"] == "spec.md"
            && payload["namespace"]["mission_slug"] == "001-harbour-tide-table"
    };
    listed.into_iter().filter(is_of_spec).collect()
}

/// The first version was delivered, the second replaced before it was sent: the third comes after
/// the first.
#[test]
fn what_replaces_an_unsent_event_follows_what_was_delivered() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let _sent = sandbox.sk_sync(["run"]).success();
    for text in ["# two\n", "# three\n"] {
        sandbox.write(SPEC, text);
        let _index = sandbox.sk_sync(["index"]).success();
    }
    let ids: Vec<_> = events_of_spec(&sandbox)
        .iter()
        .map(|e| e["event_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 3);
    let show = |id: &str| {
        sandbox
            .sk_sync(["events", "show", id, "--json"])
            .success()
            .json()
    };
    let (second, third) = (show(&ids[1]), show(&ids[2]));
    assert_eq!(
        second["superseded_by_event_id"],
        ids[2].as_str(),
        "{second}"
    );
    assert_eq!(third["follows_event_id"], ids[0].as_str(), "{third}");
    let words = |id: &str| sandbox.sk_sync(["events", "show", id]).success().stdout;
    assert!(
        words(&ids[1]).contains(&format!("Replaced  by {}, before it was sent", ids[2])),
        "{}",
        words(&ids[1])
    );
    assert!(
        words(&ids[2]).contains(&format!("Follows   {}", ids[0])),
        "{}",
        words(&ids[2])
    );
    assert!(!words(&ids[2]).contains(" row "), "{}", words(&ids[2]));
}

/// A queue that is full of events in flight keeps new ones; `captured` is never reported for an
/// evicted event.
#[test]
fn a_full_queue_keeps_what_it_says_it_captured() {
    let server = Server::answering(|request| match request.method.as_str() {
        "GET" => Reply::status(404),
        _ => Reply::Silence,
    });
    let sandbox = Sandbox::with_repo();
    let url = server.url();
    sandbox.own(format!(
        "retention = 'off'\ndelivery = 'external-receiver'\nexternal_receiver.url = '{url}'\njournal.capacity = 23\n"
    ));
    let _sent = sandbox.sk_sync(["run"]).code(3);
    assert_eq!(sandbox.status()["balance"]["in_flight"], 23);
    let capture = |ids: std::ops::Range<usize>| {
        let lines: Vec<_> = ids
            .map(|n| format!("{{\"event_id\":\"e{n:02}\",\"event_type\":\"X\"}}\n"))
            .collect();
        let lines = lines.concat();
        sandbox
            .sk_sync_with(["capture", "--json"], lines)
            .success()
            .json_lines()
    };
    let is_kept = |id: &str| {
        let shown = sandbox
            .sk_sync(["events", "show", id, "--json"])
            .success()
            .json();
        shown["discarded"].is_null()
    };
    let first = capture(0..1);
    assert_eq!(first[0]["result"], "captured", "{first:?}");
    assert!(
        is_kept("e00"),
        "it was given up by the command that captured it"
    );
    // More events than the queue may hold: evicted ones are reported as such.
    let many = capture(1..31);
    for line in &many {
        let id = line["event_id"].as_str().unwrap();
        assert_eq!(line["result"] == "captured", is_kept(id), "{line}");
    }
    assert_eq!(
        many.iter()
            .filter(|line| line["result"] == "captured")
            .count(),
        23
    );
    assert!(
        many[0]["reason"]
            .as_str()
            .unwrap()
            .contains("journal.capacity"),
        "{}",
        many[0]
    );
    assert!(
        !is_kept("e00"),
        "the oldest that is not on the wire goes first"
    );
    let text = sandbox
        .sk_sync_with(["capture"], "{\"event_id\":\"e99\",\"event_type\":\"X\"}\n")
        .success()
        .stderr;
    assert!(
        text.contains("sk-sync drain") && text.contains("raise journal.capacity"),
        "{text}"
    );
}

/// Servers know a mission whose branch is null by the word None: that is kept, with a warning.
#[test]
fn a_null_branch_is_warned_about() {
    let sandbox = Sandbox::with_repo();
    let meta = "kitty-specs/001-harbour-tide-table/meta.json";
    sandbox.write(
        meta,
        "{\"mission_type\": \"software-dev\", \"target_branch\": null}",
    );
    for _ in 0..2 {
        let report = sandbox.sk_sync(["index", "--json"]).success().json();
        assert!(
            report["warnings"].to_string().contains("meta_null_field"),
            "{report}"
        );
    }
    let branch = &events_of_spec(&sandbox)[0]["envelope"]["payload"]["namespace"]["target_branch"];
    assert_eq!(branch, "None");
    sandbox.write(meta, "{\"mission_type\": \"software-dev\"}");
    let report = sandbox.sk_sync(["index", "--json"]).success().json();
    assert!(
        !report["warnings"].to_string().contains("meta_null_field"),
        "{report}"
    );
}

/// Presets by their older names, in any case, with `-` or `_`.
#[test]
fn presets_have_their_older_names() {
    for (word, preset) in [
        ("LOCAL_RETENTION", "local-retention"),
        ("local-Retention", "local-retention"),
        ("opt_out", "opt-out"),
        ("OPT-OUT", "opt-out"),
        ("STUB", "stub"),
    ] {
        let sandbox = Sandbox::with_repo();
        let set = sandbox.sk_sync(["mode", word, "--json"]).success().json();
        assert_eq!(set["changes"][0]["after"], preset, "{word}: {set}");
        let mut sandbox = Sandbox::with_repo();
        sandbox.set("SK_SYNC_PRESET", word);
        let shown = sandbox.sk_sync(["mode", "--json"]).success().json();
        assert_eq!(shown["values"][0]["value"], preset, "{word}: {shown}");
    }
}
