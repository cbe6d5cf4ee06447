//! Events: every answer of the batch endpoint.

use serde_json::{Value, json};

use super::client::{EVENTS, Talk, memory};
use super::engines::over_each_engine;
use super::sample::{id, indexed, status_changed};
use crate::http::Method;

#[test]
fn a_batch_is_answered_event_by_event_in_order() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let mut bad = status_changed(&id(2));
        bad["schema_version"] = "2.0.0".into();
        let events = [
            status_changed(&id(1)),
            bad,
            status_changed(&id(3)),
            status_changed(&id(1)),
        ];
        assert_eq!(
            talk.batch(&events),
            ["success", "rejected", "success", "duplicate"]
        );
        assert_eq!(
            talk.counts(["events", "rejected", "duplicates", "conflicts", "projects"]),
            [2, 1, 1, 0, 1]
        );
        assert_eq!(talk.batch(&events[..1]), ["duplicate"]);
        assert_eq!(
            talk.counts([
                "events",
                "rejected",
                "duplicates",
                "event_requests",
                "requests"
            ]),
            [2, 1, 2, 2, 2]
        );
    });
}

#[test]
fn plain_json_is_accepted_and_reasons_name_the_field() {
    let server = memory();
    let mut bad = status_changed(&id(1));
    bad["payload"]["mission_key"] = "x".into();
    bad["build_id"] = "".into();
    let (status, answer) =
        Talk::to(&server).post(EVENTS, &json!({"events": [bad, 5, status_changed(&id(2))]}));
    assert_eq!(status, 200);
    let results = answer["results"].as_array().unwrap();
    let error = results[0]["error"].as_str().unwrap();
    assert!(
        error.contains("build_id is empty") && error.contains("payload.mission_key is a key"),
        "{error}"
    );
    assert_eq!(
        results[1],
        json!({"event_id": null, "status": "rejected", "error": "event is not an object"})
    );
    assert_eq!(
        results[2],
        json!({"event_id": id(2), "status": "success", "error": null})
    );
}

/// A batch of CloudEvents is a batch of the envelopes in it: kept as those, answered event by
/// event.
#[test]
fn cloud_events_are_taken_as_the_envelopes_in_them() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server).with(
            "Content-Type",
            "Application/CloudEvents-Batch+JSON; charset=utf-8",
        );
        let cloud = |id: &str, event: Value| json!({"specversion": "1.0", "id": id, "source": "urn:x", "type": "T", "extra": 1, "data": event});
        let good = status_changed(&id(1));
        let mut old = cloud(&id(2), status_changed(&id(2)));
        old["specversion"] = "0.3".into();
        let mut bad = status_changed(&id(3));
        bad["schema_version"] = "2.0.0".into();
        let batch = json!([
            cloud(&id(1), good.clone()),
            old,
            cloud(&id(3), bad),
            cloud(&id(5), status_changed(&id(4))),
            {"specversion": "1.0", "id": id(6), "source": "urn:x", "type": "T"},
        ]);
        let (status, answer) = talk.post(EVENTS, &batch);
        let results = answer["results"].as_array().unwrap();
        let told: Vec<_> = results
            .iter()
            .map(|r| (r["event_id"].clone(), r["status"].as_str().unwrap()))
            .collect();
        let rejected = |id: String| (json!(id), "rejected");
        let expected = [
            (json!(id(1)), "success"),
            rejected(id(2)),
            rejected(id(3)),
            rejected(id(5)),
            (Value::Null, "rejected"),
        ];
        assert_eq!((status, told), (200, expected.to_vec()), "{answer}");
        assert_eq!(
            Talk::to(&engine.server).batch(&[good]),
            ["duplicate"],
            "the same event in the other form"
        );
        for (body, error) in [
            ("{\"events\":[]}", "a list of CloudEvents"),
            ("[", "not JSON"),
            ("[]", "No events"),
        ] {
            let (status, answer) = talk.send(Method::Post, EVENTS, body.as_bytes());
            assert!(
                status == 400 && answer["error"].as_str().unwrap().contains(error),
                "{body}: {answer}"
            );
        }
    });
}

#[test]
fn the_same_id_means_duplicate_or_conflict_by_its_content() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let first = status_changed(&id(1));
        assert_eq!(talk.batch(std::slice::from_ref(&first)), ["success"]);

        let spelled = format!(
            "{{\"events\": [ {} ]}}",
            serde_json::to_string_pretty(&first).unwrap()
        );
        let (_, answer) = talk.send(Method::Post, EVENTS, spelled.as_bytes());
        assert_eq!(answer["results"][0]["status"], "duplicate");

        let mut lower = first.clone();
        lower["event_id"] = id(1).to_lowercase().into();
        assert_eq!(talk.batch(&[lower]), ["duplicate"]);

        let mut other = first.clone();
        other["payload"]["to_lane"] = "done".into();
        let (_, answer) = talk.post(EVENTS, &json!({"events": [other]}));
        assert_eq!(answer["results"][0]["status"], "rejected");
        assert!(
            answer["results"][0]["error"]
                .as_str()
                .unwrap()
                .starts_with("conflict: ")
        );

        assert_eq!(
            talk.batch(std::slice::from_ref(&first)),
            ["duplicate"],
            "the first content stays"
        );
        assert_eq!(
            talk.counts(["events", "duplicates", "conflicts", "rejected"]),
            [1, 3, 1, 0]
        );
    });
}

#[test]
fn ids_are_unique_within_a_project_only() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let mut other = status_changed(&id(1));
        other["project_uuid"] = "262bb566-443d-51a9-8b0c-f82f7d341017".into();
        assert_eq!(
            talk.batch(&[status_changed(&id(1)), other]),
            ["success", "success"]
        );
        assert_eq!(talk.counts(["events", "projects"]), [2, 2]);
    });
}

#[test]
fn unreadable_batches_are_400_and_store_nothing() {
    let server = memory();
    let talk = Talk::to(&server);
    for body in [
        "",
        "{",
        "[]",
        "{\"events\":1}",
        "{\"events\":[]}",
        "{\"events\":[NaN]}",
        "no",
    ] {
        let (status, answer) = talk.send(Method::Post, EVENTS, body.as_bytes());
        assert_eq!(status, 400, "{body}");
        assert!(!answer["error"].as_str().unwrap().is_empty());
    }
    assert_eq!(
        talk.post(EVENTS, &json!({"events": []})).1["error"],
        "No events provided"
    );
    let (status, _) =
        talk.with("Content-Encoding", "gzip")
            .send(Method::Post, EVENTS, b"{\"events\":[]}");
    assert_eq!(status, 400);
    let (status, _) = talk
        .with("Content-Encoding", "br")
        .send(Method::Post, EVENTS, b"x");
    assert_eq!(status, 415);
    assert_eq!(
        talk.counts(["events", "rejected", "event_requests"]),
        [0, 0, 10]
    );
}

#[test]
fn repeated_requests_are_counted_and_answered_from_storage() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server).with("Idempotency-Key", "batch-1");
        assert_eq!(talk.batch(&[status_changed(&id(1))]), ["success"]);
        assert_eq!(talk.batch(&[status_changed(&id(1))]), ["duplicate"]);
        assert_eq!(
            talk.batch(&[status_changed(&id(2))]),
            ["success"],
            "a key proves nothing about the content"
        );
        // A shared engine keeps no list of keys: nothing is decided by them.
        assert_eq!(
            talk.counts(["repeated_requests", "events"]),
            [if engine.is_local() { 2 } else { 0 }, 2]
        );
    });
}

#[test]
fn ten_thousand_events_go_in_ten_batches() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        for batch in 0..10 {
            let events: Vec<Value> = (0..1000)
                .map(|n| {
                    let n = batch * 1000 + n;
                    if n % 2 == 0 {
                        status_changed(&id(n))
                    } else {
                        indexed(&id(n), &format!("{n}.md"), "x")
                    }
                })
                .collect();
            assert!(talk.batch(&events).iter().all(|status| status == "success"));
        }
        assert_eq!(talk.counts(["events", "event_requests"]), [10_000, 10]);
    });
}
