//! Server-sent events: an open page is told that something is new, and fetches itself again.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::time::{Instant, timeout};

use super::visit::Visit;

/// How often an open stream looks whether the receiver stops.
const LOOK: Duration = Duration::from_secs(1);
/// A word at least this often, so that no proxy takes the stream for dead.
const WORD: Duration = Duration::from_secs(20);

pub(super) async fn live(visit: Visit) -> Response {
    let Some(model) = &visit.app.model else { return visit.trouble() };
    let mut changes = model.changes();
    changes.mark_unchanged();
    let first = Event::default().retry(Duration::from_secs(5)).comment("live");
    let state = (visit, changes, Some(first));
    let events = stream::unfold(state, async |(visit, mut changes, first)| {
        if let Some(first) = first {
            return Some((Ok::<_, Infallible>(first), (visit, changes, None)));
        }
        let begun = Instant::now();
        while begun.elapsed() < WORD {
            if visit.app.is_draining.load(Ordering::Relaxed) {
                return None;
            }
            match timeout(LOOK, changes.changed()).await {
                Ok(Ok(())) => {
                    let number = changes.borrow_and_update().to_string();
                    return Some((Ok(Event::default().event("change").data(number)), (visit, changes, None)));
                }
                Ok(Err(_)) => return None,
                Err(_) => {}
            }
        }
        Some((Ok(Event::default().comment("still here")), (visit, changes, None)))
    });
    Sse::new(events).into_response()
}
