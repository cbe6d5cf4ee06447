//! Server-sent events: an open page is told that something of its projects is new, and fetches
//! itself again.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::visit::Visit;
use crate::serve::model::Changes;
use crate::serve::reader::reader;

/// How often an open stream looks whether the receiver stops, and whether its token is still good.
const LOOK: Duration = Duration::from_secs(1);
/// A word at least this often, so that no proxy takes the stream for dead.
const WORD: Duration = Duration::from_secs(20);

pub(super) async fn live(visit: Visit) -> Response {
    let Some(model) = &visit.app.model else {
        return visit.trouble();
    };
    let changes = model.changes();
    let seen = changes.borrow().seen_by(&visit.scope);
    let first = Event::default()
        .retry(Duration::from_secs(5))
        .comment("live");
    let state = (
        Watch {
            visit,
            changes,
            seen,
        },
        Some(first),
    );
    let events = stream::unfold(state, async |(mut watch, first)| {
        let event = match first {
            Some(first) => first,
            None => watch.next().await?,
        };
        Some((Ok::<_, Infallible>(event), (watch, None)))
    });
    Sse::new(events).into_response()
}

/// One open stream.
struct Watch {
    visit: Visit,
    changes: watch::Receiver<Changes>,
    /// The number of changes that the page was told of.
    seen: u64,
}

impl Watch {
    /// The next word for the page; `None` once the stream has to end.
    async fn next(&mut self) -> Option<Event> {
        let begun = Instant::now();
        while begun.elapsed() < WORD {
            if self.visit.app.is_draining.load(Ordering::Relaxed) || !self.may_read().await {
                return None;
            }
            if let Ok(changed) = timeout(LOOK, self.changes.changed()).await {
                changed.ok()?;
            }
            let number = self.changes.borrow_and_update().seen_by(&self.visit.scope);
            if number != self.seen {
                self.seen = number;
                return Some(Event::default().event("change").data(number.to_string()));
            }
        }
        Some(Event::default().comment("still here"))
    }

    /// False once the token is revoked or expired, or sees something else. What the storage cannot
    /// say now, it says later.
    async fn may_read(&self) -> bool {
        match reader(&self.visit.app, &self.visit.headers).await {
            Ok(scope) => scope == self.visit.scope,
            Err(refusal) => !refusal.status.is_client_error(),
        }
    }
}
