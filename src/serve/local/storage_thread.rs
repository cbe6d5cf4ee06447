//! The one thread that owns the storage. What waits while a commit runs goes into the next one
//! together, so that several connections share the cost of a sync.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::ingest::ingest;
use super::sqlite::Sqlite;
use crate::base::Clock;
use crate::serve::Error;
use crate::serve::engine::count::{Count, Counts};
use crate::serve::engine::{Content, Outcome, Request};
use crate::serve::traffic::Traffic;

/// The most requests of one commit.
const GROUP: usize = 64;

/// Something for the storage, with where to answer. No answer means that the storage failed and
/// kept nothing of it.
pub(in crate::serve) enum Job {
    /// Keep what a request brings.
    Keep(Box<Request>, oneshot::Sender<Outcome>),
    /// Tell the numbers.
    Report(oneshot::Sender<Counts>),
    /// Do something else with the storage, between two commits.
    Work(Work),
}

/// Work on the storage, which sends its own answer.
pub(in crate::serve) type Work = Box<dyn FnOnce(&mut Sqlite) + Send>;

/// The storage with its queue.
pub(in crate::serve) struct StorageThread {
    pub(in crate::serve) engine: Sqlite,
    pub(in crate::serve) traffic: Arc<Traffic>,
    pub(in crate::serve) clock: Arc<dyn Clock>,
}

impl StorageThread {
    /// Works until every sender is gone.
    pub(in crate::serve) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut waiting = vec![first];
            while waiting.len() < GROUP
                && let Ok(next) = jobs.try_recv()
            {
                waiting.push(next);
            }
            self.settle(waiting);
        }
        if let Err(e) = self.keep(&[]) {
            log::warn!("the last request counts were not stored: {e}");
        }
    }

    /// Answers a group of jobs: bodies that are there at once, all other requests in one step, then
    /// the reports.
    fn settle(&mut self, jobs: Vec<Job>) {
        let (mut requests, mut senders, mut reports, mut works) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for job in jobs {
            match job {
                Job::Keep(request, sender) if self.is_there(&request) => {
                    self.traffic.count_unsaved(Count::BodiesAlreadyExist);
                    sender.send(Outcome::AlreadyExists).ok();
                }
                Job::Keep(request, sender) => {
                    requests.push(*request);
                    senders.push(sender);
                }
                Job::Report(sender) => reports.push(sender),
                Job::Work(work) => works.push(work),
            }
        }
        if !requests.is_empty() {
            for (outcome, sender) in self.outcomes(&requests).into_iter().zip(senders) {
                if let Some(outcome) = outcome {
                    // A client that has gone away finds out by asking again.
                    sender.send(outcome).ok();
                }
            }
        }
        for work in works {
            work(&mut self.engine);
        }
        for sender in reports {
            match self.counts() {
                Ok(counts) => drop(sender.send(counts)),
                Err(e) => log::error!("cannot read the counts: {e}"),
            }
        }
    }

    /// True for a body of which nothing is left to be stored: most uploads, since every run submits
    /// every body. A step for it would be a sync of the disk for nothing.
    fn is_there(&self, request: &Request) -> bool {
        match request {
            Request {
                team,
                content: Content::Body(upload),
                key: None,
            } => self
                .engine
                .has_body(*team, &upload.version)
                .unwrap_or(false),
            _ => false,
        }
    }

    /// The outcome of each request, `None` where the storage failed. When a group fails, each of
    /// its requests is tried alone, so that one that cannot be stored takes no other with it.
    fn outcomes(&mut self, requests: &[Request]) -> Vec<Option<Outcome>> {
        match self.keep(requests) {
            Ok(outcomes) => outcomes.into_iter().map(Some).collect(),
            Err(_) if requests.len() > 1 => requests
                .iter()
                .flat_map(|one| self.outcomes(std::slice::from_ref(one)))
                .collect(),
            Err(e) => {
                log::error!("a request was not stored: {e}");
                vec![None]
            }
        }
    }

    /// Keeps these requests, and the traffic so far, in one step.
    fn keep(&mut self, requests: &[Request]) -> Result<Vec<Outcome>, Error> {
        let traffic = self.traffic.unsaved();
        if requests.is_empty() && traffic.is_empty() {
            return Ok(Vec::new());
        }
        let at = self.clock.now();
        let mut outcomes = Vec::with_capacity(requests.len());
        self.engine.step(|records| {
            for request in requests {
                outcomes.push(ingest(request, records, at)?);
            }
            traffic
                .iter()
                .try_for_each(|(count, number)| records.add(*count, *number))
        })?;
        self.traffic.saved(&traffic);
        Ok(outcomes)
    }

    /// The stored numbers with the traffic that is not stored yet.
    fn counts(&self) -> Result<Counts, Error> {
        let mut counts = self.engine.counts()?;
        for (count, number) in self.traffic.unsaved() {
            *counts.entry(count).or_default() += number;
        }
        Ok(counts)
    }
}

#[cfg(test)]
#[path = "storage_thread_tests.rs"]
mod tests;
