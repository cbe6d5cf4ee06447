//! Requests a server's data about a project, with the extensions that it lists. The answers are
//! read, but not trusted beyond that.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::running_drain::Means;
use crate::base::{Object, Sha256, text};
use crate::endpoint::Link;
use crate::http::{Client, Deadlines, Method, Request};

/// Maximum bytes of one page, decompressed.
const PAGE_BYTES: usize = 32 << 20;
/// Maximum bytes of all pages of one list.
const LIST_BYTES: usize = 128 << 20;
/// Maximum pages of one list.
const PAGES: usize = 2000;
/// Time limit of one page.
const PAGE_TIME: Duration = Duration::from_secs(30);

/// Requests about one project at one server.
pub(crate) struct Inventory<'a> {
    link: &'a Link,
    client: Client,
    project_uuid: &'a str,
    means: Means<'a>,
}

/// The newest event that a server has for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewestEvent {
    /// Byte for byte as the server got it.
    pub(crate) envelope: Vec<u8>,
    /// True if the server has exactly the document that it announces.
    pub(crate) has_document: bool,
}

/// A version of a document that a server has, without its project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub(crate) struct HeldDocument {
    pub(crate) mission_slug: String,
    pub(crate) target_branch: String,
    pub(crate) mission_type: String,
    pub(crate) manifest_version: String,
    pub(crate) path: String,
    /// In hexadecimal digits.
    pub(crate) sha256: String,
}

#[derive(Deserialize)]
struct FactsPage<'a> {
    #[serde(borrow)]
    facts: Vec<Object<FactLine<'a>>>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct FactLine<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
    document: bool,
}

#[derive(Deserialize)]
struct EventsPage {
    events: Vec<(String, String)>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct DocumentsPage {
    /// Each is a list on the wire.
    documents: Vec<HeldDocument>,
    next: Option<String>,
}

impl<'a> Inventory<'a> {
    /// `None` if the target has no URL for such requests.
    pub(crate) fn new(link: &'a Link, project_uuid: &'a str, means: Means<'a>) -> Option<Self> {
        link.endpoints().projects.as_ref()?;
        let client = Client::new(
            link.permit(),
            Deadlines::default(),
            link.protocol().idle_connections(1),
        );
        Some(Self {
            link,
            client,
            project_uuid,
            means,
        })
    }

    /// The newest event for each key, in the order of their arrival at the server. The error says
    /// why it is unknown.
    pub(crate) fn newest_events(&self) -> Result<Vec<NewestEvent>, String> {
        let mut all = Vec::new();
        self.pages("facts", "", |page| {
            let (facts, next) = facts(page)?;
            all.extend(facts);
            Ok(next)
        })?;
        Ok(all)
    }

    /// The digest of the bytes of each event that is not about a dossier, by id.
    pub(crate) fn logged_events(&self) -> Result<BTreeMap<String, Sha256>, String> {
        self.events("log")
    }

    /// The digest of each event's meaning, by id; see [`crate::event::meaning_digest`].
    pub(crate) fn meanings(&self) -> Result<BTreeMap<String, Sha256>, String> {
        self.events("meaning")
    }

    fn events(&self, of: &str) -> Result<BTreeMap<String, Sha256>, String> {
        let mut all = BTreeMap::new();
        self.pages("states", &format!("of={of}"), |page| {
            let (events, next) = digests(page)?;
            all.extend(events);
            Ok(next)
        })?;
        Ok(all)
    }

    /// Every version of every document.
    pub(crate) fn documents(&self) -> Result<Vec<HeldDocument>, String> {
        let mut all = Vec::new();
        self.pages("states", "of=documents", |page| {
            let (documents, next) = documents(page)?;
            all.extend(documents);
            Ok(next)
        })?;
        Ok(all)
    }

    /// Reads every page of a list; `take` returns where the next one begins.
    fn pages(
        &self,
        what: &str,
        query: &str,
        mut take: impl FnMut(&[u8]) -> Result<Option<String>, String>,
    ) -> Result<(), String> {
        let (mut next, mut bytes): (Option<String>, _) = (None, 0);
        for _ in 0..PAGES {
            if self.means.end().is_some() {
                return Err("there is no time left".to_owned());
            }
            let page = self.page(what, query, next.as_deref())?;
            bytes += page.len();
            if bytes > LIST_BYTES {
                return Err("the answer is too long".to_owned());
            }
            let after = take(&page)?;
            if after.is_none() {
                return Ok(());
            }
            if after == next {
                return Err("the answer goes round in a circle".to_owned());
            }
            next = after;
        }
        Err("the answer has no end".to_owned())
    }

    fn page(&self, what: &str, query: &str, after: Option<&str>) -> Result<Vec<u8>, String> {
        let url = self
            .link
            .endpoints()
            .about_project(self.project_uuid, what, query, after)
            .unwrap_or_default();
        let mut headers: Vec<(&str, &str)> = vec![("Accept-Encoding", "gzip")];
        headers.extend(self.link.headers());
        let request = Request {
            method: Method::Get,
            url: &url,
            headers: &headers,
            body: b"",
            answer_limit: PAGE_BYTES,
            total: Some(self.means.time_left(PAGE_TIME)),
        };
        let answer = self
            .client
            .send(&request)
            .map_err(|failure| text::printable(&failure.to_string()))?;
        match answer.status {
            200 if answer.is_cut => Err("the answer is too long".to_owned()),
            200 => Ok(answer.body),
            status => Err(format!("HTTP {status}")),
        }
    }
}

/// A page of a list, and where the next one begins.
type Page<T> = Result<(Vec<T>, Option<String>), String>;

/// A page of the newest events.
pub(super) fn facts(page: &[u8]) -> Page<NewestEvent> {
    let Object(page): Object<FactsPage<'_>> = serde_json::from_slice(page).map_err(|e| odd(&e))?;
    let facts = page.facts.iter().map(|Object(line)| NewestEvent {
        envelope: line.event.get().as_bytes().to_vec(),
        has_document: line.document,
    });
    Ok((facts.collect(), page.next))
}

/// A page of ids with digests.
pub(super) fn digests(page: &[u8]) -> Page<(String, Sha256)> {
    let Object(page): Object<EventsPage> = serde_json::from_slice(page).map_err(|e| odd(&e))?;
    let digest = |(id, digest): (_, String)| Some((id, Sha256::from_hex(&digest)?));
    let events: Option<Vec<_>> = page.events.into_iter().map(digest).collect();
    let events = events.ok_or("the answer has something else than a digest")?;
    Ok((events, page.next))
}

/// A page of versions of documents.
pub(super) fn documents(page: &[u8]) -> Page<HeldDocument> {
    let Object(page): Object<DocumentsPage> = serde_json::from_slice(page).map_err(|e| odd(&e))?;
    Ok((page.documents, page.next))
}

fn odd(error: &serde_json::Error) -> String {
    format!(
        "the answer is not what was asked for: {}",
        text::shorten(&text::printable(&error.to_string()), 200)
    )
}
