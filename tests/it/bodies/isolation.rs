//! Namespaces of documents: equal texts of different namespaces never share or replace a row, and
//! are delivered under their own names.

use std::collections::BTreeSet;

use serde_json::json;

use super::receiver::{Upload, storing};
use super::{PROJECT, aim, aim_with, documents, events, mission, project, rows, texts};

const LAMP: &str = "A lamp.\n";
/// The SHA-256 of [`LAMP`].
const LAMP_HASH: &str = "0ab35eac0cc71115409a56035d3e031dc9c26d1fc57ec3fae745928a0e568960";

/// The five namespace fields of an upload, none of them blank.
fn namespace(upload: &Upload) -> [String; 5] {
    let fields = [
        "project_uuid",
        "mission_slug",
        "target_branch",
        "mission_type",
        "manifest_version",
    ];
    let all = fields.map(|field| upload.text(field).to_owned());
    assert!(all.iter().all(|value| !value.trim().is_empty()), "{all:?}");
    all
}

#[test]
fn equal_texts_of_other_namespaces_are_other_rows() {
    let (sandbox, server, receiver) = (project(), events(), storing());
    aim(&sandbox, &server, &receiver);
    let index = || drop(sandbox.sk_sync(["run", "--no-drain"]).code(0));
    mission(&sandbox, "001-lamp", "main", &[("spec.md", LAMP)]);
    mission(&sandbox, "002-lens", "main", &[("spec.md", LAMP)]);
    index();
    index();
    mission(&sandbox, "001-lamp", "2.x", &[("spec.md", LAMP)]);
    index();
    let meta = json!({"mission_type": "research", "target_branch": "main"});
    sandbox.write("kitty-specs/002-lens/meta.json", meta.to_string());
    index();
    let store = sandbox.store();
    assert_eq!(
        (documents(&store), texts(&store)),
        (4, 1),
        "two missions, two branches, two types; one text"
    );
    sandbox.verified();
    let report = sandbox.sk_sync(["drain", "--json"]).success().json();
    assert_eq!(
        (
            &report["bodies"]["uploaded"],
            rows(&store).len(),
            texts(&store)
        ),
        (&json!(4), 0, 0)
    );
    // Another project with the same files.
    let other = "0d6c2c5c-7f0f-4a8e-9d5c-3a1f6b0e9c12";
    sandbox.write(
        ".kittify/config.yaml",
        format!("project:\n  uuid: {other}\n  slug: lights\n"),
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["bodies"]["uploaded"], 2);
    let seen = receiver.seen();
    assert!(
        seen.uploads
            .iter()
            .all(|upload| upload.text("content_body") == LAMP)
    );
    let found: BTreeSet<_> = seen.uploads.iter().map(namespace).collect();
    let expected = [
        [PROJECT, "001-lamp", "main", "software-dev", "1"],
        [PROJECT, "001-lamp", "2.x", "software-dev", "1"],
        [PROJECT, "002-lens", "main", "software-dev", "1"],
        [PROJECT, "002-lens", "main", "research", "1"],
        [other, "001-lamp", "2.x", "software-dev", "1"],
        [other, "002-lens", "main", "research", "1"],
    ];
    assert_eq!(
        found,
        expected.map(|fields| fields.map(str::to_owned)).into()
    );
    assert_eq!((seen.uploads.len(), seen.stored.len()), (6, 6), "each once");
}

/// Blank fields in `meta.json` affect no other mission, and nothing is sent under a blank name.
#[test]
fn blank_words_of_one_mission_hurt_no_other() {
    let (sandbox, server, receiver) = (project(), events(), storing());
    aim(&sandbox, &server, &receiver);
    mission(&sandbox, "001-lamp", "main", &[("spec.md", LAMP)]);
    for (slug, meta) in [
        (
            "002-blank",
            r#"{"mission_type": " ", "target_branch": " ", "mission_slug": ""}"#,
        ),
        (
            "003-odd",
            r#"{"mission_type": null, "target_branch": 7, "manifest_version": ""}"#,
        ),
        ("004-none", "not JSON"),
    ] {
        sandbox.write(&format!("kitty-specs/{slug}/meta.json"), meta);
        sandbox.write(&format!("kitty-specs/{slug}/spec.md"), LAMP);
    }
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    let uploads = receiver.seen().uploads;
    assert_eq!(report["bodies"]["uploaded"], json!(uploads.len()));
    assert!(uploads.iter().map(namespace).any(|n| n[1] == "001-lamp"));
}

/// The request, byte for byte.
#[test]
fn the_bytes_on_the_wire() {
    for (word, slug, kind) in [
        ("current", "mission_slug", "mission_type"),
        ("2026-03", "feature_slug", "mission_key"),
    ] {
        let (sandbox, server, receiver) = (project(), events(), storing());
        aim_with(
            &sandbox,
            &server,
            &receiver,
            &format!("bodies.wire_names = '{word}'"),
        );
        mission(&sandbox, "001-lamp", "main", &[("spec.md", LAMP)]);
        let _run = sandbox.sk_sync(["run"]).success();
        let upload = receiver.seen().uploads.remove(0);
        let mut fields = [
            ("artifact_path", "spec.md"),
            ("content_body", "A lamp.\\n"),
            ("content_hash", LAMP_HASH),
            ("hash_algorithm", "sha256"),
            ("manifest_version", "1"),
            (slug, "001-lamp"),
            (kind, "software-dev"),
            ("project_uuid", PROJECT),
            ("target_branch", "main"),
        ]
        .map(|(name, value)| format!(r#""{name}":"{value}""#));
        fields.sort();
        assert_eq!(
            String::from_utf8(upload.raw).unwrap(),
            format!("{{{}}}", fields.join(",")),
            "{word}"
        );
        assert!(
            upload
                .head
                .starts_with("POST /api/dossier/push-content/ HTTP/1.1\r\n"),
            "{}",
            upload.head
        );
        let head = upload.head.to_lowercase();
        assert!(
            head.contains("content-type: application/json\r\n")
                && !head.contains("content-encoding"),
            "{head}"
        );
    }
}
