//! What clients send to a receiver, and what it must have of it afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::stand::Stand;
use crate::storm::receiver::Client;
use crate::support::wire::open;

/// One request.
#[derive(Debug, Clone)]
pub(super) enum Message {
    Events(Vec<Value>),
    Document(Value),
    /// Several documents in one request.
    Documents(Vec<Value>),
}

/// What a receiver's file has.
pub(super) struct Kept {
    events: BTreeMap<String, Value>,
    /// Mission, path and text of each document.
    documents: BTreeSet<(String, String, String)>,
}

/// A document's mission, path, digests at itself and at its text, and text.
type Row = (String, String, [Vec<u8>; 2], String);

/// What a run sends of a small work tree with a document of several pages: events, each document
/// but two alone, and the last two together.
pub(super) fn of_a_run() -> Vec<Message> {
    let stand = Stand::new();
    stand
        .sandbox
        .write(super::SPEC, "One line of many.\n".repeat(900));
    let _run = stand.sandbox.sk_sync(["run"]).success();
    let (mut found, mut documents) = (Vec::new(), Vec::new());
    for request in stand.hub.server.requests() {
        let body = request.json();
        match body["events"].as_array() {
            Some(events) => found.push(Message::Events(events.clone())),
            None => documents.push(body),
        }
    }
    let last = documents.split_off(documents.len() - 2);
    documents.truncate(3);
    found.extend(documents.into_iter().map(Message::Document));
    found.push(Message::Documents(last));
    found
}

impl Message {
    /// Sends it. What it names must be new to the receiver if `is_new` is true, there already if it
    /// is false, and either without it.
    pub(super) fn send(&self, client: &mut Client, is_new: Option<bool>, words: &str) {
        let (status, answer) = client.ask(self.path(), &self.body()).unwrap();
        assert!((200..300).contains(&status), "{words}: {status} {answer}");
        let found = match self {
            Self::Events(events) => results(&answer, events.len(), |result| {
                result["status"].as_str().unwrap().to_owned()
            }),
            Self::Document(_) => vec![answer["status"].as_str().unwrap().to_owned()],
            Self::Documents(documents) => results(&answer, documents.len(), |result| {
                result["answer"]["status"].as_str().unwrap().to_owned()
            }),
        };
        for word in found {
            let is_added = match word.as_str() {
                "success" | "stored" => true,
                "duplicate" | "already_exists" => false,
                _ => panic!("{words}: {answer}"),
            };
            assert!(
                is_new.is_none_or(|is_new| is_new == is_added),
                "{words}: {word}: {answer}"
            );
        }
    }

    fn path(&self) -> &str {
        match self {
            Self::Events(_) => "/api/v1/events/batch/",
            Self::Document(_) => "/api/dossier/push-content/",
            Self::Documents(_) => "/api/dossier/push-batch/",
        }
    }

    fn body(&self) -> String {
        match self {
            Self::Events(events) => json!({ "events": events }).to_string(),
            Self::Document(document) => document.to_string(),
            Self::Documents(documents) => {
                let lines: Vec<_> = documents.iter().map(Value::to_string).collect();
                lines.join("\n")
            }
        }
    }

    /// The file has everything of it, as it was sent.
    pub(super) fn assert_kept(&self, kept: &Kept, words: &str) {
        let document = |document: &Value| {
            let names = ["mission_slug", "artifact_path", "content_body"];
            let [mission, path, text] =
                names.map(|name| document[name].as_str().unwrap().to_owned());
            assert!(
                kept.documents.contains(&(mission, path, text)),
                "{words}: acknowledged and lost: {document}"
            );
        };
        match self {
            Self::Events(events) => {
                for event in events {
                    let there = kept.events.get(event["event_id"].as_str().unwrap());
                    assert_eq!(there, Some(event), "{words}: acknowledged and lost");
                }
            }
            Self::Document(one) => document(one),
            Self::Documents(some) => some.iter().for_each(document),
        }
    }
}

fn results(answer: &Value, number: usize, word: impl Fn(&Value) -> String) -> Vec<String> {
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), number, "{answer}");
    results.iter().map(word).collect()
}

impl Kept {
    /// What is in the file: each event and each document once, and each text under its digest.
    pub(super) fn read(file: &Path, words: &str) -> Self {
        let conn = open(file);
        let mut events = conn
            .prepare("SELECT event_id, envelope FROM serve_events")
            .unwrap();
        let events = events.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let events: Vec<(String, Vec<u8>)> = events.unwrap().map(Result::unwrap).collect();
        let mut documents = conn
            .prepare(
                "SELECT mission_slug, artifact_path, b.content_sha256, c.content_sha256, content
                 FROM serve_bodies b JOIN serve_namespaces USING (namespace_id)
                 LEFT JOIN serve_contents c USING (content_id)",
            )
            .unwrap();
        let documents = documents.query_map([], |row| {
            let digests: [Vec<u8>; 2] = [row.get(2)?, row.get(3)?];
            Ok((row.get(0)?, row.get(1)?, digests, row.get(4)?))
        });
        let documents: Vec<Row> = documents.unwrap().map(Result::unwrap).collect();
        for (mission, path, digests, text) in &documents {
            let actual = Sha256::digest(text).to_vec();
            assert!(
                digests.iter().all(|digest| *digest == actual),
                "{words}: another text under the digest of {mission}/{path}"
            );
        }
        let numbers = (events.len(), documents.len());
        let events = events.into_iter();
        let documents = documents.into_iter();
        let kept = Self {
            events: events
                .map(|(id, text)| (id, serde_json::from_slice(&text).unwrap()))
                .collect(),
            documents: documents
                .map(|(mission, path, _, text)| (mission, path, text))
                .collect(),
        };
        assert_eq!(kept.numbers(), numbers, "{words}: stored twice");
        kept
    }

    /// How many events and documents there are.
    pub(super) fn numbers(&self) -> (usize, usize) {
        (self.events.len(), self.documents.len())
    }
}
