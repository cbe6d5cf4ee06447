//! What readers are told, over every engine: folded from events in any order, and the same after
//! everything was forgotten.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{BODIES, Talk};
use super::engines::over_each_engine;
use super::sample::{PROJECT, id, indexed, push, status_changed};
use crate::base::Sha256;

const MISSION: &str = "foo-01KRC4HN";

/// Asks until the answer is as it should be; gives up after a time that no machine needs.
pub(super) fn until(talk: &Talk, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let (status, answer) = talk.get(path);
        if status == 200 && is_there(&answer) {
            return answer;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "{path}: {status} {answer}"
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

pub(super) fn of_project(rest: &str) -> String {
    format!("/api/v1/projects/{PROJECT}/{rest}")
}

/// Waits until the event with this id was folded; gives the activity.
pub(super) fn activity_with(talk: &Talk, event_id: &str) -> Vec<Value> {
    let has = |answer: &Value| {
        answer["activity"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["event_id"] == event_id)
    };
    until(talk, &of_project("activity?limit=200"), has)["activity"]
        .as_array()
        .unwrap()
        .clone()
}

pub(super) fn moved(number: usize, wp: &str, lamport: i64, to: &str) -> Value {
    let mut event = status_changed(&id(number));
    event["lamport_clock"] = lamport.into();
    event["aggregate_id"] = wp.into();
    event["payload"]["wp_id"] = wp.into();
    event["payload"]["to_lane"] = to.into();
    event
}

fn missing(number: usize, path: &str) -> Value {
    let mut event = indexed(&id(number), path, "x");
    event["event_type"] = "MissionDossierArtifactMissing".into();
    event["payload"] = json!({
        "namespace": event["payload"]["namespace"], "manifest_step": "default", "checked_at": event["timestamp"],
        "expected_identity": event["payload"]["artifact_id"],
    });
    event
}

#[test]
fn lanes_are_decided_by_clock_and_id_in_whatever_order_events_come() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        talk.batch(&[
            moved(4, "WP01", 9, "done"),
            moved(3, "WP01", 5, "claimed"),
            moved(9, "WP02", 5, "for_review"),
        ]);
        Talk::to(engine.other()).batch(&[
            moved(8, "WP02", 5, "planned"),
            moved(5, "WP03", 1, "odd lane <b>"),
        ]);
        let lines = activity_with(&talk, &id(5));
        assert_eq!(lines.len(), 5, "{}: {lines:?}", engine.name);
        let mission = talk.get(&of_project(&format!("mission?slug={MISSION}"))).1;
        let decided: Vec<_> = mission["work_packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|w| (w["wp_id"].clone(), w["lane"].clone()))
            .collect();
        let expected = [
            ("WP01", "done"),
            ("WP02", "for_review"),
            ("WP03", "odd lane <b>"),
        ];
        assert_eq!(
            decided,
            expected.map(|(wp, lane)| (json!(wp), json!(lane))),
            "{}",
            engine.name
        );
        assert_eq!(
            mission["lanes"],
            json!({"done": 1, "for_review": 1, "odd lane <b>": 1}),
            "{}",
            engine.name
        );
    });
}

#[test]
fn one_fact_of_several_clones_is_one_row_and_versions_are_kept() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let one = "# One\n- [x] a\n- [ ] b\n";
        talk.batch(&[
            indexed(&id(1), "spec.md", one),
            indexed(&id(2), "spec.md", one),
            indexed(&id(3), "spec.md", one),
        ]);
        assert_eq!(talk.post(BODIES, &push("spec.md", one)).0, 201);
        talk.batch(&[
            indexed(&id(4), "spec.md", "# Two"),
            missing(5, "plan.md"),
            moved(6, "WP01", 1, "done"),
        ]);
        assert_eq!(talk.post(BODIES, &push("spec.md", "# Two")).0, 201);
        let lines = activity_with(&talk, &id(6));
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line["event_id"].clone(), line["change"].clone()))
            .collect();
        let expected = [
            (1, "added"),
            (4, "changed"),
            (5, "missing"),
            (6, "planned → done"),
        ];
        assert_eq!(
            told,
            expected.map(|(n, change)| (json!(id(n)), json!(change))),
            "{}",
            engine.name
        );

        let place = of_project(&format!("document?mission={MISSION}&path=spec.md"));
        let document = until(&talk, &place, |answer| answer["text"] == "# Two");
        assert_eq!(
            document["versions"].as_array().unwrap().len(),
            2,
            "{}",
            engine.name
        );
        let older = Sha256::of(one.as_bytes());
        assert_eq!(
            talk.get(&format!("{place}&version={older}")).1["text"],
            one,
            "{}",
            engine.name
        );
        let found = until(&talk, "/api/v1/search?q=TWO", |answer| {
            answer["hits"] != json!([])
        });
        assert_eq!(found["hits"][0]["path"], "spec.md", "{}", engine.name);
        assert_eq!(
            talk.get("/api/v1/search?q=one").1["hits"],
            json!([]),
            "{}: an older version",
            engine.name
        );
        let plan = &talk
            .get(&of_project(&format!("documents?mission={MISSION}")))
            .1["documents"][0];
        assert_eq!(
            (&plan["path"], &plan["is_gone"]),
            (&json!("plan.md"), &json!(true)),
            "{}",
            engine.name
        );
    });
}

/// What a client tells after its documents: how many there are, and a digest over them.
fn snapshot(number: usize, documents: &[(&str, &str)]) -> Value {
    let lines: Vec<_> = documents
        .iter()
        .map(|(path, text)| format!("{path}\t{}", Sha256::of(text.as_bytes())))
        .collect();
    let mut event = indexed(&id(number), "spec.md", "x");
    event["event_type"] = "MissionDossierSnapshotComputed".into();
    event["payload"] = json!({
        "namespace": event["payload"]["namespace"], "computed_at": event["timestamp"], "algorithm": "sha256",
        "snapshot_hash": format!("sha256:{}", Sha256::of(lines.join("\n").as_bytes())),
        "artifact_count": documents.len(), "anomaly_count": 0,
        "context_diagnostics": {"required_present": "1", "optional_present": (documents.len() - 1).to_string()},
    });
    event
}

#[test]
fn an_optional_document_that_no_snapshot_has_any_more_is_gone() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let all = [
            ("data.md", "d"),
            ("notes.md", "n"),
            ("plan.md", "p"),
            ("spec.md", "s"),
        ];
        let events: Vec<_> = all
            .iter()
            .zip(1..)
            .map(|((path, text), n)| indexed(&id(n), path, text))
            .collect();
        assert_eq!(talk.batch(&events), ["success"; 4], "{}", engine.name);
        assert_eq!(
            talk.batch(&[snapshot(5, &all), snapshot(6, &all[2..])]),
            ["success"; 2],
            "{}",
            engine.name
        );
        assert_eq!(
            talk.batch(&[moved(7, "WP01", 1, "done")]),
            ["success"],
            "{}",
            engine.name
        );
        let lines = activity_with(&talk, &id(7));
        let told = lines.iter().find(|line| line["event_id"] == id(6));
        assert_eq!(
            told.map(|line| &line["change"]),
            Some(&json!("data.md gone, notes.md gone")),
            "{}",
            engine.name
        );
        let path = of_project(&format!("documents?mission={MISSION}"));
        let gone = |talk: &Talk| {
            let documents = talk.get(&path).1["documents"].clone();
            documents
                .as_array()
                .unwrap()
                .iter()
                .map(|d| d["is_gone"].as_bool().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(gone(&talk), [true, true, false, false], "{}", engine.name);

        // One is back without being told again; a snapshot that fits no choice of them changes
        // nothing.
        let other = [("other.md", "x"), ("spec.md", "s")];
        let last = moved(10, "WP01", 2, "done");
        assert_eq!(
            talk.batch(&[snapshot(8, &all[1..]), snapshot(9, &other), last]),
            ["success"; 3]
        );
        activity_with(&talk, &id(10));
        assert_eq!(gone(&talk), [true, false, false, false], "{}", engine.name);
    });
}

#[test]
fn a_text_that_comes_later_is_counted_and_found() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let text = "- [x] unmistakable\n- [ ] b\n";
        talk.batch(&[indexed(&id(1), "tasks.md", text)]);
        activity_with(&talk, &id(1));
        assert_eq!(talk.post(BODIES, &push("tasks.md", text)).0, 201);
        until(&talk, "/api/v1/search?q=unmistak", |answer| {
            answer["hits"] != json!([])
        });
        let mission = &talk.get(&of_project("missions")).1["missions"][0];
        assert_eq!(
            (&mission["task_boxes"], &mission["task_boxes_ticked"]),
            (&json!(2), &json!(1)),
            "{}",
            engine.name
        );
    });
}
