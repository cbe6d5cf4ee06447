//! The same reading for programs: JSON with positions to go on from, and a digest for what has not
//! changed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::app::App;
use super::engine::Trouble;
use super::model::{self, Activity, Cursor, Document, Held, Mission, Project, Scope};
use super::pages::Visit;
use super::reader::reader;
use super::wire::answer::Answer;
use super::wire::tagged::tagged;
use crate::base::{Sha256, Timestamp};

/// Rows of an answer unless `limit` says otherwise, and the most it may say.
const ROWS: (i64, i64) = (50, 200);

macro_rules! resources {
    ($($path:literal => $handler:ident,)*) => {
        /// The paths of all resources; each has the method GET alone.
        #[cfg(test)]
        pub(super) const PATHS: &[&str] = &[$($path),*];

        /// The resources.
        pub(super) fn router() -> Router<Arc<App>> {
            Router::new()$(.route($path, get($handler)))*
        }
    };
}

// A test compares this list with the OpenAPI document.
resources! {
    "/api/v1/openapi.json" => openapi,
    "/api/v1/projects" => projects,
    "/api/v1/projects/{project_uuid}" => project,
    "/api/v1/projects/{project_uuid}/missions" => missions,
    "/api/v1/projects/{project_uuid}/mission" => mission,
    "/api/v1/projects/{project_uuid}/documents" => documents,
    "/api/v1/projects/{project_uuid}/document" => document,
    "/api/v1/projects/{project_uuid}/activity" => activity,
    "/api/v1/search" => search,
}

/// A question of a program that may read.
struct Question {
    visit: Visit,
    headers: HeaderMap,
}

impl FromRequestParts<Arc<App>> for Question {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let headers = parts.headers.clone();
        reader(app, &headers).await.map_err(Answer::into_response)?;
        Ok(Self {
            visit: Visit::from_request_parts(parts, app).await?,
            headers,
        })
    }
}

impl Question {
    fn limit(&self) -> Result<i64, Wrong> {
        match self.visit.get("limit") {
            "" => Ok(ROWS.0),
            text => text
                .parse()
                .ok()
                .filter(|limit| (1..=ROWS.1).contains(limit))
                .ok_or(Wrong("limit")),
        }
    }

    /// A parameter that may be left out.
    fn optional<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, Wrong> {
        match self.visit.get(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Wrong(name)),
        }
    }

    fn needed(&self, name: &'static str) -> Result<String, Wrong> {
        match self.visit.get(name) {
            "" => Err(Wrong(name)),
            text => Ok(text.to_owned()),
        }
    }

    /// The answer: what was found, 404 without it, or the trouble.
    fn answer(&self, found: Result<Option<Value>, Trouble>) -> Response {
        match found {
            Ok(Some(body)) => tagged(
                &self.headers,
                "application/json",
                body.to_string().into_bytes(),
            ),
            Ok(None) => {
                let body = json!({"error": "not_found", "detail": "it is not there, or not for this token"});
                Answer::new(StatusCode::NOT_FOUND, body).into_response()
            }
            Err(trouble) => self.visit.app.trouble(trouble).into_response(),
        }
    }
}

/// The name of a parameter that is missing or not valid.
struct Wrong(&'static str);

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        Answer::bad_fields(&[(self.0, "is missing or not valid".to_owned())]).into_response()
    }
}

type Answered = Result<Response, Wrong>;

async fn openapi(headers: HeaderMap) -> Response {
    tagged(
        &headers,
        "application/json",
        include_str!("openapi.json").as_bytes().to_vec(),
    )
}

async fn projects(question: Question) -> Answered {
    let (after, limit) = (question.optional::<Cursor>("after")?, question.limit()?);
    let found = question
        .visit
        .ask(move |tx, scope| model::projects(tx, scope, after, limit))
        .await;
    let body = found.map(|found| {
        let next = full(&found, limit).map(|last| Cursor(last.last_at, last.id).to_string());
        Some(json!({"projects": found.iter().map(project_json).collect::<Vec<_>>(), "next": next}))
    });
    Ok(question.answer(body))
}

/// The last row of an answer that may have more after it.
fn full<T>(rows: &[T], limit: i64) -> Option<&T> {
    rows.last()
        .filter(|_| i64::try_from(rows.len()).is_ok_and(|number| number >= limit))
}

async fn project(question: Question, Path(uuid): Path<String>) -> Response {
    let found = question
        .visit
        .ask(move |tx, scope| model::project(tx, scope, &uuid))
        .await;
    question.answer(found.map(|found| found.as_ref().map(project_json)))
}

async fn missions(question: Question, Path(uuid): Path<String>) -> Answered {
    let (after, limit) = (question.optional::<Cursor>("after")?, question.limit()?);
    let asked = question.visit.ask(move |tx, scope| {
        let Some(project) = model::project(tx, scope, &uuid)? else {
            return Ok(None);
        };
        model::missions(tx, project.id, after, limit).map(Some)
    });
    let body = asked.await.map(|found| {
        found.map(|found| {
            let next = full(&found, limit).map(|last| Cursor(last.last_at, last.id).to_string());
            json!({"missions": found.iter().map(mission_json).collect::<Vec<_>>(), "next": next})
        })
    });
    Ok(question.answer(body))
}

async fn mission(question: Question, Path(uuid): Path<String>) -> Answered {
    let slug = question.needed("slug")?;
    let asked = question.visit.ask(move |tx, scope| {
        let Some(mission) = mission_of(tx, scope, &uuid, &slug)? else {
            return Ok(None);
        };
        let work = model::work(tx, mission.id)?;
        Ok(Some((mission, work)))
    });
    let body = asked.await.map(|found| {
        found.map(|(mission, work)| {
            let mut body = mission_json(&mission);
            let packages = work.iter().map(|item| {
                json!({"wp_id": item.wp, "lane": item.lane, "title": item.title, "actor": item.actor, "told_at": item.told})
            });
            body["work_packages"] = packages.collect();
            body
        })
    });
    Ok(question.answer(body))
}

fn mission_of(
    tx: &crate::store::ReadTx<'_>,
    scope: &Scope,
    uuid: &str,
    slug: &str,
) -> Result<Option<Mission>, super::Error> {
    match model::project(tx, scope, uuid)? {
        Some(project) => model::mission(tx, project.id, slug),
        None => Ok(None),
    }
}

async fn documents(question: Question, Path(uuid): Path<String>) -> Answered {
    let (slug, after, limit) = (
        question.needed("mission")?,
        question.visit.get("after").to_owned(),
        question.limit()?,
    );
    let asked = question.visit.ask(move |tx, scope| {
        let Some(mission) = mission_of(tx, scope, &uuid, &slug)? else {
            return Ok(None);
        };
        model::documents(tx, mission.id, &after, limit).map(Some)
    });
    let body = asked.await.map(|found| {
        found.map(|found| {
            let next = full(&found, limit).map(|last| last.path.clone());
            json!({"documents": found.iter().map(document_json).collect::<Vec<_>>(), "next": next})
        })
    });
    Ok(question.answer(body))
}

async fn document(question: Question, Path(uuid): Path<String>) -> Answered {
    let (slug, path) = (question.needed("mission")?, question.needed("path")?);
    let wanted = match question.visit.get("version") {
        "" => None,
        text => Some(Sha256::from_hex(text).ok_or(Wrong("version"))?),
    };
    let project = uuid.clone();
    let asked = question.visit.ask(move |tx, scope| {
        let Some(mission) = mission_of(tx, scope, &uuid, &slug)? else {
            return Ok(None);
        };
        let Some(document) = model::document(tx, mission.id, &path)? else {
            return Ok(None);
        };
        let versions = model::versions(tx, document.id)?;
        Ok(Some((document, versions)))
    });
    let (document, versions) = match asked.await {
        Ok(Some(found)) => found,
        other => return Ok(question.answer(other.map(|_| None))),
    };
    let version = versions
        .iter()
        .find(|held| Some(held.sha256) == wanted.or(document.sha256));
    if wanted.is_some() && version.is_none() {
        return Ok(question.answer(Ok(None)));
    }
    let text = match version.filter(|held| held.has_text) {
        Some(held) => question.visit.text(&project, held.sha256).await,
        None => Ok(None),
    };
    let body = text.map(|text| {
        let mut body = document_json(&document);
        body["versions"] = versions.iter().map(version_json).collect();
        body["text"] = text.into();
        Some(body)
    });
    Ok(question.answer(body))
}

async fn activity(question: Question, Path(uuid): Path<String>) -> Answered {
    let (after, limit) = (
        question.optional::<i64>("after")?.unwrap_or(0),
        question.limit()?,
    );
    let asked = question.visit.ask(move |tx, scope| {
        let Some(project) = model::project(tx, scope, &uuid)? else {
            return Ok(None);
        };
        model::activity_after(tx, project.id, after, limit).map(Some)
    });
    let body = asked.await.map(|found| {
        found.map(|found| {
            let next = found.last().map_or(after, |last| last.seq);
            json!({"activity": found.iter().map(activity_json).collect::<Vec<_>>(), "next": next})
        })
    });
    Ok(question.answer(body))
}

async fn search(question: Question) -> Answered {
    let (words, limit) = (model::words(&question.needed("q")?), question.limit()?);
    let skip = question.optional::<i64>("skip")?.unwrap_or(0);
    if !(0..=1000).contains(&skip) {
        return Err(Wrong("skip"));
    }
    let found = question
        .visit
        .ask(move |tx, scope| model::find(tx, scope, &words, skip, limit))
        .await;
    let body = found.map(|found| {
        let hits = found.iter().map(|hit| {
            json!({
                "project_uuid": hit.project, "mission_slug": hit.mission, "path": hit.path,
                "sha256": hit.sha256.map(|sha256| sha256.to_string()), "is_gone": hit.is_gone,
            })
        });
        let next = full(&found, limit)
            .map(|_| skip + limit)
            .filter(|next| *next <= 1000);
        Some(json!({"hits": hits.collect::<Vec<_>>(), "next": next}))
    });
    Ok(question.answer(body))
}

fn time(at: i64) -> String {
    Timestamp::from_micros(at).to_string()
}

fn project_json(project: &Project) -> Value {
    json!({
        "uuid": project.uuid, "name": project.name, "missions": project.missions, "last_at": time(project.last_at),
    })
}

fn mission_json(mission: &Mission) -> Value {
    let lanes: serde_json::Map<_, _> = mission
        .lanes
        .iter()
        .map(|(lane, number)| (lane.clone(), Value::from(*number)))
        .collect();
    json!({
        "slug": mission.slug, "name": mission.name, "mission_type": mission.kind, "target_branch": mission.branch,
        "last_at": time(mission.last_at), "documents": mission.documents, "required_missing": mission.required_missing,
        "task_boxes": mission.boxes.0, "task_boxes_ticked": mission.boxes.1, "lanes": lanes,
    })
}

fn document_json(document: &Document) -> Value {
    json!({
        "path": document.path, "artifact_class": document.class, "is_required": document.is_required,
        "is_gone": document.is_gone, "sha256": document.sha256.map(|sha256| sha256.to_string()),
        "size_bytes": document.size, "has_text": document.has_text, "changed_at": time(document.at),
        "task_boxes": document.boxes.0, "task_boxes_ticked": document.boxes.1,
    })
}

fn version_json(held: &Held) -> Value {
    json!({
        "sha256": held.sha256.to_string(), "size_bytes": held.size, "delivered_at": time(held.at), "told_at": held.told,
        "git_branch": held.branch, "head_commit_sha": held.commit, "node_id": held.node, "has_text": held.has_text,
    })
}

fn activity_json(line: &Activity) -> Value {
    json!({
        "seq": line.seq, "event_id": line.event_id, "event_type": line.kind, "mission_slug": line.mission,
        "subject": line.subject, "change": line.what, "actor": line.actor, "told_at": line.told,
        "received_at": time(line.at),
    })
}
