//! The state model of the books, tested with random histories: the real code on a real file next to
//! a model in plain maps, compared after every step, and drained to the end.

mod acts;
mod document_ops;
mod document_requests;
mod document_world;
mod documents;
mod event;
mod keeping;
mod leaving;
mod ledger;
mod model;
mod ops;
mod receiver;
mod served;
mod surroundings;
mod upkeep;
mod world;

use proptest::prelude::*;

use self::model::Model;
use self::world::World;
use crate::base::Sha256;
use crate::delivery::{self, Class};
use crate::{books, journal};

/// Asserts that counters, rows and model agree for every handle, and that no rule is broken.
fn compare(world: &World) {
    let model = &world.model;
    for (totals, size, on_disk) in world.everybody(|tx| {
        (
            journal::totals(tx).unwrap(),
            journal::size(tx).unwrap(),
            journal::size_from_disk(tx).unwrap(),
        )
    }) {
        assert_eq!(totals, model.totals(), "the journal and the model");
        assert_eq!((size, on_disk), (totals.live, totals.live));
    }
    world.read(|tx| {
        let totals = journal::totals(tx).unwrap();
        assert_eq!(
            totals,
            journal::recount(tx).unwrap(),
            "the journal's counters and its rows"
        );
        let targets = delivery::targets(tx).unwrap();
        assert_eq!(targets.len(), model.ledgers.len());
        let highest = targets.iter().map(|t| t.cursor_seq).max().unwrap_or(0);
        let sealed = highest.max(model.sealed);
        assert_eq!(
            journal::sealed_through(tx).unwrap(),
            sealed,
            "the seal is the highest cursor, or what a target had"
        );
        for target in targets {
            let ledger = &model.ledgers[&target.identity.target_id];
            assert_eq!(target.is_live, !ledger.is_forgotten);
            let rows = delivery::recount(tx, &target).unwrap();
            // The counters of a forgotten target are frozen; its rows are still compared.
            let balance = if target.is_live {
                delivery::balance(tx, Some(&target)).unwrap()
            } else {
                rows
            };
            assert!(balance.holds(), "{balance:?}");
            assert_eq!(balance, rows, "counters and rows of {target:?}");
            for class in Class::ALL {
                let expected = model
                    .events
                    .values()
                    .filter(|e| Model::class(ledger, e) == class)
                    .count();
                assert_eq!(
                    balance.of(class),
                    i64::try_from(expected).unwrap(),
                    "{class:?} at {target:?}"
                );
            }
        }
        assert_eq!(books::check(tx).unwrap(), []);
    });
}

/// Asserts that nothing is lost, nothing false is claimed, and no byte changed.
fn settle(world: &World) {
    world.read(|tx| {
        for event in world.model.events.values() {
            let listed = journal::show(tx, &event.id).unwrap().unwrap();
            if event.is_replaced {
                assert_ne!(listed.record.seq, event.seq, "the id is another row's");
                continue;
            }
            let kept = Some(&event.envelope).filter(|_| event.has_bytes);
            assert_eq!(
                listed.envelope.as_ref(),
                kept,
                "the payload of row {}",
                event.seq
            );
            assert_eq!(listed.record.payload_sha256, Sha256::of(&event.envelope));
            assert_eq!(
                (listed.record.seq, listed.record.superseded_by),
                (event.seq, event.superseded_by)
            );
            assert_eq!(
                (listed.record.follows, listed.record.held.is_some()),
                (event.follows, event.is_held)
            );
            assert_eq!(listed.record.archived_at.is_some(), event.is_archived);
        }
        for target in delivery::targets(tx).unwrap() {
            let ledger = &world.model.ledgers[&target.identity.target_id];
            let number: usize = target
                .identity
                .target_id
                .trim_start_matches("tgt_")
                .parse()
                .unwrap();
            let stored = world.servers[number].borrow();
            for event in world.model.events.values() {
                settle_one(ledger, event, stored.get(&event.id).map(Vec::as_slice));
                let row = delivery::row_of(tx, target.id, event.seq).unwrap();
                let class = row.map_or(Class::Untried, |row| row.status.class());
                let said = ledger.lines.get(&event.seq).and_then(|line| line.class);
                assert_eq!(
                    class,
                    said.unwrap_or(Class::Untried),
                    "row {} at {target:?}",
                    event.seq
                );
            }
        }
    });
}

fn settle_one(ledger: &ledger::Ledger, event: &event::Event, stored: Option<&[u8]>) {
    match Model::class(ledger, event) {
        Class::Delivered => assert_eq!(
            stored,
            event.wire.as_deref(),
            "row {} is claimed to be there",
            event.seq
        ),
        Class::Superseded | Class::Blocked => {
            assert_eq!(stored, None, "row {} was never to be sent", event.seq);
        }
        Class::Undeliverable | Class::Discarded | Class::Purged => {}
        other => panic!("row {} is {other:?} in the end", event.seq),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_the_books(history in ops::history()) {
        let mut world = World::new();
        for op in history {
            world.step(op);
            compare(&world);
        }
        world.let_everything_end();
        compare(&world);
        settle(&world);
    }
}
