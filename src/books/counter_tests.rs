//! Each act on the store and its effect on the number of live events, which must equal the rows for
//! every handle after it.

use super::fixture::{Queue, Said, keyed, plain};
use super::{NO_ARRIVALS, acknowledge, evict, release, removal};
use crate::delivery::Class;
use crate::journal::{self, Appended};

#[test]
fn lazy_initialisation() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.db");
    assert!(
        super::open_read(&path).unwrap().is_none(),
        "looking makes no store"
    );
    let queue = Queue::at(path);
    assert_eq!(queue.size(), 0);
    assert_eq!(queue.counter_rows(), 0, "asking makes no counter");
    let mut queue = queue;
    queue.capture(&[plain("a")]);
    assert_eq!(queue.size(), 1);
}

#[test]
fn insert_adds_one() {
    let mut queue = Queue::new();
    for n in 1..=3 {
        queue.capture(&[plain(&format!("e{n}"))]);
        assert_eq!(queue.size(), n);
    }
    queue.capture(&[plain("e1")]);
    assert_eq!(queue.size(), 3, "a known id is no insert");
    assert_eq!(queue.classes("a"), [(Class::Untried, 3)]);
}

#[test]
fn acknowledge_subtracts_the_rows_really_removed() {
    let mut queue = Queue::with_events(5);
    queue.drain(
        "a",
        &[
            Said::Success,
            Said::Success,
            Said::Success,
            Said::Rejected,
            Said::Rejected,
        ],
    );
    queue.drain("b", &[Said::Success, Said::Lost]);
    assert_eq!(queue.size(), 5, "what is retained stays");
    let id = queue.target("a");
    // At target b everything is in flight: the answer was lost.
    assert_eq!(queue.write(|tx, now| acknowledge(tx, now, id, 0)).0, 0);
    assert_eq!(queue.size(), 5);
    queue.drain("b", &[Said::Success]);
    assert_eq!(queue.write(|tx, now| acknowledge(tx, now, id, 0)).0, 3);
    assert_eq!(queue.size(), 2);
    assert_eq!(
        queue.write(|tx, now| acknowledge(tx, now, id, 0)).0,
        0,
        "once"
    );
    assert_eq!(
        queue.classes("a"),
        [(Class::Delivered, 3), (Class::Retryable, 2)]
    );
}

#[test]
fn clear_leaves_what_is_in_flight() {
    let mut queue = Queue::with_events(4);
    queue.drain(
        "a",
        &[Said::Success, Said::Rejected, Said::Success, Said::Success],
    );
    queue.capture(&[plain("held").held(), plain("new")]);
    queue.drain("b", &[Said::Lost]);
    let cleared = queue.write(|tx, now| removal::clear(tx, now, 0));
    assert_eq!(
        (cleared.events, cleared.in_flight),
        (1, 5),
        "the held one went, the others may be at b"
    );
    assert_eq!(queue.size(), 5);
    queue.drain("b", &[Said::Success]);
    let cleared = queue.write(|tx, now| removal::clear(tx, now, 0));
    assert_eq!((cleared.events, cleared.in_flight), (5, 0));
    assert_eq!(queue.size(), 0);
    assert_eq!(
        queue.classes("a"),
        [(Class::Delivered, 3), (Class::Discarded, 3)]
    );
    assert_eq!(
        queue.classes("b"),
        [(Class::Delivered, 5), (Class::Discarded, 1)]
    );
    assert_eq!(queue.audits("cleared"), 6);
    queue.drain("a", &[]);
    assert_eq!(queue.posts("a"), 1, "nothing cleared is sent");
    assert_eq!(
        queue.capture(&[plain("new")]),
        [Appended::Unchanged { seq: 6 }],
        "and its id stays known"
    );
}

#[test]
fn remove_project_subtracts_what_is_removed_and_it_stays_away() {
    let mut queue = Queue::new();
    queue.capture(&[
        keyed("old", 1, "x"),
        keyed("new", 1, "y"),
        plain("a"),
        plain("held").held(),
    ]);
    let conflict = queue.capture(&[plain("a").saying("otherwise")]);
    assert_eq!(conflict, [Appended::Conflict { seq: 3 }]);
    queue.drain("a", &[Said::Success, Said::Rejected]);
    assert_eq!(queue.size(), 3);
    let removed = queue.write(|tx, now| removal::remove_project(tx, now, 0));
    assert_eq!(
        (removed.events, removed.in_flight, removed.last),
        (3, 0, Some(4))
    );
    assert_eq!(queue.size(), 0);
    assert_eq!(
        queue.classes("a"),
        [
            (Class::Delivered, 1),
            (Class::Superseded, 1),
            (Class::Discarded, 2)
        ]
    );
    assert_eq!(
        queue.audits("purged"),
        4,
        "the superseded one had bytes as well"
    );
    assert_eq!(
        queue.bytes_kept(),
        0,
        "neither payloads nor what was kept apart"
    );
    assert_eq!(queue.totals().conflicts, 0);
    // Events captured under these ids are not kept.
    let again = [
        plain("a"),
        plain("a").saying("otherwise"),
        keyed("old", 1, "x"),
        plain("HELD").saying("more"),
    ];
    let purged = [3, 3, 1, 4].map(|seq| Appended::Purged { seq });
    assert_eq!(queue.capture(&again), purged);
    assert_eq!((queue.size(), queue.bytes_kept()), (0, 0));
    let removed = queue.write(|tx, now| removal::remove_project(tx, now, 0));
    assert_eq!(removed.events, 0, "once");
    assert_eq!(queue.audits("purged"), 4);
}

#[test]
fn removing_a_project_leaves_what_is_in_flight_and_its_conflicts() {
    let mut queue = Queue::with_events(2);
    queue.capture(&[plain("e0").saying("otherwise")]);
    queue.drain("a", &[Said::Lost]);
    queue.capture(&[plain("late")]);
    let removed = queue.write(|tx, now| removal::remove_project(tx, now, 0));
    assert_eq!((removed.events, removed.in_flight), (1, 2));
    assert_eq!((queue.size(), queue.totals().conflicts), (2, 1));
    queue.drain("a", &[Said::Success]);
    assert_eq!(
        queue.classes("a"),
        [(Class::Delivered, 2), (Class::Discarded, 1)]
    );
    let removed = queue.write(|tx, now| removal::remove_project(tx, now, 0));
    assert_eq!((removed.events, removed.in_flight), (2, 0));
    assert_eq!(
        (queue.size(), queue.totals().conflicts, queue.bytes_kept()),
        (0, 0, 0)
    );
}

#[test]
fn retry_bump_changes_nothing() {
    let mut queue = Queue::with_events(3);
    for attempts in 1..=3 {
        queue.drain("a", &[Said::Rejected, Said::Nothing, Said::Pending]);
        assert_eq!((queue.size(), queue.posts("a")), (3, attempts));
    }
    assert_eq!(
        queue.classes("a"),
        [(Class::InFlight, 1), (Class::Retryable, 2)]
    );
}

#[test]
fn releasing_and_halting_change_nothing() {
    let mut queue = Queue::new();
    queue.capture(&[plain("held").held(), plain("free")]);
    assert_eq!(
        queue.classes("a"),
        [(Class::Blocked, 1), (Class::Untried, 1)]
    );
    queue.drain("a", &[Said::Halt]);
    assert_eq!(
        (queue.size(), queue.classes("a")),
        (2, vec![(Class::Blocked, 1), (Class::Untried, 1)])
    );
    queue.write(|tx, now| release(tx, now, 1));
    assert_eq!((queue.size(), queue.totals().held), (2, 0));
    assert_eq!(queue.classes("a"), [(Class::Untried, 2)]);
    queue.drain("a", &[Said::Success]);
    assert_eq!(
        (queue.size(), queue.classes("a")),
        (2, vec![(Class::Delivered, 2)])
    );
}

#[test]
fn a_late_target_starts_from_the_totals() {
    let mut queue = Queue::new();
    queue.capture(&[
        plain("evicted"),
        plain("held").held(),
        keyed("old", 1, "x"),
        keyed("new", 1, "y"),
        plain("gone"),
    ]);
    queue.capture_at_most(3, &[]);
    queue.drain("a", &[Said::Rejected, Said::Success]);
    let id = queue.target("a");
    queue.write(|tx, now| acknowledge(tx, now, id, 0));
    let live = queue.size();
    queue.drain("b", &[Said::Halt]);
    let classes = [
        Class::Blocked,
        Class::Untried,
        Class::Superseded,
        Class::Discarded,
        Class::Purged,
    ]
    .map(|c| (c, 1));
    assert_eq!((queue.classes("b"), queue.size()), (classes.to_vec(), live));
}

#[test]
fn batch_results_subtract_the_acknowledged() {
    let mut queue = Queue::with_events(6);
    let words = [
        Said::Success,
        Said::Duplicate,
        Said::Rejected,
        Said::Nothing,
        Said::Pending,
        Said::Success,
    ];
    queue.drain("a", &words);
    assert_eq!(queue.size(), 6, "an answer alone removes nothing");
    let id = queue.target("a");
    let (gone, last) = queue.write(|tx, now| acknowledge(tx, now, id, 0));
    assert_eq!((gone, last), (3, Some(6)));
    assert_eq!(queue.size(), 3);
    assert_eq!(
        queue.classes("a"),
        [
            (Class::Delivered, 3),
            (Class::InFlight, 1),
            (Class::Retryable, 2)
        ]
    );
    assert_eq!(
        queue.classes("journal"),
        [(Class::Untried, 3), (Class::Purged, 3)]
    );
}

#[test]
fn drain_to_file_gives_up_what_the_archive_has() {
    let mut queue = Queue::with_events(4);
    queue.drain("a", &[Said::Success, Said::Rejected]);
    queue.capture(&[plain("held").held(), plain("late")]);
    let archived = queue.write(|tx, now| removal::drain_to_file(tx, now, &[1, 2, 3, 4, 5]));
    assert_eq!((archived.events, archived.in_flight), (5, 0));
    assert_eq!(queue.size(), 1, "the archive is older than the last event");
    assert_eq!(
        queue.classes("a"),
        [
            (Class::Delivered, 2),
            (Class::Untried, 1),
            (Class::Discarded, 3)
        ]
    );
    assert_eq!(
        (queue.audits("archived"), queue.payloads()),
        (5, 6),
        "the bytes stay until they are collected"
    );
    assert_eq!(
        queue
            .write(|tx, now| removal::drain_to_file(tx, now, &[1, 2, 3, 4, 5]))
            .events,
        0,
        "once"
    );
    assert_eq!(
        queue.write(|tx, now| evict(tx, now, 0, NO_ARRIVALS)).len(),
        1,
        "what is not live is not evicted"
    );
    assert_eq!((queue.size(), queue.payloads()), (0, 5));
    queue.drain("a", &[]);
    assert_eq!(queue.posts("a"), 1, "and not sent");
    let marked = queue.write(|tx, _| Ok(journal::show(tx, "e1")?.unwrap().record));
    assert_eq!(
        (marked.discarded.as_deref(), marked.archived_at.is_some()),
        (Some("archived"), true)
    );
}

#[test]
fn coalesce_changes_nothing() {
    let mut queue = Queue::new();
    queue.capture(&[keyed("a", 1, "x")]);
    for (n, facts) in [(2, "y"), (3, "z")] {
        let captured = queue.capture(&[keyed(&format!("n{n}"), 1, facts)]);
        assert_eq!(
            captured,
            [Appended::Captured {
                seq: n,
                superseded: Some(n - 1)
            }]
        );
        assert_eq!(queue.size(), 1, "one more and one less");
    }
    assert_eq!(
        queue.capture(&[keyed("again", 1, "z")]),
        [Appended::Unchanged { seq: 3 }]
    );
    assert_eq!(queue.size(), 1);
    assert_eq!(
        queue.classes("a"),
        [(Class::Untried, 1), (Class::Superseded, 2)]
    );
    queue.drain("a", &[Said::Success]);
    queue.capture(&[keyed("news", 1, "w")]);
    assert_eq!(
        queue.size(),
        2,
        "one that was sent is followed, not replaced"
    );
}
