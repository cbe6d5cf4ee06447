//! A receiver that answers as it is told.

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Value, json};

use crate::delivery::{self, DeliveryReceiver};
use crate::endpoint::Identity;
use crate::http::{Answer, Failure};

/// The receiver's answer for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Success,
    Duplicate,
    Rejected,
    Pending,
    Nothing,
    /// The whole answer is lost.
    Lost,
    /// Nothing is taken for now.
    Halt,
}

/// Answers with the words in turn, in each of its responses.
pub(super) struct Answering<'a> {
    pub(super) identity: Identity,
    pub(super) words: &'a [Said],
    pub(super) posts: Cell<usize>,
}

impl DeliveryReceiver for Answering<'_> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn deliver(
        &self,
        batch: &delivery::Batch,
        _within: Duration,
    ) -> Result<Result<Answer, Failure>, delivery::Error> {
        self.posts.set(self.posts.get() + 1);
        if self.words.contains(&Said::Lost) {
            return Ok(Err(Failure::Unknown("reset".to_owned())));
        }
        let status = if self.words.contains(&Said::Halt) {
            401
        } else {
            200
        };
        let words = self.words.iter().cycle().map(|said| match said {
            Said::Success => Some("success"),
            Said::Duplicate => Some("duplicate"),
            Said::Rejected => Some("rejected"),
            Said::Pending => Some("pending"),
            Said::Nothing | Said::Lost | Said::Halt => None,
        });
        let results = batch
            .items
            .iter()
            .zip(words)
            .filter_map(|(item, word)| Some((item, word?)));
        let results: Vec<Value> = results
            .map(|(item, word)| json!({"event_id": item.event_id, "status": word}))
            .collect();
        let body = serde_json::to_vec(&json!({"results": results})).unwrap();
        Ok(Ok(Answer {
            status,
            body,
            ..Answer::default()
        }))
    }
}
