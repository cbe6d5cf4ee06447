//! Files of a mission: which are taken, and the hash of their bytes.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{MISSION, events};
use crate::support::Sandbox;
use crate::support::server::{Request, Server};

fn bodies(server: &Server) -> Vec<Value> {
    let is_body = |request: &&Request| request.path.contains("push-content");
    server
        .requests()
        .iter()
        .filter(is_body)
        .map(Request::json)
        .collect()
}

/// Names are not replaced: branch and mission are sent unchanged, in events and with documents.
#[test]
fn d44_names_travel_as_they_are() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    sandbox.git(&["checkout", "--quiet", "-b", "client/Hafenmeister-Ö"]);
    sandbox.write("kitty-specs/Kunde-Hafen/spec.md", "# Named\n");
    sandbox.write(
        "kitty-specs/Kunde-Hafen/meta.json",
        r#"{"target_branch": "client/Hafenmeister-Ö"}"#,
    );
    let _run = sandbox
        .sk_sync(["run", "--mission", "Kunde-Hafen"])
        .success();
    let sent = events(&server);
    let namespaces: Vec<&Value> = sent
        .iter()
        .map(|event| &event["payload"]["namespace"])
        .collect();
    assert!(sent.len() >= 2, "{sent:?}");
    for namespace in namespaces {
        let names = (&namespace["mission_slug"], &namespace["target_branch"]);
        assert_eq!(
            names,
            (&json!("Kunde-Hafen"), &json!("client/Hafenmeister-Ö")),
            "{namespace}"
        );
    }
    let bodies = bodies(&server);
    assert_eq!(bodies.len(), 1);
    assert_eq!(
        (&bodies[0]["mission_slug"], &bodies[0]["target_branch"]),
        (&json!("Kunde-Hafen"), &json!("client/Hafenmeister-Ö"))
    );
}

/// Index and upload hash the same raw bytes, one rule decides for both, and only events of the
/// contract are created: also for a renamed or deleted file.
#[test]
fn d58_index_and_upload_hash_the_same_raw_bytes() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let raw = "\u{feff}# Line ends\r\nof two kinds\n\n\ttab and trailing blanks  \r\n";
    sandbox.write(&format!("{MISSION}/research/line-ends.md"), raw);
    let _run = sandbox.sk_sync(["run"]).success();
    let digest = Sha256::digest(raw.as_bytes())
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let is_it = |event: &&Value| event["payload"]["artifact_id"]["path"] == "research/line-ends.md";
    let indexed = events(&server).iter().find(is_it).cloned().unwrap();
    assert_eq!(indexed["payload"]["content_ref"]["hash"], digest);
    let sent = bodies(&server)
        .into_iter()
        .find(|b| b["artifact_path"] == "research/line-ends.md")
        .unwrap();
    assert_eq!(
        (&sent["content_hash"], &sent["content_body"]),
        (&json!(digest), &json!(raw))
    );
    let file = |name: &str| sandbox.repo().join(MISSION).join("research").join(name);
    std::fs::rename(file("line-ends.md"), file("renamed.md")).unwrap();
    let before = events(&server).len();
    let _run = sandbox.sk_sync(["run"]).success();
    std::fs::remove_file(file("renamed.md")).unwrap();
    let _run = sandbox.sk_sync(["run"]).success();
    let types: Vec<Value> = events(&server)[before..]
        .iter()
        .map(|event| event["event_type"].clone())
        .collect();
    let (indexed, snapshot) = (
        "MissionDossierArtifactIndexed",
        "MissionDossierSnapshotComputed",
    );
    assert_eq!(
        types,
        [indexed, snapshot, snapshot],
        "a rename is a new path, a deletion another snapshot"
    );
}

/// Rules instead of lists of names: a new name needs no new program, and every skipped file has a
/// reason.
#[test]
fn d59_new_names_are_taken_by_rule_and_every_skip_has_a_reason() {
    let sandbox = Sandbox::with_repo();
    let decided = || {
        sandbox
            .sk_sync(["index", "--dry-run", "--json"])
            .success()
            .json()["artifacts"]
            .clone()
    };
    let of = |path: &str| {
        let all = decided().as_array().unwrap().clone();
        all.into_iter()
            .find(|a| a["path"] == path)
            .unwrap_or_else(|| panic!("{path} is not listed"))
    };
    for (name, bytes) in [
        ("notes/never-seen-before.md", &b"x"[..]),
        ("research/never-seen-before.md", b"x"),
        ("research/never-seen-before.xyz", b"x"),
        ("research/empty.md", b""),
        ("research/not-utf8.md", b"\xff\xfe"),
    ] {
        sandbox.write(&format!("{MISSION}/{name}"), bytes);
    }
    assert_eq!(of("research/never-seen-before.md")["decision"], "queued");
    assert_eq!(
        of("notes/never-seen-before.md")["reason"],
        "unsupported_surface"
    );
    for artifact in decided()
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| a["decision"] != "queued")
    {
        let reason = artifact["reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty() && reason != "enqueued", "{artifact}");
    }
    sandbox.write(
        "event-sync.toml",
        "preset = 'stub'\nartifacts.surfaces = ['notes/**', '**.xyz']\nartifacts.formats = ['md', 'xyz']\n",
    );
    sandbox.agree();
    for path in [
        "notes/never-seen-before.md",
        "research/never-seen-before.xyz",
    ] {
        assert_eq!(of(path)["decision"], "queued", "{path}");
    }
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let skipped = report["bodies"]["outcomes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|o| o["status"] != "uploaded");
    assert!(
        skipped.clone().count() > 0
            && skipped
                .clone()
                .all(|o| !o["reason"].as_str().unwrap_or("").is_empty()),
        "{report}"
    );
}
