//! What clients ask about a project before they send: the newest word on each thing, the ids and digests that are there.

use std::io::Write as _;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::answer::Answer;
use super::app::App;
use super::inventory::{Ask, DigestOf, Fact, Page};

/// The facts of a project: `{"facts": [{"event": ENVELOPE, "document": BOOL}, …], "next": CURSOR}`.
pub(super) async fn facts(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(project): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = async {
        let (ask, _) = app.ask(&headers, &project, query.as_deref()).await?;
        let page = app.engine.facts(ask).await.map_err(|trouble| app.trouble(trouble))?;
        Ok(packed(&headers, facts_json(&page)))
    };
    answer.await.unwrap_or_else(Answer::into_response)
}

/// Ids with digests: `{"events": [[ID, DIGEST], …], "next": CURSOR}`, or with `of=documents`
/// `{"documents": [[SLUG, BRANCH, TYPE, VERSION, PATH, DIGEST], …], "next": CURSOR}`.
pub(super) async fn states(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(project): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = async {
        let (ask, of) = app.ask(&headers, &project, query.as_deref()).await?;
        let digests = match of.as_deref() {
            None | Some("meaning") => DigestOf::Meaning,
            Some("log") => DigestOf::LogBytes,
            Some("documents") => {
                let page = app.engine.documents(ask).await.map_err(|trouble| app.trouble(trouble))?;
                let rows = page.items.iter().map(|version| {
                    let n = &version.namespace;
                    let hash = version.sha256.to_string();
                    json!([n.mission_slug, n.target_branch, n.mission_type, n.manifest_version, version.path, hash])
                });
                let answer = json!({"documents": rows.collect::<Vec<_>>(), "next": page.next});
                return Ok(packed(&headers, answer.to_string().into_bytes()));
            }
            Some(_) => return Err(Answer::bad_request("of has to be meaning, log or documents")),
        };
        let page = app.engine.event_states(ask, digests).await.map_err(|trouble| app.trouble(trouble))?;
        let rows: Vec<_> = page.items.iter().map(|(id, digest)| (id, digest.to_string())).collect();
        Ok(packed(&headers, json!({"events": rows, "next": page.next}).to_string().into_bytes()))
    };
    answer.await.unwrap_or_else(Answer::into_response)
}

impl App {
    /// A request about one project that the token may read; with the parameter `of`.
    async fn ask(
        &self,
        headers: &HeaderMap,
        project: &str,
        query: Option<&str>,
    ) -> Result<(Ask, Option<String>), Answer> {
        let access = self.access(headers, None).await?;
        let project = uuid::Uuid::parse_str(project).map_err(|_| Answer::not_found())?.to_string();
        if !access.has_project(&project) {
            return Err(Answer::not_found());
        }
        let mut ask = Ask { team: access.team, project_uuid: project, mission: None, after: None };
        let mut of = None;
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "mission" => ask.mission = Some(value.into_owned()),
                "after" => ask.after = Some(value.into_owned()),
                "of" => of = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok((ask, of))
    }
}

/// Envelopes stay byte for byte as they were sent: each is a JSON text.
fn facts_json(page: &Page<Fact>) -> Vec<u8> {
    let size = page.items.iter().map(|fact| fact.envelope.len() + 40).sum::<usize>();
    let mut text = Vec::with_capacity(size + 64);
    text.extend_from_slice(b"{\"facts\":[");
    for (at, fact) in page.items.iter().enumerate() {
        text.extend_from_slice(if at == 0 { b"{\"event\":" } else { b",{\"event\":" });
        text.extend_from_slice(&fact.envelope);
        text.extend_from_slice(if fact.has_document { b",\"document\":true}" } else { b",\"document\":false}" });
    }
    text.extend_from_slice(b"],\"next\":");
    text.extend_from_slice(json!(page.next).to_string().as_bytes());
    text.push(b'}');
    text
}

/// A JSON answer, compressed where the client takes that.
fn packed(headers: &HeaderMap, text: Vec<u8>) -> Response {
    let json = (header::CONTENT_TYPE, "application/json");
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepts.split(',').any(|coding| coding.trim() == "gzip") {
        return ([json], text).into_response();
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    let packed = encoder.write_all(&text).and_then(|()| encoder.finish());
    match packed {
        Ok(packed) => ([json, (header::CONTENT_ENCODING, "gzip")], packed).into_response(),
        Err(_) => ([json], text).into_response(),
    }
}
