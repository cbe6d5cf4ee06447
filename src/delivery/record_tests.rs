//! Effects of an answer on the rows, the attempt and the target.

use std::time::Duration;

use super::fixture::{Books, lost, seqs};
use super::{Class, Outcome, Status, Verdict};
use crate::event::WireForm;

fn bisect() -> Verdict {
    Verdict::Bisect("invalid".to_owned())
}

fn halt() -> Verdict {
    Verdict::Halt("no".to_owned())
}

/// Selects repeatedly, each batch getting this verdict, until a single event was sent; returns all
/// rows sent.
fn narrow_down(books: &mut Books, verdict: &Verdict) -> Vec<Vec<i64>> {
    let mut sent = Vec::new();
    loop {
        let batch = books.batch();
        sent.push(seqs(&batch));
        if batch.items.len() == 1 {
            return sent;
        }
        books.record(&batch, verdict);
    }
}

#[test]
fn an_answer_to_a_closed_attempt_changes_nothing() {
    let settled = |outcome| Verdict::Settled(vec![outcome; 2]);
    let verdicts = [
        settled(Outcome::Success),
        settled(Outcome::Rejected("no".to_owned())),
        settled(Outcome::Requeue),
        Verdict::TooLarge("too large".to_owned()),
        bisect(),
        halt(),
        Verdict::Throttled {
            reason: "slow".to_owned(),
            wait: None,
        },
        Verdict::Unreachable("nobody".to_owned()),
        lost(),
    ];
    let mut books = Books::new();
    books.add_plain(2);
    let mut batch = books.batch();
    books.record(&batch, &settled(Outcome::Success));
    batch.unknown_ends = 2;
    let before = books.ledger();
    for verdict in verdicts {
        let said = books.record(&batch, &verdict);
        assert_eq!(said, super::record::Settled::default(), "{verdict:?}");
        assert_eq!(books.ledger(), before, "{verdict:?}");
    }
    assert_eq!(books.balance().of(Class::Delivered), 2);
}

#[test]
fn an_answer_to_another_attempt_leaves_the_row() {
    let mut books = Books::new();
    books.add_plain(2);
    let batch = books.batch();
    books.record(&batch, &bisect());
    let left = books.batch();
    // The left half claims both rows.
    let both = super::Batch {
        items: batch.items,
        ..left
    };
    books.record(&both, &Verdict::Settled(vec![Outcome::Success; 2]));
    assert_eq!(
        (books.row(1).status, books.row(2).status),
        (Status::Success, Status::InFlight)
    );
    books.balance();
}

#[test]
fn an_event_refused_too_often_is_given_up() {
    let mut books = Books::new();
    books.add_plain(1);
    for (status, class) in [
        (Status::Rejected, Class::Retryable),
        (Status::Rejected, Class::Retryable),
        (Status::TerminalFailed, Class::Undeliverable),
    ] {
        books.exchange(&Outcome::Rejected("no wp_id".to_owned()));
        let row = books.row(1);
        assert_eq!(
            (row.status, row.error.as_deref()),
            (status, Some("no wp_id"))
        );
        assert_eq!(books.balance().of(class), 1);
        books.pass(60);
    }
    assert_eq!(books.row(1).attempts, 3);
    assert!(books.select().batch.is_none());
}

#[test]
fn waits_for_an_event_that_is_accepted_and_not_stored_double() {
    let mut books = Books::new();
    books.add_plain(1);
    for wait in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
        books.exchange(&Outcome::Pending);
        let row = books.row(1);
        assert_eq!(
            (row.status, row.due_at),
            (
                Status::Pending,
                Some(books.now().after(Duration::from_secs(wait)))
            )
        );
        assert_eq!(books.balance().of(Class::InFlight), 1);
        books.pass(wait);
    }
    books.exchange(&Outcome::Duplicate);
    assert_eq!(books.balance().of(Class::Delivered), 1);
}

#[test]
fn a_batch_is_halved_after_three_unknown_ends() {
    let mut books = Books::new();
    books.add_plain(3);
    let key = books.batch().idempotency_key;
    for (ends, wait) in [(0, 1), (1, 2), (2, 4)] {
        let batch = books.batch();
        assert_eq!(
            (seqs(&batch), &batch.idempotency_key, batch.unknown_ends),
            (vec![1, 2, 3], &key, ends)
        );
        books.record(&batch, &lost());
        assert!(books.select().batch.is_none(), "it waits {wait} s");
        books.pass(wait);
    }
    let left = books.batch();
    assert_eq!(
        (seqs(&left), left.unknown_ends, left.is_in_doubt),
        (vec![1], 0, true)
    );
    assert_ne!(left.idempotency_key, key);
    books.record(&left, &Verdict::Settled(vec![Outcome::Duplicate]));
    let right = books.batch();
    assert_eq!(seqs(&right), [2, 3]);
    assert!(right.idempotency_key != key && right.idempotency_key != left.idempotency_key);
    assert_eq!(books.balance().of(Class::InFlight), 2);
}

#[test]
fn an_answer_of_dishonest_length_halves_at_once() {
    let mut books = Books::new();
    books.add_plain(4);
    let batch = books.batch();
    books.record(
        &batch,
        &Verdict::Unknown {
            reason: "long".to_owned(),
            wait: None,
            is_halved: true,
        },
    );
    books.pass(1);
    assert_eq!(books.selected(), [1, 2]);
}

#[test]
fn halves_go_in_the_order_of_their_events_however_often_they_are_halved() {
    let mut books = Books::new();
    books.policy.max_events = 8;
    books.add_plain(8);
    let sent = narrow_down(&mut books, &bisect());
    assert_eq!(
        sent,
        [
            vec![1, 2, 3, 4, 5, 6, 7, 8],
            vec![1, 2, 3, 4],
            vec![1, 2],
            vec![1]
        ]
    );
    for rows in [&[1][..], &[2], &[3, 4], &[5, 6, 7, 8]] {
        assert_eq!(books.exchange(&Outcome::Success), rows);
    }
}

#[test]
fn a_split_moves_off_a_pair_of_one_aggregate() {
    let add = |books: &mut Books, aggregates: &str| {
        for (n, aggregate) in aggregates.chars().enumerate() {
            let text = format!(r#"{{"aggregate_id":"{aggregate}","event_id":"{n}"}}"#);
            books.add(&n.to_string(), &text, WireForm::AsIs, None);
        }
    };
    for (aggregates, left) in [
        ("abcd", 2),
        ("abbc", 3),
        ("abb", 1),
        ("aab", 2),
        ("aa", 1),
        ("aaa", 2),
        ("abc", 1),
    ] {
        let mut books = Books::new();
        add(&mut books, aggregates);
        let batch = books.batch();
        books.record(&batch, &bisect());
        assert_eq!(books.batch().items.len(), left, "{aggregates}");
    }
}

#[test]
fn innocents_of_a_refused_batch_are_owed_at_once() {
    let mut books = Books::new();
    books.add_plain(3);
    let batch = books.batch();
    books.http_status = 400;
    let guilty = Outcome::Rejected("no wp_id".to_owned());
    books.record(
        &batch,
        &Verdict::Settled(vec![Outcome::Requeue, guilty, Outcome::Requeue]),
    );
    let row = books.row(1);
    assert_eq!(
        (row.status, row.attempts, row.error),
        (Status::Queued, 0, None)
    );
    let balance = books.balance();
    assert_eq!(
        (balance.of(Class::Untried), balance.of(Class::Retryable)),
        (2, 1)
    );
    assert_eq!(books.exchange(&Outcome::Success), [1, 3]);
}

#[test]
fn a_halt_gives_everything_back_as_it_was() {
    for verdict in [halt(), Verdict::Unreachable("nobody".to_owned())] {
        let mut books = Books::new();
        books.add_plain(2);
        let batch = books.batch();
        books.record(&batch, &verdict);
        let row = books.row(2);
        assert_eq!(
            (row.status, row.attempts, row.http_status),
            (Status::Queued, 0, None)
        );
        assert_eq!(books.balance().of(Class::Untried), 2);
        let again = books.batch();
        assert_eq!(seqs(&again), [1, 2]);
        assert_ne!(again.idempotency_key, batch.idempotency_key);
    }
}

#[test]
fn a_halt_leaves_in_flight_what_may_have_been_received() {
    for verdict in [halt(), Verdict::Unreachable("nobody".to_owned())] {
        let mut books = Books::new();
        books.add_plain(2);
        let batch = books.batch();
        books.record(&batch, &lost());
        books.pass(1);
        let again = books.batch();
        books.record(&again, &verdict);
        assert_eq!(books.balance().of(Class::InFlight), 2);
        let third = books.batch();
        assert_eq!(
            (third.idempotency_key, third.body),
            (batch.idempotency_key, batch.body)
        );
    }
}

#[test]
fn a_halt_takes_back_the_halves_that_never_went_out() {
    let mut books = Books::new();
    books.add_plain(4);
    let batch = books.batch();
    books.record(&batch, &bisect());
    let left = books.batch();
    books.record(&left, &halt());
    assert_eq!(books.balance().of(Class::Untried), 4);
    assert_eq!(books.exchange(&Outcome::Success), [1, 2, 3, 4]);
}

#[test]
fn a_retry_after_counts_after_an_unknown_end() {
    let mut books = Books::new();
    books.add_plain(2);
    let batch = books.batch();
    let wait = Some(Duration::from_mins(2));
    books.record(
        &batch,
        &Verdict::Unknown {
            reason: "HTTP 503".to_owned(),
            wait,
            is_halved: false,
        },
    );
    // At most a quarter more, to spread the clients with the same wait.
    books.pass(149);
    assert!(books.select().batch.is_none());
    assert!(books.target().not_before.is_some(), "it asked everybody");
    books.pass(1);
    assert_eq!(books.selected(), [1, 2]);
}

#[test]
fn an_attempt_whose_wire_form_changed_goes_under_a_new_key() {
    let mut books = Books::new();
    books.project = None;
    books.add("a", r#"{"event_id":"a"}"#, WireForm::Rewrite, None);
    let batch = books.batch();
    assert_eq!(batch.body, br#"{"events":[{"event_id":"a"}]}"#);
    books.project = Some("p");
    let again = books.batch();
    assert_eq!(
        again.body,
        br#"{"events":[{"event_id":"a","project_uuid":"p"}]}"#
    );
    assert_ne!(again.idempotency_key, batch.idempotency_key);
    assert!(again.is_in_doubt);
    books.record(&again, &Verdict::Settled(vec![Outcome::Duplicate]));
    assert_eq!(books.balance().of(Class::Delivered), 1);
}

#[test]
fn an_attempt_whose_stored_bytes_changed_is_not_sent() {
    let mut books = Books::new();
    books.add_plain(2);
    books.batch();
    books.write(|tx| {
        let sql = "UPDATE delivery_attempts SET body_sha256 = zeroblob(32)";
        Ok(tx.prepare(sql)?.execute([])?)
    });
    let error = books.try_select().unwrap_err().to_string();
    assert!(
        error.contains("its bytes differ from those sent"),
        "{error}"
    );
}
