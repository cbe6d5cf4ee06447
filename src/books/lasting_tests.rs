//! Invariants of every event: its bytes never change while they are stored, and its place in the
//! hash chain is permanent.

use super::fixture::{Queue, Said, keyed, plain};
use super::{acknowledge, check, removal};
use crate::journal::Appended;

/// A queue in which each payload was deleted in another way, and one is kept.
fn emptied() -> Queue {
    let mut queue = Queue::new();
    queue.capture(&[
        keyed("old", 1, "x"),
        keyed("new", 1, "y"),
        plain("a"),
        plain("b"),
        plain("held").held(),
    ]);
    queue.drain("a", &[Said::Success, Said::Rejected, Said::Rejected]);
    let id = queue.target("a");
    queue.write(|tx, now| acknowledge(tx, now, id, 0));
    queue.capture_at_most(3, &[plain("c")]);
    queue.write(|tx, now| removal::drain_to_file(tx, now, &[4]));
    queue.write(|tx, now| removal::clear(tx, now, 0));
    queue.capture(&[plain("d")]);
    queue.write(|tx, now| removal::remove_project(tx, now, 0));
    queue.capture(&[plain("stays")]);
    queue
}

#[test]
fn the_chain_outlives_the_payloads() {
    let queue = emptied();
    assert_eq!(
        (queue.size(), queue.payloads()),
        (1, 1),
        "and nothing is found that breaks the chain"
    );
    // The acknowledged one was deleted when its project was removed.
    assert_eq!(queue.marks(), ["archived", "cleared", "evicted", "purged"]);
}

#[test]
fn a_row_without_its_payload_is_still_guarded() {
    for damage in [
        "UPDATE journal_events SET payload_sha256 = zeroblob(32) WHERE seq = 2",
        "UPDATE journal_events SET event_id = 'other' WHERE seq = 3",
        "UPDATE journal_events SET chain = zeroblob(32) WHERE seq = 4",
        "DELETE FROM journal_events WHERE seq = 5",
        "DELETE FROM journal_payloads WHERE seq = 8; DELETE FROM journal_events WHERE seq = 8",
    ] {
        let mut queue = emptied();
        queue.write(|tx, _| Ok(tx.conn().execute_batch(damage)?));
        let found = queue.write(|tx, _| check(tx));
        assert!(!found.is_empty(), "{damage}");
    }
}

/// The reference implementation wrote the newer event over the older one, even while that was in
/// flight.
#[test]
fn coalescing_never_rewrites_a_payload() {
    let mut queue = Queue::new();
    let envelope =
        |id: &str, said: &str| format!(r#"{{"event_id":"{id}","said":"{said}"}}"#).into_bytes();
    queue.capture(&[keyed("first", 1, "x")]);
    queue.drain("a", &[Said::Lost]);
    assert_eq!(
        queue.capture(&[keyed("second", 1, "y")]),
        [Appended::Captured {
            seq: 2,
            superseded: None
        }]
    );
    assert_eq!(
        queue.capture(&[keyed("third", 1, "z")]),
        [Appended::Captured {
            seq: 3,
            superseded: Some(2)
        }]
    );
    assert_eq!(
        queue.capture(&[keyed("fourth", 1, "z")]),
        [Appended::Unchanged { seq: 3 }]
    );
    let kept = [
        envelope("first", "x"),
        envelope("second", "y"),
        envelope("third", "z"),
    ];
    assert_eq!(queue.envelopes(), kept);
    queue.drain("a", &[Said::Success]);
    assert_eq!(queue.size(), 2);
    let file = queue.into_file();
    let holds = |bytes: &[u8]| file.windows(bytes.len()).any(|window| window == bytes);
    assert!(kept.iter().all(|bytes| holds(bytes)) && !holds(&envelope("fourth", "z")));
}
