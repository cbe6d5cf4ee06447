//! Recorded agreements: listed, revoked, damaged, and written by many at once.

use std::process::Stdio;

use serde_json::json;

use super::{Foreign, consent_gate, gate, is_open};
use crate::support::Sandbox;

#[test]
fn an_agreement_is_listed_and_taken_back() {
    let foreign = Foreign::listen();
    let mut sandbox = Sandbox::with_repo();
    let text = format!("{}\n", foreign.config());
    sandbox.write("event-sync.toml", text);
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let other = sandbox.sk_sync(["allow", "https://h.example"]).success();
    assert!(
        other.stderr.contains(&foreign.origin),
        "where it goes as configured is named: {}",
        other.stderr
    );
    assert!(!is_open(&sandbox));
    let _back = sandbox
        .sk_sync(["allow", "--revoke", "https://h.example"])
        .success();
    let _given = sandbox.sk_sync(["allow", &foreign.origin]).success();
    let listed = sandbox.sk_sync(["allow", "--list"]).success();
    assert!(
        listed.stdout.starts_with(&foreign.origin),
        "{}",
        listed.stdout
    );
    let _none = sandbox
        .sk_sync(["allow", "--revoke", "https://h.example"])
        .code(2);
    let _back = sandbox
        .sk_sync(["allow", "--revoke", &foreign.origin])
        .success();
    assert_eq!(
        sandbox
            .sk_sync(["allow", "--list", "--json"])
            .success()
            .json()["grants"],
        json!([])
    );
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(consent_gate(&report)["open"], false);
    assert_eq!(foreign.connections(), 0);
}

/// An unreadable file of consents grants nothing, is reported, and is not overwritten.
#[test]
fn damaged_agreements_open_nothing() {
    let foreign = Foreign::listen();
    let mut sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", foreign.config());
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let _given = sandbox.sk_sync(["allow", &foreign.origin]).success();
    let file = sandbox.place().join("grants.json");
    std::fs::write(&file, "{").unwrap();
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(report["capture"]["captured"], 23, "captured all the same");
    let shut = gate(&sandbox, &[]);
    assert!(
        shut["open"] == false && shut["reason"].as_str().unwrap().contains("grants.json"),
        "{shut}"
    );
    let refused = sandbox.sk_sync(["allow", &foreign.origin]).code(2);
    assert!(refused.stderr.contains("grants.json"), "{}", refused.stderr);
    assert_eq!(std::fs::read(&file).unwrap(), b"{");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let refused = sandbox.sk_sync(["allow", &foreign.origin]).code(1);
    assert!(refused.stderr.contains("grants.json"), "{}", refused.stderr);
    assert_eq!(foreign.connections(), 0);
}

/// Consents given and revoked at the same time are all kept, or all removed.
#[test]
fn no_agreement_is_lost_among_many() {
    let sandbox = Sandbox::with_repo();
    let at_once = |words: &[&str]| {
        let origins: Vec<_> = (0..12)
            .map(|n| format!("https://h{n:02}.example"))
            .collect();
        let start = |origin: &String| {
            let mut command = sandbox.command(["allow"]);
            command
                .args(words)
                .arg(origin)
                .arg("--target-url=https://h00.example")
                .arg("--preset=external-receiver");
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        let children: Vec<_> = origins.iter().map(start).collect();
        for mut child in children {
            assert_eq!(child.wait().unwrap().code(), Some(0));
        }
        sandbox
            .sk_sync(["allow", "--list", "--json"])
            .success()
            .json()["grants"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(at_once(&[]), 12);
    assert_eq!(at_once(&["--revoke"]), 0);
}
