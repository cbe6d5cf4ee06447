//! The answer to a reader without a token.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::html;

use super::links;
use super::plain::plain;
use crate::serve::wire::tagged::tagged;

/// The way to the form, or 401 for what a browser does not
/// show.
pub(super) fn turn_away(headers: &HeaderMap, target: &str) -> Response {
    let is = |name: &str, value: &str| {
        headers
            .get(name)
            .is_some_and(|found| found.as_bytes() == value.as_bytes())
    };
    if is("sec-fetch-site", "cross-site") && is("sec-fetch-mode", "navigate") {
        // A link on another site brings no cookie along; a page of this site does.
        let again = html! {
            meta http-equiv="refresh" content="0";
            p { a href=(target) { "Continue" } }
        };
        return tagged(
            headers,
            "text/html; charset=utf-8",
            plain("One moment", &again).into_string().into_bytes(),
        );
    }
    let wants_page = headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    if wants_page {
        return see_other(&links::sign_in(target));
    }
    let challenge = [(
        header::WWW_AUTHENTICATE,
        "Basic realm=\"sk-sync\", charset=\"UTF-8\"",
    )];
    (
        StatusCode::UNAUTHORIZED,
        challenge,
        "sign in at /sign-in, or send a token\n",
    )
        .into_response()
}

/// 303: what was asked for is there.
pub(super) fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}
