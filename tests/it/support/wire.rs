//! The receiving side in tests: content of a served store file, and answers of a scripted server.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::Sandbox;
use super::server::{Reply, Request};

/// Content of a `serve --store` file.
#[derive(Debug)]
pub(crate) struct Received {
    /// Envelope bytes by event id.
    pub(crate) events: BTreeMap<String, Vec<u8>>,
    /// Every body: mission, path and text.
    pub(crate) bodies: Vec<(String, String, String)>,
}

/// Reads a receiver's file. A row that occurs twice is an error of the receiver and fails here.
pub(crate) fn received(file: &Path) -> Received {
    let conn = open(file);
    let mut events = BTreeMap::new();
    let mut statement = conn
        .prepare("SELECT event_id, envelope FROM serve_events")
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let twice = events.insert(row.get::<_, String>(0).unwrap(), row.get(1).unwrap());
        assert!(twice.is_none(), "an event is stored twice");
    }
    let sql = "SELECT n.mission_slug, b.artifact_path, c.content FROM serve_bodies AS b
               JOIN serve_namespaces AS n USING (namespace_id) JOIN serve_contents AS c USING (content_sha256)
               ORDER BY 1, 2, 3";
    let mut statement = conn.prepare(sql).unwrap();
    let bodies = statement
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .unwrap();
    let bodies = bodies.collect::<Result<_, _>>().unwrap();
    Received { events, bodies }
}

/// Asserts that the receiver's file matches the project: every event that had to be sent, once and
/// byte for byte, and every eligible document as in the work tree, once.
pub(crate) fn assert_mirrored(sandbox: &Sandbox, file: &Path) {
    let held = received(file);
    let owed = journal(&sandbox.store());
    assert_eq!(
        held.events.keys().collect::<Vec<_>>(),
        owed.keys().collect::<Vec<_>>(),
        "ids"
    );
    assert_eq!(held.events, owed, "bytes");
    let listed = sandbox
        .sk_sync(["index", "--dry-run", "--json"])
        .success()
        .json();
    let mut eligible = 0;
    for artifact in listed["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| a["decision"] == "queued")
    {
        let (mission, path) = (
            artifact["mission_slug"].as_str().unwrap(),
            artifact["path"].as_str().unwrap(),
        );
        let text = sandbox.read(&format!("kitty-specs/{mission}/{path}"));
        let found = held
            .bodies
            .iter()
            .filter(|(m, p, t)| (m.as_str(), p.as_str(), t) == (mission, path, &text));
        assert_eq!(found.count(), 1, "the body of {mission}/{path}");
        eligible += 1;
    }
    assert!(eligible > 0 && held.bodies.len() >= eligible);
}

/// Envelope bytes by event id, of all events of a project store that were not superseded.
pub(crate) fn journal(store: &Path) -> BTreeMap<String, Vec<u8>> {
    let conn = open(store);
    let sql =
        "SELECT e.event_id, p.envelope FROM journal_events e JOIN journal_payloads p ON p.seq = e.seq AND e.kind = 0
               WHERE e.superseded_by IS NULL";
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Act and event type of every audit row of a project store.
pub(crate) fn audit(store: &Path) -> Vec<(String, String)> {
    let conn = open(store);
    let mut statement = conn
        .prepare("SELECT act, COALESCE(event_type, '') FROM journal_audit ORDER BY id")
        .unwrap();
    let rows = statement
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test looks at the files behind the program's back"
)]
pub(crate) fn open(file: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(file).unwrap()
}

/// A correct server's answer to any request: every event `status`, every document stored.
pub(crate) fn honest(request: &Request, status: &str) -> Reply {
    let body = request.json();
    match body["events"].as_array() {
        Some(events) => {
            let results: Vec<Value> = events
                .iter()
                .map(|e| json!({"event_id": e["event_id"], "status": status}))
                .collect();
            Reply::json(200, &json!({ "results": results }))
        }
        None => Reply::json(
            201,
            &json!({"status": "stored", "artifact_path": body["artifact_path"], "content_hash": body["content_hash"]}),
        ),
    }
}

/// True if the request carries events of the Teamspace protocol.
pub(crate) fn is_events(request: &Request) -> bool {
    request.path == "/api/v1/events/batch/"
}

/// The ids in an event request.
pub(crate) fn ids(request: &Request) -> Vec<String> {
    let body = request.json();
    let events = body["events"].as_array().cloned().unwrap_or_default();
    events
        .iter()
        .map(|e| e["event_id"].as_str().unwrap().to_owned())
        .collect()
}

/// An envelope that is sent byte for byte as captured.
pub(crate) fn envelope(id: &str, aggregate: &str, said: &str) -> String {
    let project = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";
    format!(
        r#"{{"event_id":"{id}","event_type":"T","aggregate_id":"{aggregate}","team_slug":"harbour","project_uuid":"{project}","payload":{{"said":"{said}"}}}}"#
    )
}
