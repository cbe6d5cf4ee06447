//! Routes, authorisation, and the way of a request through the stations.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

use super::Deployment;
use super::answer::Answer;
use super::batch::{self, Unreadable};
use super::browser;
use super::connection::OnConnection;
use super::ingest::{Content, Outcome, Request};
use super::intake::{self, Stop};
use super::keeper::{Job, Traffic};
use super::storage::Count;
use super::timed::Framing;
use super::upload::{self, MAX_BODY_BYTES};
use crate::base::Sha256;
use crate::event::BatchForm;

/// The most bytes of a push-content request: JSON may write one byte of text as six.
const MAX_PUSH_BYTES: usize = MAX_BODY_BYTES * 6 + (64 << 10);
/// The most characters of an `Idempotency-Key`; a longer one is not remembered.
const MAX_KEY_CHARS: usize = 200;

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

/// What every request needs to know.
#[derive(Debug)]
pub(super) struct App {
    pub(super) limits: Limits,
    /// The digest of the token, so that comparing takes the same time however much of a guess is right.
    pub(super) token: Option<Sha256>,
    pub(super) instance_id: String,
    pub(super) deployment: Deployment,
    pub(super) traffic: Arc<Traffic>,
    pub(super) jobs: mpsc::Sender<Job>,
}

/// The digest that a token is compared by.
pub(super) fn token_digest(token: &SecretString) -> Sha256 {
    Sha256::of(token.expose_secret().trim().as_bytes())
}

/// The endpoint that tells nothing but that the receiver answers: open to every probe.
const LIVENESS: &str = "/healthz";

/// The receiver's endpoints.
pub(super) fn router(app: App) -> Router {
    let app = Arc::new(app);
    Router::new()
        .route("/api/v1/events/batch/", post(events))
        .route("/api/dossier/push-content/", post(push_content))
        .route("/api/v1/sync/health/", get(health))
        .route(LIVENESS, get(async || Answer::ok(json!({"status": "ok"}))))
        .route("/__sk-sync__/report", get(report))
        .fallback(async |request: HttpRequest| refuse(request, Answer::not_found()).await)
        .method_not_allowed_fallback(async |request: HttpRequest| refuse(request, Answer::method_not_allowed()).await)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard))
        .with_state(app)
}

/// What every request passes first: how it is framed, and whether a web page of another site sent it.
async fn guard(
    State(app): State<Arc<App>>,
    ConnectInfo(OnConnection(activity)): ConnectInfo<OnConnection>,
    request: HttpRequest,
    next: Next,
) -> Response {
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let response = match activity.request_begins() {
        Framing::Ambiguous => refuse_and_close(request, Answer::two_lengths()).await,
        Framing::Pipelined if is_chunked => refuse_and_close(request, Answer::two_lengths()).await,
        Framing::Clear | Framing::Pipelined => match app.refusal(&request) {
            Some(answer) => refuse(request, answer).await.into_response(),
            None => next.run(request).await,
        },
    };
    activity.request_ends();
    response
}

async fn refuse_and_close(request: HttpRequest, answer: Answer) -> Response {
    ([(header::CONNECTION, "close")], refuse(request, answer).await).into_response()
}

async fn refuse(request: HttpRequest, answer: Answer) -> Answer {
    intake::discard(request.into_body()).await;
    answer
}

async fn events(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    app.traffic.event_requests.fetch_add(1, Ordering::Relaxed);
    app.take_events(&headers, body).await.unwrap_or_else(|refusal| refusal)
}

async fn refuse_type(body: Body) -> Answer {
    intake::discard(body).await;
    Answer::unsupported_type()
}

/// The form that a request says its body has; `None` without a `Content-Type`, or with another one.
fn form(headers: &HeaderMap) -> Option<BatchForm> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    let forms = [BatchForm::Plain, BatchForm::CloudEvents];
    forms.into_iter().find(|form| said.eq_ignore_ascii_case(form.media_type()))
}

async fn push_content(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    app.traffic.body_requests.fetch_add(1, Ordering::Relaxed);
    app.take_body(&headers, body).await.unwrap_or_else(|refusal| refusal)
}

async fn health(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if !app.is_authorized(&headers) {
        return Answer::unauthorized();
    }
    Answer::ok(json!({
        "status": "ok",
        "sync_ingress": {"limits": app.limits.to_json()},
        "server_instance_id": app.instance_id,
        "environment_name": app.deployment.environment_name,
        "deployment_id": app.deployment.id,
        "git_sha": app.deployment.git_sha,
    }))
}

async fn report(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if !app.is_authorized(&headers) {
        return Answer::unauthorized();
    }
    let (sender, answer) = oneshot::channel();
    app.jobs.send(Job::Report(sender)).await.ok();
    let Ok(counts) = answer.await else { return Answer::storage_failed() };
    let number = |count: Count| counts.get(&count).copied().unwrap_or(0);
    let mut body: Map<_, _> = Count::ALL.iter().map(|count| (count.name().to_owned(), number(*count).into())).collect();
    body.insert("requests".to_owned(), (number(Count::EventRequests) + number(Count::BodyRequests)).into());
    body.insert("server_instance_id".to_owned(), app.instance_id.clone().into());
    Answer::ok(Value::Object(body))
}

impl App {
    /// The answer to a request that a web page of another site may have caused.
    fn refusal(&self, request: &HttpRequest) -> Option<Answer> {
        if request.uri().path() == LIVENESS {
            return None;
        }
        let needs_known_host = self.token.is_none();
        let checked = browser::check(request.uri(), request.version(), request.headers(), needs_known_host);
        checked.err().map(Answer::foreign)
    }

    async fn take_events(&self, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let too_large = || Answer::batch_too_large(self.limits);
        let Some(form) = form(headers) else { return Err(refuse_type(body).await) };
        let bytes = self.admit(headers, body, self.limits.max_bytes, too_large).await?;
        let entries = batch::read(&bytes, form, self.limits.max_events).map_err(|reason| match reason {
            Unreadable::Malformed(answer) => answer,
            Unreadable::TooMany => too_large(),
        })?;
        drop(bytes);
        match self.keep(Content::Events(entries), headers).await? {
            Outcome::Events(results) => Ok(Answer::ok(json!({"results": results}))),
            _ => Err(Answer::storage_failed()),
        }
    }

    async fn take_body(&self, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let too_large = || Answer::body_too_large(MAX_BODY_BYTES);
        if form(headers) != Some(BatchForm::Plain) {
            return Err(refuse_type(body).await);
        }
        let bytes = self.admit(headers, body, MAX_PUSH_BYTES, too_large).await?;
        let upload = upload::read(&bytes)?;
        drop(bytes);
        let (path, hash) = (upload.version.path.clone(), upload.version.sha256.to_string());
        let stored = |status: StatusCode, word: &str| {
            Answer::new(status, json!({"status": word, "artifact_path": path, "content_hash": hash}))
        };
        match self.keep(Content::Body(upload), headers).await? {
            Outcome::Stored => Ok(stored(StatusCode::CREATED, "stored")),
            Outcome::AlreadyExists => Ok(stored(StatusCode::OK, "already_exists")),
            Outcome::NotAnnounced => Err(Answer::not_indexed()),
            Outcome::Events(_) => Err(Answer::storage_failed()),
        }
    }

    /// The request's bytes, once it is authorised and within the limit.
    async fn admit(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
        too_large: impl Fn() -> Answer,
    ) -> Result<Vec<u8>, Answer> {
        if !self.is_authorized(headers) {
            intake::discard(body).await;
            return Err(Answer::unauthorized());
        }
        intake::read(headers, body, limit).await.map_err(|stop| match stop {
            Stop::TooLarge => too_large(),
            Stop::TooSlow => Answer::too_slow(),
            Stop::Broken => Answer::bad_request("the request's body is incomplete, or is not the gzip data it says"),
            Stop::UnknownEncoding => Answer::unsupported_encoding(),
        })
    }

    /// True when no token is asked for, or the right one was sent.
    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let Some(expected) = &self.token else { return true };
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            sent.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        token.is_some_and(|(_, token)| Sha256::of(token.trim().as_bytes()) == *expected)
    }

    /// Hands content to the storage and waits for its commit.
    async fn keep(&self, content: Content, headers: &HeaderMap) -> Result<Outcome, Answer> {
        let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
        let key = key.filter(|key| !key.is_empty() && key.len() <= MAX_KEY_CHARS).map(str::to_owned);
        let (sender, outcome) = oneshot::channel();
        let job = Job::Keep(Box::new(Request { content, key }), sender);
        self.jobs.send(job).await.map_err(|_| Answer::storage_failed())?;
        outcome.await.map_err(|_| Answer::storage_failed())
    }
}
