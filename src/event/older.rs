//! Older dossier payloads are flat, and today's servers reject them: they are converted to the
//! present form when sent, if a namespace identifies the mission. The journal keeps them unchanged.

use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// Values required by the present form, for a flat payload that lacks them.
const MISSION_TYPE: &str = "software-dev";

/// The payload to send for a flat one; `None` if it is sent unchanged: of another family, already
/// in the present form, or without a namespace.
pub(super) fn upgraded(envelope: &Object) -> Option<Value> {
    let payload = envelope.get("payload")?.as_object()?;
    let family = Family::of(envelope.get("event_type")?.as_str()?)?;
    if payload.contains_key(family.mark()) {
        return None;
    }
    let namespace = [payload, envelope]
        .into_iter()
        .find_map(|object| object.get("namespace")?.as_object())?;
    let flat = Flat {
        payload,
        namespace,
        timestamp: envelope.get("timestamp"),
    };
    Some(without_blanks(match family {
        Family::Indexed => flat.indexed(),
        Family::Missing => flat.missing(),
        Family::Snapshot => flat.snapshot(),
        Family::Drift => flat.drift(),
    }))
}

/// A family of dossier events.
#[derive(Debug, Clone, Copy)]
enum Family {
    Indexed,
    Missing,
    Snapshot,
    Drift,
}

impl Family {
    fn of(event_type: &str) -> Option<Self> {
        match event_type {
            "MissionDossierArtifactIndexed" => Some(Self::Indexed),
            "MissionDossierArtifactMissing" => Some(Self::Missing),
            "MissionDossierSnapshotComputed" => Some(Self::Snapshot),
            "MissionDossierParityDriftDetected" => Some(Self::Drift),
            _ => None,
        }
    }

    /// The member that only the present form has.
    const fn mark(self) -> &'static str {
        match self {
            Self::Indexed => "artifact_id",
            Self::Missing => "expected_identity",
            Self::Snapshot => "snapshot_hash",
            Self::Drift => "expected_hash",
        }
    }
}

/// A flat payload and its envelope.
struct Flat<'a> {
    payload: &'a Object,
    namespace: &'a Object,
    timestamp: Option<&'a Value>,
}

impl Flat<'_> {
    fn indexed(&self) -> Value {
        json!({
            "namespace": self.namespace,
            "artifact_id": {
                "mission_type": self.mission_type(),
                "path": self.first(&["relative_path", "artifact_key"]).unwrap_or(&json!("")),
                "artifact_class": self.class(),
                "wp_id": self.get("wp_id"),
            },
            "content_ref": {
                "algorithm": "sha256",
                "hash": self.get("content_hash_sha256"),
                "size_bytes": self.get("size_bytes").and_then(whole),
            },
            "indexed_at": self.at("indexed_at"),
            "step_id": self.get("step_id"),
            "context_diagnostics": self.diagnostics(&["artifact_key", "required_status"]),
        })
    }

    fn missing(&self) -> Value {
        json!({
            "namespace": self.namespace,
            "expected_identity": {
                "mission_type": self.mission_type(),
                "path": self.first(&["expected_path_pattern", "artifact_key"]),
                "artifact_class": self.class(),
            },
            "manifest_step": self.get("step_id").unwrap_or(&json!("default")),
            "checked_at": self.at("checked_at"),
            "remediation_hint": self.get("reason_detail"),
            "context_diagnostics": self.diagnostics(&["artifact_key", "reason_code", "reason_detail", "blocking"]),
        })
    }

    fn snapshot(&self) -> Value {
        let counts = self.get("artifact_counts").and_then(Value::as_object);
        let count = |name: &str| {
            counts
                .and_then(|counts| counts.get(name))
                .filter(|value| !value.is_null())
        };
        let mut diagnostics = self.diagnostics(&["snapshot_id", "completeness_status"]);
        for name in [
            "required",
            "required_present",
            "optional",
            "optional_present",
        ] {
            diagnostics.extend(count(name).map(|value| (name.to_owned(), text(value))));
        }
        json!({
            "namespace": self.namespace,
            "snapshot_hash": self.get("parity_hash_sha256"),
            "artifact_count": count("total"),
            "anomaly_count": count("required_missing"),
            "computed_at": self.at("computed_at"),
            "algorithm": "sha256",
            "context_diagnostics": diagnostics,
        })
    }

    fn drift(&self) -> Value {
        let paths = |name: &str| {
            self.get(name)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let (local, baseline) = (paths("missing_in_local"), paths("missing_in_baseline"));
        let artifact = |path: &Value| json!({"mission_type": self.mission_type(), "path": path, "artifact_class": "evidence"});
        let changed: Vec<Value> = local.iter().chain(&baseline).map(artifact).collect();
        let mut diagnostics = self.diagnostics(&["severity"]);
        for (name, paths) in [
            ("missing_in_local", &local),
            ("missing_in_baseline", &baseline),
        ] {
            let words: Vec<String> = paths.iter().map(words).collect();
            diagnostics
                .extend((!words.is_empty()).then(|| (name.to_owned(), words.join(",").into())));
        }
        json!({
            "namespace": self.namespace,
            "expected_hash": self.get("baseline_parity_hash"),
            "actual_hash": self.get("local_parity_hash"),
            "drift_kind": self.get("drift_kind").unwrap_or(&json!("anomaly_introduced")),
            "detected_at": self.at("detected_at"),
            "artifact_ids_changed": changed,
            "context_diagnostics": diagnostics,
        })
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.payload
            .get(name)
            .filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    fn first(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.get(name))
    }

    /// A time of the payload, or else of the event.
    fn at(&self, name: &str) -> Option<&Value> {
        self.get(name).or(self.timestamp)
    }

    fn mission_type(&self) -> &str {
        let named = self.namespace.get("mission_type").and_then(Value::as_str);
        named
            .filter(|name| !name.is_empty())
            .unwrap_or(MISSION_TYPE)
    }

    /// The class; `other` is no longer a valid one.
    fn class(&self) -> &str {
        let class = self.get("artifact_class").and_then(Value::as_str);
        class.filter(|class| *class != "other").unwrap_or("runtime")
    }

    /// The present members, as texts.
    fn diagnostics(&self, names: &[&str]) -> Object {
        names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), text(self.get(name)?))))
            .collect()
    }
}

/// A whole number, also from a text or with a fraction.
fn whole(value: &Value) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a size in bytes, and the cast saturates"
    )]
    let cut = |number: f64| number.trunc() as i64;
    value
        .as_i64()
        .or_else(|| value.as_f64().map(cut))
        .or_else(|| value.as_str()?.trim().parse().ok())
}

fn text(value: &Value) -> Value {
    words(value).into()
}

/// The text form of a value as written by older writers.
fn words(value: &Value) -> String {
    match value {
        Value::String(words) => words.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

/// A value without empty members: nulls, empty lists and empty objects.
fn without_blanks(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, without_blanks(value)))
            .filter(|(_, value)| !is_blank(value))
            .collect::<Object>()
            .into(),
        other => other,
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::violations;

    fn namespace() -> Value {
        json!({"project_uuid": "p", "mission_slug": "m", "target_branch": "main", "mission_type": "research",
            "manifest_version": "1", "step_id": null})
    }

    fn sent() -> Value {
        let mut sent = namespace();
        sent.as_object_mut().unwrap().remove("step_id");
        sent
    }

    fn envelope(event_type: &str, payload: &Value) -> Value {
        json!({"event_id": "01JMBY7K8N3QRVX2DPFG5HWT4E", "event_type": event_type, "timestamp": "T0",
            "payload": payload})
    }

    fn upgrade(event_type: &str, payload: &Value) -> Option<Value> {
        upgraded(envelope(event_type, payload).as_object().unwrap())
    }

    #[test]
    fn each_flat_form_has_its_present_one() {
        for (event_type, flat, present) in [
            (
                "MissionDossierArtifactIndexed",
                json!({"mission_slug": "m", "artifact_key": "input.spec", "artifact_class": "other", "size_bytes": "7",
                    "relative_path": "spec.md", "content_hash_sha256": "ab", "indexed_at": "T1", "step_id": null,
                    "required_status": "required", "wp_id": "WP01", "namespace": namespace()}),
                json!({"namespace": sent(), "artifact_id": {"mission_type": "research", "path": "spec.md",
                    "artifact_class": "runtime", "wp_id": "WP01"}, "indexed_at": "T1",
                    "content_ref": {"algorithm": "sha256", "hash": "ab", "size_bytes": 7},
                    "context_diagnostics": {"artifact_key": "input.spec", "required_status": "required"}}),
            ),
            (
                "MissionDossierArtifactMissing",
                json!({"artifact_key": "k", "artifact_class": "input", "expected_path_pattern": "spec.md",
                    "reason_code": "not_found", "reason_detail": "write it", "blocking": true, "namespace": namespace()}),
                json!({"namespace": sent(), "expected_identity": {"mission_type": "research", "path": "spec.md",
                    "artifact_class": "input"}, "manifest_step": "default", "checked_at": "T0",
                    "remediation_hint": "write it", "context_diagnostics": {"artifact_key": "k",
                    "reason_code": "not_found", "reason_detail": "write it", "blocking": "True"}}),
            ),
            (
                "MissionDossierSnapshotComputed",
                json!({"snapshot_id": "s", "parity_hash_sha256": "cd", "completeness_status": "complete",
                    "artifact_counts": {"total": 3, "required": 2, "required_present": 2, "required_missing": 0,
                    "optional": 1, "optional_present": 1}, "computed_at": "T2", "namespace": namespace()}),
                json!({"namespace": sent(), "snapshot_hash": "cd", "artifact_count": 3, "anomaly_count": 0,
                    "computed_at": "T2", "algorithm": "sha256", "context_diagnostics": {"snapshot_id": "s",
                    "completeness_status": "complete", "required": "2", "required_present": "2", "optional": "1",
                    "optional_present": "1"}}),
            ),
            (
                "MissionDossierParityDriftDetected",
                json!({"baseline_parity_hash": "a", "local_parity_hash": "b", "severity": "info",
                    "missing_in_local": ["x.md", "y.md"], "missing_in_baseline": [], "detected_at": "T3",
                    "namespace": namespace()}),
                json!({"namespace": sent(), "expected_hash": "a", "actual_hash": "b", "detected_at": "T3",
                    "drift_kind": "anomaly_introduced", "artifact_ids_changed": [
                    {"mission_type": "research", "path": "x.md", "artifact_class": "evidence"},
                    {"mission_type": "research", "path": "y.md", "artifact_class": "evidence"}],
                    "context_diagnostics": {"severity": "info", "missing_in_local": "x.md,y.md"}}),
            ),
        ] {
            let upgraded = upgrade(event_type, &flat).unwrap();
            assert_eq!(upgraded, present, "{event_type}");
            assert_eq!(
                upgrade(event_type, &upgraded),
                None,
                "{event_type}: once is enough"
            );
            let broken = violations(&envelope(event_type, &upgraded));
            assert!(
                !broken.iter().any(|v| format!("{v:?}").contains("payload")),
                "{event_type}: {broken:?}"
            );
        }
    }

    #[test]
    fn what_is_not_flat_or_has_no_namespace_is_left_alone() {
        let flat = json!({"artifact_key": "k"});
        assert_eq!(
            upgrade("MissionDossierArtifactIndexed", &flat),
            None,
            "no namespace"
        );
        assert_eq!(
            upgrade("WPStatusChanged", &json!({"namespace": namespace()})),
            None
        );
        assert_eq!(upgrade("MissionDossierArtifactIndexed", &json!([1])), None);
        let mut beside = envelope("MissionDossierArtifactIndexed", &flat);
        beside["namespace"] = namespace();
        let upgraded = upgraded(beside.as_object().unwrap()).unwrap();
        assert_eq!(
            upgraded["artifact_id"]["path"], "k",
            "the namespace may stand beside the payload"
        );
    }
}
