//! Bodies: every answer of the upload endpoint.

use serde_json::{Value, json};

use super::client::{BODIES, Talk, memory};
use super::engines::over_each_engine;
use super::sample::{id, indexed, push, version};

#[test]
fn a_body_waits_for_its_event_and_is_stored_once() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let body = push("spec.md", "text\n");
        let (status, answer) = talk.post(BODIES, &body);
        assert_eq!(
            (status, &answer["error"]),
            (404, &json!("index_entry_not_found"))
        );

        talk.batch(&[indexed(&id(1), "spec.md", "text\n")]);
        let hash = version("spec.md", "text\n").sha256.to_string();
        let (status, answer) = talk.post(BODIES, &body);
        assert_eq!(status, 201);
        assert_eq!(
            answer,
            json!({"status": "stored", "artifact_path": "spec.md", "content_hash": hash})
        );
        let (status, answer) = talk.post(BODIES, &body);
        assert_eq!((status, &answer["status"]), (200, &json!("already_exists")));
        assert_eq!(
            (&answer["artifact_path"], &answer["content_hash"]),
            (&json!("spec.md"), &json!(hash))
        );
        let names = [
            "bodies",
            "bodies_already_exists",
            "bodies_not_indexed",
            "body_requests",
            "requests",
        ];
        assert_eq!(talk.counts(names), [1, 1, 1, 3, 4]);
    });
}

#[test]
fn each_of_the_seven_fields_tells_bodies_apart() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        talk.batch(&[
            indexed(&id(1), "spec.md", "text"),
            indexed(&id(2), "plan.md", "text"),
        ]);
        assert_eq!(talk.post(BODIES, &push("spec.md", "text")).0, 201);
        assert_eq!(
            talk.post(BODIES, &push("plan.md", "text")).0,
            201,
            "the same content at another path is new"
        );
        let other = talk.post(BODIES, &push("spec.md", "other"));
        assert_eq!(
            other.0, 201,
            "another version of a known path: its own event may have been superseded unsent"
        );
        for (field, value) in [
            ("project_uuid", "262bb566-443d-51a9-8b0c-f82f7d341017"),
            ("mission_slug", "bar-01KRC4HN"),
            ("target_branch", "2.x"),
            ("mission_type", "research"),
            ("manifest_version", "2"),
            ("artifact_path", "tasks.md"),
        ] {
            let mut body = push("spec.md", "text");
            body[field] = value.into();
            assert_eq!(talk.post(BODIES, &body).0, 404, "{field}");
        }
        assert_eq!(talk.counts(["bodies"]), [3]);
    });
}

#[test]
fn the_names_of_the_older_contract_mean_the_same_mission() {
    let server = memory();
    let talk = Talk::to(&server);
    talk.batch(&[indexed(&id(1), "spec.md", "text")]);
    let mut body = push("spec.md", "text");
    let members = body.as_object_mut().unwrap();
    let (slug, kind) = (
        members.remove("mission_slug").unwrap(),
        members.remove("mission_type").unwrap(),
    );
    members.insert("feature_slug".to_owned(), slug);
    members.insert("mission_key".to_owned(), kind);
    assert_eq!(talk.post(BODIES, &body).0, 201);
    assert_eq!(talk.post(BODIES, &push("spec.md", "text")).0, 200);
}

#[test]
fn wrong_fields_are_400_with_a_message_each() {
    let server = memory();
    let talk = Talk::to(&server);
    let mut body = push("spec.md", "text");
    body["target_branch"] = " ".into();
    body["content_body"] = "changed".into();
    body.as_object_mut().unwrap().remove("mission_type");
    let (status, answer) = talk.post(BODIES, &body);
    assert_eq!(status, 400);
    let fields = &answer["fields"];
    assert_eq!(fields["target_branch"], json!(["is blank"]));
    assert_eq!(fields["mission_type"], json!(["is required"]));
    assert!(
        fields["content_hash"][0]
            .as_str()
            .unwrap()
            .starts_with("is not the SHA-256 of content_body")
    );
    assert!(
        answer["detail"]
            .as_str()
            .unwrap()
            .contains("target_branch: is blank")
    );
    assert_eq!(talk.post(BODIES, &json!([])).0, 400);
}

#[test]
fn bodies_are_bounded_in_text_and_in_bytes() {
    let server = memory();
    let talk = Talk::to(&server);
    // The longest text that is allowed, written in the longest way.
    let text = "\u{1}".repeat(512 << 10);
    talk.batch(&[indexed(&id(1), "spec.md", &text)]);
    assert_eq!(talk.post(BODIES, &push("spec.md", &text)).0, 201);
    let (status, answer) = talk.post(BODIES, &push("spec.md", &"e".repeat((512 << 10) + 1)));
    assert_eq!(
        (status, &answer["limits"]["max_body_bytes"]),
        (413, &json!(512 << 10))
    );
    assert_eq!(talk.post(BODIES, &Value::from("e".repeat(4 << 20))).0, 413);
}

#[test]
fn four_connections_upload_together() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let events: Vec<_> = (0..40)
            .map(|n| indexed(&id(n), &format!("{n}.md"), &format!("text {n}")))
            .collect();
        talk.batch(&events);
        std::thread::scope(|scope| {
            for part in 0..4 {
                let talk = &talk;
                scope.spawn(move || {
                    for n in (part..40).step_by(4) {
                        assert_eq!(
                            talk.post(BODIES, &push(&format!("{n}.md"), &format!("text {n}")))
                                .0,
                            201
                        );
                    }
                });
            }
        });
        assert_eq!(talk.counts(["bodies", "body_requests"]), [40, 40]);
        let [connections] = talk.counts(["connections"]);
        assert!(connections <= 6, "connections are kept open: {connections}");
    });
}
