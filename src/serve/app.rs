//! Routes, authorisation, and the way of a request through the stations.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::Deployment;
use super::access::{Access, Known};
use super::answer::Answer;
use super::api;
use super::batch::{self, Unreadable};
use super::documents;
use super::engine::{Content, Engine, Outcome, Request, Trouble};
use super::guard::{self, Guarded};
use super::have;
use super::inquiry;
use super::intake::{self, Stop};
use super::metrics::Metrics;
use super::model::Model;
use super::storage::Count;
use super::token::Scope;
use super::traffic::Traffic;
use super::upload::{self, MAX_BODY_BYTES};
use super::{pages, probes};
use crate::base::{Clock, Sha256};
use crate::event::BatchForm;

/// The most bytes of a push-content request: JSON may write one byte of text as six.
const MAX_PUSH_BYTES: usize = MAX_BODY_BYTES * 6 + (64 << 10);
/// The most characters of an `Idempotency-Key`; a longer one is not remembered.
const MAX_KEY_CHARS: usize = 200;
/// How far apart clients that were put off come back; the earliest after a second.
const RETRY_SPREAD: Duration = Duration::from_secs(4);

/// What a batch may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) max_events: usize,
    pub(super) max_bytes: usize,
}

impl Limits {
    /// The limits in the words of the wire.
    pub(super) fn to_json(self) -> Value {
        json!({"max_events_per_batch": self.max_events, "max_decompressed_bytes_per_batch": self.max_bytes})
    }
}

/// What this receiver can do beyond the contract; clients use nothing that is not listed.
const CAPABILITIES: [&str; 4] = ["document-batch", "facts", "have", "states"];

/// What every request needs to know.
#[derive(Debug)]
pub(super) struct App {
    pub(super) limits: Limits,
    /// The digest of the operator's own token.
    pub(super) token: Option<Sha256>,
    /// What was found out about other tokens.
    pub(super) known: Known,
    pub(super) deployment: Deployment,
    pub(super) traffic: Arc<Traffic>,
    pub(super) engine: Box<dyn Engine>,
    /// What readers see, if this receiver is read.
    pub(super) model: Option<Arc<Model>>,
    /// Numbers from 0 to 1, to spread what would come back at once.
    pub(super) random: fn() -> f64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    /// Receives one line per request, if they are logged.
    pub(super) requests: Option<fn(&str)>,
    /// True once a stop was asked for: no balancer should send anything more.
    pub(super) is_draining: Arc<AtomicBool>,
}

/// Where the endpoints are.
pub(super) const EVENTS: &str = "/api/v1/events/batch/";
pub(super) const BODIES: &str = "/api/dossier/push-content/";
pub(super) const BODY_BATCH: &str = "/api/dossier/push-batch/";
pub(super) const HAVE: &str = "/api/dossier/have/";
pub(super) const FACTS: &str = "/api/v1/projects/{project_uuid}/facts";
pub(super) const STATES: &str = "/api/v1/projects/{project_uuid}/states";
pub(super) const HEALTH: &str = "/api/v1/sync/health/";
pub(super) const REPORT: &str = "/__sk-sync__/report";

/// The receiver's endpoints.
pub(super) fn router(app: &Arc<App>) -> Router {
    let own = Router::new()
        .route(EVENTS, post(events))
        .route(BODIES, post(push_content))
        .route(BODY_BATCH, post(documents::push_batch))
        .route(HAVE, post(have::have))
        .route(FACTS, get(inquiry::facts))
        .route(STATES, get(inquiry::states))
        .route(HEALTH, get(health))
        .route(REPORT, get(report));
    let probed = own.merge(probes::router());
    let probed = if app.model.is_some() {
        probed.merge(api::router()).merge(pages::router())
    } else {
        probed
    };
    guard::around(probed, app, Guarded::Everyone).with_state(Arc::clone(app))
}

async fn events(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    app.traffic.count(Count::EventRequests);
    app.take_events(&headers, body)
        .await
        .unwrap_or_else(|refusal| refusal)
}

async fn refuse_type(body: Body) -> Answer {
    intake::discard(body).await;
    Answer::unsupported_type()
}

/// The form that a request says its body has; `None` without a `Content-Type`, or with another one.
fn form(headers: &HeaderMap) -> Option<BatchForm> {
    let said = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    let forms = [BatchForm::Plain, BatchForm::CloudEvents];
    forms
        .into_iter()
        .find(|form| said.eq_ignore_ascii_case(form.media_type()))
}

async fn push_content(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    app.traffic.count(Count::BodyRequests);
    app.take_body(&headers, body)
        .await
        .unwrap_or_else(|refusal| refusal)
}

async fn health(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if let Err(refusal) = app.access(&headers, None).await {
        return refusal;
    }
    let mut limits = app.limits.to_json();
    limits["max_documents_per_batch"] = documents::MAX_DOCUMENTS.into();
    limits["max_document_batch_bytes"] = documents::MAX_BATCH_BYTES.into();
    let mut body = json!({
        "status": "ok",
        "capabilities": CAPABILITIES,
        "sync_ingress": {"limits": limits},
        "server_instance_id": app.engine.instance_id(),
        "environment_name": app.deployment.environment_name,
        "deployment_id": app.deployment.id,
        "git_sha": app.deployment.git_sha,
    });
    if app.model.is_some() {
        // This receiver has pages, and an API for reading.
        body["hub"] = json!({"pages": "/", "api": "/api/v1/openapi.json"});
    }
    Answer::ok(body)
}

async fn report(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if let Err(refusal) = app.operator(&headers).await {
        return refusal;
    }
    let counts = match app.engine.counts().await {
        Ok(counts) => counts,
        Err(trouble) => return app.trouble(trouble),
    };
    let number = |count: Count| counts.get(&count).copied().unwrap_or(0);
    let mut body: Map<_, _> = Count::ALL
        .iter()
        .map(|count| (count.name().to_owned(), number(*count).into()))
        .collect();
    body.insert(
        "requests".to_owned(),
        (number(Count::EventRequests) + number(Count::BodyRequests)).into(),
    );
    body.insert(
        "server_instance_id".to_owned(),
        app.engine.instance_id().into(),
    );
    Answer::ok(Value::Object(body))
}

impl App {
    async fn take_events(&self, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let too_large = || Answer::batch_too_large(self.limits);
        let Some(form) = form(headers) else {
            return Err(refuse_type(body).await);
        };
        let (access, bytes) = self
            .admit(headers, body, self.limits.max_bytes, too_large)
            .await?;
        let entries =
            batch::read(&bytes, form, self.limits.max_events).map_err(|reason| match reason {
                Unreadable::Malformed(answer) => answer,
                Unreadable::TooMany => too_large(),
            })?;
        drop(bytes);
        let mut events = entries.iter().filter_map(|entry| entry.event.as_ref().ok());
        if !events.all(|event| access.has_project(&event.project_uuid)) {
            return Err(Answer::other_project());
        }
        match self
            .keep(&access, Content::Events(entries), headers)
            .await?
        {
            Outcome::Events(results) => {
                let counted = results.tally.iter().filter(|(_, number)| *number > 0);
                let counted = counted
                    .map(|(count, number)| (count.name(), *number))
                    .collect();
                Ok(Answer {
                    counted,
                    ..Answer::ok(json!({"results": results.wire}))
                })
            }
            _ => Err(self.trouble(Trouble::Unknown)),
        }
    }

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
        let answer =
            documents::answer(&upload, &outcome).ok_or_else(|| self.trouble(Trouble::Unknown))?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(answer)
        }
    }

    /// The bytes of a request that says it is JSON, and what its sender may do.
    pub(super) async fn admit_json(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
        too_large: impl Fn() -> Answer,
    ) -> Result<(Access, Vec<u8>), Answer> {
        if form(headers) != Some(BatchForm::Plain) {
            return Err(refuse_type(body).await);
        }
        self.admit(headers, body, limit, too_large).await
    }

    /// The request's bytes, and what its sender may do, once it may write and is within the limit.
    async fn admit(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
        too_large: impl Fn() -> Answer,
    ) -> Result<(Access, Vec<u8>), Answer> {
        let access = match self.access(headers, Some(Scope::Write)).await {
            Ok(access) => access,
            Err(refusal) => {
                intake::discard(body).await;
                return Err(refusal);
            }
        };
        let bytes = intake::read(headers, body, limit)
            .await
            .map_err(|stop| match stop {
                Stop::TooLarge => too_large(),
                Stop::TooSlow => Answer::too_slow(),
                Stop::Broken => {
                    Answer::bad_request("the request body is incomplete, or is not gzip data")
                }
                Stop::UnknownEncoding => Answer::unsupported_encoding(),
            })?;
        Ok((access, bytes))
    }

    /// Hands content to the engine and waits until it is durable.
    pub(super) async fn keep(
        &self,
        access: &Access,
        content: Content,
        headers: &HeaderMap,
    ) -> Result<Outcome, Answer> {
        let key = headers
            .get("idempotency-key")
            .and_then(|value| value.to_str().ok());
        let key = key
            .filter(|key| !key.is_empty() && key.len() <= MAX_KEY_CHARS)
            .map(str::to_owned);
        let request = Request {
            team: access.team,
            content,
            key,
        };
        let outcome = self
            .engine
            .keep(request)
            .await
            .map_err(|trouble| self.trouble(trouble))?;
        self.traffic.count_outcome(&outcome);
        Ok(outcome)
    }

    /// The answer to a request that has no outcome. Clients come back over a few seconds, not all
    /// at once.
    pub(super) fn trouble(&self, trouble: Trouble) -> Answer {
        let spread = ((self.random)() * RETRY_SPREAD.as_secs_f64()).round();
        self.metrics.put_off(trouble);
        Answer::trouble(
            trouble,
            1 + Duration::try_from_secs_f64(spread).map_or(0, |spread| spread.as_secs()),
        )
    }
}
