//! What every request passes first and last: how it is framed, whether a web page of another site
//! sent it, and what is noted about it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tokio::time::Instant;

use super::app::App;
use super::connection::listener::OnConnection;
use super::connection::timed::Framing;
use super::wire::answer::{Answer, Counted};
use super::wire::intake;
use super::{browser, paths};

/// The most characters of a client's key that are noted.
const MAX_KEY_CHARS: usize = 200;

/// Who sends the requests of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guarded {
    /// Anybody, by way of a browser too.
    Everyone,
    /// Probes, by whatever name they reach this machine.
    Probes,
}

/// Puts the guard around every route, and around what is none.
pub(super) fn around(
    router: Router<Arc<App>>,
    app: &Arc<App>,
    guarded: Guarded,
) -> Router<Arc<App>> {
    router
        .fallback(async |request: Request| refuse(request, Answer::not_found()).await)
        .method_not_allowed_fallback(async |request: Request| {
            refuse(request, Answer::method_not_allowed()).await
        })
        .layer(middleware::from_fn_with_state(
            (Arc::clone(app), guarded),
            guard,
        ))
}

async fn guard(
    State((app, guarded)): State<(Arc<App>, Guarded)>,
    ConnectInfo(OnConnection(activity)): ConnectInfo<OnConnection>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let noted = Noted::of(&request, app.requests.is_some());
    let is_probe = guarded == Guarded::Probes || paths::OPEN.contains(&request.uri().path());
    // Where that cannot be found out, the request needs the storage too, and gets its answer there.
    let is_open = !is_probe && app.is_open().await.unwrap_or(false);
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = match activity.request_begins() {
        Framing::Ambiguous => refuse_and_close(request, Answer::two_lengths()).await,
        Framing::Pipelined if is_chunked => refuse_and_close(request, Answer::two_lengths()).await,
        Framing::Clear | Framing::Pipelined => match refusal(is_probe, is_open, &request) {
            Some(answer) => refuse(request, answer).await.into_response(),
            None => next.run(request).await,
        },
    };
    activity.request_ends();
    if app.is_draining.load(Ordering::Relaxed) {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    app.metrics
        .request(noted.route, response.status().as_u16(), begun.elapsed());
    if let Some(write) = app.requests {
        write(&noted.line(&app, &response, begun));
    }
    response
}

/// The answer to a request that a web page of another site may have caused.
fn refusal(is_probe: bool, is_open: bool, request: &Request) -> Option<Answer> {
    if is_probe {
        return None;
    }
    if is_visit(request) {
        // A link to a page gives the other site nothing: it cannot read the answer.
        let host = || browser::check_host(request.uri(), request.headers());
        return if is_open {
            host().err().map(Answer::foreign)
        } else {
            None
        };
    }
    let checked = browser::check(request.uri(), request.headers(), is_open);
    checked.err().map(Answer::foreign)
}

/// True when a person follows a link to a page, from wherever it is.
fn is_visit(request: &Request) -> bool {
    let is = |name: &str, value: &str| {
        request
            .headers()
            .get(name)
            .is_some_and(|found| found.as_bytes() == value.as_bytes())
    };
    request.method() == Method::GET
        && paths::is_page(request.uri().path())
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
        && !request.headers().contains_key(header::ORIGIN)
}

async fn refuse_and_close(request: Request, answer: Answer) -> Response {
    (
        [(header::CONNECTION, "close")],
        refuse(request, answer).await,
    )
        .into_response()
}

async fn refuse(request: Request, answer: Answer) -> Answer {
    intake::discard(request.into_body()).await;
    answer
}

/// What a line about a request says of it: never its content, never a token.
struct Noted {
    route: &'static str,
    method: Method,
    key: Option<String>,
}

impl Noted {
    fn of(request: &Request, is_written: bool) -> Self {
        let key = request
            .headers()
            .get("idempotency-key")
            .filter(|_| is_written)
            .and_then(|key| key.to_str().ok());
        let key = key.map(|key| key.chars().take(MAX_KEY_CHARS).collect());
        Self {
            route: paths::route(request.uri().path()),
            method: request.method().clone(),
            key,
        }
    }

    fn line(&self, app: &App, response: &Response, begun: Instant) -> String {
        let mut line = json!({
            "time": app.clock.now().to_string(), "method": self.method.as_str(), "route": self.route,
            "status": response.status().as_u16(), "ms": begun.elapsed().as_millis(), "idempotency_key": self.key,
        });
        for (name, number) in response
            .extensions()
            .get::<Counted>()
            .into_iter()
            .flat_map(|counted| &counted.0)
        {
            line[*name] = (*number).into();
        }
        line.to_string()
    }
}
