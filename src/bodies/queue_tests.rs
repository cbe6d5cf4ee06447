//! What the queue keeps and lets go.

use proptest::prelude::*;

use super::queue::Enqueued;
use super::select::{self, Cursor, Stored};
use super::test_world::{ROOM, World, balanced, body, namespace, put, second};
use super::{Entry, Error, Limits, Row, by_mission, close_failures, enqueue, failures, queue, retry_now, stats};
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::store::WriteTx;

fn due(world: &World, now: Timestamp, missions: Option<&[&str]>) -> Vec<String> {
    let owned = missions.map(|m| m.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
    let rows = world.store.read(|tx| select::due(tx, owned.as_deref(), now, Cursor::START, 100)).unwrap();
    rows.into_iter().map(|r| r.path).collect()
}

fn blobs(tx: &crate::store::ReadTx<'_>) -> i64 {
    tx.conn().query_row("SELECT COUNT(*) FROM bodies_blobs", [], |r| r.get(0)).unwrap()
}

#[test]
fn a_body_comes_in_once() {
    let mut world = World::new();
    assert_eq!(world.put("spec.md", "a\n", 1), Enqueued::Queued);
    assert_eq!(world.put("spec.md", "a\n", 2), Enqueued::AlreadyInQueue);
    assert_eq!(world.put("spec.md", "b\n", 3), Enqueued::Queued, "another text is another row");
    let rows = world.rows();
    assert_eq!((rows.len(), rows[0].created_at, rows[0].retry_count), (2, second(1), 0));
    assert_eq!(rows[0].sha256, Sha256::of(b"a\n"));
    assert_eq!((world.counts().rows, world.counts().bytes), (2, 4));
}

#[test]
fn equal_texts_of_different_namespaces_share_a_blob_and_never_a_row() {
    let mut world = World::new();
    let base = namespace("m");
    let others = [
        NamespaceRef { project_uuid: "8a4a7da6-a97c-4bb4-893a-b31664abfee5".to_owned(), ..base.clone() },
        NamespaceRef { mission_slug: "n".to_owned(), ..base.clone() },
        NamespaceRef { target_branch: "2.x".to_owned(), ..base.clone() },
        NamespaceRef { mission_type: "research".to_owned(), ..base.clone() },
        NamespaceRef { manifest_version: "2".to_owned(), ..base.clone() },
        base,
    ];
    world.write(|tx| {
        for namespace in &others {
            assert_eq!(put(tx, namespace, "spec.md", "same", 1)?, Enqueued::Queued);
        }
        assert_eq!(blobs(tx), 1);
        Ok(())
    });
    assert_eq!(world.counts().rows, 6);
    let rows = world.rows();
    for (left, row) in rows.iter().enumerate() {
        world.write(|tx| {
            assert_eq!(blobs(tx), 1, "kept as long as a row refers to it; {left} gone");
            assert_eq!(select::content(tx, row)?, Stored::Intact(body("same")));
            queue::settle(tx, row, second(9))
        });
    }
    assert_eq!(world.store.read(|tx| Ok::<_, Error>(blobs(tx))).unwrap(), 0);
    assert_eq!(world.counts().bytes, 0);
}

#[test]
fn a_blank_namespace_field_is_refused() {
    let mut world = World::new();
    let blank = NamespaceRef { target_branch: " ".to_owned(), ..namespace("m") };
    let error = world.store.write(|tx| put(tx, &blank, "spec.md", "a", 1)).unwrap_err();
    assert!(matches!(error, Error::BlankNamespace { field: "target_branch", .. }), "{error}");
    assert_eq!(world.counts().rows, 0);
}

#[test]
fn a_full_queue_takes_no_more_but_knows_what_it_has() {
    let mut world = World::new();
    let offer = |tx: &WriteTx<'_>, path: &str, text: &str, limits: Limits| {
        enqueue(tx, &Entry { namespace: &namespace("m"), path, body: &body(text) }, second(1), &limits)
    };
    world.write(|tx| {
        let rows = Limits { rows: 1, ..ROOM };
        assert_eq!(offer(tx, "a.md", "aaa", rows)?, Enqueued::Queued);
        assert_eq!(offer(tx, "b.md", "b", rows)?, Enqueued::QueueFull);
        assert_eq!(offer(tx, "a.md", "aaa", rows)?, Enqueued::AlreadyInQueue);
        let bytes = Limits { bytes: 5, ..ROOM };
        assert_eq!(offer(tx, "b.md", "bbb", bytes)?, Enqueued::QueueFull);
        assert_eq!(offer(tx, "b.md", "bb", bytes)?, Enqueued::Queued);
        Ok(())
    });
    assert_eq!((world.counts().rows, world.counts().bytes), (2, 5));
}

#[test]
fn rows_come_in_order_when_due_and_of_the_missions_asked_for() {
    let mut world = World::new();
    world.put("late.md", "x", 30);
    world.put("early.md", "x", 10);
    world.put("same-a.md", "x", 20);
    world.put("same-b.md", "x", 20);
    world.write(|tx| put(tx, &namespace("n'"), "other.md", "x", 15));
    let all = ["early.md", "other.md", "same-a.md", "same-b.md", "late.md"];
    assert_eq!(due(&world, second(0), None), all, "a clock that went back hides nothing");
    assert_eq!(due(&world, second(99), Some(&["n'"])), ["other.md"]);
    assert_eq!(due(&world, second(99), Some(&[])), [] as [&str; 0]);
    let rows = world.rows();
    world.write(|tx| {
        queue::postpone(tx, &rows[0], "later", second(100))?;
        queue::postpone(tx, &rows[1], "far ahead", second(100_000))
    });
    assert_eq!(due(&world, second(99), None), ["other.md", "same-a.md", "same-b.md", "late.md"]);
    assert_eq!(due(&world, second(100), None)[0], "early.md");
    assert_eq!(world.rows()[0].last_error.as_deref(), Some("later"));
    let two = world.store.read(|tx| select::due(tx, None, second(99), Cursor::behind(&rows[1]), 2)).unwrap();
    assert_eq!(two.iter().map(|r| &*r.path).collect::<Vec<_>>(), ["same-a.md", "same-b.md"]);
    assert_eq!(world.write(|tx| retry_now(tx, Some(&["m".to_owned()]))), 1);
    assert_eq!(due(&world, second(50), None), all);
}

#[test]
fn a_damaged_text_is_noticed_and_healed_by_the_intact_one() {
    let mut world = World::new();
    world.put("spec.md", "a\n", 1);
    let row = world.rows().remove(0);
    world.write(|tx| {
        tx.conn().execute("UPDATE bodies_blobs SET content = x'620a'", [])?;
        assert_eq!(select::content(tx, &row)?, Stored::Damaged);
        put(tx, &namespace("n"), "spec.md", "a\n", 2)?;
        assert_eq!(select::content(tx, &row)?, Stored::Intact(body("a\n")));
        queue::settle(tx, &row, second(3))?;
        assert_eq!(select::content(tx, &row)?, Stored::Gone, "the text is there for another row only");
        Ok(())
    });
}

#[test]
fn failures_are_logged_counted_and_closed_by_success() {
    let mut world = World::new();
    let fail = |world: &mut World, text: &str, reason: &str, at| {
        world.put("spec.md", text, at);
        let row = world.rows().remove(0);
        world.write(|tx| queue::fail(tx, &row, reason, second(at)));
        world.counts().failures
    };
    assert_eq!(fail(&mut world, "a", "bad_request: x", 1), 1);
    assert_eq!(fail(&mut world, "a", "bad_request: x", 2), 1);
    assert_eq!(fail(&mut world, "a", "oversized", 3), 2);
    let entry = world.store.read(|tx| failures(tx, None, false, 10)).unwrap().remove(1);
    assert_eq!((entry.count, entry.first_failed_at, entry.last_failed_at), (2, second(1), second(2)));
    assert_eq!((world.counts().rows, entry.sha256), (0, Sha256::of(b"a")));

    world.write(|tx| put(tx, &namespace("n"), "spec.md", "a", 4));
    let elsewhere = world.rows().remove(0);
    world.write(|tx| queue::settle(tx, &elsewhere, second(4)));
    assert_eq!(world.counts().failures, 2, "another mission's success closes nothing");
    world.put("spec.md", "better", 5);
    let row = world.rows().remove(0);
    world.write(|tx| queue::settle(tx, &row, second(5)));
    assert_eq!(world.counts().failures, 0);
    assert_eq!(world.store.read(|tx| failures(tx, None, false, 10)).unwrap(), []);
    assert_eq!(world.store.read(|tx| failures(tx, None, true, 10)).unwrap().len(), 2, "nothing is ever deleted");

    assert_eq!(fail(&mut world, "a", "bad_request: x", 6), 1, "opened again");
    assert_eq!(world.write(|tx| close_failures(tx, Some(&["n".to_owned()]), second(7))), 0);
    assert_eq!(world.write(|tx| close_failures(tx, None, second(7))), 1);
    assert_eq!(world.counts().failures, 0);
}

#[test]
fn stats_sort_rows_by_readiness_and_retries() {
    let mut world = World::new();
    let empty = world.store.read(|tx| stats(tx, second(100))).unwrap();
    assert_eq!((empty.oldest_age, empty.ready, empty.retry_histogram.len()), (None, 0, 0));
    for (at, name) in [(10, "a.md"), (20, "b.md"), (30, "c.md"), (40, "d.md")] {
        world.put(name, name, at);
    }
    let rows = world.rows();
    world.write(|tx| {
        queue::postpone(tx, &rows[1], "x", second(90))?;
        queue::postpone(tx, &rows[2], "x", second(110))?;
        queue::postpone(tx, &rows[2], "x", second(120))?;
        queue::postpone(tx, &rows[3], "the clock went back", second(90_000))
    });
    let found = world.store.read(|tx| stats(tx, second(100))).unwrap();
    assert_eq!((found.counts.rows, found.ready, found.in_backoff), (4, 3, 1));
    assert_eq!(found.oldest_age.map(|a| a.as_secs()), Some(90));
    assert_eq!(found.retry_histogram, [(0, 1), (1, 2), (2, 1)].into());
}

#[test]
fn each_mission_and_branch_has_its_numbers() {
    let mut world = World::new();
    world.put("a.md", "four", 1);
    world.put("b.md", "x", 2);
    let other = NamespaceRef { target_branch: "2.x".to_owned(), ..namespace("m") };
    world.write(|tx| put(tx, &other, "a.md", "four", 3));
    world.write(|tx| put(tx, &namespace("n"), "a.md", "four", 4));
    let rows = world.rows();
    world.write(|tx| {
        queue::postpone(tx, &rows[1], "x", second(110))?;
        queue::fail(tx, &rows[3], "bad_request: x", second(90))
    });
    let numbers = |missions: Option<&[String]>| -> Vec<_> {
        let found = world.store.read(|tx| by_mission(tx, missions, second(100))).unwrap();
        found
            .into_iter()
            .map(|m| (m.mission_slug, m.target_branch, [m.queued, m.bytes, m.in_backoff, m.failures]))
            .collect()
    };
    let line = |slug: &str, branch: &str, numbers| (slug.to_owned(), branch.to_owned(), numbers);
    let n = line("n", "main", [0, 0, 0, 1]);
    assert_eq!(numbers(None), [line("m", "2.x", [1, 4, 0, 0]), line("m", "main", [2, 5, 1, 0]), n.clone()]);
    assert_eq!(numbers(Some(&["n".to_owned()])), [n]);
}

/// What may happen to the queue.
#[derive(Debug, Clone)]
enum Step {
    Put { mission: usize, path: usize, text: usize },
    Settle(usize),
    Fail(usize),
    Postpone(usize),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3usize, 0..2usize, 0..4usize).prop_map(|(mission, path, text)| Step::Put { mission, path, text }),
        2 => (0..9usize).prop_map(Step::Settle),
        2 => (0..9usize).prop_map(Step::Fail),
        1 => (0..9usize).prop_map(Step::Postpone),
        1 => Just(Step::Clear),
    ]
}

/// Does one step in the store and in the model, a list of keys.
fn take(tx: &WriteTx<'_>, model: &mut Vec<(String, String, Sha256)>, step: &Step, at: i64) {
    let (limits, now) = (Limits { rows: 7, ..ROOM }, second(at));
    let rows = select::list(tx, None, u32::MAX).unwrap();
    let at_place = |place: &usize| rows.get(*place);
    let forget = |model: &mut Vec<_>, row: &Row| model.retain(|k| *k != key(row));
    match step {
        Step::Put { mission, path, text } => {
            let (namespace, text) = (namespace(["m", "n", "o"][*mission]), ["", "x", "yy", "zzz"][*text]);
            let (path, text) = (["a.md", "b.md"][*path], format!("t{text}"));
            let outcome = enqueue(tx, &Entry { namespace: &namespace, path, body: &body(&text) }, now, &limits);
            let key = (namespace.mission_slug, path.to_owned(), Sha256::of(text.as_bytes()));
            let expected = match (model.contains(&key), model.len()) {
                (true, _) => Enqueued::AlreadyInQueue,
                (false, 7..) => Enqueued::QueueFull,
                (false, _) => {
                    model.push(key);
                    Enqueued::Queued
                }
            };
            assert_eq!(outcome.unwrap(), expected);
        }
        Step::Settle(place) => {
            if let Some(row) = at_place(place) {
                queue::settle(tx, row, now).unwrap();
                forget(model, row);
                queue::settle(tx, row, now).unwrap(); // a row that is gone changes nothing
            }
        }
        Step::Fail(place) => {
            if let Some(row) = at_place(place) {
                queue::fail(tx, row, "bad_request: x", now).unwrap();
                forget(model, row);
            }
        }
        Step::Postpone(place) => {
            if let Some(row) = at_place(place) {
                queue::postpone(tx, row, "x", now).unwrap();
            }
        }
        Step::Clear => {
            assert_eq!(queue::clear(tx).unwrap(), model.len() as u64);
            model.clear();
        }
    }
}

fn key(row: &Row) -> (String, String, Sha256) {
    (row.namespace.mission_slug.clone(), row.path.clone(), row.sha256)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, the queue is the model's, the counters are the rows', and each text is kept exactly as long as
    /// a row refers to it.
    #[test]
    fn the_queue_is_what_its_model_says(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        let mut model = Vec::new();
        world.write(|tx| {
            for (at, step) in (1..).zip(&steps) {
                take(tx, &mut model, step, at);
                let rows = select::list(tx, None, u32::MAX)?;
                assert_eq!(rows.iter().map(key).collect::<Vec<_>>(), model);
                balanced(tx);
                for row in &rows {
                    assert!(matches!(select::content(tx, row)?, Stored::Intact(_)));
                }
            }
            Ok(())
        });
    }
}
