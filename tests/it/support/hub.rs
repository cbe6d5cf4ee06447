//! A server that stores what it gets, and notes what it gets again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

use super::pause;
use super::server::{Reply, Request, Server};

/// What the server has, and what it noticed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    /// Envelopes by event id: each was answered for.
    pub(crate) events: BTreeMap<String, Value>,
    /// Mission, path and digest of documents.
    pub(crate) documents: BTreeSet<(String, String, String)>,
    /// Events and digests of documents that the client's ledger has as delivered.
    pub(crate) recorded: BTreeSet<String>,
    /// Events that the client's ledger has as in flight since the last kill.
    pub(crate) open: BTreeSet<String>,
    /// Answered events that came again, and had been open.
    pub(crate) unrecorded: u64,
    /// Answered events or documents that came again without reason.
    pub(crate) reposted: Vec<String>,
    /// Events that came again with other content.
    pub(crate) changed: Vec<String>,
}

/// The server and its state.
pub(crate) struct Hub {
    pub(crate) server: Server,
    held: Arc<Mutex<Held>>,
}

impl Hub {
    /// Each answer takes up to `slowest`.
    pub(crate) fn new(slowest: Duration) -> Self {
        let held: Arc<Mutex<Held>> = Arc::default();
        let own = Arc::clone(&held);
        let mut number = 0;
        let server = Server::answering(move |request| {
            let answer = own.lock().unwrap().answer(request);
            // Some answers take a while, so that a client can be killed before them.
            number += 1;
            pause(slowest * (number % 4) / 4);
            answer
        });
        Self { server, held }
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }
}

impl Held {
    /// Takes a request, and answers it.
    pub(crate) fn answer(&mut self, request: &Request) -> Reply {
        let body = request.json();
        match body["events"].as_array() {
            Some(events) => {
                let results: Vec<Value> = events.iter().map(|event| self.take(event)).collect();
                Reply::json(200, &json!({ "results": results }))
            }
            None => self.take_document(&body),
        }
    }

    fn take(&mut self, event: &Value) -> Value {
        let id = event["event_id"].as_str().unwrap().to_owned();
        let Some(before) = self.events.get(&id) else {
            self.events.insert(id.clone(), event.clone());
            return json!({"event_id": id, "status": "success"});
        };
        if before != event {
            self.changed.push(id.clone());
        }
        // Each is open for one more request.
        if self.open.remove(&id) && !self.recorded.contains(&id) {
            self.unrecorded += 1;
        } else {
            self.reposted.push(id.clone());
        }
        json!({"event_id": id, "status": "duplicate"})
    }

    fn take_document(&mut self, body: &Value) -> Reply {
        let [mission, path, hash] = ["mission_slug", "artifact_path", "content_hash"]
            .map(|name| body[name].as_str().unwrap().to_owned());
        if self.recorded.contains(&hash) {
            self.reposted.push(format!("{mission}/{path}"));
        }
        let is_new = self.documents.insert((mission, path, hash));
        let status = if is_new { "stored" } else { "already_exists" };
        let answer = json!({"status": status, "artifact_path": body["artifact_path"], "content_hash": body["content_hash"]});
        Reply::json(if is_new { 201 } else { 200 }, &answer)
    }
}
