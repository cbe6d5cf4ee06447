//! What clients ask about a project before they send: the newest word on each thing, the ids and
//! digests that are there.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::base::Sha256;
use crate::serve::app::App;
use crate::serve::engine::Trouble;
use crate::serve::engine::content::ArtifactVersion;
use crate::serve::engine::inventory::{
    ANSWER_MEANINGS, ANSWER_ROWS, Ask, DigestOf, PIECE_ROWS, Page, Place, piece_len,
};
use crate::serve::wire::answer::Answer;
use crate::serve::wire::flow::{self, Source};

/// The facts of a project: `{"facts": [{"event": ENVELOPE, "document": BOOL}, …], "next": CURSOR}`.
pub(in crate::serve) async fn facts(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(project): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = async {
        let (ask, _) = app.ask(&headers, &project, query.as_deref()).await?;
        let page = app
            .engine
            .facts(ask.clone())
            .await
            .map_err(|trouble| app.trouble(trouble))?;
        let (places, next) = (page.items.into_iter(), page.next);
        Ok(flow::respond(
            &headers,
            Facts {
                app: Arc::clone(&app),
                ask,
                places,
                next,
                list: Some(Rows::of("facts")),
            },
        ))
    };
    answer.await.unwrap_or_else(Answer::into_response)
}

/// Ids with digests: `{"events": [[ID, DIGEST], …], "next": CURSOR}`, or with `of=documents`
/// `{"documents": [[SLUG, BRANCH, TYPE, VERSION, PATH, DIGEST], …], "next": CURSOR}`.
pub(in crate::serve) async fn states(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(project): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = async {
        let (ask, of) = app.ask(&headers, &project, query.as_deref()).await?;
        let (kind, left) = match of.as_deref() {
            None | Some("meaning") => (Kind::Events(DigestOf::Meaning), ANSWER_MEANINGS),
            Some("log") => (Kind::Events(DigestOf::LogBytes), ANSWER_ROWS),
            Some("documents") => (Kind::Documents, ANSWER_ROWS),
            Some(_) => {
                return Err(Answer::bad_request(
                    "of has to be meaning, log or documents",
                ));
            }
        };
        let mut states = States {
            app: Arc::clone(&app),
            ask,
            kind,
            left,
            list: Some(Rows::of(kind.name())),
        };
        // What fails at once has an answer that says so.
        let first = states
            .next()
            .await
            .map_err(|trouble| app.trouble(trouble))?;
        Ok(flow::respond(
            &headers,
            After {
                first,
                rest: states,
            },
        ))
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
        let project = uuid::Uuid::parse_str(project)
            .map_err(|_| Answer::not_found())?
            .to_string();
        if !access.has_project(&project) {
            return Err(Answer::not_found());
        }
        let mut ask = Ask {
            team: access.team,
            project_uuid: project,
            mission: None,
            after: None,
        };
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

/// The list of an answer, row by row.
struct Rows {
    /// What comes before the next row.
    before: String,
}

impl Rows {
    fn of(name: &str) -> Self {
        Self {
            before: format!("{{\"{name}\":["),
        }
    }

    fn row(&mut self, text: &mut Vec<u8>) {
        text.extend_from_slice(self.before.as_bytes());
        ",".clone_into(&mut self.before);
    }

    /// Ends the list; with `next` there may be more.
    fn end(self, text: &mut Vec<u8>, next: Option<&str>) {
        if self.before != "," {
            text.extend_from_slice(self.before.as_bytes());
        }
        text.extend_from_slice(format!("],\"next\":{}}}", json!(next)).as_bytes());
    }
}

/// Facts that are read in bounded pieces. Envelopes stay byte for byte as they were sent: each is a
/// JSON text.
struct Facts {
    app: Arc<App>,
    ask: Ask,
    places: std::vec::IntoIter<Place>,
    next: Option<String>,
    /// `None` after its end.
    list: Option<Rows>,
}

impl Source for Facts {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let mut text = Vec::new();
        let rows = piece_len(self.places.as_slice());
        let piece: Vec<_> = self.places.by_ref().take(rows).collect();
        if piece.is_empty() {
            let Some(list) = self.list.take() else {
                return Ok(None);
            };
            list.end(&mut text, self.next.as_deref());
            return Ok(Some(text));
        }
        let Some(list) = &mut self.list else {
            return Ok(None);
        };
        let envelopes = self
            .app
            .engine
            .envelopes(self.ask.clone(), piece.clone())
            .await?;
        if envelopes.len() != piece.len() {
            return Err(Trouble::Unknown);
        }
        text.reserve(envelopes.iter().map(|envelope| envelope.len() + 40).sum());
        for (place, envelope) in piece.iter().zip(&envelopes) {
            list.row(&mut text);
            text.extend_from_slice(b"{\"event\":");
            text.extend_from_slice(envelope);
            text.extend_from_slice(if place.has_document {
                b",\"document\":true}"
            } else {
                b",\"document\":false}"
            });
        }
        Ok(Some(text))
    }
}

/// What is listed with digests.
#[derive(Clone, Copy)]
enum Kind {
    Events(DigestOf),
    Documents,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Events(_) => "events",
            Self::Documents => "documents",
        }
    }

    /// The next rows, each as JSON.
    async fn read(self, app: &App, ask: Ask, rows: usize) -> Result<Page<String>, Trouble> {
        Ok(match self {
            Self::Events(digests) => {
                let Page { items, next } = app.engine.event_states(ask, digests, rows).await?;
                let row =
                    |(id, digest): (String, Sha256)| json!([id, digest.to_string()]).to_string();
                Page {
                    items: items.into_iter().map(row).collect(),
                    next,
                }
            }
            Self::Documents => {
                let Page { items, next } = app.engine.documents(ask, rows).await?;
                let row = |version: ArtifactVersion| {
                    let n = version.namespace;
                    let hash = version.sha256.to_string();
                    json!([
                        n.mission_slug,
                        n.target_branch,
                        n.mission_type,
                        n.manifest_version,
                        version.path,
                        hash
                    ])
                    .to_string()
                };
                Page {
                    items: items.into_iter().map(row).collect(),
                    next,
                }
            }
        })
    }
}

/// Ids with digests, read some rows at a time.
struct States {
    app: Arc<App>,
    ask: Ask,
    kind: Kind,
    /// How many rows this answer may still have.
    left: usize,
    /// `None` after its end.
    list: Option<Rows>,
}

impl Source for States {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let Some(mut list) = self.list.take() else {
            return Ok(None);
        };
        let page = self
            .kind
            .read(&self.app, self.ask.clone(), self.left.min(PIECE_ROWS))
            .await?;
        self.left = self.left.saturating_sub(page.items.len());
        let mut text = Vec::new();
        for row in &page.items {
            list.row(&mut text);
            text.extend_from_slice(row.as_bytes());
        }
        if page.next.is_some() && self.left > 0 {
            (self.ask.after, self.list) = (page.next, Some(list));
        } else {
            list.end(&mut text, page.next.as_deref());
        }
        Ok(Some(text))
    }
}

/// A source of which the first piece was read already.
struct After<S> {
    first: Option<Vec<u8>>,
    rest: S,
}

impl<S: Source> Source for After<S> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        match self.first.take() {
            Some(piece) => Ok(Some(piece)),
            None => self.rest.next().await,
        }
    }
}
