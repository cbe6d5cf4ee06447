//! What every engine answers in the cases where engines could differ: repeated ids, several
//! projects, two receivers.

use serde_json::{Value, json};

use super::client::{BODIES, EVENTS, HEALTH, Talk};
use super::engines::over_each_engine;
use super::sample::{id, indexed, push, status_changed};

const OTHER_PROJECT: &str = "262bb566-443d-51a9-8b0c-f82f7d341017";

fn with(mut event: Value, member: &str, value: impl Into<Value>) -> Value {
    event[member] = value.into();
    event
}

#[test]
fn an_id_that_comes_twice_in_a_batch_is_decided_by_the_stored_event() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let first = status_changed(&id(1));
        let lower = with(first.clone(), "event_id", id(1).to_lowercase());
        let other = with(first.clone(), "lamport_clock", 8);
        let batch = [first.clone(), lower, other.clone(), status_changed(&id(2))];
        assert_eq!(
            talk.batch(&batch),
            ["success", "duplicate", "rejected", "success"],
            "{}",
            engine.name
        );
        assert_eq!(
            talk.batch(&[other, first]),
            ["rejected", "duplicate"],
            "{}",
            engine.name
        );
        assert_eq!(
            talk.counts(["events", "duplicates", "conflicts"]),
            [2, 2, 2],
            "{}",
            engine.name
        );
    });
}

#[test]
fn projects_of_one_batch_do_not_mix() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let elsewhere = |n| with(status_changed(&id(n)), "project_uuid", OTHER_PROJECT);
        let bad = with(status_changed(&id(3)), "schema_version", "2.0.0");
        let batch = [
            status_changed(&id(1)),
            elsewhere(1),
            bad,
            elsewhere(2),
            status_changed(&id(2)),
            elsewhere(1),
        ];
        let expected = [
            "success",
            "success",
            "rejected",
            "success",
            "success",
            "duplicate",
        ];
        assert_eq!(talk.batch(&batch), expected, "{}", engine.name);
        assert_eq!(
            talk.counts(["events", "projects", "rejected", "duplicates"]),
            [4, 2, 1, 1],
            "{}",
            engine.name
        );
    });
}

#[test]
fn two_receivers_are_one() {
    over_each_engine(|engine| {
        let (one, other) = (Talk::to(&engine.server), Talk::to(engine.other()));
        assert_eq!(
            one.get(HEALTH).1["server_instance_id"],
            other.get(HEALTH).1["server_instance_id"]
        );
        assert_eq!(
            one.batch(&[indexed(&id(1), "spec.md", "text")]),
            ["success"]
        );
        assert_eq!(
            other.batch(&[indexed(&id(1), "spec.md", "text"), status_changed(&id(2))]),
            ["duplicate", "success"]
        );
        assert_eq!(
            other.post(BODIES, &push("spec.md", "text")).0,
            201,
            "{}: announced to the other one",
            engine.name
        );
        assert_eq!(
            one.post(BODIES, &push("spec.md", "text")).0,
            200,
            "{}",
            engine.name
        );
        assert_eq!(one.counts(["events", "bodies"]), [2, 1], "{}", engine.name);
        assert_eq!(
            other.counts(["events", "bodies"]),
            [2, 1],
            "{}",
            engine.name
        );
    });
}

/// Four senders with the same events over two receivers: each event is new once, from any sender.
#[test]
fn senders_that_race_store_each_event_once() {
    over_each_engine(|engine| {
        let talks = [Talk::to(&engine.server), Talk::to(engine.other())];
        let batches: Vec<Vec<Value>> = (0..8)
            .map(|b| (0..50).map(|n| status_changed(&id(b * 25 + n))).collect())
            .collect();
        let sent: Vec<Vec<String>> = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..4)
                .map(|sender| {
                    let (talk, batches) = (&talks[sender % 2], &batches);
                    scope
                        .spawn(move || batches.iter().flat_map(|batch| talk.batch(batch)).collect())
                })
                .collect();
            senders
                .into_iter()
                .map(|sender| sender.join().unwrap())
                .collect()
        });
        let all = || sent.iter().flatten();
        assert_eq!(
            all().filter(|status| *status == "success").count(),
            225,
            "{}",
            engine.name
        );
        assert_eq!(
            all().filter(|status| *status == "duplicate").count(),
            4 * 400 - 225,
            "{}",
            engine.name
        );
        assert_eq!(talks[0].counts(["events"]), [225], "{}", engine.name);
    });
}

#[test]
fn texts_that_an_index_could_not_hold_are_taken_and_nul_is_refused() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let path = format!("{}.md", "p".repeat(9000));
        let text = "\u{0}".repeat(512 << 10);
        let kind = "T".repeat(5000);
        let event = with(indexed(&id(1), &path, &text), "build_id", "b\0");
        assert_eq!(
            talk.batch(&[event, status_changed(&id(3))]),
            ["success", "success"],
            "{}",
            engine.name
        );
        assert_eq!(
            talk.post(BODIES, &push(&path, &text)).0,
            201,
            "{}",
            engine.name
        );
        let long = with(status_changed(&id(2)), "event_type", kind);
        let odd = indexed(&id(4), "a\0.md", "x");
        let (status, answer) = talk.post(
            EVENTS,
            &json!({"events": [long, odd, status_changed(&id(5))]}),
        );
        let statuses: Vec<_> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["status"].clone())
            .collect();
        assert_eq!(
            (status, &statuses[1..]),
            (200, &[json!("rejected"), json!("success")][..]),
            "{}",
            engine.name
        );
        assert_eq!(
            talk.post(BODIES, &push("a\0.md", "x")).0,
            400,
            "{}",
            engine.name
        );
    });
}

#[test]
fn an_event_announces_nothing_for_another_project() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let mut event = indexed(&id(1), "spec.md", "text");
        event["project_uuid"] = OTHER_PROJECT.into();
        talk.post(EVENTS, &json!({"events": [event]}));
        assert_eq!(
            talk.post(BODIES, &push("spec.md", "text")).0,
            404,
            "{}",
            engine.name
        );
        let odd = with(push("spec.md", "text"), "project_uuid", "not a uuid");
        assert_eq!(talk.post(BODIES, &odd).0, 404, "{}", engine.name);
    });
}
