//! Limits that are learned, and targets that ask for a pause.

use std::time::Duration;

use super::fixture::{Books, lost, seqs};
use super::{Class, Outcome, Verdict};
use crate::event::WireForm;

const NOTHING: [i64; 0] = [];

#[test]
fn a_learned_limit_halves_doubles_and_ends_at_the_configured_one() {
    let mut books = Books::new();
    let too_large = Verdict::TooLarge("too large".to_owned());
    books.policy.max_events = 8;
    for n in 0..8 {
        books.add(
            &n.to_string(),
            &format!(r#"{{"event_id":"{n}","t":"{}"}}"#, "x".repeat(400)),
            WireForm::AsIs,
            None,
        );
    }
    let batch = books.batch();
    books.record(&batch, &too_large);
    assert_eq!(books.target().limit_events, Some(4));
    let half = r#"{"events":[]}"#.len() + (batch.body.len() - r#"{"events":[]}"#.len()) / 2;
    assert_eq!(books.target().limit_bytes, i64::try_from(half).ok());
    let left = books.batch();
    assert_eq!(seqs(&left), [1, 2, 3, 4]);
    books.record(&left, &too_large);
    assert_eq!(books.target().limit_events, Some(2));
    for rows in [&[1, 2][..], &[3, 4], &[5, 6, 7, 8]] {
        assert_eq!(books.exchange(&Outcome::Success), rows);
    }
    books.add_plain(200);
    let mut sizes = Vec::new();
    while let Some(batch) = books.select().batch {
        sizes.push(batch.items.len());
        books.record(
            &batch,
            &Verdict::Settled(vec![Outcome::Success; batch.items.len()]),
        );
    }
    // The three halves were clean batches as well. The learned byte limit is above the size of
    // these small events.
    let expected = [vec![2; 7], vec![4; 10], vec![8; 18], vec![2]].concat();
    assert_eq!(sizes, expected);
    assert_eq!(
        (
            books.target().limit_events,
            books.target().limit_bytes.is_some()
        ),
        (None, true)
    );
}

#[test]
fn a_second_lesson_never_raises_a_limit() {
    let mut books = Books::new();
    let too_large = Verdict::TooLarge("too large".to_owned());
    books.policy.max_events = 8;
    books.add_plain(8);
    for (size, limit) in [(8, 4), (4, 2), (2, 1)] {
        let batch = books.batch();
        books.record(&batch, &too_large);
        assert_eq!(
            (batch.items.len(), books.target().limit_events),
            (size, Some(limit))
        );
    }
    for rows in [&[1][..], &[2], &[3, 4]] {
        assert_eq!(books.exchange(&Outcome::Success), rows);
    }
    let batch = books.batch();
    books.record(&batch, &too_large);
    assert_eq!(
        (batch.items.len(), books.target().limit_events),
        (4, Some(1))
    );
}

#[test]
fn a_target_that_keeps_asking_is_left_alone_for_longer() {
    let mut books = Books::new();
    books.add_plain(1);
    let throttled = Verdict::Throttled {
        reason: "slow".to_owned(),
        wait: None,
    };
    for (seconds, throttles) in [(1, 1), (2, 2), (4, 3)] {
        let batch = books.batch();
        books.record(&batch, &throttled);
        let target = books.target();
        let until = books.now().after(Duration::from_secs(seconds));
        assert_eq!(
            (target.not_before, target.throttled),
            (Some(until), throttles)
        );
        books.pass(seconds);
    }
    books.exchange(&Outcome::Success);
    let target = books.target();
    assert_eq!((target.not_before, target.throttled), (None, 0));
}

#[test]
fn a_target_that_asked_for_it_is_left_alone() {
    let mut books = Books::new();
    books.add_plain(5);
    let batch = books.batch();
    books.record(&batch, &lost());
    books.pass(1);
    let again = books.batch();
    let throttled = Verdict::Throttled {
        reason: "slow".to_owned(),
        wait: Some(Duration::from_secs(24)),
    };
    books.record(&again, &throttled);
    assert_eq!(
        books.balance().of(Class::InFlight),
        4,
        "it may have been received"
    );
    books.pass(29);
    assert_eq!(books.selected(), NOTHING, "not even the open attempt");
    books.pass(1);
    assert_eq!(books.exchange(&Outcome::Success), [1, 2, 3, 4]);
    let batch = books.batch();
    books.record(&batch, &throttled);
    assert_eq!(books.balance().of(Class::Untried), 1);
    books.pass(30);
    assert_eq!(books.exchange(&Outcome::Success), [5]);
}
