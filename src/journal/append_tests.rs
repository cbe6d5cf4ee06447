//! When an event is added, when it supersedes one, and when neither.

use super::fixture::{Journal, NOW, captured, held, keyed, plain};
use super::{Appended, Audit, Entry, Mark, Point, Release};
use crate::base::Sha256;
use crate::event::{Coalesce, inspect};

/// An artifact exists, is missing, and exists again: each time a new fact, even with the same
/// content.
#[test]
fn the_same_facts_after_their_opposite_are_news() {
    let mut journal = Journal::new();
    let says = |id, key, rival| {
        let entry = keyed(id, key, "x");
        Entry {
            coalesce: entry.coalesce.map(|c| Coalesce {
                rival: Some([rival; 16]),
                ..c
            }),
            ..entry
        }
    };
    let (there, missing) = (|id| says(id, 1, 2), |id| says(id, 2, 1));
    assert_eq!(journal.append(there("a")), captured(1, None));
    assert_eq!(journal.append(missing("b")), captured(2, None));
    assert_eq!(journal.append(missing("c")), Appended::Unchanged { seq: 2 });
    journal.seal(2);
    assert_eq!(
        journal.append(there("d")),
        captured(3, None),
        "it follows what a target may have seen"
    );
    assert_eq!(journal.append(there("e")), Appended::Unchanged { seq: 3 });
    assert_eq!(journal.append(missing("f")), captured(4, None));
    assert_eq!(
        journal.append(there("g")),
        captured(5, Some(3)),
        "in one direction, the last word is enough"
    );
    assert_eq!(
        journal
            .append_all(&[missing("h"), there("i"), there("j")])
            .1
            .captured,
        2,
        "in one transaction"
    );
    journal.discard(6);
    assert_eq!(journal.append(there("k")), Appended::Unchanged { seq: 7 });
}

#[test]
fn a_point_knows_its_own_history() {
    let mut journal = Journal::new();
    let is_same = |journal: &mut Journal, then: &Point| {
        journal.write(|tx| {
            Ok((
                super::is_same_history(tx, then)?,
                super::states_the_same(tx, then)?,
            ))
        })
    };
    let start = journal.write(|tx| super::point(tx));
    assert_eq!(
        is_same(&mut journal, &start),
        (false, false),
        "nothing is a point of nothing"
    );
    journal.append(keyed("a", 1, "x"));
    let then = journal.write(|tx| super::point(tx));
    assert_eq!(is_same(&mut journal, &then), (true, true));
    journal.append(plain("b", b"{}"));
    journal.append(keyed("c", 1, "x"));
    assert_eq!(
        is_same(&mut journal, &then),
        (true, true),
        "nothing new was said of any key"
    );
    journal.append(keyed("d", 2, "x"));
    assert_eq!(is_same(&mut journal, &then), (true, false));
    let then = journal.write(|tx| super::point(tx));
    journal.discard(1);
    assert_eq!(
        is_same(&mut journal, &then),
        (false, false),
        "something was given up"
    );
    let mut other = Journal::new();
    for id in ["a", "b", "e"] {
        other.append(keyed(id, 1, id));
    }
    let then = journal.write(|tx| super::point(tx));
    assert_eq!(is_same(&mut other, &then), (false, false), "another store");
}

#[test]
fn the_same_facts_add_nothing() {
    let mut journal = Journal::new();
    assert_eq!(journal.append(keyed("a", 1, "x")), captured(1, None));
    journal.seal(1);
    assert_eq!(
        journal.append(keyed("b", 1, "x")),
        Appended::Unchanged { seq: 1 }
    );
    assert_eq!(journal.totals().captured, 1);
}

#[test]
fn news_replace_an_event_that_no_target_saw() {
    let mut journal = Journal::new();
    journal.append(keyed("a", 1, "x"));
    assert_eq!(journal.append(keyed("b", 1, "y")), captured(2, Some(1)));
    assert_eq!(
        (journal.marks("a"), journal.marks("b")),
        ((Some(2), None), (None, None))
    );
    let totals = journal.totals();
    assert_eq!(
        (
            totals.captured,
            totals.live,
            totals.superseded,
            totals.live_bytes
        ),
        (2, 1, 1, 1)
    );
}

#[test]
fn news_follow_an_event_that_some_target_may_have_seen() {
    let mut journal = Journal::new();
    journal.append(keyed("a", 1, "x"));
    journal.seal(1);
    assert_eq!(journal.append(keyed("b", 1, "y")), captured(2, None));
    assert_eq!(
        (journal.marks("a"), journal.marks("b")),
        ((None, None), (None, Some(1)))
    );
    assert_eq!(
        journal.append(keyed("c", 1, "x")),
        captured(3, Some(2)),
        "the seal is at 1"
    );
}

#[test]
fn a_held_event_neither_replaces_nor_is_replaced() {
    let mut journal = Journal::new();
    journal.append(keyed("a", 1, "x"));
    assert_eq!(journal.append(held(keyed("b", 1, "y"))), captured(2, None));
    assert_eq!(journal.append(keyed("c", 1, "z")), captured(3, None));
    assert_eq!(
        (journal.marks("b"), journal.marks("c")),
        ((None, Some(1)), (None, Some(2)))
    );
    assert_eq!(
        journal.append(held(keyed("d", 1, "z"))),
        Appended::Unchanged { seq: 3 }
    );
    let totals = journal.totals();
    assert_eq!((totals.live, totals.held), (3, 1));
}

#[test]
fn a_released_event_can_be_replaced() {
    let mut journal = Journal::new();
    journal.append(held(keyed("a", 1, "x")));
    assert_eq!(
        journal.write(|tx| super::release(tx, NOW, 1)),
        Release::Released(crate::journal::Kind::Event)
    );
    assert_eq!(
        journal.write(|tx| super::release(tx, NOW, 1)),
        Release::NotHeld
    );
    assert_eq!(journal.totals().held, 0);
    assert_eq!(journal.append(keyed("b", 1, "y")), captured(2, Some(1)));
    assert_eq!(journal.audits(), [("released".to_owned(), "a".to_owned())]);
}

#[test]
fn a_discarded_event_states_nothing() {
    let mut journal = Journal::new();
    journal.append(keyed("a", 1, "x"));
    journal.discard(1);
    assert_eq!(journal.append(keyed("b", 1, "x")), captured(2, None));
    assert_eq!(
        (journal.marks("a"), journal.marks("b")),
        ((None, None), (None, None))
    );
}

#[test]
fn another_key_is_another_matter() {
    let mut journal = Journal::new();
    let envelope = |branch: &str| {
        format!(
            r#"{{"event_id":"{branch}","event_type":"MissionDossierArtifactIndexed","payload":{{"artifact_id":{{"path":"a"}},
            "namespace":{{"mission_slug":"m","target_branch":"{branch}"}},"content_ref":{{"hash":"{branch}"}}}}}}"#
        )
    };
    for (seq, branch) in [(1, "main"), (2, "2.x")] {
        let bytes = envelope(branch);
        let coalesce = inspect(bytes.as_bytes()).unwrap().coalesce;
        assert!(coalesce.is_some());
        let entry = Entry {
            coalesce,
            ..plain(branch, bytes.as_bytes())
        };
        assert_eq!(journal.append(entry), captured(seq, None));
    }
}

#[test]
fn one_transaction_coalesces_within_itself() {
    let mut journal = Journal::new();
    let (results, receipt) = journal.append_all(&[
        keyed("a", 1, "x"),
        keyed("b", 1, "y"),
        keyed("c", 1, "y"),
        keyed("d", 2, "x"),
    ]);
    let expected = [
        captured(1, None),
        captured(2, Some(1)),
        Appended::Unchanged { seq: 2 },
        captured(3, None),
    ];
    assert_eq!(results, expected);
    assert_eq!(
        (receipt.captured, receipt.superseded, receipt.unchanged),
        (3, 1, 1)
    );
    assert_eq!(journal.totals().live, 2);
}

#[test]
fn a_known_id_with_the_same_meaning_is_unchanged() {
    let mut journal = Journal::new();
    journal.append(plain("a", br#"{"x":1,"y":"\u00e9"}"#));
    for again in [
        &br#"{"x":1,"y":"\u00e9"}"#[..],
        "{ \"y\": \"é\", \"x\": 1 }".as_bytes(),
    ] {
        assert_eq!(
            journal.append(plain("a", again)),
            Appended::Unchanged { seq: 1 }
        );
    }
    let kept = journal.write(|tx| super::payload(tx, 1)).unwrap();
    assert_eq!(kept, br#"{"x":1,"y":"\u00e9"}"#);
    assert!(journal.audits().is_empty());
}

#[test]
fn a_known_id_with_another_content_is_kept_apart_whole_and_audited_once() {
    let mut journal = Journal::new();
    journal.append(plain("a", b"{\"x\":1}"));
    for _ in 0..2 {
        assert_eq!(
            journal.append(plain("A", b"{\"x\": 2}")),
            Appended::Conflict { seq: 1 }
        );
    }
    let rows = journal.write(|tx| {
        let mut statement =
            tx.prepare("SELECT event_id, envelope, existing_sha256 FROM journal_conflicts")?;
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        Ok(rows.collect::<rusqlite::Result<Vec<(String, Vec<u8>, Vec<u8>)>>>()?)
    });
    let existing = Sha256::of(b"{\"x\":1}").as_bytes().to_vec();
    assert_eq!(rows, [("A".to_owned(), b"{\"x\": 2}".to_vec(), existing)]);
    assert_eq!(journal.audits(), [("conflict".to_owned(), "A".to_owned())]);
    assert_eq!(
        journal.write(|tx| super::payload(tx, 1)),
        Some(b"{\"x\":1}".to_vec())
    );
    let totals = journal.totals();
    assert_eq!((totals.captured, totals.conflicts), (1, 1));
}

#[test]
fn a_known_id_is_recognised_whatever_its_key_says_now() {
    let mut journal = Journal::new();
    journal.append(keyed("a", 1, "x"));
    journal.append(keyed("b", 1, "y"));
    assert_eq!(
        journal.append(keyed("a", 1, "x")),
        Appended::Unchanged { seq: 1 },
        "superseded, and known"
    );
    assert_eq!(
        journal.append(keyed("a", 1, "y")),
        Appended::Unchanged { seq: 1 }
    );
    let other = Entry {
        envelope: b"other",
        ..keyed("a", 1, "z")
    };
    assert_eq!(journal.append(other), Appended::Conflict { seq: 1 });
    assert_eq!(
        journal.marks("b"),
        (None, None),
        "a refused event supersedes nothing"
    );
    assert_eq!(
        journal.append(keyed("c", 1, "y")),
        Appended::Unchanged { seq: 2 }
    );
}

#[test]
fn an_audit_row_says_what_was_done() {
    let mut journal = Journal::new();
    let audit = Audit {
        act: "discarded",
        event_id: "a",
        event_type: "T",
        sha256: Sha256::of(b"x"),
        reason: "opt-out",
    };
    journal.write(|tx| super::audit(tx, NOW, &audit));
    assert_eq!(journal.audits(), [("discarded".to_owned(), "a".to_owned())]);
}

#[test]
fn an_event_whose_payload_left_still_states_its_facts_and_is_not_replaced() {
    let mut journal = Journal::new();
    journal.append(keyed("a", 1, "x"));
    journal.append(held(keyed("b", 2, "x")));
    for seq in [1, 2] {
        let left = journal
            .write(|tx| super::let_go(tx, NOW, seq, Mark::Gone("purged")))
            .unwrap();
        assert_eq!(left.was_held, seq == 2);
        assert_eq!(journal.write(|tx| super::payload(tx, seq)), None);
    }
    assert_eq!(
        journal.write(|tx| super::let_go(tx, NOW, 1, Mark::Discarded("evicted"))),
        None,
        "it is gone already"
    );
    let totals = journal.totals();
    assert_eq!(
        (totals.live, totals.held, totals.gone, totals.live_bytes),
        (0, 0, 2, 0)
    );
    assert_eq!(
        journal.append(keyed("c", 1, "x")),
        Appended::Unchanged { seq: 1 }
    );
    assert_eq!(journal.append(keyed("d", 1, "y")), captured(3, None));
    assert_eq!(
        (journal.marks("a"), journal.marks("d")),
        ((None, None), (None, Some(1)))
    );
}
