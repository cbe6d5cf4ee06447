//! A receiver that stores events, answers as scripted, and records its requests.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::acts::Appending;
use super::ops::{Reply, Word};
use super::surroundings::TestClock;
use crate::delivery::{self, DeliveryReceiver};
use crate::endpoint::Identity;
use crate::http::{Answer, Failure};

/// The events of a target's server, by event id.
pub(super) type Stored = BTreeMap<String, Vec<u8>>;

/// A request, and the answer that the sender got.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) key: String,
    pub(super) seqs: Vec<i64>,
    pub(super) body: Vec<u8>,
    pub(super) told: Told,
}

/// The answer that the sender got, in terms of the protocol.
#[derive(Debug, Clone)]
pub(super) enum Told {
    /// A result for each event.
    Each(Vec<Fate>),
    /// 400 that blames these events.
    Blamed(Vec<bool>),
    /// 400 that names no event.
    Refused,
    /// 413.
    TooLarge,
    /// Retry later, or halt: nothing was stored.
    Stop,
    /// The result is unknown.
    Unknown,
    /// The sender has died.
    Crash,
}

/// The result for one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Stored,
    Pending,
    Rejected,
    Nothing,
}

/// One drain's exchanges with a target.
pub(super) struct Scripted<'a> {
    pub(super) identity: Identity,
    pub(super) stored: &'a RefCell<Stored>,
    pub(super) poison: &'a BTreeSet<String>,
    pub(super) script: RefCell<VecDeque<Reply>>,
    pub(super) rest: Reply,
    pub(super) clock: &'a TestClock,
    /// Events that another handle captures while the first request is running.
    pub(super) during: Cell<Option<Appending<'a>>>,
    pub(super) log: RefCell<Vec<Log>>,
}

/// The log of a drain, in order.
#[derive(Debug)]
pub(super) enum Log {
    Appended(super::acts::Appended),
    Posted(Posted),
}

impl DeliveryReceiver for Scripted<'_> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn deliver(
        &self,
        batch: &delivery::Batch,
        _within: Duration,
    ) -> Result<Result<Answer, Failure>, delivery::Error> {
        if let Some(appending) = self.during.take() {
            self.log.borrow_mut().push(Log::Appended(appending.run()));
        }
        self.clock.advance(10_000);
        let reply = self
            .script
            .borrow_mut()
            .pop_front()
            .unwrap_or_else(|| self.rest.clone());
        let ids: Vec<&str> = batch.items.iter().map(|i| i.event_id.as_str()).collect();
        let (told, exchange) = self.answer(&reply, &ids, &batch.body);
        let seqs = batch.items.iter().map(|i| i.seq).collect();
        let posted = Posted {
            key: batch.idempotency_key.clone(),
            seqs,
            body: batch.body.clone(),
            told: told.clone(),
        };
        self.log.borrow_mut().push(Log::Posted(posted));
        if matches!(told, Told::Crash) {
            return Err(delivery::Error::Damaged("the process is gone".to_owned()));
        }
        Ok(exchange)
    }
}

type Exchange = (Told, Result<Answer, Failure>);

impl Scripted<'_> {
    fn answer(&self, reply: &Reply, ids: &[&str], body: &[u8]) -> Exchange {
        let guilty: Vec<bool> = ids.iter().map(|id| self.poison.contains(*id)).collect();
        let has_guilty = guilty.contains(&true);
        let store_all = |is_stored: bool| {
            ids.iter()
                .filter(|_| is_stored)
                .for_each(|id| self.store(id, body));
        };
        match reply {
            Reply::Strict if has_guilty => {
                (Told::Refused, answer(400, &json!({"error": "invalid"})))
            }
            Reply::Details if has_guilty => {
                let details: Vec<Value> = ids
                    .iter()
                    .zip(&guilty)
                    .filter(|(_, guilty)| **guilty)
                    .map(|(id, _)| json!({"event_id": id, "detail": "invalid"}))
                    .collect();
                (
                    Told::Blamed(guilty),
                    answer(400, &json!({"error": "invalid", "details": details})),
                )
            }
            Reply::Tight(most) if ids.len() > *most => (Told::TooLarge, answer(413, &json!({}))),
            Reply::Each(words) => self.each(words, ids, body),
            Reply::Strict | Reply::Details | Reply::Tight(_) => {
                self.each(&[Word::Success], ids, body)
            }
            Reply::Accepted => (
                Told::Each(vec![Fate::Pending; ids.len()]),
                answer(202, &json!({})),
            ),
            Reply::Status(status @ 500..) => {
                (Told::Unknown, answer(*status, &json!({"error": "oops"})))
            }
            Reply::Status(status) => (Told::Stop, answer(*status, &json!({"error": "no"}))),
            Reply::Throttled { seconds } => {
                (Told::Stop, answer(429, &json!({"retry_after": seconds})))
            }
            Reply::Unreachable => (
                Told::Stop,
                Err(Failure::Unreachable("no server there".to_owned())),
            ),
            Reply::Lost { is_stored } => {
                store_all(*is_stored);
                (Told::Unknown, Err(Failure::Unknown("reset".to_owned())))
            }
            Reply::Nonsense { is_stored } => {
                store_all(*is_stored);
                (Told::Unknown, answer(200, &json!("hello")))
            }
            Reply::Crash { is_stored } => {
                store_all(*is_stored);
                (Told::Crash, Err(Failure::Unknown("never seen".to_owned())))
            }
        }
    }

    fn each(&self, words: &[Word], ids: &[&str], body: &[u8]) -> Exchange {
        let (mut told, mut results) = (Vec::new(), Vec::new());
        for (id, word) in ids.iter().zip(words.iter().cycle()) {
            let is_known = self.stored.borrow().contains_key(*id);
            let (said, status) = match word {
                Word::Silent { is_stored } => {
                    if *is_stored {
                        self.store(id, body);
                    }
                    (Fate::Nothing, None)
                }
                Word::Odd => (Fate::Nothing, Some("perhaps")),
                _ if is_known => (Fate::Stored, Some("duplicate")),
                Word::Success => {
                    self.store(id, body);
                    (Fate::Stored, Some("success"))
                }
                Word::Pending => (Fate::Pending, Some("pending")),
                Word::Rejected => (Fate::Rejected, Some("rejected")),
            };
            told.push(said);
            results.extend(status.map(|status| json!({"event_id": id, "status": status})));
        }
        (Told::Each(told), answer(200, &json!({"results": results})))
    }

    /// Stores an event of the body; asserts that a stored one is identical.
    fn store(&self, id: &str, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).unwrap();
        let event = body["events"]
            .as_array()
            .unwrap()
            .iter()
            .find(|e| e["event_id"] == id)
            .unwrap();
        let bytes = serde_json::to_vec(event).unwrap();
        let mut stored = self.stored.borrow_mut();
        let kept = stored.entry(id.to_owned()).or_insert_with(|| bytes.clone());
        assert_eq!(*kept, bytes, "{id} came again with another content");
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "one of the two ends of an exchange"
)]
fn answer(status: u16, body: &Value) -> Result<Answer, Failure> {
    let body = serde_json::to_vec(body).unwrap();
    Ok(Answer {
        status,
        body,
        ..Answer::default()
    })
}
