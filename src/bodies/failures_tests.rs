//! Entries of an older failure log: listed until the server has a text of their artifact.

use super::drain_tests::run_now;
use super::test_server::Server;
use super::test_world::{World, namespace, second};
use super::{Failure, close_failures, failures, inherit_failure};
use crate::base::Sha256;

fn entry(path: &str, at: i64) -> Failure {
    Failure {
        namespace: namespace("m"),
        path: path.to_owned(),
        sha256: Sha256::of(path.as_bytes()),
        size_bytes: 3,
        reason: "oversized".to_owned(),
        count: 2,
        first_failed_at: second(1),
        last_failed_at: second(at),
        closed_at: None,
    }
}

fn open(world: &mut World) -> Vec<Failure> {
    world.write(|tx| failures(tx, None, false, 10))
}

#[test]
fn an_accepted_text_closes_the_entries_of_its_artifact_alone() {
    let mut world = World::new();
    let entries = [entry("a.md", 9), entry("b.md", 8), entry("c.md", 7)];
    for entry in &entries {
        assert!(world.write(|tx| inherit_failure(tx, entry)));
        assert!(!world.write(|tx| inherit_failure(tx, entry)), "known");
    }
    assert_eq!(open(&mut world), entries, "the latest first");
    world.put("b.md", "another text", 20);
    let (report, _) = run_now(&mut world, &Server::storing().origin, 1);
    assert_eq!((report.uploaded, report.remaining), (1, 0));
    assert_eq!(open(&mut world), [entry("a.md", 9), entry("c.md", 7)]);
    assert_eq!(world.counts().failures, 2);
    let missions = ["other".to_owned()];
    assert_eq!(
        world.write(|tx| close_failures(tx, Some(&missions), second(30))),
        0
    );
    assert_eq!(world.write(|tx| close_failures(tx, None, second(30))), 2);
    assert_eq!((open(&mut world), world.counts().failures), (vec![], 0));
    let closed = world.write(|tx| failures(tx, None, true, 10));
    assert!(closed.len() == 3 && closed.iter().all(|entry| entry.closed_at.is_some()));
}

#[test]
fn an_entry_without_a_namespace_is_refused() {
    let mut blank = entry("a.md", 9);
    blank.namespace.target_branch = " ".to_owned();
    let mut world = World::new();
    let error = world
        .store
        .write(|tx| inherit_failure(tx, &blank))
        .unwrap_err();
    assert!(error.to_string().contains("target_branch"), "{error}");
    assert_eq!(open(&mut world), []);
}
