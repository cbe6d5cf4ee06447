//! The limit of live events: eviction, and refusal.

use super::fixture::{Queue, Said, keyed, plain};
use crate::delivery::Class;
use crate::journal::Appended;

#[test]
fn eviction_stays_at_the_cap() {
    let mut queue = Queue::with_events(3);
    for n in 0..4 {
        queue.capture_at_most(3, &[plain(&format!("more{n}"))]);
        assert_eq!(queue.size(), 3);
    }
    assert_eq!(queue.audits("evicted"), 4);
    assert_eq!(
        queue.classes("a"),
        [(Class::Untried, 3), (Class::Discarded, 4)]
    );
    queue.drain("a", &[Said::Lost]);
    queue.capture_at_most(3, &[plain("one"), plain("two")]);
    assert_eq!(
        queue.size(),
        5,
        "what is in flight stays, and so does what arrives"
    );
    assert_eq!(
        queue.classes("a"),
        [
            (Class::InFlight, 3),
            (Class::Untried, 2),
            (Class::Discarded, 4)
        ]
    );
    queue.capture_at_most(3, &["four", "five", "six", "seven"].map(plain));
    assert_eq!(
        queue.size(),
        6,
        "the older arrivals go, and of the new ones what is more than the queue may hold"
    );
    assert_eq!(
        queue.classes("a"),
        [
            (Class::InFlight, 3),
            (Class::Untried, 3),
            (Class::Discarded, 7)
        ]
    );
}

#[test]
fn strict_refusal_at_the_cap_counts_nothing() {
    let mut queue = Queue::new();
    queue.capture(&[keyed("a", 1, "x"), plain("b")]);
    let offered = [
        plain("c"),
        keyed("d", 1, "x"),
        plain("b"),
        keyed("e", 1, "y"),
        keyed("f", 2, "x"),
        plain("g"),
    ];
    let full = Appended::Full {
        capacity: 2,
        live: 2,
    };
    let told = [
        full,
        Appended::Unchanged { seq: 1 },
        Appended::Unchanged { seq: 2 },
        Appended::Captured {
            seq: 3,
            superseded: Some(1),
        },
        full,
        full,
    ];
    assert_eq!(queue.capture_strictly(2, &offered), told);
    assert_eq!(
        (queue.size(), queue.totals().captured, queue.payloads()),
        (2, 3, 3)
    );
    assert_eq!(
        queue.capture_strictly(1, &[plain("h")]),
        [Appended::Full {
            capacity: 1,
            live: 2
        }]
    );
    let told = queue.capture_strictly(3, &[plain("i"), plain("j")]);
    assert_eq!(
        told,
        [
            Appended::Captured {
                seq: 4,
                superseded: None
            },
            Appended::Full {
                capacity: 3,
                live: 3
            }
        ]
    );
    assert_eq!(queue.size(), 3);
    assert_eq!(
        queue.classes("a"),
        [(Class::Untried, 3), (Class::Superseded, 1)]
    );
}
