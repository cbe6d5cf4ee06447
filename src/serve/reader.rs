//! Who reads: the token of a person or a program, by header, password or cookie.

use axum::http::{HeaderMap, header};
use base64::Engine as _;

use super::app::App;
use super::engine::token;
use super::model::Scope;
use super::wire::answer::Answer;

/// The cookie that holds the token of a person who signed in.
pub(super) const COOKIE: &str = "sk_sync_token";

/// The projects that the sender of a request may read, or the answer that refuses it. Programs send
/// a bearer token, feed readers know passwords and browsers cookies: the token is the same.
pub(super) async fn reader(app: &App, headers: &HeaderMap) -> Result<Scope, Answer> {
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

/// The token of a person who signed in.
pub(super) fn cookie(headers: &HeaderMap) -> Option<String> {
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
