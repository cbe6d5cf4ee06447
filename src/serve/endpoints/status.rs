//! What the receiver says of itself: that it is well and what it takes, and its numbers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::documents;
use crate::serve::app::App;
use crate::serve::engine::count::Count;
use crate::serve::wire::answer::Answer;

/// What this receiver can do beyond the contract; clients use nothing that is not listed.
const CAPABILITIES: [&str; 4] = ["document-batch", "facts", "have", "states"];

pub(in crate::serve) async fn health(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if let Err(refusal) = app.access(&headers, None).await {
        return refusal;
    }
    let mut limits = app.limits.to_json();
    limits["max_documents_per_batch"] = documents::MAX_DOCUMENTS.into();
    limits["max_document_batch_bytes"] = documents::MAX_BATCH_BYTES.into();
    let mut body = json!({
        "status": "ok",
        "capabilities": CAPABILITIES,
        "sync_ingress": {"limits": limits},
        "server_instance_id": app.engine.instance_id(),
        "environment_name": app.deployment.environment_name,
        "deployment_id": app.deployment.id,
        "git_sha": app.deployment.git_sha,
    });
    if app.model.is_some() {
        // This receiver has pages, and an API for reading.
        body["hub"] = json!({"pages": "/", "api": "/api/v1/openapi.json"});
    }
    Answer::ok(body)
}

pub(in crate::serve) async fn report(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if let Err(refusal) = app.operator(&headers).await {
        return refusal;
    }
    let counts = match app.engine.counts().await {
        Ok(counts) => counts,
        Err(trouble) => return app.trouble(trouble),
    };
    let number = |count: Count| counts.get(&count).copied().unwrap_or(0);
    let mut body: Map<_, _> = Count::ALL
        .iter()
        .map(|count| (count.name().to_owned(), number(*count).into()))
        .collect();
    body.insert(
        "requests".to_owned(),
        (number(Count::EventRequests) + number(Count::BodyRequests)).into(),
    );
    body.insert(
        "server_instance_id".to_owned(),
        app.engine.instance_id().into(),
    );
    Answer::ok(Value::Object(body))
}
