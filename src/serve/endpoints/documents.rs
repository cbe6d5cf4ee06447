//! Documents: one in a request, or many, each with the answer that it would have got alone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::serve::app::App;
use crate::serve::engine::content::Upload;
use crate::serve::engine::count::Count;
use crate::serve::engine::{Content, Outcome, Trouble};
use crate::serve::limits::MAX_BODY_BYTES;
use crate::serve::wire::answer::Answer;
use crate::serve::wire::upload;

/// The most bytes of a request, after decompression.
pub(in crate::serve) const MAX_BATCH_BYTES: usize = 8 << 20;
/// The most documents of a request.
pub(in crate::serve) const MAX_DOCUMENTS: usize = 500;

/// The most bytes of a push-content request: JSON may write one byte of text as six.
const MAX_PUSH_BYTES: usize = MAX_BODY_BYTES * 6 + (64 << 10);

pub(in crate::serve) async fn push_content(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    app.traffic.count(Count::BodyRequests);
    app.take_body(&headers, body)
        .await
        .unwrap_or_else(|refusal| refusal)
}

pub(in crate::serve) async fn push_batch(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    app.traffic.count(Count::BodyRequests);
    app.take_bodies(&headers, body)
        .await
        .unwrap_or_else(|refusal| refusal)
}

impl App {
    async fn take_body(&self, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let too_large = || Answer::body_too_large(MAX_BODY_BYTES);
        let (access, bytes) = self
            .admit_json(headers, body, MAX_PUSH_BYTES, too_large)
            .await?;
        let upload = upload::read(&bytes)?;
        drop(bytes);
        if !access.has_project(&upload.version.namespace.project_uuid) {
            return Err(Answer::other_project());
        }
        let outcome = self
            .keep(&access, Content::Body(upload.clone()), headers)
            .await?;
        let answer = answer(&upload, &outcome).ok_or_else(|| self.trouble(Trouble::Unknown))?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(answer)
        }
    }

    async fn take_bodies(&self, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let too_large = || Answer::documents_too_large(MAX_DOCUMENTS, MAX_BATCH_BYTES);
        let (access, bytes) = self
            .admit_json(headers, body, MAX_BATCH_BYTES, too_large)
            .await?;
        let lines = || {
            bytes
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.trim_ascii().is_empty())
        };
        if lines().nth(MAX_DOCUMENTS).is_some() {
            return Err(too_large());
        }
        let read: Vec<_> = lines().map(upload::read_one_of_many).collect();
        if read.is_empty() {
            return Err(Answer::bad_request("No documents provided"));
        }
        let mut uploads = read.iter().filter_map(|read| read.as_ref().ok());
        if !uploads.all(|upload| access.has_project(&upload.version.namespace.project_uuid)) {
            return Err(Answer::other_project());
        }
        drop(bytes);
        let uploads: Vec<Upload> = read
            .iter()
            .filter_map(|read| read.as_ref().ok().cloned())
            .collect();
        let mut outcomes = Vec::new();
        if !uploads.is_empty() {
            match self
                .keep(&access, Content::Bodies(uploads), headers)
                .await?
            {
                Outcome::Bodies(kept) => outcomes = kept,
                _ => return Err(self.trouble(Trouble::Unknown)),
            }
        }
        let mut outcomes = outcomes.into_iter();
        let results = read.into_iter().map(|read| match read {
            Err(refusal) => Ok(result(&refusal)),
            Ok(upload) => {
                let outcome = outcomes
                    .next()
                    .and_then(|outcome| answer(&upload, &outcome));
                outcome
                    .map(|answer| result(&answer))
                    .ok_or(Trouble::Unknown)
            }
        });
        let results: Result<Vec<_>, _> = results.collect();
        Ok(Answer::ok(
            json!({"results": results.map_err(|trouble| self.trouble(trouble))?}),
        ))
    }
}

fn result(answer: &Answer) -> Value {
    json!({"status": answer.status.as_u16(), "answer": answer.body})
}

/// The answer to one document; `None` for an outcome that is not of one.
fn answer(upload: &Upload, outcome: &Outcome) -> Option<Answer> {
    let told = |status: StatusCode, word: &str| {
        let (path, hash) = (&upload.version.path, upload.version.sha256.to_string());
        Some(Answer::new(
            status,
            json!({"status": word, "artifact_path": path, "content_hash": hash}),
        ))
    };
    match outcome {
        Outcome::Stored => told(StatusCode::CREATED, "stored"),
        Outcome::AlreadyExists => told(StatusCode::OK, "already_exists"),
        Outcome::TextNeeded => told(StatusCode::OK, "need"),
        Outcome::NotAnnounced => Some(Answer::not_indexed()),
        Outcome::Forgotten => Some(Answer::forgotten()),
        Outcome::Events(_) | Outcome::Bodies(_) => None,
    }
}
