//! Every configuration key changes what happens: one test for each key, named after it.

mod artifacts;
mod hook;
mod limits;
mod logs;
mod network;
mod target;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{audit, honest, ids};

/// Keys whose effect comes with a later command or a later form of delivery. They are read and
/// checked already.
const LATER: [&str; 1] = ["migrate.imported"];

/// The fixture repository with this configuration and nothing else.
fn configured(text: &str) -> Sandbox {
    let sandbox = Sandbox::with_repo();
    sandbox.own(text);
    sandbox
}

/// The same with a correct external receiver.
fn external(server: &Server, more: &str) -> Sandbox {
    configured(&format!(
        "preset = 'external-receiver'\nexternal_receiver.url = '{}'\n{more}",
        server.url()
    ))
}

fn run(sandbox: &Sandbox) -> Value {
    sandbox.sk_sync(["run", "--json"]).success().json()
}

fn to<'a>(requests: &'a [Request], path: &str) -> Vec<&'a Request> {
    requests.iter().filter(|r| r.path == path).collect()
}

const EVENTS: &str = "/api/v1/events/batch/";
const BODIES: &str = "/api/dossier/push-content/";

#[test]
fn every_key_has_a_test_or_waits_for_a_later_command() {
    let shown = Sandbox::with_repo()
        .sk_sync(["config", "show", "--origin", "--json"])
        .success()
        .json();
    let keys: Vec<_> = shown["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["key"].as_str().unwrap())
        .collect();
    assert!(
        keys.len() > 30 && LATER.iter().all(|later| keys.contains(later)),
        "{keys:?}"
    );
    let here = [
        "mod.rs",
        "artifacts.rs",
        "hook.rs",
        "limits.rs",
        "logs.rs",
        "network.rs",
        "target.rs",
    ]
    .map(|file| {
        std::fs::read_to_string(format!(
            "{}/tests/it/settings/{file}",
            env!("CARGO_MANIFEST_DIR")
        ))
        .unwrap()
    })
    .concat();
    for key in keys {
        let has_test = here.contains(&format!("#[test]\nfn {}() {{", key.replace('.', "_")));
        assert_ne!(has_test, LATER.contains(&key), "{key}");
    }
}

/// Every layer can set a key, and the later one wins: file, environment, flag.
#[test]
fn preset() {
    let mut sandbox = configured("preset = 'local-retention'");
    assert_eq!(run(&sandbox)["target"], Value::Null);
    sandbox.set("SK_SYNC_PRESET", "opt-out");
    let origin = |sandbox: &Sandbox, flags: &[&str]| {
        let words = ["config", "show", "--origin", "--json"]
            .iter()
            .chain(flags)
            .copied();
        let shown = sandbox.sk_sync(words).success().json();
        let value = shown["values"]
            .as_array()
            .unwrap()
            .iter()
            .find(|v| v["key"] == "preset")
            .cloned()
            .unwrap();
        (
            value["value"].as_str().unwrap().to_owned(),
            value["origin"].to_string(),
        )
    };
    let (value, from) = origin(&sandbox, &[]);
    assert!(
        value == "opt-out" && from.contains("SK_SYNC_PRESET"),
        "{value} {from}"
    );
    let (value, from) = origin(&sandbox, &["--preset", "stub"]);
    assert!(
        value == "stub" && from.contains("--preset"),
        "{value} {from}"
    );
    let report = sandbox
        .sk_sync(["run", "--json", "--preset", "stub"])
        .success()
        .json();
    assert_eq!(report["target"]["receiver"], "stub");
}

#[test]
fn retention() {
    let server = Server::honest();
    let purged = |sandbox: &Sandbox| {
        let events = sandbox
            .sk_sync(["events", "list", "--jsonl", "--envelope"])
            .success()
            .json_lines();
        assert!(events.iter().all(
            |e| e["status"] == "success" && e["envelope"].is_null() != e["purged_at"].is_null()
        ));
        (
            events.iter().filter(|e| e["envelope"].is_null()).count(),
            events.len(),
        )
    };
    let keeps = external(&server, "retention = 'on'");
    let _report = run(&keeps);
    assert_eq!(purged(&keeps).0, 0);
    let frees = external(&server, "retention = 'off'");
    let report = run(&frees);
    assert_eq!(
        report["balance"]["delivered"], report["capture"]["captured"],
        "what left is still counted"
    );
    let (gone, all) = purged(&frees);
    assert_eq!(gone, all);
    assert_eq!(
        run(&frees)["capture"]["captured"],
        0,
        "what was said stays known"
    );
    // The embedded receiver proves nothing, so it frees nothing.
    let stub = configured("retention = 'off'\ndelivery = 'stub'");
    let _report = run(&stub);
    assert_eq!(purged(&stub).0, 0);
}

#[test]
fn delivery() {
    let sandbox = configured("preset = 'stub'\ndelivery = 'none'");
    assert_eq!(
        (&run(&sandbox)["target"], &run(&sandbox)["drain"]),
        (&Value::Null, &Value::Null)
    );
    sandbox.own("delivery = 'stub'");
    assert_eq!(run(&sandbox)["target"]["receiver"], "stub");
}

#[test]
fn dossier_parity() {
    let hash = |word: &str| {
        let sandbox = configured(&format!("dossier.parity = '{word}'"));
        let _report = run(&sandbox);
        let only = [
            "events",
            "list",
            "--jsonl",
            "--envelope",
            "--type",
            "MissionDossierSnapshotComputed",
        ];
        let events = sandbox.sk_sync(only).success().json_lines();
        events[0]["envelope"]["payload"]["snapshot_hash"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (path, content) = (hash("path"), hash("content"));
    assert!(path.starts_with("sha256:") && path.len() == 71, "{path}");
    assert!(!content.contains(':') && content.len() == 64, "{content}");
}

/// Opting out captures events for a Teamspace on hold, or drops them with an audit row each.
#[test]
fn opt_out_teamspace_bound() {
    let keeps = configured("preset = 'opt-out'\nopt_out.teamspace_bound = 'keep'");
    let report = run(&keeps);
    let captured = report["capture"]["captured"].as_u64().unwrap();
    assert!(captured > 0);
    assert_eq!(report["balance"]["blocked"], captured);
    // Choosing a target later does not lift the hold.
    let later = keeps
        .sk_sync(["index", "--json", "--preset", "stub"])
        .success()
        .json();
    assert_eq!(later["balance"]["blocked"], captured);
    let drops = configured("preset = 'opt-out'\nopt_out.teamspace_bound = 'audit'");
    let report = run(&drops);
    assert_eq!(report["capture"]["captured"], 0);
    assert!(
        report["warnings"].to_string().contains("opted out"),
        "{report}"
    );
    let rows = audit(&drops.store());
    assert_eq!(rows.len() as u64, captured);
    assert!(rows.iter().all(|(act, event_type)| act == "discarded" && event_type.starts_with("MissionDossier")));
}

#[test]
fn families_local_only() {
    let sandbox =
        configured("preset = 'stub'\nfamilies.local_only = ['MissionDossierSnapshotComputed']");
    let report = run(&sandbox);
    let blocked = sandbox
        .sk_sync(["events", "list", "--jsonl", "--status", "blocked"])
        .success()
        .json_lines();
    assert_eq!(json!(blocked.len()), report["balance"]["blocked"]);
    assert!(
        blocked.len() == 3 && blocked.iter().all(|e| e["error"] == "local_only"),
        "{blocked:?}"
    );
    assert!(
        blocked
            .iter()
            .all(|e| e["event_type"] == "MissionDossierSnapshotComputed")
    );
    assert!(report["balance"]["delivered"].as_u64().unwrap() > 3);
}

/// A variable of a section sets its key, over the file.
#[test]
fn the_environment_sets_keys_over_the_file() {
    let server = Server::answering(|request| match ids(request).len() {
        0 => honest(request, "success"),
        n if n > 2 => Reply::status(500),
        _ => honest(request, "success"),
    });
    let mut sandbox = external(&server, "drain.max_events = 500");
    sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "2");
    let _report = run(&sandbox);
}
