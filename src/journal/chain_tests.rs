//! Detection of damage in a journal.

use std::time::Duration;

use super::{Appender, Entry, check_chain};
use crate::base::Timestamp;
use crate::event::WireForm;
use crate::store::{Schema, Store};

const SCHEMA: Schema = Schema {
    application_id: 1,
    steps: &[&[super::SCHEMA]],
};

/// Appends three events, applies `damage`, and returns the findings of the check.
fn found_after(damage: &str) -> Vec<(i64, String)> {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("s.db"), &SCHEMA, Duration::from_secs(5)).unwrap();
    let found: Result<_, super::Error> = store.write(|tx| {
        let mut appender = Appender::new(tx, Timestamp::from_micros(0))?;
        for id in ["a", "b", "c"] {
            appender.append(&Entry {
                event_id: id,
                event_type: "T",
                occurred_at: None,
                envelope: id.as_bytes(),
                wire: WireForm::AsIs,
                coalesce: None,
                held: None,
                origin: "capture",
            })?;
        }
        appender.finish()?;
        tx.conn().execute_batch(damage)?;
        let mut found = Vec::new();
        check_chain(tx, &mut |broken| found.push((broken.seq, broken.what)))?;
        Ok(found)
    });
    found.unwrap()
}

fn found(all: &[(i64, &str)]) -> Vec<(i64, String)> {
    all.iter()
        .map(|(seq, what)| (*seq, (*what).to_owned()))
        .collect()
}

const UNLINKED: &str = "its chain value does not follow from the row before";

#[test]
fn a_whole_journal_has_no_breaks() {
    assert_eq!(found_after(""), []);
}

#[test]
fn marks_and_payloads_that_left_break_nothing() {
    let marks = "UPDATE journal_events SET held = 'x', discarded = 'evicted', archived_at = 1 WHERE seq = 1;
                 UPDATE journal_events SET gone = 'gc' WHERE seq = 2;
                 DELETE FROM journal_payloads WHERE seq < 3;";
    assert_eq!(found_after(marks), []);
}

#[test]
fn a_flipped_payload_byte_is_found() {
    let flip = "UPDATE journal_payloads SET envelope = CAST('B' AS BLOB) WHERE seq = 2";
    assert_eq!(
        found_after(flip),
        found(&[(2, "the payload does not match its digest")])
    );
}

#[test]
fn a_payload_that_left_without_a_mark_is_found() {
    assert_eq!(
        found_after("DELETE FROM journal_payloads WHERE seq = 2"),
        found(&[(2, "the payload is missing")])
    );
}

#[test]
fn a_changed_digest_is_found_even_when_the_payload_goes_with_it() {
    let change = "UPDATE journal_events SET payload_sha256 = zeroblob(32) WHERE seq = 2";
    let both = found(&[(2, UNLINKED), (2, "the payload does not match its digest")]);
    assert_eq!(found_after(change), both);
    let gone =
        format!("{change}; UPDATE journal_events SET gone = 'gc'; DELETE FROM journal_payloads");
    assert_eq!(found_after(&gone), found(&[(2, UNLINKED)]));
    let short = "UPDATE journal_events SET chain = x'00' WHERE seq = 2";
    let after = found(&[(2, "a digest does not have 32 bytes"), (3, UNLINKED)]);
    assert_eq!(found_after(short), after);
}

#[test]
fn a_deleted_row_is_found() {
    let delete =
        "DELETE FROM journal_payloads WHERE seq = 2; DELETE FROM journal_events WHERE seq = 2";
    assert_eq!(
        found_after(delete),
        found(&[(3, "row 2 is missing"), (3, UNLINKED)])
    );
}

#[test]
fn a_deleted_first_row_is_found() {
    let delete =
        "DELETE FROM journal_payloads WHERE seq = 1; DELETE FROM journal_events WHERE seq = 1";
    assert_eq!(
        found_after(delete),
        found(&[(2, "row 1 is missing"), (2, UNLINKED)])
    );
}

#[test]
fn a_renamed_row_is_found() {
    for id in ["x", "B"] {
        let rename = format!("UPDATE journal_events SET event_id = '{id}' WHERE seq = 2");
        assert_eq!(found_after(&rename), found(&[(2, UNLINKED)]), "{id}");
    }
}

#[test]
fn swapped_rows_are_found() {
    let swap = "PRAGMA defer_foreign_keys = ON;
                UPDATE journal_events SET seq = 9 WHERE seq = 2;
                UPDATE journal_events SET seq = 2 WHERE seq = 3;
                UPDATE journal_events SET seq = 3 WHERE seq = 9;";
    let wrong = "the payload does not match its digest";
    assert_eq!(
        found_after(swap),
        found(&[(2, UNLINKED), (2, wrong), (3, UNLINKED), (3, wrong)])
    );
    let with_payloads = swap.replace("journal_events", "journal_payloads");
    assert_eq!(
        found_after(&format!("{swap}{with_payloads}")),
        found(&[(2, UNLINKED), (3, UNLINKED)])
    );
}

#[test]
fn swapped_payloads_are_found() {
    let swap =
        "UPDATE journal_payloads SET envelope = CASE seq WHEN 2 THEN CAST('c' AS BLOB) ELSE CAST('b' AS BLOB) END
                WHERE seq > 1";
    let wrong = "the payload does not match its digest";
    assert_eq!(found_after(swap), found(&[(2, wrong), (3, wrong)]));
}

#[test]
fn a_row_put_in_between_is_found() {
    let insert = "PRAGMA defer_foreign_keys = ON;
                  UPDATE journal_events SET seq = 4 WHERE seq = 3; UPDATE journal_payloads SET seq = 4 WHERE seq = 3;
                  INSERT INTO journal_events (seq, event_id, event_type, captured_at, origin, payload_sha256, size, chain, wire)
                    SELECT 3, 'new', event_type, captured_at, origin, payload_sha256, size, chain, wire
                    FROM journal_events WHERE seq = 2;
                  INSERT INTO journal_payloads SELECT 3, envelope FROM journal_payloads WHERE seq = 2;";
    assert_eq!(found_after(insert), found(&[(3, UNLINKED), (4, UNLINKED)]));
}
