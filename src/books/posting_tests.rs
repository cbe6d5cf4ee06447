//! Postings that only one act makes; other tests would not notice if one were missing.

use super::fixture::{Queue, Said, identity, keyed, plain};
use super::{
    GcRule, NO_ARRIVALS, Restorable, acknowledge, collect, evict, mark_archived, plan_collection,
    removal, restore,
};
use crate::base::Timestamp;
use crate::delivery::{self, Class, Inherited};

fn forget(queue: &mut Queue, name: &str) {
    queue.write(|tx, now| {
        Ok(delivery::forget(
            tx,
            &delivery::current(tx, name)?.unwrap(),
            now,
        )?)
    });
}

/// While a target is forgotten nothing is posted to it, so every changed class is counted when it
/// is used again.
#[test]
fn a_target_that_comes_back_is_counted_in_every_class() {
    let mut queue = Queue::with_events(2);
    queue.drain("b", &[Said::Success, Said::Rejected]);
    assert_eq!(
        queue.classes("b"),
        [(Class::Delivered, 1), (Class::Retryable, 1)]
    );
    forget(&mut queue, "b");
    queue.capture(&[keyed("older", 1, "x"), plain("held").held()]);
    queue.capture(&[keyed("newer", 1, "y")]);
    assert_eq!(
        queue.write(|tx, now| evict(tx, now, 2, NO_ARRIVALS)).len(),
        2
    );
    queue.drain("b", &[Said::Halt]);
    let all = [
        Class::Delivered,
        Class::Blocked,
        Class::Untried,
        Class::Superseded,
        Class::Discarded,
    ];
    assert_eq!(queue.classes("b"), all.map(|class| (class, 1)));
    assert_eq!(queue.size(), 2);
}

/// A held event that a target has according to an older ledger may be deleted, although another
/// target never got it.
#[test]
fn a_held_event_that_a_target_has_leaves_the_others_blocked() {
    let mut queue = Queue::new();
    queue.capture(&[plain("held").held()]);
    queue.drain("b", &[Said::Success]);
    let has = Inherited {
        seq: 1,
        was_duplicate: false,
        settled_at: None,
    };
    assert_eq!(
        queue.write(|tx, now| Ok(delivery::inherit(tx, &identity("a"), &[has], now)?)),
        1
    );
    assert_eq!(
        (queue.classes("a"), queue.classes("b")),
        (vec![(Class::Delivered, 1)], vec![(Class::Blocked, 1)]),
        "what `a` has says nothing of `b`"
    );
    let a = queue.target("a");
    queue.write(|tx, now| acknowledge(tx, now, a, 0));
    assert_eq!(
        (queue.size(), queue.classes("b")),
        (0, vec![(Class::Purged, 1)])
    );
}

/// An event that a target has according to an older ledger is delivered there, and still left to
/// send to the others.
#[test]
fn what_an_older_ledger_says_is_posted() {
    let mut queue = Queue::with_events(2);
    queue.drain("b", &[Said::Halt]);
    let has = Inherited {
        seq: 2,
        was_duplicate: true,
        settled_at: None,
    };
    assert_eq!(
        queue.write(|tx, now| Ok(delivery::inherit(tx, &identity("a"), &[has], now)?)),
        1
    );
    assert_eq!(
        queue.classes("a"),
        [(Class::Delivered, 1), (Class::Untried, 1)]
    );
    assert_eq!(
        (queue.classes("b"), queue.size()),
        (vec![(Class::Untried, 2)], 2)
    );
}

/// An event that was sent before and cannot be sent any more is given up without a request: a later
/// version may be stricter.
#[test]
fn an_event_that_cannot_be_sent_again_is_given_up() {
    let mut queue = Queue::with_events(1);
    queue.drain("a", &[Said::Rejected]);
    queue.write(|tx, _| {
        Ok(tx
            .conn()
            .execute("UPDATE journal_events SET wire = 3", [])
            .map(drop)?)
    });
    queue.drain("a", &[Said::Success]);
    assert_eq!(
        (queue.classes("a"), queue.posts("a")),
        (vec![(Class::Undeliverable, 1)], 1)
    );
}

/// An archived payload that one target has is deleted when archives are included: purged where it
/// was left to send.
#[test]
fn an_archived_event_that_goes_is_purged_where_it_was_owed() {
    let mut queue = Queue::with_events(2);
    queue.drain("a", &[Said::Success]);
    queue.drain("b", &[Said::Halt]);
    queue.drain("c", &[Said::Rejected]);
    assert_eq!(
        (queue.classes("b"), queue.classes("c")),
        (vec![(Class::Untried, 2)], vec![(Class::Retryable, 2)])
    );
    queue.write(|tx, now| mark_archived(tx, now, &[1, 2]));
    let plan = queue.write(|tx, _| {
        plan_collection(
            tx,
            GcRule {
                with_archived: true,
                ..GcRule::default()
            },
        )
    });
    queue.write(|tx, now| collect(tx, now, &plan, 0));
    let purged = vec![(Class::Purged, 2)];
    assert_eq!(
        (queue.size(), queue.classes("b"), queue.classes("c")),
        (0, purged.clone(), purged)
    );
    assert_eq!(queue.classes("a"), [(Class::Delivered, 2)]);
}

/// A held event in an archive is cleared or acknowledged, and restored: on hold and archived as
/// before.
#[test]
fn a_held_event_that_comes_back_from_an_archive_is_held_again() {
    for is_acknowledged in [false, true] {
        let mut queue = Queue::new();
        queue.capture(&[plain("e0").held()]);
        queue.write(|tx, now| mark_archived(tx, now, &[1]));
        if is_acknowledged {
            let has = Inherited {
                seq: 1,
                was_duplicate: true,
                settled_at: None,
            };
            queue.write(|tx, now| Ok(delivery::inherit(tx, &identity("b"), &[has], now)?));
            let b = queue.target("b");
            assert_eq!(queue.write(|tx, now| acknowledge(tx, now, b, 0)).0, 1);
        } else {
            assert_eq!(queue.write(|tx, now| removal::clear(tx, now, 0)).events, 1);
        }
        let totals = queue.totals();
        assert_eq!((queue.size(), totals.held, totals.archived), (0, 0, 0));
        let event = Restorable {
            event_id: "e0".to_owned(),
            event_type: "T".to_owned(),
            occurred_at: None,
            captured_at: Timestamp::from_micros(5),
            origin: "test".to_owned(),
            held: Some("opted_out".to_owned()),
            envelope: br#"{"event_id":"e0","said":""}"#.to_vec(),
        };
        assert_eq!(
            queue
                .write(|tx, now| restore(tx, now, &[event], 0))
                .returned,
            1
        );
        let totals = queue.totals();
        assert_eq!((queue.size(), totals.held, totals.archived), (1, 1, 1));
        assert_eq!(queue.classes("a"), [(Class::Blocked, 1)]);
    }
}
