//! Deletes payloads of a real store after real drains: what is deleted, what is kept, and the
//! balance after it.

use super::collect::{Tally, Why};
use super::fixture::{Queue, Said, keyed, plain};
use super::{Collected, GcPlan, GcRule, WhyNot, collect, plan_collection, release, removal};
use crate::delivery::{self, Class};
use crate::endpoint::{Identity, ReceiverKind};

/// Makes a plan, which counts every payload and its bytes once.
fn plan(queue: &mut Queue, rule: GcRule) -> GcPlan {
    let plan = queue.write(|tx, _| plan_collection(tx, rule));
    let stored: (i64, i64) = queue.write(|tx, _| {
        let sql = "SELECT COUNT(*), COALESCE(SUM(e.size), 0)
                   FROM journal_payloads AS p JOIN journal_events AS e ON e.seq = p.seq";
        Ok(tx
            .prepare(sql)?
            .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))?)
    });
    let planned = Tally::sum(plan.going.values().chain(plan.staying.values()));
    assert_eq!(
        (planned.payloads, planned.bytes),
        (stored.0.cast_unsigned(), stored.1.cast_unsigned())
    );
    plan
}

fn gone(collected: &Collected) -> Vec<(Why, u64)> {
    collected
        .gone
        .iter()
        .map(|(why, tally)| (*why, tally.payloads))
        .collect()
}

fn stays(plan: &GcPlan) -> Vec<(WhyNot, u64)> {
    plan.staying
        .iter()
        .map(|(why, tally)| (*why, tally.payloads))
        .collect()
}

fn gc(queue: &mut Queue, rule: GcRule) -> Collected {
    let plan = plan(queue, rule);
    let collected = queue.write(|tx, now| collect(tx, now, &plan, 0));
    let planned: Vec<_> = plan.going.iter().collect();
    assert_eq!(
        planned,
        collected.gone.iter().collect::<Vec<_>>(),
        "as planned"
    );
    collected
}

#[test]
fn what_every_target_has_goes_and_the_books_stay_right() {
    let mut queue = Queue::with_events(4);
    queue.capture(&[
        keyed("old", 1, "x"),
        keyed("new", 1, "y"),
        plain("held").held(),
    ]);
    queue.drain(
        "a",
        &[
            Said::Success,
            Said::Success,
            Said::Duplicate,
            Said::Rejected,
            Said::Pending,
        ],
    );
    let plan = plan(&mut queue, GcRule::default());
    assert_eq!(
        stays(&plan),
        [
            (WhyNot::InFlight, 1),
            (WhyNot::Held, 1),
            (WhyNot::NotEverywhere, 1)
        ]
    );
    let before = queue.classes("a");
    let collected = queue.write(|tx, now| collect(tx, now, &plan, 0));
    assert_eq!(
        gone(&collected),
        [(Why::Delivered, 3), (Why::Superseded, 1)]
    );
    assert_eq!(
        (queue.size(), queue.payloads(), queue.audits("collected")),
        (3, 3, 1)
    );
    assert_eq!(queue.classes("a"), before, "what it has, it has");
    // A target that is added later lacks the deleted payloads, and its balance says so.
    queue.drain("b", &[Said::Success]);
    let purged = queue
        .classes("b")
        .into_iter()
        .find(|(class, _)| *class == Class::Purged);
    assert_eq!(purged, Some((Class::Purged, 3)));
    assert_eq!(
        gone(&gc(&mut queue, GcRule::default())),
        [],
        "a second run finds nothing"
    );
}

#[test]
fn a_long_plan_is_collected_in_pieces_up_to_its_end() {
    let mut queue = Queue::with_events(0);
    let said: Vec<_> = (0..2100)
        .map(|n| keyed(&n.to_string(), 1, &n.to_string()))
        .collect();
    queue.capture(&said);
    let plan = plan(&mut queue, GcRule::default());
    let first = queue.write(|tx, now| collect(tx, now, &plan, 0));
    assert_eq!(
        (gone(&first), first.last),
        (vec![(Why::Superseded, 2000)], Some(2000))
    );
    let second = queue.write(|tx, now| collect(tx, now, &plan, 2000));
    assert_eq!(
        (gone(&second), second.last),
        (vec![(Why::Superseded, 99)], None),
        "the end of the plan"
    );
    assert_eq!(queue.payloads(), 1);
}

#[test]
fn one_live_target_that_lacks_it_keeps_a_payload() {
    let mut queue = Queue::with_events(2);
    queue.drain("a", &[Said::Success]);
    queue.drain("b", &[Said::Success, Said::Rejected]);
    assert_eq!(
        gone(&gc(&mut queue, GcRule::default())),
        [(Why::Delivered, 1)]
    );
    assert_eq!(queue.size(), 1);
}

#[test]
fn the_configured_target_counts_before_it_was_ever_contacted() {
    let mut queue = Queue::with_events(2);
    queue.drain("a", &[Said::Success]);
    let configured = |receiver| GcRule {
        configured: Some(Identity {
            target_id: "new".to_owned(),
            receiver,
            canonical_url: "new".to_owned(),
            team_slug: String::new(),
            user_email: String::new(),
        }),
        ..GcRule::default()
    };
    let plan = plan(&mut queue, configured(ReceiverKind::Teamspace));
    assert_eq!(
        (plan.going.len(), stays(&plan), plan.counting.len()),
        (0, vec![(WhyNot::NotEverywhere, 2)], 2)
    );
    assert_eq!(
        gone(&gc(&mut queue, configured(ReceiverKind::Stub))),
        [(Why::Delivered, 2)],
        "the stub does not"
    );
    assert_eq!(queue.size(), 0);
}

#[test]
fn what_happened_since_the_plan_counts() {
    let mut queue = Queue::with_events(2);
    queue.drain("a", &[Said::Success]);
    let plan = plan(&mut queue, GcRule::default());
    queue.drain("b", &[Said::Lost]);
    queue.capture(&[plain("later")]);
    let collected = queue.write(|tx, now| collect(tx, now, &plan, 0));
    assert_eq!(
        (gone(&collected), collected.last),
        (vec![], None),
        "in flight at another by now"
    );
    assert_eq!(queue.size(), 3);
}

#[test]
fn what_was_released_to_an_archive_goes_when_archives_are_asked_for() {
    let mut queue = Queue::with_events(2);
    queue.write(|tx, now| removal::drain_to_file(tx, now, &[1]));
    assert_eq!(gone(&gc(&mut queue, GcRule::default())), []);
    let rule = GcRule {
        with_archived: true,
        ..GcRule::default()
    };
    assert_eq!(gone(&gc(&mut queue, rule)), [(Why::Archived, 1)]);
    assert_eq!((queue.size(), queue.payloads()), (1, 1));
    assert_eq!(
        queue.classes("a"),
        [(Class::Untried, 1), (Class::Discarded, 1)]
    );
}

#[test]
fn a_named_undeliverable_event_goes_and_stays_undeliverable() {
    let mut queue = Queue::with_events(2);
    for _ in 0..9 {
        queue.drain("a", &[Said::Rejected]);
    }
    let classes = queue.classes("a");
    assert_eq!(classes, [(Class::Undeliverable, 2)]);
    assert_eq!(gone(&gc(&mut queue, GcRule::default())), []);
    let rule = GcRule {
        named: [2].into(),
        ..GcRule::default()
    };
    assert_eq!(gone(&gc(&mut queue, rule)), [(Why::Undeliverable, 1)]);
    assert_eq!((queue.size(), queue.classes("a")), (1, classes));
}

#[test]
fn a_forgotten_target_holds_nothing_back_and_may_come_back() {
    let mut queue = Queue::with_events(3);
    queue.drain("dead", &[Said::Lost]);
    queue.drain("a", &[Said::Success]);
    assert_eq!(
        gone(&gc(&mut queue, GcRule::default())),
        [],
        "in flight at the dead one"
    );
    let forgotten = queue.write(|tx, now| {
        let target = delivery::current(tx, "dead")?.unwrap();
        Ok((
            delivery::forget(tx, &target, now)?,
            delivery::forget(tx, &delivery::current(tx, "dead")?.unwrap(), now)?,
        ))
    });
    assert_eq!(
        forgotten,
        (3, 0),
        "a second time there is nothing to forget"
    );
    assert_eq!(queue.classes("dead"), [(Class::Untried, 3)]);
    queue.capture(&[plain("held").held(), plain("later")]);
    queue.drain("a", &[Said::Success]);
    queue.write(|tx, now| release(tx, now, 4).map(drop));
    assert_eq!(
        gone(&gc(&mut queue, GcRule::default())),
        [(Why::Delivered, 4)]
    );
    assert_eq!(
        (queue.size(), queue.target("dead")),
        (1, 2),
        "the released one stays until `a` has it"
    );
    // Used again, the target is counted once and gets the remaining payloads; the others are
    // purged.
    queue.drain("dead", &[Said::Success]);
    assert_eq!(
        queue.classes("dead"),
        [(Class::Delivered, 1), (Class::Purged, 4)]
    );
    queue.drain("a", &[Said::Success]);
    assert_eq!(
        (queue.size(), queue.classes("a")),
        (1, vec![(Class::Delivered, 5)])
    );
}
