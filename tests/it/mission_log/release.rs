//! Releases and failures in bulk, and the advice of `status`.

use serde_json::json;

use super::{LOG, SLUG, id, index, lane, log_of, log_with, logged};
use crate::support::Sandbox;
use crate::support::server::{Reply, Server};
use crate::support::wire::{honest, ids};

#[test]
fn opting_out_and_in_again_leads_back_in_three_commands() {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&["--listen", "127.0.0.1:0"]);
    sandbox.write(
        LOG,
        log_of(&log_with(20)) + &log_of(&[lane(70, "WP99", "claimed", "done")]),
    );
    sandbox.set("SK_SYNC_PRESET", "opt-out");
    let _held = sandbox.sk_sync(["run", "--json"]).success();
    sandbox.change("SK_SYNC_PRESET", "external-receiver");
    sandbox.set("SK_SYNC_TARGET_URL", &served.url());
    let status = sandbox.status();
    assert_eq!(status["event_journal"]["on_hold"]["transition"], 1);
    let step = status["next_steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["run"].to_string().contains("release"));
    assert_eq!(
        step.unwrap()["run"],
        "sk-sync events release --reason opted_out"
    );
    let dry = sandbox
        .sk_sync([
            "events",
            "release",
            "--reason",
            "opted_out",
            "--dry-run",
            "--json",
        ])
        .success()
        .json();
    let done = sandbox
        .sk_sync(["events", "release", "--reason", "opted_out", "--json"])
        .success()
        .json();
    assert_eq!(
        (&dry["events"], &dry["released"], &done["released"]),
        (&done["events"], &json!(false), &json!(true))
    );
    assert_eq!(
        (&done["command"], &done["ok"], &done["exit_code"]),
        (&json!("events"), &json!(true), &json!(0))
    );
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (&run["balance"]["blocked"], &run["balance"]["untried"]),
        (&json!(1), &json!(0)),
        "only the transition"
    );
    assert_eq!(run["drain"]["rejected"], 0);
    assert_eq!(logged(&sandbox).len(), 61);
}

#[test]
fn holds_are_lifted_by_id_type_reason_and_time() {
    let sandbox = Sandbox::with_repo();
    let rows: Vec<_> = (0..4)
        .map(|n| lane(n, &format!("WP0{n}"), "claimed", "done"))
        .collect();
    sandbox.write(LOG, log_of(&rows));
    let _report = index(&sandbox);
    let release = |args: &[&str]| {
        let words = [&["events", "release", "--json"], args].concat();
        sandbox.sk_sync(words).success().json()["events"]
            .as_u64()
            .unwrap()
    };
    let _usage = sandbox.sk_sync(["events", "release"]).code(2);
    let unknown = sandbox
        .sk_sync(["events", "release", &id(0), "nothing"])
        .code(2);
    assert!(unknown.stderr.contains("no event nothing"), "{unknown:?}");
    assert_eq!(release(&["--reason", "opted_out"]), 0);
    assert_eq!(release(&["--type", "MissionCreated"]), 0);
    assert_eq!(release(&["--since", "2999-01-01"]), 0);
    assert_eq!(release(&[&id(0).to_lowercase(), &id(1)]), 2);
    assert_eq!(
        release(&[
            "--type",
            "WPStatusChanged",
            "--since",
            "2d",
            "--reason",
            "transition"
        ]),
        2
    );
    assert_eq!(release(&["--all"]), 0);
}

#[test]
fn failures_are_retried_and_waived_in_bulk() {
    let server = Server::answering(|request| {
        if request.path.contains("/events/") {
            honest(request, "rejected")
        } else {
            Reply::status(404)
        }
    });
    let mut sandbox = Sandbox::with_repo();
    sandbox.write(LOG, log_of(&log_with(2)));
    let _report = index(&sandbox);
    sandbox.set("SK_SYNC_DRAIN__MAX_REJECTIONS", "1");
    let flags = [
        "--preset",
        "external-receiver",
        "--target-url",
        &server.url(),
    ]
    .map(str::to_owned);
    let words = |args: &[&str]| {
        [
            args.iter().map(ToString::to_string).collect(),
            flags.to_vec(),
        ]
        .concat()
    };
    for _ in 0..6 {
        if sandbox.sk_sync(words(&["run", "--json"])).code == Some(5) {
            break;
        }
        sandbox.pass(std::time::Duration::from_hours(1));
    }
    // The run named its target on the command line: status knows of the failures all the same.
    let check = sandbox
        .sk_sync(["status", "--check", "--json"])
        .code(5)
        .json();
    let failed = check["terminal_failures"]["count"].as_u64().unwrap();
    assert!(failed > 6, "{check}");
    let steps = check["next_steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["run"].as_str().unwrap());
    let step = steps
        .clone()
        .find(|step| step.starts_with("sk-sync events explain --target tgt_"))
        .unwrap()
        .to_owned();
    let target = step.rsplit(' ').next().unwrap().to_owned();
    let explained = sandbox
        .sk_sync(["events", "explain", "--target", &target])
        .success();
    assert!(
        explained.stdout.contains("WPStatusChanged"),
        "{explained:?}"
    );
    let waive = |args: &[&str]| {
        let words = [&["events", "waive", "--json", "--target", &target], args].concat();
        sandbox.sk_sync(words).success().json()
    };
    assert_eq!(waive(&["--all", "--dry-run"])["waived"], failed);
    assert_eq!(waive(&[&id(0), &id(1)])["waived"], 2);
    assert_eq!(
        waive(&["--type", "WPStatusChanged", "--since", "2d"])["waived"],
        4
    );
    let retry = |args: &[&str]| {
        let words = [&["events", "retry", "--json", "--target", &target], args].concat();
        sandbox.sk_sync(words).success().json()["owed_again"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(retry(&["--reason", "no such words", "--dry-run"]), 0);
    assert_eq!(retry(&[&id(2), "--dry-run"]), 1);
    assert_eq!(waive(&["--all"])["waived"], failed - 6);
    assert_eq!(sandbox.status()["terminal_failures"]["waived"], failed);
    assert_eq!(retry(&["--all"]), failed);
    assert!(!ids(&server.requests()[0]).is_empty());
    sandbox.set("SK_SYNC_TARGET_URL", &server.url());
}

#[test]
fn status_shows_work_packages_by_lane() {
    let sandbox = Sandbox::with_repo();
    let mut rows = log_with(2);
    rows.push(lane(7, "WP02", "claimed", "done"));
    sandbox.write(LOG, log_of(&rows));
    let _report = index(&sandbox);
    let status = sandbox
        .sk_sync(["status", "--missions", "--json"])
        .success()
        .json();
    let mission =
        json!({"mission_slug": SLUG, "lanes": {"for_review": 2, "done": 1}, "on_hold": ["WP02"]});
    assert_eq!(status["work_packages"], json!([mission]));
    let words = sandbox.sk_sync(["status", "--missions"]).success().stdout;
    assert!(
        words.contains("1 done, 2 for_review; last lane change on hold: WP02"),
        "{words}"
    );
    assert!(sandbox.status()["work_packages"].is_null());
}
