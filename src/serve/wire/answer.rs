//! Every answer the receiver gives, as status and JSON body.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::serve::browser::Refusal;
use crate::serve::engine::token::Scope;
use crate::serve::engine::{FORGOTTEN, Trouble};
use crate::serve::limits::Limits;

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::serve) struct Answer {
    pub(in crate::serve) status: StatusCode,
    pub(in crate::serve) body: Value,
    /// When to send the request again, in seconds.
    pub(in crate::serve) retry_after: Option<u64>,
    /// What the receiver notes about the request, in the names of the report.
    pub(in crate::serve) counted: Vec<(&'static str, i64)>,
}

/// The counts of an answer, next to its response.
#[derive(Debug, Clone)]
pub(in crate::serve) struct Counted(pub(in crate::serve) Vec<(&'static str, i64)>);

impl Answer {
    pub(in crate::serve) const fn new(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            body,
            retry_after: None,
            counted: Vec::new(),
        }
    }

    pub(in crate::serve) const fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }

    /// A refusal with the word that clients branch on and a sentence for people.
    fn refusal(status: StatusCode, error: &str, detail: &str) -> Self {
        Self::new(status, json!({"error": error, "detail": detail}))
    }

    /// 400: the request as a whole cannot be read.
    pub(in crate::serve) fn bad_request(error: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, json!({"error": error}))
    }

    /// 400: these fields are wrong, in the order they were looked at.
    pub(in crate::serve) fn bad_fields(fields: &[(&str, String)]) -> Self {
        let detail: Vec<_> = fields
            .iter()
            .map(|(name, message)| format!("{name}: {message}"))
            .collect();
        let by_name: Map<_, _> = fields
            .iter()
            .map(|(name, message)| ((*name).to_owned(), json!([message])))
            .collect();
        Self::new(
            StatusCode::BAD_REQUEST,
            json!({"error": "bad_request", "detail": detail.join(" | "), "fields": by_name}),
        )
    }

    pub(in crate::serve) fn unauthorized() -> Self {
        Self::refusal(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "this receiver wants a valid bearer token",
        )
    }

    /// 403: the token is good, for something else.
    pub(in crate::serve) fn forbidden(needed: Scope) -> Self {
        let detail = format!("this needs a token of scope {} or admin", needed.name());
        Self::refusal(StatusCode::FORBIDDEN, "forbidden", &detail)
    }

    /// 403: the token is for another project.
    pub(in crate::serve) fn other_project() -> Self {
        Self::refusal(
            StatusCode::FORBIDDEN,
            "forbidden",
            "this token is for another project",
        )
    }

    /// 403: the numbers of all teams and projects are the operator's.
    pub(in crate::serve) fn operator_only() -> Self {
        let detail = "this needs a token of scope admin that is bound to no team and no project";
        Self::refusal(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(in crate::serve) fn not_found() -> Self {
        Self::refusal(
            StatusCode::NOT_FOUND,
            "not_found",
            "this receiver has no such endpoint",
        )
    }

    pub(in crate::serve) fn method_not_allowed() -> Self {
        Self::refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this endpoint has another method",
        )
    }

    /// 408: the request's body did not come in time.
    pub(in crate::serve) fn too_slow() -> Self {
        Self::refusal(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "the request body did not arrive in time",
        )
    }

    /// 413: a batch of too many events or bytes. Clients halve and go on.
    pub(in crate::serve) fn batch_too_large(limits: Limits) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            json!({"error": "sync_batch_too_large", "detail": "send smaller batches", "limits": limits.to_json()}),
        )
    }

    /// 413: too many documents or bytes in one request.
    pub(in crate::serve) fn documents_too_large(documents: usize, bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            json!({"error": "payload_too_large", "detail": "send fewer documents at once",
                   "limits": {"max_documents_per_batch": documents, "max_document_batch_bytes": bytes}}),
        )
    }

    /// 413: one artifact body of too many bytes.
    pub(in crate::serve) fn body_too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            json!({"error": "payload_too_large", "detail": format!("content_body may have {limit} bytes"),
                   "limits": {"max_body_bytes": limit}}),
        )
    }

    pub(in crate::serve) fn unsupported_encoding() -> Self {
        Self::refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_encoding",
            "Content-Encoding may be gzip or identity",
        )
    }

    /// 415: a web page could send any other type without asking first.
    pub(in crate::serve) fn unsupported_type() -> Self {
        Self::refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_type",
            "Content-Type has to be application/json (or application/cloudevents-batch+json for events)",
        )
    }

    /// 400: two programs could disagree where the request ends.
    pub(in crate::serve) fn two_lengths() -> Self {
        Self::bad_request(
            "send Content-Length or Transfer-Encoding, not both, and do not pipeline chunked requests",
        )
    }

    /// 400, 403 or 421: a web page of another site may have caused the request.
    pub(in crate::serve) fn foreign(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoHost => Self::bad_request("the request needs exactly one valid Host header"),
            Refusal::ForeignHost => Self::refusal(
                StatusCode::MISDIRECTED_REQUEST,
                "unknown_host",
                "without a token this receiver answers to IP addresses and localhost only; start it with --token-env",
            ),
            Refusal::ForeignPage => Self::refusal(
                StatusCode::FORBIDDEN,
                "cross_site_request",
                "web pages of other sites may not use this receiver",
            ),
        }
    }

    /// 404: the body came before the event that announces it. Clients try again.
    pub(in crate::serve) fn not_indexed() -> Self {
        Self::refusal(
            StatusCode::NOT_FOUND,
            "index_entry_not_found",
            "no MissionDossierArtifactIndexed event with this namespace and path was received yet",
        )
    }

    /// 422: the document was deleted here. Clients give it up.
    pub(in crate::serve) fn forgotten() -> Self {
        Self::refusal(StatusCode::UNPROCESSABLE_ENTITY, "forgotten", FORGOTTEN)
    }

    /// 503: a balancer sends requests elsewhere.
    pub(in crate::serve) fn not_ready(reason: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            json!({"status": "not_ready", "reason": reason}),
        )
    }

    /// 429 or 503, to be sent again after `seconds`. What exactly failed is for the operator's log,
    /// not for the network.
    pub(in crate::serve) fn trouble(trouble: Trouble, seconds: u64) -> Self {
        let answer = match trouble {
            Trouble::Busy => Self::refusal(
                StatusCode::TOO_MANY_REQUESTS,
                "busy",
                "nothing of this request was begun; send it again later",
            ),
            Trouble::Unknown => Self::refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "storage_unavailable",
                "it is not known whether this request was stored; send it again later",
            ),
        };
        Self {
            retry_after: Some(seconds),
            ..answer
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (
            self.status,
            [(header::CONTENT_TYPE, "application/json")],
            self.body.to_string(),
        )
            .into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        if !self.counted.is_empty() {
            response.extensions_mut().insert(Counted(self.counted));
        }
        response
    }
}
