//! A mission that differs from its parity baseline.

use serde_json::{Value, json};

use crate::support::Sandbox;

const MISSION: &str = "storm-surge-alerts-01KQX7M2";
const PROJECT: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";

/// The events about the whole mission that one more index captured.
fn said(sandbox: &Sandbox) -> Vec<Value> {
    let list = || {
        sandbox
            .sk_sync(["events", "list", "--jsonl", "--envelope"])
            .success()
            .json_lines()
    };
    let before = if sandbox.state().join("projects").exists() {
        list().len()
    } else {
        0
    };
    let _index = sandbox.sk_sync(["index", "--mission", MISSION]).success();
    let events = list();
    let new = events[before..].iter().map(|e| e["envelope"].clone());
    new.filter(|e| e["event_type"] != "MissionDossierArtifactIndexed")
        .collect()
}

fn types(said: &[Value]) -> Vec<&str> {
    said.iter()
        .map(|e| {
            e["event_type"]
                .as_str()
                .unwrap()
                .trim_start_matches("MissionDossier")
        })
        .collect()
}

/// A repository with a mission that was indexed once, and its expected baseline.
struct Based {
    sandbox: Sandbox,
    namespace: Value,
    expected: Value,
}

impl Based {
    fn new() -> Self {
        let sandbox = Sandbox::with_repo();
        sandbox.write(
            ".kittify/config.yaml",
            format!("project:\n  uuid: {PROJECT}\n  node_id: d036a097a835\n"),
        );
        let payload = said(&sandbox).pop().unwrap()["payload"].clone();
        Self {
            sandbox,
            namespace: payload["namespace"].clone(),
            expected: payload["snapshot_hash"].clone(),
        }
    }

    /// Writes the baseline that the mission had at first, changed like this.
    fn write(&self, change: &dyn Fn(&mut Value)) {
        let mut key = self.namespace.clone();
        key["node_id"] = json!("d036a097a835");
        let mut baseline = json!({ "baseline_key": key, "parity_hash_sha256": self.expected, "captured_by": "somebody" });
        change(&mut baseline);
        self.sandbox.write(
            &format!(".kittify/dossiers/{MISSION}/parity-baseline.json"),
            baseline.to_string(),
        );
    }
}

#[test]
fn drift_is_told_when_it_begins_and_when_it_begins_again() {
    let based = Based::new();
    let (sandbox, expected) = (&based.sandbox, &based.expected);
    based.write(&|_| ());
    assert_eq!(types(&said(sandbox)), [""; 0], "it is what it should be");

    let plan = format!("kitty-specs/{MISSION}/plan.md");
    let text = sandbox.read(&plan);
    for round in 0..2 {
        sandbox.write(&plan, "drifted");
        let told = said(sandbox);
        assert_eq!(
            types(&told),
            ["SnapshotComputed", "ParityDriftDetected"],
            "round {round}"
        );
        let drift = &told[1];
        assert_eq!(drift["aggregate_id"], format!("{MISSION}:drift"));
        assert_eq!(&drift["payload"]["expected_hash"], expected);
        assert_eq!(
            drift["payload"]["actual_hash"],
            told[0]["payload"]["snapshot_hash"]
        );
        assert_eq!(drift["payload"]["drift_kind"], "anomaly_introduced");
        assert_eq!(
            drift["payload"]["context_diagnostics"],
            json!({"severity": "warning"})
        );
        assert_eq!(types(&said(sandbox)), [""; 0], "said once");
        let _read_again = sandbox.sk_sync(["index", "--no-cache"]).success();
        assert_eq!(
            types(&said(sandbox)),
            [""; 0],
            "said once, remembered or not"
        );
        sandbox.write(&plan, &text);
        assert_eq!(
            types(&said(sandbox)),
            ["SnapshotComputed"],
            "round {round}: it is back"
        );
    }
}

#[test]
fn a_baseline_counts_only_where_it_is_of_this_mission_and_whole() {
    let based = Based::new();
    let sandbox = &based.sandbox;
    sandbox.write(&format!("kitty-specs/{MISSION}/plan.md"), "drifted");
    for field in [
        "project_uuid",
        "node_id",
        "mission_slug",
        "target_branch",
        "mission_type",
        "manifest_version",
    ] {
        based.write(&|b| b["baseline_key"][field] = json!("another"));
        assert!(
            !types(&said(sandbox)).contains(&"ParityDriftDetected"),
            "{field}"
        );
    }
    // The older form is compared with the older form.
    based.write(&|b| b["parity_hash_sha256"] = json!("0".repeat(64)));
    let told = said(sandbox);
    assert_eq!(types(&told), ["ParityDriftDetected"]);
    assert_eq!(
        told[0]["payload"]["actual_hash"].as_str().unwrap().len(),
        64
    );
    for spoil in [
        &(|b: &mut Value| b["parity_hash_sha256"] = json!("short")) as &dyn Fn(&mut Value),
        &|b| *b = json!([]),
    ] {
        based.write(spoil);
        let report = sandbox.sk_sync(["index", "--json"]).success().json();
        assert!(
            report["warnings"]
                .to_string()
                .contains("(baseline_unusable)"),
            "{report}"
        );
    }
}
