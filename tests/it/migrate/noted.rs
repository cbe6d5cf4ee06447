//! The record of an older migration.

use serde_json::json;

use crate::support::Sandbox;
use crate::support::older::{
    HARBOUR, by_label, capture, database, diverging, envelope, id, journal,
};

#[test]
fn an_older_migrations_notes_come_over_and_what_it_set_aside_is_kept() {
    let sandbox = Sandbox::with_repo();
    let captured = journal(&sandbox.kitty("event_journal/journal-team.db"), true);
    capture(
        &captured,
        &id(1),
        &envelope(&id(1), Some(HARBOUR), "kept"),
        "2026-07-01T10:00:00+00:00",
    );
    let audit = database(sandbox.kitty("migration_audit.db"));
    audit
        .execute_batch(
            "CREATE TABLE migration_provenance(event_id TEXT NOT NULL, source_digest TEXT NOT NULL,
               target_id TEXT NOT NULL, payload_sha TEXT NOT NULL, recorded_at TEXT NOT NULL,
               PRIMARY KEY(event_id, source_digest));
             CREATE TABLE quarantined_conflicts(event_id TEXT NOT NULL, source_digest TEXT NOT NULL, payload BLOB NOT NULL,
               existing_sha TEXT, incoming_sha TEXT, resolved_at TEXT, PRIMARY KEY(event_id, source_digest));",
        )
        .unwrap();
    for (event, source) in [(id(1), "00ff00ff00ff00ff"), (id(9), "legacy")] {
        let sql = "INSERT INTO migration_provenance VALUES (?1, ?2, 'unknown:' || ?2, 'sha', '2026-07-02T10:00:00+00:00')";
        audit.execute(sql, [event.as_str(), source]).unwrap();
    }
    for n in [1, 2] {
        let sql = "INSERT INTO quarantined_conflicts (event_id, source_digest, payload) VALUES (?1, '00aa', CAST(?2 AS BLOB))";
        audit
            .execute(sql, [&id(n), &diverging(&id(n), HARBOUR)])
            .unwrap();
    }
    drop((captured, audit));
    let migrated = sandbox.migrated(0);
    // The one whose other content is missing is stored on hold; the other was decided long ago, so
    // it is not a conflict.
    let told = [
        ("journal-team".to_owned(), [1, 0, 0]),
        ("migration_audit".to_owned(), [1, 0, 0]),
    ];
    let counts: Vec<_> = by_label(&migrated)
        .into_iter()
        .map(|(label, _, counts)| (label, counts))
        .collect();
    assert_eq!(counts, told, "{migrated}");
    assert_eq!(
        (&migrated["held"], &migrated["open_conflicts"]),
        (&json!(1), &json!(0))
    );
    let store = database(sandbox.store());
    let held: (String, String) = store
        .query_row(
            "SELECT event_id, held FROM journal_events WHERE held IS NOT NULL",
            [],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )
        .unwrap();
    assert_eq!(held, (id(2), "quarantined".to_owned()));
    let apart: (Vec<u8>, bool) = store
        .query_row(
            "SELECT envelope, resolved_at IS NOT NULL FROM journal_conflicts",
            [],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )
        .unwrap();
    assert_eq!(apart, (diverging(&id(1), HARBOUR).into_bytes(), true));
    let sql = "SELECT s.label, s.provenance FROM legacy_provenance AS p JOIN legacy_sources AS s ON s.id = p.source
               JOIN journal_events AS e USING (seq) WHERE e.event_id = ?1 ORDER BY s.id";
    let mut statement = store.prepare(sql).unwrap();
    let sources: Vec<(String, String)> = statement
        .query_map([id(1)], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let expected = [
        ("journal-team", "unknown:journal-team"),
        ("00ff00ff00ff00ff", "unknown:00ff00ff00ff00ff"),
    ];
    assert_eq!(
        sources,
        expected.map(|(label, word)| (label.to_owned(), word.to_owned()))
    );
    sandbox.at_rest();
    for _ in 0..2 {
        assert_eq!(sandbox.migrated(0)["imported"], 0);
    }
    sandbox.verified();
}
