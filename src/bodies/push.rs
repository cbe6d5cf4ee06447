//! One upload: the request of `formats` section 11.3, sent, and its answer read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::outcome::{self, Outcome, Sent};
use super::select::Row;
use crate::base::{Clock, Sha256};
use crate::config::WireNames;
use crate::endpoint::Link;
use crate::http::{Answer, Client, Deadlines, Failure, Method, Reading, Request, Signature};

/// Longer answers than this say nothing more.
const ANSWER_LIMIT: usize = 64 << 10;

/// How long one upload may take.
pub(super) const LONGEST_UPLOAD: Duration = Duration::from_secs(30);

/// The way to one target for bodies: its connections stay open as long as this is kept.
#[derive(Debug)]
pub(crate) struct Push {
    client: Client,
    link: Link,
    url: String,
    names: WireNames,
    parallel: usize,
}

impl Push {
    /// Uploads `parallel` bodies at a time, each over a connection of its own; `None` when the target takes no bodies.
    pub(crate) fn new(link: &Link, names: WireNames, parallel: usize) -> Option<Self> {
        let deadlines = Deadlines { answer: LONGEST_UPLOAD, total: LONGEST_UPLOAD, ..Deadlines::default() };
        let parallel = parallel.max(1);
        Some(Self {
            client: Client::new(link.bodies_permit()?, deadlines, link.manner().idle_connections(parallel)),
            url: link.endpoints().bodies.clone()?,
            link: link.clone(),
            names,
            parallel,
        })
    }

    /// How many uploads at a time.
    pub(super) fn parallel(&self) -> usize {
        self.parallel
    }

    /// Uploads one body within `total`; returns the reading of its answer, and what that means for the body.
    pub(super) fn upload(&self, row: &Row, text: &str, total: Duration, clock: &dyn Clock) -> (Reading, Outcome) {
        let answer = wire_body(row, text, self.names).and_then(|body| self.send(&body, total, clock));
        let reading = Reading::of(&answer, clock.now());
        let outcome = outcome::read(&reading, Sent { path: &row.path, sha256: row.sha256 }, self.link.manner().ack);
        (reading, outcome)
    }

    fn send(&self, body: &[u8], total: Duration, clock: &dyn Clock) -> Result<Answer, Failure> {
        // The same text of the same artifact is the same message, however often it is sent.
        let signature =
            self.link.signing().map(|keys| keys.sign(&format!("body-{}", Sha256::of(body)), clock.now(), body));
        let mut headers: Vec<(&str, &str)> = vec![("Content-Type", "application/json")];
        headers.extend(self.link.headers());
        headers.extend(signature.iter().flat_map(Signature::headers));
        self.client.send(&Request {
            method: Method::Post,
            url: &self.url,
            headers: &headers,
            body,
            answer_limit: ANSWER_LIMIT,
            total: Some(total),
        })
    }
}

/// The nine fields as compact JSON, keys sorted, not ASCII left as it is. Never compressed: the contract has no way to
/// say so.
fn wire_body(row: &Row, content: &str, names: WireNames) -> Result<Vec<u8>, Failure> {
    let (slug, kind) = match names {
        WireNames::Current => ("mission_slug", "mission_type"),
        WireNames::March2026 => ("feature_slug", "mission_key"),
    };
    let hash = row.sha256.to_string();
    let fields = BTreeMap::from([
        ("project_uuid", row.namespace.project_uuid.as_str()),
        (slug, &row.namespace.mission_slug),
        ("target_branch", &row.namespace.target_branch),
        (kind, &row.namespace.mission_type),
        ("manifest_version", &row.namespace.manifest_version),
        ("artifact_path", &row.path),
        ("content_hash", &hash),
        ("hash_algorithm", "sha256"),
        ("content_body", content),
    ]);
    serde_json::to_vec(&fields).map_err(|e| Failure::Refused(e.to_string()))
}
