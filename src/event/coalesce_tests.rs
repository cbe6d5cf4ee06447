//! Keys and facts of events that supersede each other.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn indexed(branch: &str, path: &str, hash: &str, at: &str) -> Value {
    json!({"namespace": {"project_uuid": "p", "mission_slug": "m", "target_branch": branch, "mission_type": "t",
        "manifest_version": "1"}, "artifact_id": {"path": path}, "content_ref": {"hash": hash}, "indexed_at": at,
        "provenance": {"git_sha": at}})
}

fn of(payload: &Value) -> Coalesce {
    coalesce(INDEXED, payload, None).unwrap()
}

#[test]
fn time_and_git_are_no_facts() {
    assert_eq!(
        of(&indexed("main", "a", "h", "1")),
        of(&indexed("main", "a", "h", "2"))
    );
}

#[test]
fn the_snapshot_of_diagnostics_is_no_fact_but_the_rest_is() {
    let found = |diagnostics: Value| {
        let mut payload = indexed("main", "a", "h", "1");
        payload["context_diagnostics"] = diagnostics;
        of(&payload).facts
    };
    let first = found(json!({"snapshot_id": "s1", "missing": ["b"]}));
    assert_eq!(found(json!({"snapshot_id": "s2", "missing": ["b"]})), first);
    assert_eq!(found(json!({"missing": ["b"]})), first);
    assert_ne!(found(json!({"snapshot_id": "s1", "missing": ["c"]})), first);
    assert_ne!(found(json!({})), first);
    assert_ne!(found(json!("s1")), found(json!("s2")));
}

#[test]
fn every_field_of_the_namespace_the_path_and_the_type_make_the_key() {
    let payload = indexed("main", "a", "h", "1");
    let one = of(&payload);
    let mut keys = vec![one.key];
    for at in [
        "project_uuid",
        "mission_slug",
        "target_branch",
        "mission_type",
        "manifest_version",
    ] {
        let mut other = payload.clone();
        other["namespace"][at] = json!("another");
        keys.push(of(&other).key);
        other["namespace"].as_object_mut().unwrap().remove(at);
        keys.extend(coalesce(INDEXED, &other, None).map(|c| c.key));
        other["namespace"][at] = json!(1);
        assert_eq!(coalesce(INDEXED, &other, None), None, "{at} is not a text");
    }
    keys.push(of(&indexed("main", "b", "h", "1")).key);
    keys.push(of(&indexed("maina", "", "h", "1")).key);
    let mut missing = payload.clone();
    missing["expected_identity"] = payload["artifact_id"].clone();
    keys.extend(["Missing", "Indexed"].map(|word| {
        coalesce(&format!("MissionDossierArtifact{word}"), &missing, None)
            .unwrap()
            .key
    }));
    for family in [
        "MissionDossierSnapshotComputed",
        "MissionDossierParityDriftDetected",
    ] {
        keys.push(coalesce(family, &payload, None).unwrap().key);
    }
    let (all, distinct) = (keys.len(), BTreeSet::from_iter(keys).len());
    // One of them equals the first: the same path of the same type.
    assert_eq!((all, distinct), (16, 15));
}

/// A receiver, and a look-up by namespace and path, find what was captured.
#[test]
fn an_announcement_has_one_key_wherever_it_is_computed() {
    let payload = indexed("main", "a", "h", "1");
    let namespace = serde_json::from_value(payload["namespace"].clone()).unwrap();
    let key = of(&payload).key;
    assert_eq!(coalescing_key(INDEXED, &payload), Some(key));
    assert_eq!(indexed_key(&namespace, "a"), key);
    assert_ne!(indexed_key(&namespace, "b"), key);
}

#[test]
fn another_hash_is_another_fact_of_the_same_key() {
    let (a, b) = (
        of(&indexed("main", "a", "h", "1")),
        of(&indexed("main", "a", "i", "1")),
    );
    assert_eq!(a.key, b.key);
    assert_ne!(a.facts, b.facts);
}

#[test]
fn what_is_there_and_what_is_missing_are_rivals_about_the_same_path() {
    let mut payload = indexed("main", "a", "h", "1");
    payload["expected_identity"] = payload["artifact_id"].clone();
    let said = |event_type| coalesce(event_type, &payload, None).unwrap();
    let (there, missing) = (said(INDEXED), said(MISSING));
    assert_eq!(
        (there.rival, missing.rival),
        (Some(missing.key), Some(there.key))
    );
    assert_eq!(
        (said(SNAPSHOT).rival, said(DRIFT).rival),
        (None, Some(said(SNAPSHOT).key))
    );
    assert_ne!(of(&indexed("main", "b", "h", "1")).rival, there.rival);
}

/// The key of a flat payload in the envelope of an older writer.
fn flat(event_type: &str, payload: &Value, envelope: &Value) -> Option<[u8; 16]> {
    coalesce(event_type, payload, envelope.as_object()).map(|c| c.key)
}

#[test]
fn flat_payloads_fall_back_to_their_own_names() {
    let envelope = json!({"project_uuid": "p"});
    let full = json!({"namespace": {"project_uuid": "p", "mission_slug": "m"}, "artifact_id": {"path": "k"},
        "expected_identity": {"path": "k"}});
    for (event_type, payload) in [
        (
            INDEXED,
            json!({"mission_slug": "m", "relative_path": "k", "artifact_key": "other"}),
        ),
        (INDEXED, json!({"mission_slug": "m", "artifact_key": "k"})),
        (INDEXED, json!({"feature_slug": "m", "artifact_key": "k"})),
        (
            INDEXED,
            json!({"namespace": {}, "mission_slug": "m", "artifact_id": {"path": null}, "relative_path": "k"}),
        ),
        (
            INDEXED,
            json!({"project_uuid": "p", "mission_slug": "m", "relative_path": "k"}),
        ),
        (
            MISSING,
            json!({"mission_slug": "m", "expected_path_pattern": "k", "artifact_key": "other"}),
        ),
        (MISSING, json!({"feature_slug": "m", "artifact_key": "k"})),
        (
            "MissionDossierSnapshotComputed",
            json!({"feature_slug": "m", "snapshot_id": "s"}),
        ),
        (
            "MissionDossierParityDriftDetected",
            json!({"mission_slug": "m"}),
        ),
    ] {
        let key = flat(event_type, &payload, &envelope);
        assert!(
            key.is_some() && key == flat(event_type, &full, &json!({})),
            "{event_type} {payload}"
        );
    }
    let named = json!({"project_uuid": "p", "feature_slug": "m", "artifact_key": "k"});
    assert_eq!(
        flat(INDEXED, &json!({}), &named),
        flat(INDEXED, &full, &json!({})),
        "all in the envelope"
    );
}

#[test]
fn what_a_flat_payload_does_not_name_the_envelope_does() {
    let payload = json!({"mission_slug": "m", "relative_path": "k"});
    let on = |branch: &str| {
        flat(
            INDEXED,
            &payload,
            &json!({"project_uuid": "p", "git_branch": branch}),
        )
        .unwrap()
    };
    assert_ne!(on("main"), on("2.x"));
    let namespace =
        |branch: &str| json!({"namespace": {"target_branch": branch}, "git_branch": "main"});
    assert_ne!(
        flat(INDEXED, &payload, &namespace("main")),
        flat(INDEXED, &payload, &namespace("2.x"))
    );
    let said = json!({"mission_slug": "m", "relative_path": "k", "target_branch": "main"});
    assert_eq!(
        flat(INDEXED, &said, &json!({"git_branch": "a"})),
        flat(INDEXED, &said, &json!({"git_branch": "b"}))
    );
    assert_eq!(
        flat(INDEXED, &json!({"relative_path": "k"}), &json!({})),
        None,
        "of no mission"
    );
    assert_eq!(
        flat(INDEXED, &json!({"mission_slug": "m"}), &json!({})),
        None,
        "of no artifact"
    );
}

#[test]
fn other_families_never_coalesce() {
    assert_eq!(
        coalesce("WPStatusChanged", &json!({"mission_slug": "m"}), None),
        None
    );
    assert_eq!(
        coalesce("MissionDossierSnapshotComputed", &json!({}), None),
        None
    );
    assert_eq!(
        coalesce("MissionDossierSnapshotComputed", &json!("x"), None),
        None
    );
}
