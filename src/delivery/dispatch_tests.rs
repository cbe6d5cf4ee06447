//! When a drain continues, and when it stops.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::fixture::Books;
use super::{Batch, Class, DeliveryReceiver, Error, Report, Status, Stop};
use crate::base::Interrupt;
use crate::endpoint::{Identity, ServerStand};
use crate::http::{Answer, Failure};
use crate::store::{WriteTx, traced};

/// A receiver that answers by a rule and counts its requests.
struct Ruled<'a> {
    identity: Identity,
    requests: Cell<u64>,
    sent: RefCell<Vec<Vec<i64>>>,
    rule: &'a dyn Fn(&Batch) -> (u16, String),
}

impl DeliveryReceiver for Ruled<'_> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn deliver(&self, batch: &Batch, _within: Duration) -> Result<Result<Answer, Failure>, Error> {
        self.requests.set(self.requests.get() + 1);
        self.sent.borrow_mut().push(super::fixture::seqs(batch));
        let (status, body) = (self.rule)(batch);
        Ok(Ok(Answer {
            status,
            body: body.into_bytes(),
            ..Answer::default()
        }))
    }
}

/// Everything is stored.
fn well(batch: &Batch) -> (u16, String) {
    let results: Vec<String> = batch
        .items
        .iter()
        .map(|item| format!(r#"{{"event_id":"{}","status":"success"}}"#, item.event_id))
        .collect();
    (200, format!(r#"{{"results":[{}]}}"#, results.join(",")))
}

/// Drains by a rule; returns the report and what was sent.
fn drain(books: &mut Books, rule: &dyn Fn(&Batch) -> (u16, String)) -> (Report, Vec<Vec<i64>>) {
    let receiver = Ruled {
        identity: books.target().identity,
        requests: Cell::default(),
        sent: RefCell::default(),
        rule,
    };
    let report = books.drain(&receiver, &Interrupt::default());
    assert_eq!(report.requests, receiver.requests.get());
    (report, receiver.sent.into_inner())
}

#[test]
fn a_drain_sends_everything_in_order_with_as_few_requests_as_the_limits_allow() {
    let mut books = Books::new();
    books.add_plain(10);
    let (report, sent) = drain(&mut books, &well);
    assert_eq!(sent, [vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9, 10]]);
    assert_eq!(
        (report.success, report.selected, report.stop),
        (10, 10, None)
    );
    assert_eq!(books.balance().of(Class::Delivered), 10);
    assert_eq!(drain(&mut books, &well).0, Report::default());
}

/// One commit to choose the first batch, then one for each answer, which also chooses what is next.
#[test]
fn a_request_costs_one_commit() {
    let mut books = Books::new();
    books.add_plain(10);
    let identity = books.target().identity;
    let receiver = Ruled {
        identity,
        requests: Cell::default(),
        sent: RefCell::default(),
        rule: &well,
    };
    let (report, heard) = traced(|| books.drain(&receiver, &Interrupt::default()));
    assert_eq!((report.requests, report.success), (3, 10));
    assert_eq!(
        heard.iter().filter(|sql| sql.as_str() == "COMMIT").count(),
        1 + 3
    );
}

/// The answer is recorded even if the next batch cannot be built.
#[test]
fn an_answer_is_not_lost_with_the_batch_after_it() {
    let mut books = Books::new();
    books.add_plain(8);
    let broken = |tx: &WriteTx<'_>| {
        Ok(tx
            .prepare("DELETE FROM journal_payloads WHERE seq = 6")?
            .execute([])?)
    };
    books.write(broken);
    let identity = books.target().identity;
    let receiver = Ruled {
        identity,
        requests: Cell::default(),
        sent: RefCell::default(),
        rule: &well,
    };
    let error = books
        .try_drain(&receiver, &Interrupt::default())
        .unwrap_err();
    assert!(error.to_string().contains("payload is gone"), "{error}");
    assert_eq!(receiver.sent.into_inner(), [vec![1, 2, 3, 4]]);
    assert_eq!(books.row(4).status, Status::Success);
}

#[test]
fn a_culprit_is_found_and_the_others_arrive() {
    let mut books = Books::new();
    books.add_plain(8);
    let strict = |batch: &Batch| {
        let has_culprit = batch.items.iter().any(|item| item.seq == 6);
        if has_culprit {
            (400, r#"{"error":"invalid"}"#.to_owned())
        } else {
            well(batch)
        }
    };
    let (report, sent) = drain(&mut books, &strict);
    assert_eq!(
        sent,
        [
            vec![1, 2, 3, 4],
            vec![5, 6, 7, 8],
            vec![5, 6],
            vec![5],
            vec![6],
            vec![7, 8]
        ]
    );
    assert_eq!((report.success, report.rejected, report.stop), (7, 1, None));
}

#[test]
fn the_budget_for_finding_culprits_ends_and_the_rest_is_owed() {
    let mut books = Books::new();
    books.policy.max_events = 1000;
    books.add_plain(1000);
    let words = Cell::new(0);
    let other_words = |_: &Batch| {
        words.set(words.get() + 1);
        (
            400,
            format!(
                r#"{{"error":"{}"}}"#,
                ["no line", "no lane", "no land"][words.get() % 3]
            ),
        )
    };
    let (report, _) = drain(&mut books, &other_words);
    assert!(
        matches!(report.stop, Some(Stop::Halted(_))),
        "{:?}",
        report.stop
    );
    let balance = books.balance();
    assert_eq!(
        balance.of(Class::InFlight),
        0,
        "nothing of it may have been received"
    );
    assert_eq!(
        balance.of(Class::Untried) + balance.of(Class::Retryable),
        1000
    );
    assert!(balance.of(Class::Retryable) > 100);
}

/// One event after the other is refused for the same reason, and nothing is accepted: the server
/// refuses everything. No event's refusals are counted, however often this happens.
#[test]
fn equal_refusals_of_all_events_are_one_halt() {
    let mut books = Books::new();
    books.policy.max_events = 1000;
    books.add_plain(1000);
    for _ in 0..10 {
        let (report, sent) = drain(&mut books, &|_| (400, r#"{"error":"invalid"}"#.to_owned()));
        assert!(
            matches!(&report.stop, Some(Stop::Halted(said)) if said.contains("invalid")),
            "{report:?}"
        );
        assert!(
            matches!(report.server, ServerStand::Refuses(_)),
            "{report:?}"
        );
        assert_eq!(
            (report.rejected, sent.len() < 20),
            (0, true),
            "{}",
            sent.len()
        );
        assert_eq!(books.balance().of(Class::Untried), 1000);
        books.pass(3600);
    }
    let (report, _) = drain(&mut books, &well);
    assert_eq!((report.success, report.stop), (1000, None));
}

#[test]
fn one_request_is_enough_to_learn_that_a_target_refuses() {
    let mut books = Books::new();
    books.add_plain(10);
    for status in [401, 302, 429] {
        let (report, sent) = drain(&mut books, &|_| (status, String::new()));
        assert_eq!(sent.len(), 1, "{status}");
        assert!(matches!(
            report.stop,
            Some(Stop::Halted(_) | Stop::Throttled(_))
        ));
        assert_eq!(books.balance().of(Class::Untried), 10);
    }
}

#[test]
fn parked_events_are_not_all_tried_at_a_target_that_fails() {
    let mut books = Books::new();
    books.policy.max_events = 1;
    books.add_plain(10);
    let failing = |_: &Batch| (500, String::new());
    for _ in 0..40 {
        drain(&mut books, &failing);
        books.pass(3600);
    }
    assert_eq!(books.balance().of(Class::InFlight), 10);
    let (report, sent) = drain(&mut books, &failing);
    assert_eq!((report.requests, sent.len()), (3, 3));
    assert!(matches!(report.stop, Some(Stop::Unknown(_))));
    books.pass(3600);
    assert_eq!(drain(&mut books, &well).0.success, 10);
}

#[test]
fn a_drain_stops_at_its_deadline_and_when_asked() {
    let mut books = Books::new();
    books.add_plain(2);
    let interrupt = Interrupt::default();
    interrupt.request();
    let identity = books.target().identity;
    let receiver = Ruled {
        identity,
        requests: Cell::default(),
        sent: RefCell::default(),
        rule: &well,
    };
    assert_eq!(
        books.drain(&receiver, &interrupt).stop,
        Some(Stop::Interrupted)
    );
    books.max_time = Duration::ZERO;
    assert_eq!(drain(&mut books, &well).0.stop, Some(Stop::Deadline));
    assert_eq!(receiver.requests.get(), 0);
    assert_eq!(books.balance().of(Class::Untried), 2);
}
