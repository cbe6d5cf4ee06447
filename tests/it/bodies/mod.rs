//! Documents from the file to the receiver: every answer, every namespace, every interruption.

mod answer_table;
mod answers;
mod isolation;
mod queue;
mod receiver;
mod upload;

use std::path::Path;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};
use crate::support::wire::{ids, open};

use receiver::Receiver;

/// The project of these tests.
const PROJECT: &str = "0d6c2c5c-7f0f-4a8e-9d5c-3a1f6b0e9c11";

/// A repository with an identity and no mission.
fn project() -> Sandbox {
    let sandbox = Sandbox::with_empty_repo();
    sandbox.write(
        ".kittify/config.yaml",
        format!("project:\n  uuid: {PROJECT}\n  slug: lights\n"),
    );
    sandbox
}

/// Adds a mission with these files.
fn mission(sandbox: &Sandbox, slug: &str, branch: &str, files: &[(&str, &str)]) {
    let meta =
        json!({"mission_slug": slug, "mission_type": "software-dev", "target_branch": branch});
    sandbox.write(&format!("kitty-specs/{slug}/meta.json"), meta.to_string());
    for (path, text) in files {
        sandbox.write(&format!("kitty-specs/{slug}/{path}"), text);
    }
}

/// A server for events that accepts everything, without documents.
fn events() -> Server {
    Server::answering(|request| {
        let result = |id| json!({"event_id": id, "status": "success"});
        Reply::json(
            200,
            &json!({"results": ids(request).into_iter().map(result).collect::<Vec<_>>()}),
        )
    })
}

/// Sends events and bodies to these two.
fn aim(sandbox: &Sandbox, events: &Server, bodies: &Receiver) {
    aim_with(sandbox, events, bodies, "");
}

/// The same, with more configuration.
fn aim_with(sandbox: &Sandbox, events: &Server, bodies: &Receiver, more: &str) {
    let (events, bodies) = (events.url(), bodies.url());
    let text = format!(
        "preset = 'external-receiver'\nexternal_receiver.url = '{events}'\nexternal_receiver.bodies_url = '{bodies}'\n{more}"
    );
    sandbox.own(text);
}

/// The store's data about one document that is left to send.
#[derive(Debug, PartialEq)]
struct Row {
    tries: i64,
    due_at: i64,
    created_at: i64,
    last_at: Option<i64>,
    error: Option<String>,
}

fn rows(store: &Path) -> Vec<Row> {
    let conn = open(store);
    let sql = "SELECT d.failures, d.due_at, e.captured_at, d.last_attempted_at, d.error FROM delivery_rows AS d
               JOIN journal_events AS e ON e.seq = d.seq WHERE d.kind = 1 AND d.due_at IS NOT NULL ORDER BY d.seq";
    let mut statement = conn.prepare(sql).unwrap();
    let row = |r: &rusqlite::Row<'_>| {
        let (tries, due_at, created_at) = (r.get(0)?, r.get(1)?, r.get(2)?);
        Ok(Row {
            tries,
            due_at,
            created_at,
            last_at: r.get(3)?,
            error: r.get(4)?,
        })
    };
    statement
        .query_map([], row)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// Reason and count of each refusal for good.
fn failures(store: &Path) -> Vec<(String, i64)> {
    let conn = open(store);
    let sql = "SELECT error, attempts FROM delivery_rows WHERE kind = 1 AND status = 'terminal_failed' ORDER BY seq";
    let mut statement = conn.prepare(sql).unwrap();
    statement
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// How many texts are kept.
fn texts(store: &Path) -> i64 {
    open(store)
        .query_row("SELECT COUNT(*) FROM journal_texts", [], |r| r.get(0))
        .unwrap()
}

/// How many versions of documents may be sent.
fn documents(store: &Path) -> i64 {
    let sql = "SELECT COUNT(*) FROM journal_events WHERE kind = 1 AND superseded_by IS NULL AND discarded IS NULL";
    open(store).query_row(sql, [], |r| r.get(0)).unwrap()
}

/// A run's result for one document.
fn outcome(report: &Value, mission: &str, path: &str) -> (String, String, bool) {
    let all = report["bodies"]["outcomes"].as_array().unwrap();
    let found: Vec<_> = all
        .iter()
        .filter(|o| o["mission_slug"] == mission && o["path"] == path)
        .collect();
    assert_eq!(found.len(), 1, "{mission}/{path} in {report}");
    let text = |member: &str| found[0][member].as_str().unwrap().to_owned();
    (
        text("status"),
        text("reason"),
        found[0]["retryable"].as_bool().unwrap(),
    )
}
