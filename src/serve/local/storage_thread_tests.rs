//! What waits together is stored together, and one failure takes nothing else with it.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::base::Sha256;
use crate::base::clock::{FixedClock, Timestamp};
use crate::event::BatchForm;
use crate::serve::wire::{batch, upload};

use crate::serve::engine::arrivals::{Arrival, Heads};
use crate::serve::engine::content::ArtifactVersion;
use crate::serve::engine::inventory::{Ask, DigestOf, Page, Place};
use crate::serve::engine::removal::{Forgot, Removal};
use crate::serve::engine::token::{Found, OWN_TEAM, Token};
use crate::serve::engine::webhook::{Added, Sending, Sent, Webhook};
use crate::serve::local::memory::Memory;
use crate::serve::local::storage::{
    LocalInventory, LocalRemovals, LocalTokens, LocalWebhooks, Work,
};
use crate::serve::tests::sample;

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
    let ((there, mut said), (other, mut other_said)) = (keep_body("spec.md"), keep_body("plan.md"));
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
    let (jobs, mut outcomes): (Vec<_>, Vec<_>) = [good(1), keep("{}"), good(2)].into_iter().unzip();
    let (_, counts) = settle(jobs);
    let answered: Vec<_> = outcomes.iter_mut().map(|o| o.try_recv().is_ok()).collect();
    assert_eq!(answered, [true, false, true]);
    assert_eq!(
        (counts[&Count::Events], counts[&Count::EventRequests]),
        (2, 3)
    );
}
