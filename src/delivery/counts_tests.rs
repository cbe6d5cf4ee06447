//! Counts of an answer: of its outcomes, of clean batches, of refusals; and limits that it states.

use serde_json::json;

use super::advertised::AdvertisedLimits;
use super::fixture::{Books, lost, seqs};
use super::{Class, Outcome, Verdict};

/// Every outcome is counted under its own name, once for each event, and says how it was known.
#[test]
fn every_outcome_is_counted_under_its_name() {
    let mut books = Books::new();
    books.policy.max_events = 16;
    books.add_plain(13);
    let batch = books.batch();
    let no = || "no".to_owned();
    let outcomes = [
        (Outcome::Success, 2),
        (Outcome::Acknowledged, 1),
        (Outcome::Duplicate, 2),
        (Outcome::Pending, 2),
        (Outcome::Rejected(no()), 2),
        (Outcome::Transient(no()), 2),
        (Outcome::Terminal(no()), 2),
    ];
    let all = outcomes
        .into_iter()
        .flat_map(|(outcome, count)| vec![outcome; count]);
    let settled = books.record(&batch, &Verdict::Settled(all.collect()));
    assert_eq!(
        settled,
        super::record::Settled {
            success: 3,
            duplicate: 2,
            pending: 2,
            rejected: 2,
            transient: 2,
            terminal_failed: 2,
        }
    );
    let by_status: Vec<_> = (1..=13)
        .filter(|seq| books.row(*seq).is_by_status)
        .collect();
    assert_eq!(by_status, [3], "acknowledged by the status of the request");
    books.balance();
}

#[test]
fn only_batches_that_store_something_raise_a_learned_limit() {
    let rejected = Outcome::Rejected("no".to_owned());
    let mut books = Books::new();
    books.policy.max_events = 8;
    books.add_plain(60);
    books.exchange(&Outcome::Success);
    assert_eq!(
        books.target().clean_batches,
        0,
        "without a limit, none is counted"
    );
    let batch = books.batch();
    books.record(&batch, &Verdict::TooLarge("too large".to_owned()));
    for clean in 1..10 {
        assert_eq!(books.target().limit_events, Some(4));
        books.exchange(&Outcome::Success);
        assert_eq!(books.target().clean_batches, clean);
    }
    books.exchange(&rejected);
    let target = books.target();
    assert_eq!(
        (target.limit_events, target.clean_batches),
        (Some(4), 9),
        "nothing was stored"
    );
    books.exchange(&Outcome::Success);
    let target = books.target();
    assert_eq!(
        (target.limit_events, target.clean_batches),
        (None, 0),
        "twice 4 is what is configured"
    );
}

#[test]
fn stated_limits_give_back_what_breaks_them_and_halve_what_may_be_there() {
    let limited = |events: u64| Verdict::Limited {
        reason: "too large".to_owned(),
        told: AdvertisedLimits::read(Some(&json!({ "max_events_per_batch": events }))),
    };
    let mut books = Books::new();
    books.add_plain(4);
    let batch = books.batch();
    books.record(&batch, &limited(3));
    assert_eq!(books.balance().of(Class::Untried), 4);
    assert_eq!(
        books.batch().items.len(),
        3,
        "a batch within the stated limit"
    );

    let mut books = Books::new();
    books.add_plain(4);
    let batch = books.batch();
    books.record(&batch, &limited(9));
    assert_eq!(books.balance().of(Class::InFlight), 4);
    assert_eq!(
        books.selected(),
        [1, 2],
        "the stated limit does not explain the refusal"
    );

    let mut books = Books::new();
    books.add_plain(4);
    let batch = books.batch();
    books.record(&batch, &lost());
    books.pass(1);
    let again = books.batch();
    books.record(&again, &limited(3));
    assert_eq!(
        books.balance().of(Class::InFlight),
        4,
        "the receiver may have them"
    );
    let half = books.batch();
    assert_eq!((seqs(&half), half.is_in_doubt), (vec![1, 2], true));
}

#[test]
fn an_event_of_another_attempt_is_not_given_back() {
    let mut books = Books::new();
    books.add_plain(2);
    let batch = books.batch();
    books.record(&batch, &Verdict::Bisect("invalid".to_owned()));
    let left = books.batch();
    // The left half claims both rows.
    let both = super::Batch {
        items: batch.items,
        ..left
    };
    books.record(&both, &Verdict::Settled(vec![Outcome::Requeue; 2]));
    let balance = books.balance();
    assert_eq!(
        (balance.of(Class::Untried), balance.of(Class::InFlight)),
        (1, 1)
    );
}

/// A refusal that gives an event up is taken back like any other when the server refuses everything.
#[test]
fn the_refusal_that_gives_up_counts() {
    let mut books = Books::new();
    books.add_plain(1);
    for rejections in 1..=3_i64 {
        books.exchange(&Outcome::Rejected("no".to_owned()));
        let counted = books.write(|tx| {
            let sql = "SELECT rejections FROM delivery_rows";
            Ok(tx.prepare(sql)?.query_row([], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(counted, rejections);
        books.pass(60);
    }
    assert_eq!(books.balance().of(Class::Undeliverable), 1);
}
