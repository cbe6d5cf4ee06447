//! One upload: the request of `formats` section 11.3, sent, and its answer read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::outcome::{self, Outcome, Sent};
use super::select::Row;
use crate::base::Clock;
use crate::config::WireNames;
use crate::http::{Client, Deadlines, Failure, Method, Request};
use crate::target::Link;

/// Longer answers than this say nothing more.
const ANSWER_LIMIT: usize = 64 << 10;

/// How long one upload may take.
pub(super) const LONGEST_UPLOAD: Duration = Duration::from_secs(30);

/// Everything uploads to one target have in common.
#[derive(Debug)]
pub(super) struct Push<'a> {
    client: Client,
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    names: WireNames,
}

impl<'a> Push<'a> {
    /// Uploads over at most `connections` connections; `None` when the target takes no bodies.
    pub(super) fn new(link: &'a Link, names: WireNames, connections: usize) -> Option<Self> {
        let deadlines = Deadlines { answer: LONGEST_UPLOAD, total: LONGEST_UPLOAD, ..Deadlines::default() };
        Some(Self {
            client: Client::new(link.bodies_permit()?, deadlines, connections),
            url: link.endpoints().bodies.as_deref()?,
            headers: link.headers().chain([("Content-Type", "application/json")]).collect(),
            names,
        })
    }

    /// Uploads one body within `total` and says what came of it.
    pub(super) fn upload(&self, row: &Row, content: &str, total: Duration, clock: &dyn Clock) -> Outcome {
        let answer = wire_body(row, content, self.names).and_then(|body| {
            self.client.send(&Request {
                method: Method::Post,
                url: self.url,
                headers: &self.headers,
                body: &body,
                answer_limit: ANSWER_LIMIT,
                total: Some(total),
            })
        });
        outcome::read(answer.as_ref(), Sent { path: &row.path, sha256: row.sha256 }, clock.now())
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
