//! Signing in with a read token, which a cookie holds from then on: receivers share no sessions,
//! and a token that is revoked ends every one of them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use url::form_urlencoded;

use super::plain::plain;
use super::turn_away::see_other;
use crate::serve::app::App;
use crate::serve::reader::{COOKIE, reader};
use crate::serve::wire::intake;
use crate::serve::wire::tagged::tagged;

/// The most bytes of a sign-in.
const FORM_BYTES: usize = 4096;

/// A path of this site; anything else leads to the first page.
fn own(to: &str) -> &str {
    let is_own =
        to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\n', '\r', '\t']);
    if is_own && !to.starts_with("/sign-") {
        to
    } else {
        "/"
    }
}

pub(super) async fn form(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default().as_bytes();
    let to = form_urlencoded::parse(query)
        .find(|(name, _)| name == "to")
        .map(|(_, to)| to.into_owned());
    let to = to.unwrap_or_default();
    if reader(&app, &headers).await.is_ok() {
        return see_other(own(&to));
    }
    page(&headers, &to, None)
}

fn page(headers: &HeaderMap, to: &str, refusal: Option<&str>) -> Response {
    let body: Markup = html! {
        p { "This receiver shows its pages to people with a token. Its operator gives you one." }
        @if let Some(refusal) = refusal { p.error role="alert" id="refusal" { (refusal) } }
        form.sign-in method="post" action="/sign-in" {
            input type="hidden" name="to" value=(own(to));
            label for="token" { "Token" }
            input id="token" type="password" name="token" required autofocus autocomplete="current-password"
                aria-describedby=[refusal.map(|_| "refusal")];
            button { "Sign in" }
        }
    };
    tagged(
        headers,
        "text/html; charset=utf-8",
        plain("Sign in", &body).into_string().into_bytes(),
    )
}

pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let is_form = headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes()
            .starts_with(b"application/x-www-form-urlencoded")
    });
    let bytes = match intake::read(&headers, body, FORM_BYTES).await {
        Ok(bytes) if is_form => bytes,
        _ => {
            return (
                StatusCode::BAD_REQUEST,
                "this is not the form of the sign-in\n",
            )
                .into_response();
        }
    };
    let field = |name: &str| {
        let found = form_urlencoded::parse(&bytes).find(|(found, _)| found == name);
        found
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let (token, to) = (field("token"), field("to"));
    let value: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let mut shown = HeaderMap::new();
    if let Ok(cookie) = HeaderValue::from_str(&format!("{COOKIE}={value}")) {
        shown.insert(header::COOKIE, cookie);
    }
    let refusal = match reader(&app, &shown).await {
        Ok(_) if !token.is_empty() => return with_cookie(&headers, own(&to), &value, ""),
        Err(refusal) if refusal.status == StatusCode::FORBIDDEN => {
            "This token may send, but not read."
        }
        Err(trouble) if trouble.status.is_server_error() => return trouble.into_response(),
        _ => "This token is unknown, expired or revoked.",
    };
    (StatusCode::UNAUTHORIZED, page(&headers, &to, Some(refusal))).into_response()
}

pub(super) async fn sign_out(headers: HeaderMap) -> Response {
    with_cookie(&headers, "/sign-in", "", "; Max-Age=0")
}

/// Leads on with the cookie set. It is for encrypted connections only where this one is: the
/// browser says so.
fn with_cookie(headers: &HeaderMap, to: &str, value: &str, more: &str) -> Response {
    let origin = headers
        .get(header::ORIGIN)
        .map_or(&b""[..], |origin| origin.as_bytes());
    let secure = if origin.starts_with(b"https://") {
        "; Secure"
    } else {
        ""
    };
    let mut response = see_other(to);
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_this_site_alone() {
        for (to, expected) in [
            ("/projects/u?x=1", "/projects/u?x=1"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("javascript:alert(1)", "/"),
            ("/\t/evil.example", "/"),
            ("/sign-out", "/"),
            ("", "/"),
        ] {
            assert_eq!(own(to), expected, "{to:?}");
        }
    }
}
