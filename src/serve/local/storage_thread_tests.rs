//! What waits together is stored together, and one failure takes nothing else with it.

use super::*;
use crate::base::clock::{FixedClock, Timestamp};
use crate::base::ids::SystemIds;
use crate::event::BatchForm;
use crate::serve::engine::token::OWN_TEAM;
use crate::serve::tests::sample;
use crate::serve::wire::{batch, upload};
use crate::store::traced;

/// A storage whose steps fail when they would refuse an event, with the directory of its file.
fn picky() -> (Sqlite, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("serve.db");
    let engine = Sqlite::open(&path, &SystemIds::default()).unwrap();
    let breaker = rusqlite::Connection::open_in_memory().unwrap();
    breaker
        .execute("ATTACH ?1 AS other", [path.to_str().unwrap()])
        .unwrap();
    let trigger =
        "CREATE TRIGGER other.picky BEFORE INSERT ON store_counters WHEN NEW.name = 'rejected'
                   BEGIN SELECT RAISE(ABORT, 'no'); END";
    breaker.execute(trigger, []).unwrap();
    (engine, dir)
}

/// The number of steps that `work` took, with what it returned.
fn steps<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let (value, statements) = traced(work);
    let is_step = |sql: &&String| sql.starts_with("BEGIN IMMEDIATE");
    (statements.iter().filter(is_step).count(), value)
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
fn settle(jobs: Vec<Job>) -> (usize, Counts) {
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
    let (engine, _dir) = picky();
    let storage_thread = StorageThread {
        engine,
        traffic,
        clock,
    };
    let (steps, ()) = steps(|| storage_thread.run(waiting));
    (steps, counts.try_recv().unwrap())
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
    let (mut engine, _dir) = picky();
    let clock = Arc::new(FixedClock(Timestamp::from_micros(0)));
    let upload = upload::read(sample::push("spec.md", "text").to_string().as_bytes()).unwrap();
    engine
        .step(|records| records.keep_body(&upload, clock.now()).map(drop))
        .unwrap();
    let mut storage_thread = StorageThread {
        engine,
        traffic: Arc::default(),
        clock,
    };
    let ((there, mut said), (other, mut other_said)) = (keep_body("spec.md"), keep_body("plan.md"));
    let (taken, ()) = steps(|| storage_thread.settle(vec![there]));
    assert_eq!((taken, said.try_recv()), (0, Ok(Outcome::AlreadyExists)));
    let (taken, ()) = steps(|| storage_thread.settle(vec![other]));
    assert_eq!(
        (taken, other_said.try_recv()),
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
