//! What clients ask before they send: capabilities, facts, and ids with digests.

use serde_json::{Value, json};

use super::client::{EVENTS, HEALTH, Talk};
use super::documents::{DOCUMENTS, documents};
use super::engines::over_each_engine;
use super::raw::Raw;
use super::sample::{PROJECT, id, indexed, push, status_changed, version};
use crate::event::meaning_digest;
use crate::http::Method;

#[test]
fn health_lists_what_there_is() {
    over_each_engine(|engine| {
        let health = Talk::to(&engine.server).get(HEALTH).1;
        assert_eq!(
            health["capabilities"],
            json!(["document-batch", "facts", "have", "states"]),
            "{}",
            engine.name
        );
    });
}

#[test]
fn fifty_thousand_ids_are_refused_in_one_request_and_listed_in_pieces() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let ids: Vec<_> = (0..50_000).map(|n| json!({"event_id": id(n)})).collect();
        let (status, answer) = talk.post(EVENTS, &json!({ "events": ids }));
        assert_eq!(
            (status, &answer["error"]),
            (413, &json!("sync_batch_too_large")),
            "{}",
            engine.name
        );
        let lines = (0..50_000)
            .map(|n| json!({"artifact_path": id(n)}).to_string())
            .collect::<Vec<_>>()
            .join("\n");
        assert_eq!(
            talk.send(Method::Post, DOCUMENTS, lines.as_bytes()).0,
            413,
            "{}",
            engine.name
        );
        for from in [0, 1000, 2000] {
            let events: Vec<_> = (from..from + 1000)
                .map(|n| status_changed(&id(n)))
                .collect();
            assert_eq!(talk.batch(&events), ["success"; 1000], "{}", engine.name);
        }
        // More rows than are read at once, and fewer than an answer may have.
        let path = format!("/api/v1/projects/{PROJECT}/states?of=log");
        let listed = |path: &str| {
            let answer = talk.get(path).1;
            let ids = answer["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row[0].as_str().unwrap().to_owned());
            (ids.collect::<Vec<_>>(), answer["next"].clone())
        };
        let (all, next) = listed(&path);
        assert_eq!(
            (all, next),
            ((0..3000).map(id).collect(), Value::Null),
            "{}",
            engine.name
        );
    });
}

/// Facts are written as they are read: no frame of the answer, and so nothing in memory, is longer
/// than a piece.
#[test]
fn facts_are_answered_piece_by_piece() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let long = "x".repeat(4000);
        let events: Vec<_> = (0..200)
            .map(|n| indexed(&id(n), &format!("{long}{n}.md"), "a"))
            .collect();
        for half in events.chunks(50) {
            assert_eq!(talk.batch(half), ["success"; 50], "{}", engine.name);
        }
        let raw = Raw::to(&engine.server);
        let path = format!("/api/v1/projects/{PROJECT}/facts");
        let seen = raw.get(&path);
        assert_eq!(
            (seen.status, seen.header("transfer-encoding")),
            (200, "chunked"),
            "{}",
            engine.name
        );
        let frames = frames(&seen.body);
        let longest = frames.iter().map(|frame| frame.len()).max().unwrap();
        assert!(
            frames.len() > 5 && longest <= (128 << 10) + 10_000,
            "{}: {} {longest}",
            engine.name,
            frames.len()
        );
        let whole: Value = serde_json::from_slice(&frames.concat()).unwrap();
        let told: Vec<_> = whole["facts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fact| &fact["event"])
            .collect();
        assert_eq!(
            (told, &whole["next"]),
            (events.iter().collect(), &Value::Null),
            "{}",
            engine.name
        );
    });
}

/// The frames of a chunked body, which has to be complete.
fn frames(mut body: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return found;
        }
        found.push(&body[end + 2..end + 2 + size]);
        body = &body[end + 2 + size + 2..];
    }
}

#[test]
fn facts_are_the_newest_events_byte_for_byte() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let path = format!("/api/v1/projects/{}/facts", PROJECT.to_uppercase());
        assert_eq!(
            talk.get(&path),
            (200, json!({"facts": [], "next": null})),
            "{}",
            engine.name
        );
        let mut missing = indexed(&id(5), "gone.md", "x");
        missing["event_type"] = "MissionDossierArtifactMissing".into();
        missing["payload"] = json!({
            "namespace": version("gone.md", "x").namespace, "checked_at": "2026-02-12T10:00:00.000000+00:00",
            "expected_identity": {"mission_type": "software-dev", "path": "gone.md", "artifact_class": "input"},
            "manifest_step": "required_always",
        });
        let again = indexed(&id(4), "a.md", "newer");
        let events = [
            indexed(&id(1), "a.md", "a"),
            status_changed(&id(2)),
            indexed(&id(3), "b.md", "b"),
            again,
            missing,
        ];
        assert_eq!(talk.batch(&events), ["success"; 5], "{}", engine.name);
        assert_eq!(
            documents(&talk, &[push("a.md", "a"), push("b.md", "b")]).len(),
            2
        );
        // The same event again, and an older one that comes late, change nothing about what is
        // newest.
        assert_eq!(talk.batch(&events[..1]), ["duplicate"], "{}", engine.name);
        let asked = Talk::to(engine.other()).get(&path).1;
        let facts: Vec<_> = asked["facts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| (&f["event"], &f["document"]))
            .collect();
        let expected = [
            (&events[2], &json!(true)),
            (&events[3], &json!(false)),
            (&events[4], &json!(false)),
        ];
        assert_eq!(facts, expected, "{}", engine.name);
        let none = talk.get(&format!("{path}?mission=other")).1;
        assert_eq!(none["facts"], json!([]), "{}", engine.name);
        assert_eq!(
            talk.get(&format!("{path}?mission=foo-01KRC4HN")).1,
            asked,
            "{}",
            engine.name
        );
        let packed = talk
            .with("Accept-Encoding", "gzip")
            .try_send(Method::Get, &path, b"")
            .unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&packed.body).unwrap(),
            asked,
            "{}",
            engine.name
        );
        assert_eq!(talk.get("/api/v1/projects/nonsense/facts").0, 404);
    });
}

#[test]
fn states_are_ids_with_digests() {
    over_each_engine(|engine| {
        let talk = Talk::to(&engine.server);
        let path = format!("/api/v1/projects/{PROJECT}/states");
        let events = [indexed(&id(1), "a.md", "a"), status_changed(&id(2))];
        talk.batch(&events);
        documents(&talk, &[push("a.md", "a"), push("a.md", "older")]);
        let digest = |event: &Value| meaning_digest(event.to_string().as_bytes()).to_string();
        let expected = json!([[id(1), digest(&events[0])], [id(2), digest(&events[1])]]);
        assert_eq!(
            talk.get(&path).1,
            json!({"events": expected, "next": null}),
            "{}",
            engine.name
        );
        let bytes = crate::base::Sha256::of(events[1].to_string().as_bytes()).to_string();
        let logged = talk.get(&format!("{path}?of=log")).1;
        assert_eq!(logged["events"], json!([[id(2), bytes]]), "{}", engine.name);
        let mut rows = talk.get(&format!("{path}?of=documents")).1["documents"]
            .as_array()
            .unwrap()
            .clone();
        rows.sort_by_key(ToString::to_string);
        let row = |content: &str| {
            let hash = version("a.md", content).sha256.to_string();
            json!(["foo-01KRC4HN", "main", "software-dev", "1", "a.md", hash])
        };
        let mut expected = [row("a"), row("older")];
        expected.sort_by_key(ToString::to_string);
        assert_eq!(rows, expected, "{}", engine.name);
        assert_eq!(talk.get(&format!("{path}?of=nonsense")).0, 400);
    });
}
