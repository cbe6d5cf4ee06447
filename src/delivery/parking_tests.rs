//! Events that wait behind a parked one of their aggregate, and their order.

use super::fixture::{Books, lost, seqs};
use super::{Class, Outcome, Verdict};
use crate::event::WireForm;

const NOTHING: [i64; 0] = [];

/// Appends an event of each of these aggregates; `-` names none.
fn add(books: &mut Books, aggregates: &str) {
    for aggregate in aggregates.chars() {
        let count = books.target().cursor_seq;
        let id = format!("{count}-{aggregate}-{}", fastrand::u64(..));
        let subject = if aggregate == '-' {
            String::new()
        } else {
            format!(r#","aggregate_id":"{aggregate}""#)
        };
        books.add(
            &id,
            &format!(r#"{{"event_id":"{id}"{subject}}}"#),
            WireForm::AsIs,
            None,
        );
    }
}

/// Loses the answers for the next event, sent alone, until it is parked.
fn park(books: &mut Books) {
    for _ in 0..3 {
        let batch = books.batch();
        assert_eq!(batch.items.len(), 1);
        books.record(&batch, &lost());
        books.pass(60);
    }
}

#[test]
fn nothing_of_an_aggregate_is_first_sent_while_an_earlier_event_of_it_is_in_flight() {
    for end in [
        Outcome::Success,
        Outcome::Rejected("no".to_owned()),
        Outcome::Terminal("no".to_owned()),
    ] {
        let mut books = Books::new();
        add(&mut books, "a");
        park(&mut books);
        add(&mut books, "bab-a");
        assert_eq!(
            books.exchange(&Outcome::Success),
            [2, 4, 5],
            "the others go"
        );
        assert_eq!(books.balance().of(Class::Untried), 2);
        let parked = books.batch();
        assert_eq!(seqs(&parked), [1]);
        add(&mut books, "ac");
        books.record(&parked, &lost());
        assert_eq!(
            books.exchange(&Outcome::Success),
            [8],
            "an event that comes later waits as well"
        );
        assert_eq!(books.selected(), NOTHING);
        books.pass(600);
        assert_eq!(books.exchange(&end), [1]);
        assert_eq!(
            books.exchange(&Outcome::Success),
            [3, 6, 7],
            "in their order, once it has an end"
        );
        let balance = books.balance();
        assert_eq!(
            (balance.of(Class::Untried), balance.of(Class::InFlight)),
            (0, 0)
        );
    }
}

#[test]
fn what_was_halted_waits_too_and_goes_before_what_is_new() {
    let mut books = Books::new();
    add(&mut books, "a");
    park(&mut books);
    books.policy.max_events = 2;
    add(&mut books, "bcd");
    let batch = books.batch();
    books.record(&batch, &Verdict::Halt("no".to_owned()));
    assert_eq!(
        books.exchange(&Outcome::Success),
        [2, 3],
        "first attempts are in journal order"
    );
    assert_eq!(books.exchange(&Outcome::Success), [4]);
}

/// The rows that are examined next may all have to wait; those after them go on.
#[test]
fn a_row_that_waits_keeps_no_other_from_going() {
    let mut books = Books::new();
    add(&mut books, "aab");
    let batch = books.batch();
    books.record(&batch, &Verdict::Halt("no".to_owned()));
    books.policy.max_events = 1;
    park(&mut books);
    let selection = books.select();
    assert!(selection.batch.is_none() && selection.has_more);
    assert_eq!(books.exchange(&Outcome::Success), [3]);
    assert_eq!(books.exchange(&Outcome::Success), [1]);
    assert_eq!(books.exchange(&Outcome::Success), [2]);
}

/// A half of a refused batch was accepted by no server, so it must not be sent before its other
/// half either.
#[test]
fn the_other_half_of_a_refused_batch_waits_behind_a_parked_one() {
    let mut books = Books::new();
    add(&mut books, "aba");
    let batch = books.batch();
    books.record(&batch, &Verdict::Bisect("bad".to_owned()));
    park(&mut books);
    assert_eq!(books.exchange(&Outcome::Success), [2]);
    assert_eq!(books.exchange(&Outcome::Duplicate), [1]);
    assert_eq!(books.exchange(&Outcome::Success), [3]);
    assert_eq!(books.balance().of(Class::Delivered), 3);
}

/// An event that the receiver may have is sent again, whatever is parked.
#[test]
fn what_was_sent_before_does_not_wait() {
    let mut books = Books::new();
    add(&mut books, "aa");
    for _ in 0..3 {
        let batch = books.batch();
        books.record(&batch, &lost());
        books.pass(60);
    }
    park(&mut books);
    assert_eq!(books.exchange(&Outcome::Success), [2]);
}

#[test]
fn a_payload_that_leaves_waits_no_more() {
    let mut books = Books::new();
    add(&mut books, "a");
    park(&mut books);
    add(&mut books, "a");
    assert_eq!(
        books.selected(),
        NOTHING,
        "the second was looked at, and waits"
    );
    let parked = books.batch();
    assert_eq!(seqs(&parked), [1]);
    books.write(|tx| {
        super::post_left(
            tx,
            (2, crate::journal::Kind::Event),
            false,
            Class::Discarded,
        )
    });
    books.write(|tx| {
        Ok(tx
            .prepare("UPDATE journal_events SET discarded = 'x' WHERE seq = 2")?
            .execute([])?)
    });
    books.record(&parked, &Verdict::Settled(vec![Outcome::Success]));
    assert_eq!(books.selected(), NOTHING);
}
