//! One journal, several targets, several drains: delivered events are not sent again to a target
//! unless the user asks for it.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};
use crate::support::wire::{assert_mirrored, audit, honest, ids, received};

fn id(n: usize) -> String {
    format!("01JMBY7K8N3QRVX2DPF0{n:06}")
}

fn captured(count: usize) -> Sandbox {
    let sandbox = Sandbox::with_repo();
    let line = |n: usize| {
        json!({
            "event_id": id(n), "event_type": "WPStatusChanged", "aggregate_id": format!("WP{n}"),
            "aggregate_type": "WorkPackage", "schema_version": "3.0.0", "build_id": "b", "node_id": "b805cd5cee74",
            "lamport_clock": n, "causation_id": null, "correlation_id": id(n), "team_slug": "harbour",
            "timestamp": "2026-02-12T10:00:00+00:00", "project_uuid": "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60",
            "payload": {"wp_id": "WP01", "mission_slug": "m", "from_lane": "planned", "to_lane": "claimed",
                        "actor": "a", "execution_mode": "worktree"}
        })
    };
    let lines: Vec<String> = (0..count).map(line).map(|line| line.to_string()).collect();
    let _captured = sandbox
        .sk_sync_with(["capture"], lines.join("\n") + "\n")
        .success();
    sandbox
}

#[test]
fn switching_targets_sends_nothing_twice_and_a_replay_is_all_duplicates() {
    let mut sandbox = Sandbox::with_repo();
    let (a, b) = (sandbox.path("a.db"), sandbox.path("b.db"));
    let at_a = sandbox.serve(&["--store", a.to_str().unwrap()]);
    let at_b = sandbox.serve(&["--store", b.to_str().unwrap()]);
    let mut targets = Vec::new();
    for (served, delivered) in [(&at_a, 23), (&at_b, 23), (&at_a, 0), (&at_b, 0)] {
        sandbox.target(&served.url());
        let before = served.report()["event_requests"].clone();
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            (&report["drain"]["success"], &report["balance"]["delivered"]),
            (&json!(delivered), &json!(23))
        );
        if delivered == 0 {
            assert_eq!(
                served.report()["event_requests"],
                before,
                "nothing was sent"
            );
        }
        targets.push(report["target"]["target_id"].as_str().unwrap().to_owned());
    }
    let held = received(&a).events;
    sandbox.target(&at_a.url());
    let dry = sandbox
        .sk_sync(["replay", "--to", &targets[0], "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(
        (&dry["owed_again"], &dry["dry_run"]),
        (&json!(23), &json!(true))
    );
    let nothing = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        nothing["drain"]["requests"], 0,
        "a dry run changed something"
    );
    let replayed = sandbox
        .sk_sync(["replay", "--to", &targets[0], "--json"])
        .success()
        .json();
    assert_eq!(replayed["owed_again"], 23);
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        (&report["drain"]["duplicate"], &report["drain"]["success"]),
        (&json!(23), &json!(0))
    );
    assert_eq!(
        (&report["balance"]["delivered"], &report["balance"]["holds"]),
        (&json!(23), &json!(true))
    );
    assert!(
        audit(&sandbox.store())
            .iter()
            .any(|(act, _)| act == "replayed")
    );
    assert_eq!(at_a.report()["conflicts"], 0);
    drop((at_a, at_b));
    assert_eq!(received(&a).events, held, "bytes equal");
    assert_mirrored(&sandbox, &a);
    assert_mirrored(&sandbox, &b);
}

#[test]
fn a_replay_can_be_about_some_and_names_what_it_knows() {
    let mut sandbox = captured(3);
    let server = Server::honest();
    sandbox.target(&server.url());
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    let target = report["target"]["target_id"].as_str().unwrap();
    let unknown = sandbox.sk_sync(["replay", "--to", "tgt_x"]).code(2);
    assert!(
        unknown.stderr.contains("tgt_x") && unknown.stderr.contains(target),
        "{}",
        unknown.stderr
    );
    for (words, count) in [
        (&["--ids", &id(1), &id(2)][..], 2),
        (&["--type", "U"], 0),
        (&["--since", "2999-01-01T00:00:00Z"], 0),
        (
            &[
                "--since",
                "2020-01-01T00:00:00Z",
                "--type",
                "WPStatusChanged",
                "U",
            ],
            1,
        ),
    ] {
        let all = [&["replay", "--to", target, "--json"][..], words].concat();
        assert_eq!(
            sandbox.sk_sync(all).success().json()["owed_again"],
            json!(count),
            "{words:?}"
        );
    }
    let _bad = sandbox
        .sk_sync(["replay", "--to", target, "--since", "yesterday"])
        .code(2);
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(report["drain"]["success"], 3);
}

#[test]
fn what_was_given_up_is_tried_again_when_somebody_says_so() {
    let mut sandbox = captured(3);
    sandbox.set("SK_SYNC_DRAIN__MAX_REJECTIONS", "1");
    let mut is_strict = true;
    let server = Server::answering(move |request| {
        honest(
            request,
            if std::mem::take(&mut is_strict) {
                "rejected"
            } else {
                "success"
            },
        )
    });
    sandbox.target(&server.url());
    let report = sandbox.sk_sync(["drain", "--json"]).code(5).json();
    assert_eq!(report["balance"]["undeliverable"], 3);
    let _nothing_owed = sandbox.sk_sync(["drain"]).success();
    let one = sandbox
        .sk_sync(["events", "retry", "--ids", &id(1), "--json"])
        .success()
        .json();
    assert_eq!(one["owed_again"], 1);
    let rest = sandbox.sk_sync(["events", "retry"]).success();
    assert!(
        rest.stdout
            .starts_with("2 events will be sent to http://127.0.0.1"),
        "{}",
        rest.stdout
    );
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        (
            &report["drain"]["success"],
            &report["balance"]["undeliverable"]
        ),
        (&json!(3), &json!(0))
    );
}

/// Two and eight drains at once: each event is stored once, and no request more is made than one
/// drain would make.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "the table and the counts, with --no-capture"
)]
fn drains_at_the_same_time_make_no_request_more_than_one() {
    for drains in [2, 8] {
        let mut sandbox = captured(1000);
        let file = sandbox.path("received.db");
        let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
        sandbox.target(&served.url());
        sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "50");
        let start = || {
            sandbox
                .command(["drain", "--json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let children: Vec<_> = (0..drains).map(|_| start()).collect();
        let mut requests = 0;
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(matches!(output.status.code(), Some(0 | 75)), "{output:?}");
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            requests += report["drain"]["requests"].as_u64().unwrap_or(0);
        }
        let seen = served.report();
        println!("{drains} drains: {requests} requests; the receiver says {seen}");
        assert_eq!(
            (requests, &seen["event_requests"]),
            (20, &json!(20)),
            "{drains}"
        );
        for none in ["duplicates", "conflicts", "repeated_requests"] {
            assert_eq!(seen[none], 0, "{drains}: {none}");
        }
        drop(served);
        assert_eq!(received(&file).events.len(), 1000);
    }
}

/// One poison event among 1,000, first, in the middle, last: 999 are delivered in one run.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "the table and the counts, with --no-capture"
)]
fn d11_one_poison_among_a_thousand() {
    for position in [0, 499, 999] {
        let poison = id(position);
        let server = Server::answering({
            let poison = poison.clone();
            move |request| {
                if ids(request).contains(&poison) {
                    Reply::status(400)
                } else {
                    honest(request, "success")
                }
            }
        });
        let mut sandbox = captured(1000);
        sandbox.target(&server.url());
        let report = sandbox.sk_sync(["drain", "--json"]).code(3).json();
        let drain = &report["drain"];
        assert_eq!(
            (&drain["success"], &drain["rejected"]),
            (&json!(999), &json!(1)),
            "{position}"
        );
        let requests = drain["requests"].as_u64().unwrap();
        println!("poison at {position}: {requests} requests");
        assert_eq!(server.requests().len() as u64, requests);
        // One for all, then two for each of the ten halvings.
        assert!(requests <= 1 + 2 * 10, "{position}: {requests}");
        let rejected = sandbox
            .sk_sync(["events", "list", "--jsonl", "--status", "rejected"])
            .success()
            .json_lines();
        assert_eq!(rejected[0]["event_id"], json!(poison));
    }
}
