//! Rows of every version: their destination, what is kept of them, and which of two contents stays.

use serde_json::json;

use crate::support::Sandbox;
use crate::support::older::{
    Era, HARBOUR, OTHER, by_label, capture, database, diverging, envelope, id, journal, put,
    put_body, respelled,
};

const SPEC: &str = "# Tides\n";

/// The digest of a text.
fn digest(text: &str) -> String {
    use std::fmt::Write as _;
    let digest = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes());
    digest.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

#[test]
fn every_era_is_taken_over_byte_for_byte_each_event_to_its_own_project() {
    let sandbox = Sandbox::with_repo();
    let mut expected = Vec::new();
    for (at, era) in Era::ALL.into_iter().enumerate() {
        let n = u32::try_from(at).unwrap() * 10;
        let queue = sandbox.queue(&format!("queues/queue-{at:016x}.db"), era);
        // The later row has the earlier time: the order is the queue's, not the file's.
        let rows = [
            (n + 1, Some(HARBOUR), 1_790_000_009),
            (n, Some(HARBOUR), 1_790_000_001),
            (n + 2, Some(OTHER), 5),
        ];
        for (n, project, time) in rows {
            put(
                &queue,
                &id(n),
                envelope(&id(n), project, "é \u{1F600}"),
                time,
            );
        }
        put(
            &queue,
            &id(n + 3),
            envelope(&id(n + 3), None, "nobody's"),
            7,
        );
        expected.extend([id(n), id(n + 1)]);
    }
    let migrated = sandbox.migrated(0);
    assert_eq!(
        (&migrated["imported"], &migrated["sources"]),
        (&json!(12), &json!(4)),
        "{migrated}"
    );
    assert_eq!(sandbox.ids_of(HARBOUR), expected);
    assert_eq!(
        sandbox.other_migrated(0)["imported"],
        4,
        "and theirs to theirs"
    );
    assert_eq!(sandbox.ids_of(OTHER).len(), 4);
    assert_eq!(sandbox.ids_of("unassigned"), [3, 13, 23, 33].map(id));
    for (id, bytes) in sandbox.events_of(HARBOUR) {
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            envelope(&id, Some(HARBOUR), "é \u{1F600}")
        );
    }
    sandbox.verified();
}

#[test]
fn the_first_of_two_contents_stays_and_only_the_other_row_is_kept_apart() {
    let sandbox = Sandbox::with_repo();
    let first = envelope(&id(1), Some(HARBOUR), "first");
    put(&sandbox.queue("queue.db", Era::Last), &id(1), &first, 9);
    let scoped = sandbox.queue("queues/queue-00aa.db", Era::Last);
    put(&scoped, &id(1), diverging(&id(1), HARBOUR), 1);
    put(&scoped, &id(2), envelope(&id(2), Some(HARBOUR), "own"), 2);
    let captured = journal(&sandbox.kitty("event_journal/journal-team.db"), true);
    // The normal double write of 3.2.x: the same event, spelled otherwise.
    capture(
        &captured,
        &id(2),
        &respelled(&envelope(&id(2), Some(HARBOUR), "own")),
        "2026-07-01T10:00:00+00:00",
    );
    capture(
        &captured,
        &id(3),
        &envelope(&id(3), Some(HARBOUR), "new"),
        "2026-07-01T10:00:01+00:00",
    );
    sandbox.adopting();
    let run = sandbox
        .sk_sync(["run", "--no-drain", "--json"])
        .code(5)
        .json();
    let told = by_label(&run["migrate"]);
    let told: Vec<_> = told
        .iter()
        .map(|(label, result, counts)| (label.as_str(), result.as_str(), *counts))
        .collect();
    assert_eq!(
        told,
        [
            ("legacy", "imported", [1, 0, 0]),
            ("00aa", "imported", [1, 0, 1]),
            ("journal-team", "imported", [1, 1, 0])
        ]
    );
    let kept: Vec<_> = sandbox.events_of(HARBOUR).into_iter().take(3).collect();
    assert_eq!(
        kept.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(),
        [id(1), id(2), id(3)]
    );
    assert_eq!(String::from_utf8(kept[0].1.clone()).unwrap(), first);
    let conn = database(sandbox.store());
    let apart: (String, Vec<u8>, String) = conn
        .query_row(
            "SELECT event_id, envelope, origin FROM journal_conflicts",
            [],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
        )
        .unwrap();
    assert_eq!(
        apart,
        (
            id(1),
            diverging(&id(1), HARBOUR).into_bytes(),
            "import:00aa".to_owned()
        )
    );
    let sources: i64 = conn
        .query_row("SELECT COUNT(*) FROM legacy_provenance", [], |r| r.get(0))
        .unwrap();
    assert_eq!(
        sources, 5,
        "each row's source is recorded, also of what was known"
    );
    // An open conflict blocks nothing; `migrate` and `status --check` report it until it is
    // decided.
    let _again = sandbox.sk_sync(["run", "--no-drain"]).success();
    assert_eq!(sandbox.migrated(5)["open_conflicts"], 1);
    let _status = sandbox.sk_sync(["status", "--check"]).code(5);
    sandbox.verified();
}

#[test]
fn d34_a_second_migration_changes_nothing() {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    put(&queue, &id(1), envelope(&id(1), Some(HARBOUR), "a"), 1);
    put(&queue, &id(2), envelope(&id(2), Some(OTHER), "b"), 2);
    put_body(&queue, Era::Last, HARBOUR, "spec.md", SPEC, &digest(SPEC));
    drop(queue);
    let first = sandbox.migrated(0);
    assert_eq!(
        (&first["imported"], &first["bodies_imported"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(sandbox.other_migrated(0)["imported"], 1);
    let dump = |sandbox: &Sandbox| (sandbox.events_of(HARBOUR), sandbox.events_of(OTHER));
    let before = dump(&sandbox);
    // Once the file was written so lately that it is read again, once it is at rest, once it is
    // known to be.
    for round in 0..3 {
        let again = sandbox.migrated(0);
        let counts = [
            "imported",
            "conflicts",
            "bodies_imported",
            "failures_imported",
        ]
        .map(|name| again[name].clone());
        assert_eq!(counts, [0, 0, 0, 0].map(|n| json!(n)), "round {round}");
        assert_eq!(dump(&sandbox), before);
        sandbox.at_rest();
    }
    assert_eq!(sandbox.migrated(0)["stores"][0]["result"], "unchanged");
    // After the user's decision no command reports a conflict.
    let _theirs = sandbox.other_migrated(0);
    let _away = sandbox.sk_sync(["migrate", "cleanup"]).success();
    assert_eq!(sandbox.migrated(0)["sources"], 0);
    let status = sandbox.status();
    assert_eq!(status["legacy_stores"], json!([]));
    assert_eq!(dump(&sandbox), before);
}

#[test]
fn odd_rows_are_kept_and_explained() {
    let sandbox = Sandbox::with_repo();
    let queue = sandbox.queue("queue.db", Era::Last);
    let harbour = |rest: &str| {
        format!(
            r#"{{"event_id": "{}", "project_uuid": "{HARBOUR}", {rest}}}"#,
            id(1)
        )
    };
    let far = "1".to_owned() + &"0".repeat(40);
    let rows: [(&str, Vec<u8>, i64); 8] = [
        (
            &id(1),
            harbour(&format!(r#""n": [NaN, {far}, "\ud800"]"#)).into_bytes(),
            1,
        ),
        ("NOT-JSON", b"this is not json".to_vec(), 2),
        ("EMPTY", Vec::new(), 3),
        ("LIST", b"[1, 2]".to_vec(), 4),
        ("OTHER-ID", harbour(r#""x": 1"#).into_bytes(), 5),
        ("BAD-UTF8", b"{\"\xff\xfe\"}".to_vec(), 6),
        ("MS", b"{}".to_vec(), 1_767_000_000_000),
        ("PAST", b"{}".to_vec(), -5),
    ];
    for (id, data, at) in &rows {
        let sql = "INSERT INTO queue (event_id, event_type, data, timestamp) VALUES (?1, 'T', CAST(?2 AS TEXT), ?3)";
        queue.execute(sql, rusqlite::params![id, data, at]).unwrap();
    }
    queue
        .execute("INSERT INTO queue (event_id, event_type, data, timestamp) VALUES (x'00ff', 'T', '{}', 1)", [])
        .unwrap();
    let migrated = sandbox.migrated(0);
    assert_eq!(
        (&migrated["imported"], &migrated["refused"]),
        (&json!(8), &json!(1)),
        "{migrated}"
    );
    let kept: Vec<_> = [HARBOUR, "unassigned"]
        .iter()
        .flat_map(|place| sandbox.events_of(place))
        .collect();
    for (id, data, _) in &rows {
        assert!(
            kept.iter().any(|(kept, bytes)| kept == id && bytes == data),
            "{id}"
        );
    }
    let notes = migrated["stores"][0]["notes"].to_string();
    for words in [
        "strict JSON",
        "is not JSON",
        "not a JSON object",
        "another event_id",
        "milliseconds",
        "before 1970",
        "a blob",
    ] {
        assert!(notes.contains(words), "{words}: {notes}");
    }
    let conn = database(sandbox.state().join("unassigned/older/store.db"));
    let sql = "SELECT p.queued_at FROM legacy_provenance AS p JOIN journal_events USING (seq) WHERE event_id = 'MS'";
    assert_eq!(
        conn.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap(),
        1_767_000_000_000
    );
    sandbox.verified();
}

#[test]
fn d09_bodies_come_over_with_what_the_queue_knew_of_them() {
    for era in [Era::Features, Era::Missions, Era::Last] {
        let sandbox = Sandbox::with_repo();
        let queue = sandbox.queue("queue.db", era);
        put_body(&queue, era, HARBOUR, "spec.md", SPEC, &digest(SPEC));
        put_body(&queue, era, HARBOUR, "empty.md", "", &digest(""));
        put_body(
            &queue,
            era,
            HARBOUR,
            "torn.md",
            "half of it",
            &digest("all of it"),
        );
        put_body(&queue, era, OTHER, "plan.md", "p", &digest("p"));
        if era == Era::Last {
            queue
                .execute(
                    "INSERT INTO body_upload_failure_log (project_uuid, mission_slug, target_branch, mission_type,
                       manifest_version, artifact_path, content_hash, size_bytes, failure_reason, failure_count,
                       first_failed_at, last_failed_at)
                     VALUES (?1, '040-tides', 'main', 'software-dev', '1', 'tasks.md', ?2, 1, 'bad_request: x', 3, 1.5,
                       2.5)",
                    [HARBOUR, &digest("t")],
                )
                .unwrap();
        }
        let migrated = sandbox.migrated(0);
        let failures = u64::from(era == Era::Last);
        let counts = ["bodies_imported", "failures_imported", "refused"]
            .map(|name| migrated[name].as_u64().unwrap());
        assert_eq!(counts, [2, failures, 1], "{era:?} {migrated}");
        let notes = migrated["stores"][0]["notes"].to_string();
        assert!(
            notes.contains("040-tides/torn.md: content_hash_mismatch"),
            "{notes}"
        );
        let store = sandbox.place_of(HARBOUR).join("store.db");
        let conn = database(store);
        let row: (String, String, i64, i64, String) = conn
            .query_row(
                "SELECT json_extract(CAST(p.envelope AS TEXT), '$.namespace.mission_slug'),
                        json_extract(CAST(p.envelope AS TEXT), '$.namespace.mission_type'),
                        json_extract(CAST(p.envelope AS TEXT), '$.size_bytes'), e.captured_at, CAST(t.text AS TEXT)
                 FROM journal_events AS e JOIN journal_payloads AS p USING (seq)
                   JOIN journal_texts AS t ON t.sha256 = e.facts_hash
                 WHERE e.kind = 1 AND json_extract(CAST(p.envelope AS TEXT), '$.artifact_path') = 'spec.md'",
                [],
                |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)),
            )
            .unwrap();
        let expected = (
            "040-tides".to_owned(),
            "software-dev".to_owned(),
            8,
            1_780_000_000_250_000,
            SPEC.to_owned(),
        );
        assert_eq!(row, expected);
        let logged: i64 = conn
            .query_row(
                "SELECT COUNT(*) FROM bodies_failure_log WHERE failure_count = 3 AND closed_at IS NULL",
                [],
                |r| r.get(0),
            )
            .unwrap();
        assert_eq!(u64::try_from(logged).unwrap(), failures);
        sandbox.verified();
    }
}
