//! One day: every command that a user may need, in sequence on one store.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::Served;
use crate::support::wire::{assert_mirrored, journal, open, received};

const SPEC: &str = "kitty-specs/storm-surge-alerts-01KQX7M2/spec.md";

fn status(sandbox: &Sandbox) -> Value {
    let document = sandbox.status();
    assert_eq!(document["balance"]["holds"], true, "{document}");
    document
}

fn news(sandbox: &Sandbox, text: &str) {
    sandbox.write(SPEC, sandbox.read(SPEC) + text + "\n");
}

/// The shell lines that a status offers.
fn steps(document: &Value) -> Vec<&str> {
    document["next_steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["run"].as_str().unwrap())
        .collect()
}

fn current(sandbox: &Sandbox) -> String {
    let known = sandbox
        .sk_sync(["target", "list", "--json"])
        .success()
        .json();
    let targets = known["targets"].as_array().unwrap();
    targets.iter().find(|t| t["is_current"] == true).unwrap()["target_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A receiver that stores in `file`.
fn serve(sandbox: &Sandbox, file: &Path, more: &[&str]) -> Served {
    sandbox.serve(&[&["--store", file.to_str().unwrap()], more].concat())
}

/// A run, the target stops, a run, it returns, a run: returns the number of events.
fn the_morning(sandbox: &mut Sandbox, file: &Path) -> i64 {
    let served = serve(sandbox, file, &[]);
    let address = served.url().trim_start_matches("http://").to_owned();
    sandbox.target(&served.url());
    assert!(
        sandbox
            .sk_sync(["run"])
            .success()
            .stdout
            .contains("Done: everything is delivered")
    );
    let seen = status(sandbox);
    assert_eq!(
        (&seen["ok"], steps(&seen).len()),
        (&json!(true), 0),
        "{seen}"
    );
    let begun = seen["balance"]["captured"].as_i64().unwrap();

    // Stopped: nothing is lost, and no output claims success.
    drop(served);
    news(sandbox, "while the target is down");
    let run = sandbox.sk_sync(["run"]).code(3);
    assert!(
        run.stdout.contains("Not done:") && run.stdout.contains("Everything is kept"),
        "{run:?}"
    );
    let seen = status(sandbox);
    assert_eq!(
        (steps(&seen).len(), steps(&seen)[0]),
        (2, "sk-sync drain"),
        "{seen}"
    );
    assert!(
        steps(&seen)[1].starts_with("sk-sync drain --target-url URL"),
        "{seen}"
    );
    assert_eq!(seen["last_run"]["result"], "retryable");
    assert_eq!(
        seen["delivery_targets"]["current"]["next_due_at"],
        Value::Null,
        "at once: {seen}"
    );
    let captured = seen["balance"]["captured"].as_i64().unwrap();
    assert!(
        captured > begun && seen["active_queue"]["event_count"] == captured - begun,
        "{seen}"
    );
    let _open = sandbox.sk_sync(["preflight"]).success();
    let _check = sandbox.sk_sync(["status", "--check"]).code(3);

    // Back: the same run delivers what was left to send, once.
    let served = serve(sandbox, file, &["--listen", &address]);
    let _run = sandbox.sk_sync(["run"]).success();
    assert_eq!(served.report()["events"], captured);
    assert_mirrored(sandbox, file);
    captured
}

/// Another target starts empty and gets everything; a replay sends everything once more.
fn another_target(sandbox: &mut Sandbox, file: &Path, captured: i64) {
    let other = serve(sandbox, file, &[]);
    sandbox.target(&other.url());
    assert_eq!(
        sandbox.sk_sync(["gc", "--json"]).success().json()["eligible"]["reasons"]["delivered"],
        Value::Null
    );
    let _run = sandbox.sk_sync(["run"]).success();
    assert_mirrored(sandbox, file);
    let id = current(sandbox);
    let _replay = sandbox.sk_sync(["replay", "--to", &id]).success();
    assert_eq!(status(sandbox)["balance"]["untried"], captured);
    let _drain = sandbox.sk_sync(["drain"]).success();
    assert_eq!(
        (&other.report()["events"], &other.report()["duplicates"]),
        (&json!(captured), &json!(captured))
    );
    assert_eq!(
        status(sandbox)["delivery_ledger"]["delivered_previous_target"],
        captured
    );
}

/// The archive first, then a plan, then the act; history stays.
fn cleaning_up(sandbox: &Sandbox, archive: &Path, captured: i64) {
    let kept = journal(&sandbox.store()).len();
    let done = sandbox
        .sk_sync(["archive", "--json", "--output", archive.to_str().unwrap()])
        .success()
        .json();
    assert_eq!(done["events"], kept);
    let before = sandbox.listing();
    let plan = sandbox.sk_sync(["gc", "--json"]).success().json();
    // The newest version of each path stays: another target would need it.
    let going = plan["eligible"]["payloads"].clone();
    assert!(
        going.as_u64() > Some(0)
            && plan["kept"]["reasons"]["newest"]["payloads"].as_u64() > Some(0),
        "{plan}"
    );
    assert_eq!(sandbox.listing(), before);
    let gone = sandbox
        .sk_sync(["gc", "--explicit", "--json"])
        .success()
        .json();
    assert_eq!(gone["collected"]["payloads"], going);
    assert!(journal(&sandbox.store()).len() < kept);
    assert_eq!(status(sandbox)["balance"]["delivered"], captured);
    sandbox.verified();
    // Known facts stay known.
    assert_eq!(
        sandbox.sk_sync(["index", "--json"]).success().json()["capture"]["captured"],
        0
    );
}

/// A bit flips, a row is lost, a counter is wrong: each is reported differently.
fn the_evening(sandbox: &Sandbox, store: &Path) {
    open(store)
        .execute(
            "UPDATE store_counters SET value = value + 1 WHERE name = 'delivered'",
            [],
        )
        .unwrap();
    let found = sandbox.sk_sync(["verify", "--json"]).code(6).json();
    assert_eq!(
        (
            &found["is_damaged"],
            found["safe"].as_array().unwrap().len()
        ),
        (&json!(false), 4)
    );
    let mended = sandbox
        .sk_sync(["verify", "--repair", "counters"])
        .success()
        .stdout;
    assert!(
        mended.starts_with("Repaired: delivery/1/delivered said "),
        "{mended}"
    );
    let conn = open(store);
    conn.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    let flip = "UPDATE journal_payloads SET envelope = CAST(replace(envelope, 'a', 'b') AS BLOB) WHERE seq = 3";
    let lose = "DELETE FROM journal_events WHERE seq = 5";
    for (damage, words) in [(flip, "journal row 3"), (lose, "row 5 is missing")] {
        conn.execute(damage, []).unwrap();
        let found = sandbox.sk_sync(["verify"]).code(6).stdout;
        assert!(
            found.contains(words) && found.contains("Keep a copy of the file"),
            "{found}"
        );
        assert!(found.contains("Safe:"), "{found}");
    }
}

#[test]
fn a_day_in_the_life() {
    let mut sandbox = Sandbox::with_repo();
    let [first, second, third] =
        ["first.db", "second.db", "third.db"].map(|name| sandbox.path(name));
    let captured = the_morning(&mut sandbox, &first);
    another_target(&mut sandbox, &second, captured);
    let archive = sandbox.path("all.jsonl.gz");
    let kept = journal(&sandbox.store());
    cleaning_up(&sandbox, &archive, captured);
    // Another machine: everything is restored, byte for byte, and sent to a separate target.
    sandbox.change("SK_SYNC_HOME", sandbox.path("elsewhere").to_str().unwrap());
    let restored = sandbox
        .sk_sync(["restore", archive.to_str().unwrap(), "--json"])
        .success()
        .json();
    assert_eq!(restored["added"], kept.len());
    sandbox.verified();
    let own = serve(&sandbox, &third, &[]);
    sandbox.target(&own.url());
    let _run = sandbox.sk_sync(["run"]).success();
    assert_eq!(received(&third).events, kept);
    let place = crate::support::stores::places(&sandbox.path("elsewhere"))
        .pop()
        .unwrap();
    the_evening(&sandbox, &place.join("store.db"));
}
