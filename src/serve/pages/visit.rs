//! A visit: who reads, what was asked for, and the form of every answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::plain::plain;
use super::turn_away::turn_away;
use crate::base::Sha256;
use crate::serve::Error;
use crate::serve::app::App;
use crate::serve::engine::Trouble;
use crate::serve::model::Scope;
use crate::serve::reader::{cookie, reader};
use crate::serve::wire::tagged::tagged;
use crate::store::ReadTx;

/// The visit of a reader.
#[derive(Debug)]
pub(in crate::serve) struct Visit {
    pub(in crate::serve) app: Arc<App>,
    pub(in crate::serve) scope: Scope,
    pub(super) headers: HeaderMap,
    /// The path and query that were asked for.
    pub(super) target: String,
    query: BTreeMap<String, String>,
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let target = parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .to_owned();
        let query = parts.uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let headers = parts.headers.clone();
        match reader(app, &headers).await {
            Ok(scope) => Ok(Self {
                app: Arc::clone(app),
                scope,
                headers,
                target,
                query,
            }),
            Err(refusal) if refusal.status.is_client_error() => Err(turn_away(&headers, &target)),
            Err(trouble) => Err(trouble.into_response()),
        }
    }
}

impl Visit {
    /// A parameter of the query; empty if it was not given.
    pub(in crate::serve) fn get(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// A parameter that is a number or a position; `None` for anything else.
    pub(in crate::serve) fn parsed<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name).parse().ok()
    }

    /// Asks the tables.
    pub(in crate::serve) async fn ask<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTx<'_>, &Scope) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (scope, model) = (
            self.scope.clone(),
            self.app.model.as_ref().ok_or(Trouble::Unknown)?,
        );
        model.ask(move |tx| read(tx, &scope)).await
    }

    /// The text of a version; `None` if it is not kept.
    pub(in crate::serve) async fn text(
        &self,
        project: &str,
        sha256: Sha256,
    ) -> Result<Option<String>, Trouble> {
        self.app.engine.text(self.scope.team, project, sha256).await
    }

    /// True if the reader had to show a token, and can sign out.
    pub(super) fn is_signed_in(&self) -> bool {
        cookie(&self.headers).is_some()
    }

    /// A page as an answer.
    pub(super) fn page(&self, page: maud::Markup) -> Response {
        tagged(
            &self.headers,
            "text/html; charset=utf-8",
            page.into_string().into_bytes(),
        )
    }

    /// 404, whether a thing is not there or not for this reader.
    pub(super) fn nothing(&self, what: &str) -> Response {
        let page = plain(
            "Not found",
            &maud::html! { p { (what) " It may have been removed, or you may not see it." } },
        );
        (StatusCode::NOT_FOUND, self.page(page)).into_response()
    }

    /// 503: the storage or the tables did not answer.
    pub(super) fn trouble(&self) -> Response {
        let page = plain(
            "Not available",
            &maud::html! { p { "The receiver could not read its storage. Try again in a moment." } },
        );
        (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "5")],
            self.page(page),
        )
            .into_response()
    }
}
