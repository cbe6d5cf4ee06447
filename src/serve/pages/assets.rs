//! The style sheet and the script, both in the program.

use axum::http::{HeaderMap, header};
use axum::response::Response;

use crate::serve::wire::tagged::tagged;

pub(super) async fn style(headers: HeaderMap) -> Response {
    asset(
        &headers,
        "text/css; charset=utf-8",
        include_str!("style.css"),
    )
}

pub(super) async fn script(headers: HeaderMap) -> Response {
    asset(
        &headers,
        "text/javascript; charset=utf-8",
        include_str!("live.js"),
    )
}

fn asset(headers: &HeaderMap, kind: &'static str, text: &'static str) -> Response {
    let mut response = tagged(headers, kind, text.as_bytes().to_vec());
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-cache"),
    );
    response
}
