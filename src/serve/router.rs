//! Every endpoint of a receiver, with the guard around them.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::app::App;
use super::endpoints::{documents, events, have, inquiry, probes, status};
use super::guard::{self, Guarded};
use super::paths::{BODIES, BODY_BATCH, EVENTS, FACTS, HAVE, HEALTH, REPORT, STATES};
use super::{api, pages};

/// The receiver's endpoints.
pub(super) fn router(app: &Arc<App>) -> Router {
    let own = Router::new()
        .route(EVENTS, post(events::events))
        .route(BODIES, post(documents::push_content))
        .route(BODY_BATCH, post(documents::push_batch))
        .route(HAVE, post(have::have))
        .route(FACTS, get(inquiry::facts))
        .route(STATES, get(inquiry::states))
        .route(HEALTH, get(status::health))
        .route(REPORT, get(status::report));
    let probed = own.merge(probes::router());
    let probed = if app.model.is_some() {
        probed.merge(api::router()).merge(pages::router())
    } else {
        probed
    };
    guard::around(probed, app, Guarded::Everyone).with_state(Arc::clone(app))
}
