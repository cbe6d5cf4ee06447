//! The content of the document of `status`, for a store.

use super::document::{Document, Facts};
use super::fixture::{NOW, resolved, shut};
use super::status::{Surroundings, status};
use crate::books;
use crate::delivery;
use crate::endpoint::{Identity, Resolved};
use crate::event::WireForm;
use crate::journal::Entry;
use crate::store::{Counter, Store, add_to_counter};

/// A store with `events` events.
fn store(dir: &std::path::Path, events: usize) -> Store {
    let mut store = books::open(&dir.join("store.db")).unwrap();
    let filled: Result<(), books::Error> = store.write(|tx| {
        books::append(tx, NOW, |appending| {
            for n in 0..events {
                let (id, envelope) = (
                    format!("event-{n}"),
                    format!("{{\"event_id\":\"event-{n}\"}}"),
                );
                appending.append(&Entry {
                    event_id: &id,
                    event_type: "T",
                    occurred_at: None,
                    envelope: envelope.as_bytes(),
                    wire: WireForm::AsIs,
                    coalesce: None,
                    held: None,
                    origin: "capture",
                })?;
            }
            Ok::<_, books::Error>(())
        })?;
        Ok(())
    });
    filled.unwrap();
    store
}

/// Moves events at a target from `untried` to another class, only in the counters: `status` reads
/// nothing else.
fn post(store: &mut Store, identity: &Identity, class: &str, events: i64) {
    let posted: Result<(), delivery::Error> = store.write(|tx| {
        let target = delivery::register_for_tests(tx, identity, NOW)?;
        let scope = format!("delivery/{}", target.id);
        add_to_counter(
            tx,
            Counter {
                scope: &scope,
                name: "untried",
            },
            -events,
        )?;
        add_to_counter(
            tx,
            Counter {
                scope: &scope,
                name: class,
            },
            events,
        )?;
        Ok(())
    });
    posted.unwrap();
}

fn of(dir: &std::path::Path, resolved: &Resolved, is_shut: bool) -> Document {
    let around = Surroundings {
        store: &dir.join("store.db"),
        facts: Facts {
            project_uuid: Some("u".to_owned()),
            store_exists: true,
            ..Facts::default()
        },
        resolved,
        gates: if is_shut {
            vec![shut("missing_auth")]
        } else {
            Vec::new()
        },
        state: dir,
        legacy_home: None,
        unassigned: &dir.join("unassigned.db"),
        root: dir,
        warn_rows: 2,
        warnings: vec!["w".to_owned()],
    };
    status(around, NOW).unwrap()
}

fn external(url: &str) -> Resolved {
    resolved(&format!(
        "preset = 'external-receiver'\nexternal_receiver = {{ url = '{url}' }}"
    ))
}

#[test]
fn a_target_that_was_never_contacted_owes_everything() {
    let dir = tempfile::tempdir().unwrap();
    drop(store(dir.path(), 3));
    let d = of(dir.path(), &external("http://127.0.0.1:1"), false);
    let current = d.delivery_targets.current.unwrap();
    assert_eq!(
        (current.target_id, current.canonical_url.as_str()),
        (None, "http://127.0.0.1:1")
    );
    assert_eq!(
        (
            d.active_queue.event_count,
            d.balance.untried,
            d.delivery_ledger.untried,
            d.ok
        ),
        (3, 3, 3, true)
    );
    assert_eq!(
        d.warnings,
        [
            "w",
            "3 events are retained, more than journal.warn_rows (2)"
        ]
    );
    assert_eq!(
        d.next_steps
            .iter()
            .map(|n| n.run.as_str())
            .collect::<Vec<_>>(),
        ["sk-sync drain"]
    );
    // Without a target nothing is left to send.
    let d = of(dir.path(), &resolved(""), false);
    assert_eq!(
        (
            d.active_queue.event_count,
            d.balance.untried,
            d.next_steps.len()
        ),
        (0, 3, 0)
    );
}

#[test]
fn a_shut_gate_blocks_what_was_never_tried() {
    let dir = tempfile::tempdir().unwrap();
    let here = external("http://127.0.0.1:1");
    let mut store = store(dir.path(), 3);
    post(&mut store, here.identity.as_ref().unwrap(), "delivered", 1);
    drop(store);
    let d = of(dir.path(), &here, true);
    assert_eq!(
        (
            d.balance.blocked,
            d.balance.untried,
            d.delivery_ledger.untried,
            d.ok
        ),
        (2, 0, 2, false)
    );
    assert_eq!(
        d.next_steps
            .iter()
            .map(|n| n.run.as_str())
            .collect::<Vec<_>>(),
        ["open missing_auth"]
    );
}

/// Only the current target's failures count; those of an earlier one are shown separately.
#[test]
fn targets_are_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (
        external("http://127.0.0.1:1"),
        external("http://127.0.0.1:2"),
    );
    let mut store = store(dir.path(), 3);
    post(&mut store, here.identity.as_ref().unwrap(), "in_flight", 1);
    post(&mut store, there.identity.as_ref().unwrap(), "delivered", 2);
    post(
        &mut store,
        there.identity.as_ref().unwrap(),
        "undeliverable",
        1,
    );
    drop(store);
    let d = of(dir.path(), &here, false);
    // In flight without an open attempt: the receiver accepted it, and there is nothing to send.
    assert_eq!(
        (
            d.delivery_ledger.pending,
            d.delivery_ledger.in_flight,
            d.active_queue.event_count
        ),
        (1, 0, 2)
    );
    assert_eq!(
        (
            d.delivery_ledger.delivered_previous_target,
            d.terminal_failures.count,
            d.ok
        ),
        (2, 0, true)
    );
    let previous = &d.delivery_targets.previous[0];
    assert_eq!(
        (previous.delivered_count, previous.terminal_failed_count),
        (2, 1)
    );
    let d = of(dir.path(), &there, false);
    assert_eq!(
        (
            d.delivery_ledger.delivered_current_target,
            d.terminal_failures.count,
            d.ok
        ),
        (2, 1, false)
    );
    assert!(
        d.delivery_targets.previous.is_empty(),
        "the other has nothing"
    );
}

#[test]
fn books_that_do_not_balance_are_not_ok() {
    let dir = tempfile::tempdir().unwrap();
    let here = external("http://127.0.0.1:1");
    let mut store = store(dir.path(), 1);
    post(&mut store, here.identity.as_ref().unwrap(), "delivered", 1);
    let counter = Counter {
        scope: "delivery/1",
        name: "delivered",
    };
    store.write(|tx| add_to_counter(tx, counter, 1)).unwrap();
    drop(store);
    let d = of(dir.path(), &here, false);
    assert_eq!(
        (d.ok, d.balance.holds, d.next_steps[0].run.as_str()),
        (false, false, "sk-sync verify")
    );
}

/// The rule of the reference; the stub does not count.
#[test]
fn letting_payloads_go_is_suggested_when_everybody_has_everything() {
    let (here, stub) = (external("http://127.0.0.1:1"), resolved("preset = 'stub'"));
    for (bytes, targets, is_suggested) in [
        (60 << 20, &[(&here, 2)][..], true),
        (60 << 20, &[(&here, 2), (&stub, 0)], true),
        (10 << 20, &[(&here, 2)], false),
        (60 << 20, &[(&here, 1)], false),
        (60 << 20, &[(&stub, 2)], false),
        (60 << 20, &[], false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), 2);
        store
            .write(|tx| {
                add_to_counter(
                    tx,
                    Counter {
                        scope: "journal",
                        name: "live_bytes",
                    },
                    bytes,
                )
            })
            .unwrap();
        for (target, delivered) in targets {
            post(
                &mut store,
                target.identity.as_ref().unwrap(),
                "delivered",
                *delivered,
            );
        }
        drop(store);
        let journal = of(dir.path(), &here, false).event_journal;
        let elsewhere = of(dir.path(), &external("http://127.0.0.1:3"), false).event_journal;
        assert!(
            !elsewhere.gc_suggested,
            "the configured target lacks everything"
        );
        assert_eq!(journal.gc_suggested, is_suggested, "{bytes} {targets:?}");
        assert_eq!(
            journal.gc_suggestion.map(|s| s.retained_event_count),
            is_suggested.then_some(2)
        );
    }
}
