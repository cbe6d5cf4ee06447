//! Routes, authorisation, and the way of a request through the stations.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::Deployment;
use super::answer::Answer;
use super::batch::{self, Unreadable};
use super::browser;
use super::connection::OnConnection;
use super::engine::{Content, Engine, Outcome, Request, Trouble};
use super::intake::{self, Stop};
use super::storage::Count;
use super::timed::Framing;
use super::traffic::Traffic;
use super::upload::{self, MAX_BODY_BYTES};
use crate::base::Sha256;
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

/// What every request needs to know.
#[derive(Debug)]
pub(super) struct App {
    pub(super) limits: Limits,
    /// The digest of the token, so that comparing takes the same time however much of a guess is right.
    pub(super) token: Option<Sha256>,
    pub(super) deployment: Deployment,
    pub(super) traffic: Arc<Traffic>,
    pub(super) engine: Box<dyn Engine>,
    /// Numbers from 0 to 1, to spread what would come back at once.
    pub(super) random: fn() -> f64,
}

/// The digest that a token is compared by.
pub(super) fn token_digest(token: &SecretString) -> Sha256 {
    Sha256::of(token.expose_secret().trim().as_bytes())
}

/// The endpoints that tell no more than that the receiver answers, or can keep something: open to every probe.
const LIVENESS: &str = "/healthz";
const READINESS: &str = "/readyz";

/// The receiver's endpoints.
pub(super) fn router(app: App) -> Router {
    let app = Arc::new(app);
    Router::new()
        .route("/api/v1/events/batch/", post(events))
        .route("/api/dossier/push-content/", post(push_content))
        .route("/api/v1/sync/health/", get(health))
        .route(LIVENESS, get(async || Answer::ok(json!({"status": "ok"}))))
        .route(READINESS, get(ready))
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
    app.traffic.count(Count::EventRequests);
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
    app.traffic.count(Count::BodyRequests);
    app.take_body(&headers, body).await.unwrap_or_else(|refusal| refusal)
}

async fn health(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if !app.is_authorized(&headers) {
        return Answer::unauthorized();
    }
    Answer::ok(json!({
        "status": "ok",
        "sync_ingress": {"limits": app.limits.to_json()},
        "server_instance_id": app.engine.instance_id(),
        "environment_name": app.deployment.environment_name,
        "deployment_id": app.deployment.id,
        "git_sha": app.deployment.git_sha,
    }))
}

async fn ready(State(app): State<Arc<App>>) -> Answer {
    match app.engine.ready().await {
        Ok(()) => Answer::ok(json!({"status": "ready"})),
        Err(reason) => Answer::not_ready(&reason),
    }
}

async fn report(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if !app.is_authorized(&headers) {
        return Answer::unauthorized();
    }
    let counts = match app.engine.counts().await {
        Ok(counts) => counts,
        Err(trouble) => return app.trouble(trouble),
    };
    let number = |count: Count| counts.get(&count).copied().unwrap_or(0);
    let mut body: Map<_, _> = Count::ALL.iter().map(|count| (count.name().to_owned(), number(*count).into())).collect();
    body.insert("requests".to_owned(), (number(Count::EventRequests) + number(Count::BodyRequests)).into());
    body.insert("server_instance_id".to_owned(), app.engine.instance_id().into());
    Answer::ok(Value::Object(body))
}

impl App {
    /// The answer to a request that a web page of another site may have caused.
    fn refusal(&self, request: &HttpRequest) -> Option<Answer> {
        if matches!(request.uri().path(), LIVENESS | READINESS) {
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
            Outcome::Events(results) => Ok(Answer::ok(json!({"results": results.wire}))),
            _ => Err(self.trouble(Trouble::Unknown)),
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
            Outcome::Events(_) => Err(self.trouble(Trouble::Unknown)),
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

    /// Hands content to the engine and waits until it is durable.
    async fn keep(&self, content: Content, headers: &HeaderMap) -> Result<Outcome, Answer> {
        let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
        let key = key.filter(|key| !key.is_empty() && key.len() <= MAX_KEY_CHARS).map(str::to_owned);
        let outcome = self.engine.keep(Request { content, key }).await.map_err(|trouble| self.trouble(trouble))?;
        self.traffic.count_outcome(&outcome);
        Ok(outcome)
    }

    /// The answer to a request that has no outcome. Clients come back over a few seconds, not all at once.
    fn trouble(&self, trouble: Trouble) -> Answer {
        let spread = ((self.random)() * RETRY_SPREAD.as_secs_f64()).round();
        Answer::trouble(trouble, 1 + Duration::try_from_secs_f64(spread).map_or(0, |spread| spread.as_secs()))
    }
}
