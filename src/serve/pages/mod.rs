//! Pages for people: what arrived, as HTML that needs neither a build step nor JavaScript.
//!
//! ```text
//!  visit    who reads, and what was asked for    links   addresses of pages          layout   what every page has
//!  overview projects, a project                  mission board, documents, timeline   document one of them
//!  text     Markdown and diffs, made safe        listing search, activity, Atom       sign_in  tokens and cookies
//!  live     tells a page that something is new   assets  the style sheet and script
//! ```
//!
//! **Invariant:** every word of a page that came from a client goes through maud's escaping or the
//! filter of `text`; no page has an inline script or style, or loads anything from another origin;
//! reading changes nothing.

mod assets;
mod document;
mod layout;
mod links;
mod listing;
mod live;
mod mission;
mod overview;
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::serve) mod properties;
mod sign_in;
mod text;
mod visit;

pub(super) use visit::{Visit, reader, tagged};

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::app::App;

/// What the path of every page begins with, except for the first one.
pub(super) const PREFIXES: [&str; 7] = [
    "/projects/",
    "/search",
    "/activity",
    "/feed.atom",
    "/sign-",
    "/assets/",
    "/live",
];

/// True for the path of a page.
pub(super) fn has(path: &str) -> bool {
    path == "/" || PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

/// The pages.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(overview::projects))
        .route("/projects/{uuid}", get(overview::project))
        .route("/projects/{uuid}/mission", get(mission::mission))
        .route("/projects/{uuid}/document", get(document::document))
        .route("/projects/{uuid}/activity", get(listing::project_activity))
        .route("/projects/{uuid}/feed.atom", get(listing::project_feed))
        .route("/search", get(listing::search))
        .route("/activity", get(listing::activity))
        .route("/feed.atom", get(listing::feed))
        .route("/live", get(live::live))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/assets/style.css", get(assets::style))
        .route("/assets/live.js", get(assets::script))
}
