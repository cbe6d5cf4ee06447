//! Who reads, what was asked for, and the form of every answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;

use super::layout;
use crate::base::Sha256;
use crate::serve::Error;
use crate::serve::answer::Answer;
use crate::serve::app::App;
use crate::serve::engine::Trouble;
use crate::serve::model::Scope;
use crate::serve::token;
use crate::store::ReadTx;

/// The cookie that holds the token of a person who signed in.
pub(super) const COOKIE: &str = "sk_sync_token";
/// What a page may load and do: its own style sheet and script, nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

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
            Err(refusal) if refusal.status.is_client_error() => {
                Err(super::sign_in::turn_away(&headers, &target))
            }
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
        let page = layout::plain(
            "Not found",
            &maud::html! { p { (what) " It may have been removed, or you may not see it." } },
        );
        (StatusCode::NOT_FOUND, self.page(page)).into_response()
    }

    /// 503: the storage or the tables did not answer.
    pub(super) fn trouble(&self) -> Response {
        let page = layout::plain(
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

/// The projects that the sender of a request may read, or the answer that refuses it. Programs send
/// a bearer token, feed readers know passwords and browsers cookies: the token is the same.
pub(in crate::serve) async fn reader(app: &App, headers: &HeaderMap) -> Result<Scope, Answer> {
    let access = match password(headers).or_else(|| cookie(headers)) {
        Some(token) if !has_bearer(headers) => app.access_of(Some(&token)).await?,
        _ => app.access(headers, None).await?,
    };
    if access.scope.covers(token::Scope::Read) {
        Ok(Scope {
            team: access.team,
            project: access.project,
        })
    } else {
        Err(Answer::forbidden(token::Scope::Read))
    }
}

fn has_bearer(headers: &HeaderMap) -> bool {
    let sent = headers
        .get(header::AUTHORIZATION)
        .map(|sent| sent.as_bytes().to_ascii_lowercase());
    sent.is_some_and(|sent| sent.starts_with(b"bearer "))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == COOKIE)?;
    let pair = format!("t={value}");
    let (_, token) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    (!token.is_empty()).then(|| token.into_owned())
}

fn password(headers: &HeaderMap) -> Option<String> {
    let sent = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = sent.split_once(' ')?;
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(encoded.trim())
        .ok()?;
    let pair = String::from_utf8(decoded)
        .ok()
        .filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    pair.split_once(':')
        .map(|(_, password)| password.to_owned())
}

/// An answer with the digest of its bytes, so that what a reader has is not sent again.
pub(in crate::serve) fn tagged(headers: &HeaderMap, kind: &'static str, body: Vec<u8>) -> Response {
    let tag = format!("\"{}\"", Sha256::of(&body));
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let is_known = known
        .flat_map(|line| line.split(','))
        .any(|known| known.trim().trim_start_matches("W/") == tag);
    let fixed = [
        (header::ETAG, tag.as_str()),
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Without any referrer a form of this site would be sent with `Origin: null`.
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        body.into_response()
    };
    for (name, value) in fixed {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
