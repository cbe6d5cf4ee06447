//! What of a told event is taken, and what is refused.

use serde_json::json;

use super::*;

const TOLD_ID: &str = "01JMBY7K8N3QRVX2DPFG5HWT4E";

fn origin() -> Origin {
    Origin {
        project_uuid: "8a4a7da6-a97c-4bb4-893a-b31664abfee4".to_owned(),
        project_slug: Some("tides".to_owned()),
        build_id: "own-build".to_owned(),
        node_id: "b805cd5cee74".to_owned(),
        team_slug: None,
        git_branch: Some("feature/tides".to_owned()),
        head_commit_sha: None,
        repo_slug: None,
    }
}

fn payload(at: &str, snapshot: &str) -> Value {
    json!({"namespace": {"target_branch": "main"}, "computed_at": at, "context_diagnostics": {"snapshot_id": snapshot}})
}

fn restated(told: &Value) -> Option<Restated> {
    restated_text(&told.to_string())
}

/// What this program, which says the same now, makes of it.
fn restated_text(told: &str) -> Option<Restated> {
    let own_snapshot = "11111111-2222-4333-8444-555555555555";
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let own = Occurrence {
        event_id: "",
        event_type: "MissionDossierSnapshotComputed",
        aggregate_id: &format!("001-tides:{own_snapshot}"),
        aggregate_type: "MissionDossier",
        lamport_clock: 0,
        at: now,
        payload: &payload(&now.to_string(), own_snapshot),
    };
    restate(&origin(), &own, told.as_bytes())
}

/// The same, said earlier on another machine.
fn told() -> Value {
    let snapshot = "99999999-8888-4777-a666-555555555555";
    let at = "2026-02-12T10:00:00.000000+00:00";
    json!({
        "event_id": TOLD_ID, "event_type": "MissionDossierSnapshotComputed", "schema_version": "3.0.0",
        "aggregate_id": format!("001-tides:{snapshot}"), "aggregate_type": "MissionDossier",
        "build_id": "262bb566-443d-51a9-8b0c-f82f7d341017", "payload": payload(at, snapshot),
        "node_id": "0123456789ab", "lamport_clock": 7, "causation_id": null, "correlation_id": TOLD_ID, "timestamp": at,
        "team_slug": null, "project_uuid": "8a4a7da6-a97c-4bb4-893a-b31664abfee4", "project_slug": "tides",
        "git_branch": "main", "head_commit_sha": "0123456789abcdef0123456789abcdef01234567", "repo_slug": null,
    })
}

#[test]
fn identity_is_taken_and_the_words_are_own() {
    let told = told();
    let taken = restated(&told).unwrap();
    assert_eq!(
        (&*taken.event_id, taken.lamport, &*taken.at),
        (TOLD_ID, 7, "2026-02-12T10:00:00.000000+00:00")
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&taken.envelope).unwrap(),
        told
    );
    // The spelling is not the server's: neither the order of members nor a team that it filled in.
    assert!(
        taken
            .envelope
            .starts_with(br#"{"event_id":"01JMBY7K8N3QRVX2DPFG5HWT4E","event_type""#)
    );
    let mut with_team = told.clone();
    with_team["team_slug"] = "harbour".into();
    assert_eq!(restated(&with_team), Some(taken));
    for branch in [json!(null), json!("HEAD"), json!("feature/tides")] {
        let mut elsewhere = told.clone();
        elsewhere["git_branch"] = branch;
        assert!(restated(&elsewhere).is_some(), "{elsewhere}");
    }
}

#[test]
fn nothing_that_a_server_invents_is_taken() {
    let forged = || Value::from("FORGED");
    for pointer in [
        "/event_id",
        "/event_type",
        "/schema_version",
        "/aggregate_id",
        "/aggregate_type",
        "/build_id",
        "/node_id",
        "/causation_id",
        "/correlation_id",
        "/timestamp",
        "/project_uuid",
        "/project_slug",
        "/git_branch",
        "/head_commit_sha",
        "/repo_slug",
        "/lamport_clock",
        "/payload/computed_at",
        "/payload/namespace/target_branch",
        "/payload/context_diagnostics/snapshot_id",
    ] {
        let mut lie = told();
        *lie.pointer_mut(pointer).unwrap() = forged();
        assert_eq!(restated(&lie), None, "{pointer}");
    }
    for parent in [
        "",
        "/payload",
        "/payload/namespace",
        "/payload/context_diagnostics",
    ] {
        let mut lie = told();
        lie.pointer_mut(parent).unwrap()["extra"] = forged();
        assert_eq!(restated(&lie), None, "{parent}/extra");
    }
    for (name, value) in [
        ("event_id", json!(TOLD_ID.to_lowercase())),
        ("timestamp", json!("2026-02-12T10:00:00Z")),
        ("timestamp", json!("2025-02-12T10:00:00.000000+00:00")),
        (
            "head_commit_sha",
            json!("0123456789ABCDEF0123456789ABCDEF01234567"),
        ),
        ("node_id", json!("0123456789abc")),
    ] {
        let mut lie = told();
        lie[name] = value;
        assert_eq!(restated(&lie), None, "{name}");
    }
    for name in ["repo_slug", "schema_version", "payload"] {
        let mut lie = told();
        lie.as_object_mut().unwrap().remove(name);
        assert_eq!(restated(&lie), None, "without {name}");
    }
    // One name twice: parsers differ in which one counts.
    for name in ["project_slug", "event_id"] {
        let twice = told()
            .to_string()
            .replacen('{', &format!(r#"{{"{name}":"FORGED","#), 1);
        let said = restated_text(&twice).map(|taken| String::from_utf8(taken.envelope).unwrap());
        assert!(said.is_none_or(|said| !said.contains("FORGED")), "{name}");
    }
}
