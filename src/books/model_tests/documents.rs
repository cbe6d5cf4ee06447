//! Documents in the state model: files on disk, and random histories of indexing, sending of events
//! and documents, upkeep and crashes, on a real store. After every step the balance of events and
//! documents holds; from any end of a history, an index and drains to servers that accept
//! everything leave nothing to send, and every server with the texts on disk (liveness).

use proptest::collection::vec;
use proptest::prelude::*;

use super::document_ops::{NO_DOCUMENT, Op, Said, op};
use super::document_world::World;
use super::ops::Reply;
use crate::delivery::Class;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_ends_with_the_texts_on_disk_at_every_target(history in vec(op(), 1..40)) {
        let mut world = World::new();
        for op in history {
            world.step(op);
            world.check();
        }
        world.end_well();
    }
}

/// A history that would fail if the newest rows were collected: every target has everything, the
/// payloads that may be deleted are deleted, and then a new target is added.
#[test]
fn a_target_that_comes_after_a_collection_gets_every_text() {
    let mut world = World::new();
    let all = |target| {
        let words = vec![Said::Stored; 4];
        [
            Op::Events {
                target,
                replies: vec![Reply::well()],
            },
            Op::Documents {
                target,
                words,
                sees_disk: true,
            },
        ]
    };
    for text in 0..NO_DOCUMENT {
        for path in 0..3 {
            world.step(Op::Write { path, text });
        }
        world.step(Op::Index {
            keeps_texts: true,
            is_held: false,
        });
        all(0)
            .into_iter()
            .chain(all(1))
            .for_each(|op| world.step(op));
        world.step(Op::Collect { configured: None });
        world.check();
    }
    world.end_well();
}

/// A version on hold, a newer one that was sent, and then the release: the newer one stays the
/// server's last version.
#[test]
fn what_was_on_hold_does_not_come_after_what_replaced_it() {
    let mut world = World::new();
    for op in [
        Op::Write { path: 2, text: 1 },
        Op::Index {
            keeps_texts: true,
            is_held: true,
        },
        Op::Write { path: 2, text: 0 },
        Op::Index {
            keeps_texts: true,
            is_held: false,
        },
        Op::Events {
            target: 0,
            replies: Vec::new(),
        },
        Op::Documents {
            target: 0,
            words: vec![Said::Stored],
            sees_disk: false,
        },
    ] {
        world.step(op);
        world.check();
    }
    world.end_well();
}

/// The first target refused the first version of a document; the second has the second version.
fn refused_here_and_overtaken_there() -> World {
    let mut world = World::new();
    let refused = vec![Said::Refused];
    for (text, words) in [
        (0, [refused, Vec::new()]),
        (1, [Vec::new(), vec![Said::Again, Said::Stored]]),
    ] {
        let mut history = vec![
            Op::Write { path: 0, text },
            Op::Index {
                keeps_texts: true,
                is_held: false,
            },
        ];
        for (target, words) in words.into_iter().enumerate() {
            history.push(Op::Events {
                target,
                replies: vec![Reply::well()],
            });
            history.push(Op::Documents {
                target,
                words,
                sees_disk: true,
            });
        }
        for op in history {
            world.step(op);
            world.check();
        }
    }
    world
}

/// Documents at the first target: delivered, undeliverable, superseded, untried.
fn classes(world: &World) -> [i64; 4] {
    let documents = world.balances(0).1;
    [
        Class::Delivered,
        Class::Undeliverable,
        Class::Superseded,
        Class::Untried,
    ]
    .map(|class| documents.of(class))
}

/// A version that one target refused is superseded when another target has a newer one; then the
/// first target gets the newer one too, which ends the refusal.
#[test]
fn a_refused_version_that_another_target_overtook_is_counted_once() {
    let mut world = refused_here_and_overtaken_there();
    assert_eq!(classes(&world), [0, 1, 0, 1]);
    world.step(Op::Documents {
        target: 0,
        words: vec![Said::Stored],
        sees_disk: true,
    });
    world.check();
    assert_eq!(classes(&world), [1, 0, 1, 0]);
}

/// The same version, asked for again by a user before its target has the newer one: it is not sent
/// any more, so it counts as superseded.
#[test]
fn an_overtaken_version_that_is_tried_again_is_superseded() {
    let mut world = refused_here_and_overtaken_there();
    assert_eq!(classes(&world), [0, 1, 0, 1]);
    world.step(Op::Retry { target: 0 });
    world.check();
    assert_eq!(classes(&world), [0, 0, 1, 1]);
    world.end_well();
}

/// A user agrees to send to another target from now on: what the first target has is on hold, and
/// stays as it is there, whatever is to be sent again.
#[test]
fn what_is_on_hold_is_not_sent_again() {
    for again in [
        Op::Replay { target: 0 },
        Op::Resubmit { target: 0 },
        Op::Retry { target: 0 },
    ] {
        let mut world = refused_here_and_overtaken_there();
        for op in [
            Op::Write { path: 1, text: 2 },
            Op::Index {
                keeps_texts: true,
                is_held: false,
            },
            Op::Events {
                target: 0,
                replies: vec![Reply::well()],
            },
            Op::Documents {
                target: 0,
                words: vec![Said::Stored],
                sees_disk: true,
            },
            Op::Hold { target: 1 },
        ] {
            world.step(op);
            world.check();
        }
        let before = world.balances(0);
        assert!(before.0.of(Class::Delivered) > 0, "{before:?}");
        assert!(before.1.of(Class::Delivered) > 0, "{before:?}");
        world.step(again.clone());
        world.check();
        let after = world.balances(0);
        let has_both = after.0.of(Class::Delivered) > 0 && after.1.of(Class::Delivered) > 0;
        assert!(has_both, "{again:?}: {before:?} {after:?}");
        world.end_well();
    }
}
