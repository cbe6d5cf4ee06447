//! One upload: sends the request and reads its response.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::many::{self, ItemAnswer};
use super::outcome::{self, Outcome, Sent};
use super::select::Row;
use crate::base::mutex::held;
use crate::base::{Clock, Sha256};
use crate::config::{Ack, WireNames};
use crate::endpoint::Link;
use crate::http::{Answer, Client, Deadlines, Failure, Method, Reading, Request, Signature, gzip};

/// Longest response that is read, in bytes.
const ANSWER_LIMIT: usize = 64 << 10;
/// The same for each of many documents.
const ANSWER_PER_BODY: usize = 16 << 10;

/// Time limit of one upload.
pub(super) const LONGEST_UPLOAD: Duration = Duration::from_secs(30);

/// The reading of an answer and its meaning; `None` for a document that was not sent.
pub(super) type Read = Option<(Reading, Outcome)>;

/// Connections to one target for documents; they stay open as long as this value exists.
#[derive(Debug)]
pub(crate) struct Push {
    client: Client,
    link: Link,
    url: String,
    names: WireNames,
    parallel: usize,
    /// URL for many documents in a request; `None` if the target has none.
    many_url: Option<String>,
    /// True once the target rejected many documents in a request.
    is_one_by_one: AtomicBool,
    /// Texts of this project that the target has, as far as this run knows.
    known: Mutex<HashSet<Sha256>>,
}

impl Push {
    /// Uploads `parallel` bodies at a time, each over a separate connection; `None` if the target
    /// accepts no documents.
    pub(crate) fn new(link: &Link, names: WireNames, parallel: usize) -> Option<Self> {
        let deadlines = Deadlines {
            answer: LONGEST_UPLOAD,
            total: LONGEST_UPLOAD,
            ..Deadlines::default()
        };
        let parallel = parallel.max(1);
        // A status alone cannot acknowledge each of many documents.
        let takes_many = link.protocol().ack == Ack::Results && link.signing().is_none();
        Some(Self {
            many_url: link.endpoints().body_batch.clone().filter(|_| takes_many),
            is_one_by_one: AtomicBool::new(false),
            known: Mutex::default(),
            client: Client::new(
                link.bodies_permit()?,
                deadlines,
                link.protocol().idle_connections(parallel),
            ),
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

    /// True while many documents may be sent in one request, if the server supports it.
    pub(super) fn may_send_many(&self) -> bool {
        self.many_url.is_some() && !self.is_one_by_one.load(Ordering::Relaxed)
    }

    /// From here on, the texts with these digests may be omitted: the target has them, or asks for
    /// missing ones.
    pub(super) fn believe(&self, digests: impl IntoIterator<Item = Sha256>) {
        held(&self.known).extend(digests);
    }

    /// Uploads documents with their texts, in one request if the target supports it; `may_go_on` is
    /// called before each further one. Each answer is read as if the document had been sent alone.
    pub(super) fn upload_all(
        &self,
        bodies: &[(Row, String)],
        total: &dyn Fn() -> Duration,
        clock: &dyn Clock,
        may_go_on: &dyn Fn(&Outcome) -> bool,
    ) -> Vec<Read> {
        if bodies.len() > 1
            && let Some(url) = self.many_url.as_deref().filter(|_| self.may_send_many())
            && let Some(read) = self.upload_many(url, bodies, total, clock)
        {
            return read;
        }
        let mut read = Vec::with_capacity(bodies.len());
        let mut goes_on = true;
        for (row, text) in bodies {
            let one = goes_on.then(|| self.upload(row, text, total(), clock));
            goes_on = goes_on && one.as_ref().is_some_and(|(_, outcome)| may_go_on(outcome));
            read.push(one);
        }
        read
    }

    /// Uploads documents in one request, and again those whose text the server asks for; `None` if
    /// the target does not support that; then they count as not sent.
    fn upload_many(
        &self,
        url: &str,
        bodies: &[(Row, String)],
        total: &dyn Fn() -> Duration,
        clock: &dyn Clock,
    ) -> Option<Vec<Read>> {
        let known = held(&self.known).clone();
        let all: Vec<_> = (0..bodies.len()).collect();
        let mut answers = self.send_many(
            url,
            bodies,
            &all,
            &|row| known.contains(&row.sha256),
            total,
            clock,
        )?;
        let is_needed = |at: &usize| many::needs_text(&answers[*at], bodies[*at].0.sha256);
        let needed: Vec<_> = all.into_iter().filter(is_needed).collect();
        if !needed.is_empty() {
            let again = self.send_many(url, bodies, &needed, &|_| false, total, clock);
            let mut again = again.unwrap_or_default().into_iter();
            for at in needed {
                answers[at] = again.next().unwrap_or_else(|| {
                    ItemAnswer::from(Err(Failure::Unknown("no answer".to_owned())))
                });
            }
        }
        let now = clock.now();
        let mut is_over = false;
        let read = answers.iter().zip(bodies).map(|(answer, (row, _))| {
            // An answer to all is reported once; the other documents count as not sent.
            if is_over {
                return None;
            }
            is_over = answer.is_of_all;
            let reading = Reading::of(&answer.exchange, now);
            let outcome = outcome::read(
                &reading,
                Sent {
                    path: &row.path,
                    sha256: row.sha256,
                },
                Ack::Results,
            );
            if matches!(outcome, Outcome::Uploaded | Outcome::AlreadyExists) {
                self.believe([row.sha256]);
            }
            Some((reading, outcome))
        });
        Some(read.collect())
    }

    /// Sends the documents at these positions in one request. An answer for each; `None` if the
    /// target does not support that.
    fn send_many(
        &self,
        url: &str,
        bodies: &[(Row, String)],
        places: &[usize],
        leaves_out: &dyn Fn(&Row) -> bool,
        total: &dyn Fn() -> Duration,
        clock: &dyn Clock,
    ) -> Option<Vec<ItemAnswer>> {
        let mut lines = Vec::new();
        for at in places {
            let (row, text) = bodies.get(*at)?;
            let text = (!leaves_out(row)).then_some(text.as_str());
            lines.extend_from_slice(&wire_body(row, text, self.names).ok()?);
            lines.push(b'\n');
        }
        let packed = gzip(&lines).ok()?;
        drop(lines);
        let limit = ANSWER_LIMIT + places.len() * ANSWER_PER_BODY;
        let exchange = self.post(
            url,
            &packed,
            &[("Content-Encoding", "gzip")],
            (limit, total()),
            clock,
        );
        let told = many::read(&exchange, places.len());
        if told.is_none() {
            self.is_one_by_one.store(true, Ordering::Relaxed);
        }
        told
    }

    /// Uploads one body within `total`; returns the reading of its answer, and what that means for
    /// the body.
    pub(super) fn upload(
        &self,
        row: &Row,
        text: &str,
        total: Duration,
        clock: &dyn Clock,
    ) -> (Reading, Outcome) {
        let answer = wire_body(row, Some(text), self.names)
            .and_then(|body| self.post(&self.url, &body, &[], (ANSWER_LIMIT, total), clock));
        let reading = Reading::of(&answer, clock.now());
        let outcome = outcome::read(
            &reading,
            Sent {
                path: &row.path,
                sha256: row.sha256,
            },
            self.link.protocol().ack,
        );
        (reading, outcome)
    }

    fn post(
        &self,
        url: &str,
        body: &[u8],
        more: &[(&str, &str)],
        (answer_limit, total): (usize, Duration),
        clock: &dyn Clock,
    ) -> Result<Answer, Failure> {
        // The same text of the same artifact has the same message signature, however often it is
        // sent.
        let signature = self
            .link
            .signing()
            .map(|keys| keys.sign(&format!("body-{}", Sha256::of(body)), clock.now(), body));
        let mut headers: Vec<(&str, &str)> = vec![("Content-Type", "application/json")];
        headers.extend(more);
        headers.extend(self.link.headers());
        headers.extend(signature.iter().flat_map(Signature::headers));
        self.client.send(&Request {
            method: Method::Post,
            url,
            headers: &headers,
            body,
            answer_limit,
            total: Some(total),
        })
    }
}

/// The nine fields as compact JSON with sorted keys and unescaped non-ASCII characters; eight
/// without the text. A single document is never compressed: the contract does not allow it.
fn wire_body(row: &Row, content: Option<&str>, names: WireNames) -> Result<Vec<u8>, Failure> {
    let (slug, kind) = match names {
        WireNames::Current => ("mission_slug", "mission_type"),
        WireNames::March2026 => ("feature_slug", "mission_key"),
    };
    let hash = row.sha256.to_string();
    let mut fields = BTreeMap::from([
        ("project_uuid", row.namespace.project_uuid.as_str()),
        (slug, &row.namespace.mission_slug),
        ("target_branch", &row.namespace.target_branch),
        (kind, &row.namespace.mission_type),
        ("manifest_version", &row.namespace.manifest_version),
        ("artifact_path", &row.path),
        ("content_hash", &hash),
        ("hash_algorithm", "sha256"),
    ]);
    fields.extend(content.map(|content| ("content_body", content)));
    serde_json::to_vec(&fields).map_err(|e| Failure::Refused(e.to_string()))
}
