//! Pages for people: what arrived, as HTML that needs neither a build step nor JavaScript.
//!
//! ```text
//!  visit    what was asked for, and by whom      links   addresses of pages          layout   what every page has
//!  overview projects, a project                  mission board, documents, timeline   document one of them
//!  text     Markdown and diffs, made safe        listing search, activity, Atom       plain    refusals
//!  sign_in  a token becomes a cookie             turn_away a reader without a token
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
mod plain;
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::serve) mod properties;
mod sign_in;
mod text;
mod turn_away;
mod visit;

pub(super) use visit::Visit;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::serve::app::App;

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
