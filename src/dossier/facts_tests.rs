//! Tests of the events that describe a mission.

use super::*;
use crate::base::Sha256;
use crate::dossier::artifact::{from_reading, missing as missing_artifact};
use crate::dossier::digest::Reading;
use crate::dossier::manifest::Manifest;
use crate::dossier::manifest_tables::Edition;
use crate::dossier::mission::Completeness;
use crate::dossier::parity::ParityForm;
use crate::event::{Coalesce, coalesce};

#[derive(Debug)]
struct Counting(std::sync::atomic::AtomicU32);

impl Ids for Counting {
    fn ulid(&self, _at: Timestamp) -> String {
        unreachable!("facts need no ULID")
    }

    fn uuid(&self) -> String {
        format!(
            "snapshot-{}",
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
        )
    }
}

fn ids() -> Counting {
    Counting(std::sync::atomic::AtomicU32::new(1))
}

fn mission(step: Option<&str>) -> Mission {
    let manifest = Manifest::of(Edition::Seed, "software-dev");
    let read = |path: &str, text: &str, is_utf8| {
        let reading = Reading::Read {
            sha256: Sha256::of(text.as_bytes()),
            size: text.len() as u64,
            is_utf8,
        };
        from_reading(manifest, path.to_owned(), reading).unwrap()
    };
    let mut mission = Mission {
        slug: "m".to_owned(),
        dir: std::path::PathBuf::new(),
        place: String::new(),
        source: 0,
        mission_type: "software-dev".to_owned(),
        target_branch: "main".to_owned(),
        manifest_version: "1",
        step: step.map(str::to_owned),
        artifacts: vec![
            read("plan.md", "latin", false),
            read("spec.md", "a\n", true),
            read("x.csv", "latin", false),
        ],
        completeness: Completeness::Unknown,
        parity: String::new(),
        drift: None,
        mission_id: None,
        oddity: None,
    };
    mission.settle(manifest, ParityForm::Path);
    mission
}

fn facts_of(mission: &Mission, now: i64) -> Vec<Fact> {
    facts(
        mission,
        &mission.namespace("u"),
        Timestamp::from_micros(now),
        &ids(),
    )
    .collect()
}

#[test]
fn payloads_are_what_the_reference_fills() {
    let facts = facts_of(&mission(None), 0);
    let said: Vec<_> = facts
        .iter()
        .map(|f| (f.event_type, f.aggregate_id.as_str()))
        .collect();
    assert_eq!(facts.len(), count(&mission(None)));
    assert_eq!(
        said,
        [
            (INDEXED, "m:spec.md"),
            (MISSING, "m:plan.md"),
            (SNAPSHOT, "m:snapshot-1")
        ]
    );
    let namespace = json!({
        "project_uuid": "u", "mission_slug": "m", "target_branch": "main", "mission_type": "software-dev",
        "manifest_version": "1",
    });
    let now = "1970-01-01T00:00:00.000000+00:00";
    assert_eq!(
        facts[0].payload,
        json!({
            "namespace": namespace,
            "artifact_id": { "mission_type": "software-dev", "path": "spec.md", "artifact_class": "input" },
            "content_ref": {
                "hash": "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7",
                "algorithm": "sha256",
                "size_bytes": 2,
            },
            "indexed_at": now,
            "context_diagnostics": { "artifact_key": "input.spec.main", "required_status": "required" },
        })
    );
    assert_eq!(
        facts[1].payload,
        json!({
            "namespace": namespace,
            "expected_identity": { "mission_type": "software-dev", "path": "plan.md", "artifact_class": "output" },
            "manifest_step": "default",
            "checked_at": now,
            "context_diagnostics": { "artifact_key": "output.plan.main", "reason_code": "invalid_utf8" },
        })
    );
    assert_eq!(
        facts[2].payload,
        json!({
            "namespace": namespace,
            "snapshot_hash": mission(None).parity,
            "artifact_count": 3,
            "anomaly_count": 1,
            "computed_at": now,
            "algorithm": "sha256",
            "context_diagnostics": {
                "snapshot_id": "snapshot-1",
                "completeness_status": "incomplete",
                "required_artifacts": "2",
                "required_present": "1",
                "optional_artifacts": "1",
                "optional_present": "0",
            },
        })
    );
}

#[test]
fn a_step_is_carried_by_indexed_artifacts_only() {
    let facts = facts_of(&mission(Some("plan")), 0);
    assert_eq!(
        facts
            .iter()
            .map(|f| f.aggregate_id.as_str())
            .collect::<Vec<_>>(),
        ["m:spec.md", "m:plan.md", "m:tasks.md", "m:snapshot-1"]
    );
    assert_eq!(facts[0].payload["step_id"], "plan");
    assert_eq!(facts[0].payload["namespace"]["step_id"], "plan");
    for fact in &facts[1..] {
        assert!(
            !fact.payload.to_string().contains("step_id"),
            "{}",
            fact.event_type
        );
    }
    assert_eq!(
        facts[2].payload["context_diagnostics"]["reason_code"],
        "not_found"
    );
}

#[test]
fn times_and_ids_do_not_change_what_is_said() {
    let mission = mission(None);
    let now = facts_of(&mission, 0);
    let later = facts(
        &mission,
        &mission.namespace("u"),
        Timestamp::from_micros(9),
        &Counting(7.into()),
    )
    .collect::<Vec<_>>();
    for (a, b) in now.iter().zip(&later) {
        assert_ne!(a.payload, b.payload);
        assert_eq!(said(a), said(b));
    }
    let mut changed = mission.clone();
    changed.artifacts[1].size += 1;
    let changed = facts_of(&changed, 0);
    assert_ne!(said(&now[0]).facts, said(&changed[0]).facts);
    assert_eq!(said(&now[0]).key, said(&changed[0]).key);
    assert_eq!(said(&now[1]), said(&changed[1]));
}

/// The part of a fact that the journal compares.
fn said(fact: &Fact) -> Coalesce {
    coalesce(fact.event_type, &fact.payload, None).unwrap()
}

#[test]
fn a_gap_that_blocks_nothing_is_not_reported() {
    let mut mission = mission(None);
    let optional = Manifest::of(Edition::Seed, "documentation")
        .unwrap()
        .of_step("generate");
    mission.artifacts = vec![missing_artifact(&optional[0])];
    assert_eq!(
        facts_of(&mission, 0)
            .iter()
            .map(|f| f.event_type)
            .collect::<Vec<_>>(),
        [SNAPSHOT]
    );
}
