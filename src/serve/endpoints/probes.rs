//! What balancers and monitoring ask: alive, ready, and numbers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;

use crate::serve::app::App;
use crate::serve::guard::{self, Guarded};
use crate::serve::paths::{LIVENESS, METRICS, READINESS};
use crate::serve::wire::answer::Answer;

/// The probes on the receiver's own address: the numbers want its token.
pub(in crate::serve) fn router() -> Router<Arc<App>> {
    open().route(METRICS, get(metrics_with_token))
}

/// The probes on a separate address, which operators do not expose.
pub(in crate::serve) fn admin(app: &Arc<App>) -> Router {
    guard::around(open().route(METRICS, get(metrics)), app, Guarded::Probes)
        .with_state(Arc::clone(app))
}

fn open() -> Router<Arc<App>> {
    Router::new()
        .route(LIVENESS, get(async || Answer::ok(json!({"status": "ok"}))))
        .route(READINESS, get(ready))
}

async fn ready(State(app): State<Arc<App>>) -> Answer {
    if app.is_draining.load(Ordering::Relaxed) {
        return Answer::not_ready("the receiver is stopping");
    }
    match app.engine.ready().await {
        Ok(()) => Answer::ok(json!({"status": "ready"})),
        Err(reason) => Answer::not_ready(&reason),
    }
}

async fn metrics_with_token(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match app.operator(&headers).await {
        Ok(()) => metrics(State(app)).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let text = app
        .metrics
        .text(&app.traffic.total(), &app.engine.samples());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
