//! Which of some documents are missing here: so that a client need not send what is there.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::json;

use crate::base::{Object, Sha256};
use crate::event::NamespaceRef;
use crate::serve::app::App;
use crate::serve::engine::content::{ArtifactVersion, normalized};
use crate::serve::wire::answer::Answer;

/// The most documents of a question.
pub(in crate::serve) const MAX_DOCUMENTS: usize = 2000;
/// The most bytes of a question, after decompression.
const MAX_BYTES: usize = 2 << 20;

/// Documents of one mission, each with its path and the digest of its text.
#[derive(Deserialize)]
struct Question {
    namespace: Object<NamespaceRef>,
    bodies: Vec<(String, String)>,
}

/// `{"namespace": {…}, "bodies": [[PATH, SHA-256], …]}` is answered by `{"missing": [[PATH,
/// SHA-256], …]}`.
pub(in crate::serve) async fn have(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    app.tell_missing(&headers, body)
        .await
        .unwrap_or_else(|refusal| refusal)
}

impl App {
    async fn tell_missing(&self, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let too_large = || Answer::documents_too_large(MAX_DOCUMENTS, MAX_BYTES);
        let (access, bytes) = self.admit_json(headers, body, MAX_BYTES, too_large).await?;
        let Object(question): Object<Question> = serde_json::from_slice(&bytes).map_err(|e| {
            Answer::bad_request(&format!("the request is not a namespace with bodies: {e}"))
        })?;
        if question.bodies.len() > MAX_DOCUMENTS {
            return Err(too_large());
        }
        let namespace = normalized(question.namespace.0);
        if !access.has_project(&namespace.project_uuid) {
            return Err(Answer::not_found());
        }
        let version = |(path, digest): (String, String)| {
            let sha256 = Sha256::from_hex(&digest)?;
            Some(ArtifactVersion {
                namespace: namespace.clone(),
                path,
                sha256,
            })
        };
        let versions: Option<Vec<_>> = question.bodies.into_iter().map(version).collect();
        let versions = versions
            .ok_or_else(|| Answer::bad_request("each of bodies has to be a path and a SHA-256"))?;
        let missing = self
            .engine
            .missing(access.team, versions)
            .await
            .map_err(|trouble| self.trouble(trouble))?;
        let missing: Vec<_> = missing
            .iter()
            .map(|version| json!([version.path, version.sha256.to_string()]))
            .collect();
        Ok(Answer::ok(json!({"missing": missing})))
    }
}
