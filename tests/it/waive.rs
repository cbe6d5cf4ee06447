//! Waived failures: they stay where they are, and no longer count as problems.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};
use crate::support::wire::{audit, ids};

/// A server that refuses every event whose type is among `types`.
fn strict(types: &'static [&'static str]) -> Server {
    Server::answering(move |request| {
        let batch = request.json();
        let results = batch["events"].as_array().into_iter().flatten().enumerate().map(|(n, event)| {
            if types.contains(&event["event_type"].as_str().unwrap()) {
                json!({"event_id": event["event_id"], "status": "rejected", "error": format!("no lane in row {n}")})
            } else {
                json!({"event_id": event["event_id"], "status": "success"})
            }
        });
        Reply::json(200, &json!({"results": results.collect::<Vec<_>>()}))
    })
}

fn capture(sandbox: &Sandbox, events: &[(&str, &str)]) {
    let line =
        |(id, kind): &(&str, &str)| json!({"event_id": id, "event_type": kind}).to_string() + "\n";
    let _captured = sandbox
        .sk_sync_with(["capture"], events.iter().map(line).collect::<String>())
        .success();
}

fn groups(sandbox: &Sandbox) -> Vec<Value> {
    let explained = sandbox
        .sk_sync(["events", "explain", "--json"])
        .success()
        .json();
    explained["groups"].as_array().unwrap().clone()
}

fn check(sandbox: &Sandbox, code: i32) -> Value {
    sandbox
        .sk_sync(["status", "--check", "--json"])
        .code(code)
        .json()
}

/// Events refused by a later rule are explained by group, waived with a note, and audited; the
/// events and the balance stay. A new failure of the group counts again; a retry removes the
/// waiver.
#[test]
#[expect(clippy::too_many_lines, reason = "one act after another")]
fn d16_a_group_of_failures_is_waived() {
    let server = strict(&["LaneMoved", "PlanApproved"]);
    let mut sandbox = Sandbox::with_empty_repo();
    sandbox.set(
        "SK_SYNC_PROJECT__UUID",
        "7e57ab1e-0000-4000-8000-000000000001",
    );
    sandbox.set("SK_SYNC_DRAIN__MAX_REJECTIONS", "1");
    sandbox.target(&server.url());
    capture(
        &sandbox,
        &[
            ("a", "LaneMoved"),
            ("b", "LaneMoved"),
            ("c", "PlanApproved"),
            ("d", "Other"),
        ],
    );
    let _refused = sandbox.sk_sync(["drain"]).code(5);
    let before = check(&sandbox, 5);
    assert_eq!(
        (
            &before["terminal_failures"]["count"],
            &before["terminal_failures"]["waived"]
        ),
        (&json!(3), &json!(0))
    );
    let found = groups(&sandbox);
    assert_eq!(
        (found.len(), &found[0]["count"], &found[0]["event_type"]),
        (2, &json!(2), &json!("LaneMoved"))
    );
    let name = |of: &Value| of["group"].as_str().unwrap().to_owned();
    let (lanes, plans) = (name(&found[0]), name(&found[1]));

    let tried = sandbox
        .sk_sync(["events", "waive", &lanes, "--dry-run", "--json"])
        .success()
        .json();
    assert_eq!(
        (&tried["waived"], &groups(&sandbox)[0]["waived"]),
        (&json!(2), &json!(0))
    );
    let done = sandbox
        .sk_sync([
            "events",
            "waive",
            &lanes,
            "--note",
            "guard of May",
            "--json",
        ])
        .success()
        .json();
    assert_eq!(
        (&done["waived"], &done["event_type"]),
        (&json!(2), &json!("LaneMoved"))
    );
    let group = groups(&sandbox)[0].clone();
    assert_eq!(
        (&group["waived"], &group["note"]),
        (&json!(2), &json!("guard of May"))
    );
    assert!(
        sandbox
            .sk_sync(["events", "explain"])
            .success()
            .stdout
            .contains("all: guard of May")
    );
    let half = check(&sandbox, 5);
    assert_eq!(half["terminal_failures"]["waived"], 2);
    assert_eq!(
        half["terminal_failures"]["events"]
            .as_array()
            .unwrap()
            .len(),
        1,
        "the ones that nobody has seen"
    );
    let _rest = sandbox.sk_sync(["events", "waive", &plans]).success();
    let after = check(&sandbox, 0);
    assert_eq!(
        (&after["ok"], &after["balance"]),
        (&json!(true), &before["balance"]),
        "nothing was hidden"
    );
    let acts: Vec<_> = audit(&sandbox.store())
        .into_iter()
        .filter(|(act, _)| act == "waived")
        .collect();
    assert_eq!(acts.len(), 2);
    let again = sandbox
        .sk_sync(["events", "waive", &plans, "--json"])
        .success()
        .json();
    assert_eq!(again["waived"], 0);

    // Failures after the waiver are not covered.
    capture(&sandbox, &[("e", "LaneMoved")]);
    let _refused = sandbox.sk_sync(["drain"]).code(5);
    let more = check(&sandbox, 5);
    assert_eq!(
        (
            &more["terminal_failures"]["count"],
            &more["terminal_failures"]["waived"]
        ),
        (&json!(4), &json!(3))
    );
    let _seen = sandbox.sk_sync(["events", "waive", &lanes]).success();
    let _fine = check(&sandbox, 0);

    // A retry sends them again: the result is new.
    let _retried = sandbox.sk_sync(["events", "retry", "--ids", "a"]).success();
    assert_eq!(check(&sandbox, 3)["terminal_failures"]["waived"], 3);
    let asked = server.requests().len();
    let _refused = sandbox.sk_sync(["drain"]).code(5);
    assert_eq!(
        server.requests()[asked..]
            .iter()
            .flat_map(ids)
            .collect::<Vec<_>>(),
        ["a"]
    );
    let _pressing = check(&sandbox, 5);
}

#[test]
fn only_what_was_given_up_can_be_waived() {
    let server = strict(&["LaneMoved"]);
    let mut sandbox = Sandbox::with_empty_repo();
    sandbox.set(
        "SK_SYNC_PROJECT__UUID",
        "7e57ab1e-0000-4000-8000-000000000001",
    );
    let nowhere = sandbox.sk_sync(["events", "waive", "0000000000"]).code(2);
    assert!(
        nowhere.stderr.contains("no target is configured"),
        "{}",
        nowhere.stderr
    );
    sandbox.target(&server.url());
    capture(&sandbox, &[("a", "LaneMoved")]);
    let _refused = sandbox.sk_sync(["drain"]).code(3);
    let rejected = groups(&sandbox)[0]["group"].as_str().unwrap().to_owned();
    for name in [rejected.as_str(), "0000000000", "x"] {
        let refused = sandbox.sk_sync(["events", "waive", name]).code(2);
        assert!(
            refused.stderr.contains("sk-sync events explain"),
            "{}",
            refused.stderr
        );
    }
}
