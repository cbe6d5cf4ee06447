//! The counters after a random mix of acts, and after transactions that did not commit.

use super::fixture::{Queue, Said, keyed, plain};
use super::{NO_ARRIVALS, acknowledge, evict, release, removal};
use crate::journal::{self, Appended};

#[test]
fn a_fresh_handle_on_a_populated_file() {
    let mut queue = Queue::with_events(7);
    queue.drain("a", &[Said::Success]);
    queue.capture_at_most(5, &[plain("more")]);
    let totals = queue.totals();
    queue.reopen();
    assert_eq!((queue.totals(), queue.size()), (totals, 5));
    queue.capture(&[plain("after")]);
    assert_eq!(queue.size(), 6);
}

/// One random act.
fn random_act(queue: &mut Queue, random: &mut fastrand::Rng, n: usize) {
    let words = [
        Said::Success,
        Said::Duplicate,
        Said::Rejected,
        Said::Pending,
        Said::Nothing,
    ];
    let target = if random.bool() { "a" } else { "b" };
    let id = format!("r{}", random.usize(..=n));
    let some = [
        plain(&id).saying(&n.to_string()),
        keyed(
            &format!("k{n}"),
            random.u8(..3),
            &random.u8(..3).to_string(),
        ),
    ];
    match random.u8(..12) {
        0..3 => drop(queue.capture(&some)),
        3 => drop(queue.capture_strictly(4, &some)),
        4 => drop(queue.capture_at_most(6, &some)),
        5 => queue.drain(target, &[Said::Lost]),
        6..9 => queue.drain(
            target,
            &[random.choice(words).unwrap(), random.choice(words).unwrap()],
        ),
        9 => {
            let id = queue.target("a");
            queue.write(|tx, now| acknowledge(tx, now, id, 0).map(drop));
        }
        10 => queue.reopen(),
        _ => queue.write(|tx, now| match random.u8(..6) {
            0 => removal::clear(tx, now, 0).map(drop),
            1 => removal::remove_project(tx, now, 0).map(drop),
            2 => removal::drain_to_file(tx, now, &[1, 2, 3, 5, 8, 13, 21]).map(drop),
            _ => release(tx, now, 1).map(drop),
        }),
    }
}

#[test]
fn size_equals_disk_after_a_random_mix() {
    for seed in 0..6 {
        let mut queue = Queue::new();
        let mut random = fastrand::Rng::with_seed(seed);
        for n in 0..60 {
            random_act(&mut queue, &mut random, n);
            queue.size();
        }
    }
}

#[test]
fn a_failed_transaction_changes_nothing() {
    let mut queue = Queue::with_events(3);
    assert_eq!(queue.size(), 3);
    queue.fail(|tx, now| {
        removal::clear(tx, now, 0)?;
        assert_eq!(
            (journal::size(tx)?, journal::size_from_disk(tx)?),
            (0, 0),
            "within it"
        );
        Ok(())
    });
    assert_eq!(queue.size(), 3);
    queue.fail(|tx, now| evict(tx, now, 1, NO_ARRIVALS).map(drop));
    queue.capture(&[plain("next")]);
    assert_eq!(queue.size(), 4);
}

#[test]
fn a_process_that_goes_within_a_transaction_changes_nothing() {
    let mut queue = Queue::with_events(3);
    // The files while the transaction is open: some of its writes are already there.
    let mut left_behind = queue.copy_within(|tx, now| removal::clear(tx, now, 0).map(drop));
    assert_eq!(left_behind.size(), 3);
    left_behind.capture(&[plain("next")]);
    assert_eq!(left_behind.size(), 4);
}

#[test]
fn another_handle_wrote_in_between() {
    let mut one = Queue::with_events(2);
    let mut two = one.another();
    assert_eq!((one.size(), two.size()), (2, 2));
    two.capture(&[plain("theirs")]);
    one.capture(&[plain("mine")]);
    assert_eq!((one.size(), two.size()), (4, 4));
    two.write(|tx, now| removal::clear(tx, now, 0));
    assert_eq!(
        one.capture_strictly(1, &[plain("x")]),
        [Appended::Captured {
            seq: 5,
            superseded: None
        }]
    );
    assert_eq!((one.size(), two.size()), (1, 1));
    two.capture_at_most(1, &[plain("y")]);
    assert_eq!((one.size(), two.size()), (1, 1));
}
