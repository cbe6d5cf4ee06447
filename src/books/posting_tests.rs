//! Postings that only one act makes: were one of them forgotten, nothing else would tell.

use super::fixture::{Queue, Said, identity, keyed, plain};
use super::{acknowledge, evict};
use crate::delivery::{self, Class, Inherited};

fn forget(queue: &mut Queue, name: &str) {
    queue.write(|tx, now| Ok(delivery::forget(tx, &delivery::current(tx, name)?.unwrap(), now)?));
}

/// While a target is forgotten nothing is posted to it, so every class that changed is counted when it comes back.
#[test]
fn a_target_that_comes_back_is_counted_in_every_class() {
    let mut queue = Queue::with_events(2);
    queue.drain("b", &[Said::Success, Said::Rejected]);
    assert_eq!(queue.classes("b"), [(Class::Delivered, 1), (Class::Retryable, 1)]);
    forget(&mut queue, "b");
    queue.capture(&[keyed("older", 1, "x"), plain("held").held()]);
    queue.capture(&[keyed("newer", 1, "y")]);
    assert_eq!(queue.write(|tx, now| evict(tx, now, 2)), 2);
    queue.drain("b", &[Said::Halt]);
    let all = [Class::Delivered, Class::Blocked, Class::Untried, Class::Superseded, Class::Discarded];
    assert_eq!(queue.classes("b"), all.map(|class| (class, 1)));
    assert_eq!(queue.size(), 2);
}

/// A held event that a target has by an older ledger may leave, although another target never got it.
#[test]
fn a_held_event_that_a_target_has_leaves_the_others_blocked() {
    let mut queue = Queue::new();
    queue.capture(&[plain("held").held()]);
    queue.drain("b", &[Said::Success]);
    let has = Inherited { seq: 1, was_duplicate: false, settled_at: None };
    assert_eq!(queue.write(|tx, now| Ok(delivery::inherit(tx, &identity("a"), &[has], now)?)), 1);
    assert_eq!(
        (queue.classes("a"), queue.classes("b")),
        (vec![(Class::Delivered, 1)], vec![(Class::Blocked, 1)]),
        "what `a` has says nothing of `b`"
    );
    let a = queue.target("a");
    queue.write(|tx, now| acknowledge(tx, now, a, 0));
    assert_eq!((queue.size(), queue.classes("b")), (0, vec![(Class::Purged, 1)]));
}

/// What was sent once and cannot be sent any more ends without a request: a later version may be stricter.
#[test]
fn an_event_that_cannot_be_sent_again_is_given_up() {
    let mut queue = Queue::with_events(1);
    queue.drain("a", &[Said::Rejected]);
    queue.write(|tx, _| Ok(tx.conn().execute("UPDATE journal_events SET wire = 3", []).map(drop)?));
    queue.drain("a", &[Said::Success]);
    assert_eq!((queue.classes("a"), queue.posts("a")), (vec![(Class::Undeliverable, 1)], 1));
}
