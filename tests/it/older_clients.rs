//! Requests of older clients, byte for byte as those sent them, at a receiver of today.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::Served;

/// Each version has `events.json`, the body of a batch (unpacked), and `document.json`, the body of
/// an upload.
const VERSIONS: [&str; 3] = ["3.1.10", "3.2.0", "3.2.4"];

fn fixture(version: &str, name: &str) -> String {
    format!(
        "{}/tests/fixtures/older-clients/{version}/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// Status and body of the answer.
fn asked(served: &Served, path: &str, body: Option<&str>) -> (u16, Value) {
    let url = format!("{}{path}", served.url());
    let mut command = Command::new("curl");
    command.args([
        "-s",
        "-w",
        "\n%{http_code}",
        "-H",
        "Content-Type: application/json",
        &url,
    ]);
    if let Some(body) = body {
        command.args(["--data-binary", body]);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (
        status.parse().unwrap(),
        serde_json::from_str(body).unwrap_or(Value::Null),
    )
}

#[test]
fn real_requests_of_older_clients_are_accepted() {
    for version in VERSIONS {
        let sandbox = Sandbox::with_repo();
        let served = sandbox.serve(&[]);
        let send = |name: &str, path: &str| {
            asked(&served, path, Some(&format!("@{}", fixture(version, name))))
        };
        for word in ["success", "duplicate"] {
            let (status, answer) = send("events.json", "/api/v1/events/batch/");
            let results = answer["results"].as_array().unwrap();
            assert!(status == 200 && results.len() > 3, "{version}: {answer}");
            for result in results {
                assert_eq!(
                    (&result["status"], &result["error"]),
                    (&json!(word), &json!(null)),
                    "{version}: {result}"
                );
            }
        }
        for (status, word) in [(201, "stored"), (200, "already_exists")] {
            let (got, answer) = send("document.json", "/api/dossier/push-content/");
            assert_eq!(
                (got, &answer["status"]),
                (status, &json!(word)),
                "{version}: {answer}"
            );
        }
        // What arrived counts as the newest word on its subject, in the form of today.
        let report = served.report();
        assert_eq!(
            (&report["rejected"], &report["bodies"]),
            (&json!(0), &json!(1)),
            "{version}: {report}"
        );
        let batch: Value =
            serde_json::from_slice(&std::fs::read(fixture(version, "events.json")).unwrap())
                .unwrap();
        let project = batch["events"][0]["project_uuid"].as_str().unwrap();
        let (_, facts) = asked(&served, &format!("/api/v1/projects/{project}/facts"), None);
        let facts = facts["facts"].as_array().unwrap();
        assert!(
            facts.iter().any(|fact| fact["document"] == true),
            "{version}: {facts:?}"
        );
        for fact in facts {
            assert!(
                fact["event"]["payload"]["namespace"]["mission_slug"].is_string(),
                "{version}: {fact}"
            );
        }
    }
}
