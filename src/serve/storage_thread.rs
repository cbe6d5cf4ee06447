//! The one thread that owns the storage. What waits while a commit runs goes into the next one
//! together, so that several connections share the cost of a sync.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::Error;
use super::arrivals::Look;
use super::engine::{Content, Outcome, Request};
use super::ingest::ingest;
use super::storage::{Count, Counts, LocalEngine};
use super::traffic::Traffic;
use crate::base::Clock;

/// The most requests of one commit.
const GROUP: usize = 64;

/// Something for the storage, with where to answer. No answer means that the storage failed and
/// kept nothing of it.
pub(super) enum Job {
    /// Keep what a request brings.
    Keep(Box<Request>, oneshot::Sender<Outcome>),
    /// Tell the numbers.
    Report(oneshot::Sender<Counts>),
    /// Read.
    Look(Look),
    /// Do something else with the storage.
    Work(Work),
}

/// Work on the storage, which sends its own answer.
pub(super) type Work = Box<dyn FnOnce(&mut dyn LocalEngine) + Send>;

/// The storage with its queue.
pub(super) struct StorageThread {
    pub(super) engine: Box<dyn LocalEngine>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) clock: Arc<dyn Clock>,
}

impl StorageThread {
    /// Works until every sender is gone.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
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
        let (mut requests, mut senders, mut reports, mut looks) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut works = Vec::new();
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
                Job::Look(look) => looks.push(look),
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
        for look in looks {
            look.take(self.engine.as_ref());
        }
        for work in works {
            work(&mut *self.engine);
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
        self.engine.step(&mut |records| {
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
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::base::Sha256;
    use crate::base::clock::{FixedClock, Timestamp};
    use crate::event::BatchForm;
    use crate::serve::{batch, upload};

    use crate::serve::arrivals::{Arrival, Heads};
    use crate::serve::inventory::{Ask, DigestOf, Page, Place};
    use crate::serve::memory::Memory;
    use crate::serve::removal::{Forgot, Removal};
    use crate::serve::storage::{
        ArtifactVersion, LocalInventory, LocalRemovals, LocalTokens, LocalWebhooks, Work,
    };
    use crate::serve::tests::sample;
    use crate::serve::token::{Found, OWN_TEAM, Token};
    use crate::serve::webhook::{Added, Sending, Sent, Webhook};

    /// An engine whose steps fail, without any effect, when they would refuse an event; it counts
    /// its steps.
    struct Picky {
        kept: Memory,
        steps: Arc<AtomicI64>,
    }

    impl LocalTokens for Picky {
        fn find_token(&self, digest: Option<Sha256>) -> Result<Found, Error> {
            self.kept.find_token(digest)
        }
        fn add_token(&mut self, token: &Token) -> Result<bool, Error> {
            self.kept.add_token(token)
        }
        fn list_tokens(&self) -> Result<Vec<Token>, Error> {
            self.kept.list_tokens()
        }
        fn revoke_token(&mut self, team: &str, name: &str, at: Timestamp) -> Result<bool, Error> {
            self.kept.revoke_token(team, name, at)
        }
    }

    impl LocalRemovals for Picky {
        fn forget(&mut self, order: &Removal, is_trial: bool) -> Result<Forgot, Error> {
            self.kept.forget(order, is_trial)
        }
        fn removals(&self) -> Result<Vec<Removal>, Error> {
            self.kept.removals()
        }
    }

    impl LocalWebhooks for Picky {
        fn add_webhook(&mut self, webhook: &Webhook, from_start: bool) -> Result<Added, Error> {
            self.kept.add_webhook(webhook, from_start)
        }
        fn list_webhooks(&self) -> Result<Vec<Webhook>, Error> {
            self.kept.list_webhooks()
        }
        fn remove_webhook(&mut self, team: &str, name: &str) -> Result<bool, Error> {
            self.kept.remove_webhook(team, name)
        }
        fn take_webhook(&mut self, now: Timestamp) -> Result<Option<Sending>, Error> {
            self.kept.take_webhook(now)
        }
        fn settle_webhook(&mut self, sending: &Sending, sent: &Sent) -> Result<(), Error> {
            self.kept.settle_webhook(sending, sent)
        }
    }

    impl LocalInventory for Picky {
        fn facts(&self, ask: &Ask) -> Result<Page<Place>, Error> {
            self.kept.facts(ask)
        }
        fn envelopes(&self, ask: &Ask, places: &[Place]) -> Result<Vec<Vec<u8>>, Error> {
            self.kept.envelopes(ask, places)
        }
        fn event_states(
            &self,
            ask: &Ask,
            of: DigestOf,
            rows: usize,
        ) -> Result<Page<(String, Sha256)>, Error> {
            self.kept.event_states(ask, of, rows)
        }
        fn documents(&self, ask: &Ask, rows: usize) -> Result<Page<ArtifactVersion>, Error> {
            self.kept.documents(ask, rows)
        }
    }

    impl LocalEngine for Picky {
        fn step(&mut self, work: &mut Work<'_>) -> Result<(), Error> {
            self.steps.fetch_add(1, Ordering::Relaxed);
            let mut trial = self.kept.clone();
            trial.step(work)?;
            if trial
                .counts()?
                .get(&Count::Rejected)
                .is_some_and(|n| *n > 0)
            {
                return Err(Error::Start(std::io::Error::other("no")));
            }
            self.kept = trial;
            Ok(())
        }

        fn counts(&self) -> Result<Counts, Error> {
            self.kept.counts()
        }

        fn has_body(&self, team: i32, version: &ArtifactVersion) -> Result<bool, Error> {
            self.kept.has_body(team, version)
        }

        fn heads(&self) -> Result<Heads, Error> {
            self.kept.heads()
        }

        fn feed(&self, stream: &str, after: i64) -> Result<Vec<Arrival>, Error> {
            self.kept.feed(stream, after)
        }

        fn text(&self, team: i32, sha256: Sha256) -> Result<Option<String>, Error> {
            self.kept.text(team, sha256)
        }

        fn instance_id(&self) -> &'static str {
            "picky"
        }
    }

    fn keep(event: &str) -> (Job, oneshot::Receiver<Outcome>) {
        let entries = batch::read(
            format!("{{\"events\":[{event}]}}").as_bytes(),
            BatchForm::Plain,
            10,
        )
        .unwrap();
        let (sender, outcome) = oneshot::channel();
        (
            Job::Keep(
                Box::new(Request {
                    team: OWN_TEAM,
                    content: Content::Events(entries),
                    key: None,
                }),
                sender,
            ),
            outcome,
        )
    }

    /// Lets a storage thread settle all of `jobs`, which wait together; gives the number of steps
    /// it took.
    fn settle(jobs: Vec<Job>) -> (i64, Counts) {
        let steps = Arc::<AtomicI64>::default();
        let engine = Box::new(Picky {
            kept: Memory::new(String::new()),
            steps: Arc::clone(&steps),
        });
        let traffic = Arc::<Traffic>::default();
        for _ in &jobs {
            traffic.count(Count::EventRequests);
        }
        let clock = Arc::new(FixedClock(Timestamp::from_micros(0)));
        let (queue, waiting) = mpsc::channel(jobs.len() + 1);
        for job in jobs {
            queue.try_send(job).unwrap();
        }
        let (sender, mut counts) = oneshot::channel();
        queue.try_send(Job::Report(sender)).unwrap();
        drop(queue);
        StorageThread {
            engine,
            traffic,
            clock,
        }
        .run(waiting);
        (steps.load(Ordering::Relaxed), counts.try_recv().unwrap())
    }

    fn keep_body(path: &str) -> (Job, oneshot::Receiver<Outcome>) {
        let upload = upload::read(sample::push(path, "text").to_string().as_bytes()).unwrap();
        let (sender, outcome) = oneshot::channel();
        (
            Job::Keep(
                Box::new(Request {
                    team: OWN_TEAM,
                    content: Content::Body(upload),
                    key: None,
                }),
                sender,
            ),
            outcome,
        )
    }

    #[test]
    fn a_body_that_is_there_takes_no_step() {
        let mut engine = Memory::new(String::new());
        let clock = Arc::new(FixedClock(Timestamp::from_micros(0)));
        let upload = upload::read(sample::push("spec.md", "text").to_string().as_bytes()).unwrap();
        engine
            .step(&mut |records| records.keep_body(&upload, clock.now()).map(drop))
            .unwrap();
        let (steps, traffic) = (Arc::<AtomicI64>::default(), Arc::<Traffic>::default());
        let engine = Box::new(Picky {
            kept: engine,
            steps: Arc::clone(&steps),
        });
        let mut storage_thread = StorageThread {
            engine,
            traffic,
            clock,
        };
        let ((there, mut said), (other, mut other_said)) =
            (keep_body("spec.md"), keep_body("plan.md"));
        storage_thread.settle(vec![there]);
        assert_eq!(
            (steps.load(Ordering::Relaxed), said.try_recv()),
            (0, Ok(Outcome::AlreadyExists))
        );
        storage_thread.settle(vec![other]);
        assert_eq!(
            (steps.load(Ordering::Relaxed), other_said.try_recv()),
            (1, Ok(Outcome::NotAnnounced))
        );
        assert_eq!(
            storage_thread.counts().unwrap()[&Count::BodiesAlreadyExist],
            1
        );
    }

    #[test]
    fn what_waits_together_shares_a_step_and_traffic_is_added_once() {
        let (jobs, outcomes): (Vec<_>, Vec<_>) = (0..5)
            .map(|n| keep(&sample::status_changed(&sample::id(n)).to_string()))
            .unzip();
        let (steps, counts) = settle(jobs);
        assert_eq!(steps, 1);
        assert_eq!(
            (counts[&Count::Events], counts[&Count::EventRequests]),
            (5, 5)
        );
        assert!(
            outcomes
                .into_iter()
                .all(|mut o| matches!(o.try_recv(), Ok(Outcome::Events(_))))
        );
    }

    #[test]
    fn a_request_that_cannot_be_stored_takes_no_other_with_it() {
        let good = |n| keep(&sample::status_changed(&sample::id(n)).to_string());
        let (jobs, mut outcomes): (Vec<_>, Vec<_>) =
            [good(1), keep("{}"), good(2)].into_iter().unzip();
        let (_, counts) = settle(jobs);
        let answered: Vec<_> = outcomes.iter_mut().map(|o| o.try_recv().is_ok()).collect();
        assert_eq!(answered, [true, false, true]);
        assert_eq!(
            (counts[&Count::Events], counts[&Count::EventRequests]),
            (2, 3)
        );
    }
}
