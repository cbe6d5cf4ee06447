//! Batches of events.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::json;

use crate::serve::admit::{form, refuse_type};
use crate::serve::app::App;
use crate::serve::engine::count::Count;
use crate::serve::engine::{Content, Outcome, Trouble};
use crate::serve::wire::answer::Answer;
use crate::serve::wire::batch::{self, Unreadable};

pub(in crate::serve) async fn events(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    app.traffic.count(Count::EventRequests);
    app.take_events(&headers, body)
        .await
        .unwrap_or_else(|refusal| refusal)
}

impl App {
    async fn take_events(&self, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let too_large = || Answer::batch_too_large(self.limits);
        let Some(form) = form(headers) else {
            return Err(refuse_type(body).await);
        };
        let (access, bytes) = self
            .admit(headers, body, self.limits.max_bytes, too_large)
            .await?;
        let entries =
            batch::read(&bytes, form, self.limits.max_events).map_err(|reason| match reason {
                Unreadable::Malformed(answer) => answer,
                Unreadable::TooMany => too_large(),
            })?;
        drop(bytes);
        let mut events = entries.iter().filter_map(|entry| entry.event.as_ref().ok());
        if !events.all(|event| access.has_project(&event.project_uuid)) {
            return Err(Answer::other_project());
        }
        match self
            .keep(&access, Content::Events(entries), headers)
            .await?
        {
            Outcome::Events(results) => {
                let counted = results.tally.iter().filter(|(_, number)| *number > 0);
                let counted = counted
                    .map(|(count, number)| (count.name(), *number))
                    .collect();
                Ok(Answer {
                    counted,
                    ..Answer::ok(json!({"results": results.wire}))
                })
            }
            _ => Err(self.trouble(Trouble::Unknown)),
        }
    }
}
