//! A receiver that stores events, answers by a script, kills the client if the script says so, and
//! checks every request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::support::pause;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::ids;

/// How one request is answered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// Everything is stored, or was before.
    Well,
    /// Some are stored, some refused, some not mentioned (but stored).
    Mixed,
    /// 400 without details, if a poisonous event is among them.
    Strict,
    /// 400 that names the poisonous ones.
    Details,
    /// 413 above this many.
    Tight(usize),
    /// A status without a result for any event.
    Status(u16),
    /// Stored or not, and the answer is lost.
    Lost { is_stored: bool },
    /// Stored or not, and the client is ended before it has an answer.
    Kill { is_stored: bool },
}

/// State of one receiver.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Stored events: the bytes of each.
    pub(super) held: BTreeMap<String, String>,
    /// Events recorded as delivered here that no operator requeued.
    pub(super) settled: BTreeSet<String>,
    /// The next answers; afterwards everything is accepted.
    pub(super) script: VecDeque<Act>,
    /// The process to end.
    pub(super) client: Option<u32>,
    /// The client may be ended at any moment, also between an answer and its record.
    pub(super) is_doomed: bool,
    /// Rules that the client broke.
    pub(super) faults: Vec<String>,
    /// Ids that a complete answer reported as stored to a client that survived.
    told: BTreeSet<String>,
    /// Ids that were on the wire here.
    posted: BTreeSet<String>,
    /// The most new events that a request may have since a 413, and the clean batches since.
    bound: Option<(usize, u32)>,
}

/// A receiver and its state.
pub(super) struct Receiver {
    pub(super) server: Server,
    pub(super) state: Arc<Mutex<State>>,
}

impl Receiver {
    /// `journal` has the bytes of every captured event.
    pub(super) fn new(journal: &Arc<Mutex<BTreeMap<String, String>>>) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let (known, journal) = (Arc::clone(&state), Arc::clone(journal));
        let server = Server::answering(move |request| {
            // The client process must be known before a request is handled.
            while known.lock().unwrap().client.is_none() {
                pause(std::time::Duration::from_millis(1));
            }
            known
                .lock()
                .unwrap()
                .answer(request, &journal.lock().unwrap())
        });
        Self { server, state }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn answer(&mut self, request: &Request, journal: &BTreeMap<String, String>) -> Reply {
        let all = ids(request);
        self.judge(request, &all, journal);
        let act = self.script.pop_front().unwrap_or(Act::Well);
        let guilty: Vec<&String> = all.iter().filter(|id| id.contains("poison")).collect();
        match act {
            Act::Strict if !guilty.is_empty() => Reply::json(400, &json!({"error": "invalid"})),
            Act::Details if !guilty.is_empty() => {
                let details: Vec<Value> = guilty
                    .iter()
                    .map(|id| json!({"event_id": id, "detail": "no"}))
                    .collect();
                Reply::json(400, &json!({"error": "invalid", "details": details}))
            }
            Act::Tight(most) if all.len() > most => {
                let bound = (all.len() / 2).max(1);
                self.bound = Some((self.bound.map_or(bound, |(before, _)| before.min(bound)), 0));
                Reply::status(413)
            }
            Act::Well | Act::Strict | Act::Details | Act::Tight(_) => {
                self.tell(&all, journal, |_| true)
            }
            Act::Mixed => self.tell(&all, journal, |n| n % 3 == 0),
            Act::Status(status) => Reply::status(status),
            Act::Lost { is_stored } => {
                self.store(&all, journal, is_stored);
                Reply::Silence
            }
            Act::Kill { is_stored } => {
                self.store(&all, journal, is_stored);
                let client = self.client.unwrap_or_default().to_string();
                assert!(
                    Command::new("kill")
                        .args(["-9", &client])
                        .status()
                        .unwrap()
                        .success()
                );
                Reply::Silence
            }
        }
    }

    fn store(&mut self, all: &[String], journal: &BTreeMap<String, String>, is_stored: bool) {
        for id in all.iter().filter(|_| is_stored) {
            self.held.insert(id.clone(), journal[id].clone());
        }
    }

    /// A complete answer: events at `good` positions are stored; of the others every second is
    /// refused, and the rest is stored without a result.
    fn tell(
        &mut self,
        all: &[String],
        journal: &BTreeMap<String, String>,
        good: impl Fn(usize) -> bool,
    ) -> Reply {
        let mut results = Vec::new();
        for (n, id) in all.iter().enumerate() {
            let is_known = self.held.contains_key(id);
            if is_known || good(n) {
                self.held.insert(id.clone(), journal[id].clone());
                if !self.is_doomed {
                    self.told.insert(id.clone());
                }
                results.push(json!({"event_id": id, "status": if is_known { "duplicate" } else { "success" }}));
            } else if n % 3 == 1 {
                results.push(json!({"event_id": id, "status": "rejected", "error": "no"}));
            } else {
                self.held.insert(id.clone(), journal[id].clone());
            }
        }
        if let Some((bound, clean)) = self.bound.as_mut().filter(|_| !results.is_empty()) {
            *clean += 1;
            if *clean == 10 {
                (*bound, *clean) = (*bound * 2, 0);
            }
        }
        Reply::json(200, &json!({ "results": results }))
    }

    /// The bytes equal the captured ones, no delivered event is sent again, and a learned limit is
    /// kept.
    fn judge(&mut self, request: &Request, all: &[String], journal: &BTreeMap<String, String>) {
        let envelopes: Vec<&str> = all.iter().map(|id| journal[id].as_str()).collect();
        let body = format!("{{\"events\":[{}]}}", envelopes.join(","));
        if request.body() != body.as_bytes() {
            self.faults
                .push(format!("{all:?} came as other bytes than captured"));
        }
        for id in all {
            if self.settled.contains(id) || self.told.contains(id) {
                self.faults
                    .push(format!("{id} was posted again after it was recorded"));
            }
        }
        let is_new = all.iter().all(|id| !self.posted.contains(id));
        if let Some((bound, _)) = self.bound.filter(|(bound, _)| is_new && all.len() > *bound) {
            self.faults.push(format!(
                "{} events at once, when {bound} were learned to be the most",
                all.len()
            ));
        }
        self.posted.extend(all.iter().cloned());
    }

    /// An operator requeued these.
    pub(super) fn owe_again(&mut self) {
        self.settled.clear();
        self.told.clear();
    }
}
