//! Malicious or accidental files: each is listed with the reason, the rest continues, and none of
//! them is changed.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, OTHER, database, envelope, id, put};

/// Result of `migrate` for the source with this label.
fn told<'a>(migrated: &'a Value, label: &str) -> &'a Value {
    let stores = migrated["stores"].as_array().unwrap();
    stores
        .iter()
        .find(|store| store["label"] == label)
        .unwrap_or_else(|| panic!("{label}: {migrated}"))
}

/// Migrates, and checks that this one event came of it and that no file changed.
fn migrated_beside(sandbox: &Sandbox, n: u32) -> Value {
    let whole = sandbox.queue("queues/queue-ff.db", Era::Last);
    put(&whole, &id(n), envelope(&id(n), Some(HARBOUR), "beside"), 1);
    drop(whole);
    let before = sandbox.kitty_bytes();
    let migrated = sandbox.migrated(0);
    assert!(sandbox.kitty_bytes() == before, "a file changed");
    assert!(sandbox.ids_of(HARBOUR).contains(&id(n)), "{migrated}");
    sandbox.verified();
    migrated
}

#[test]
fn what_only_looks_like_a_table_is_not_read() {
    let sandbox = Sandbox::with_repo();
    let rows = "SELECT 1 AS id, 'x' AS event_id, 'T' AS event_type, '{}' AS data, 1 AS timestamp";
    let view = database(sandbox.kitty("queues/queue-01.db"));
    view.execute_batch(&format!("CREATE TABLE t (x); CREATE VIEW queue AS {rows};"))
        .unwrap();
    let endless = database(sandbox.kitty("queues/queue-02.db"));
    endless
        .execute_batch(
            "CREATE VIEW queue AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
             SELECT i AS id, i AS event_id, 'T' AS event_type, '{}' AS data, 1 AS timestamp FROM n;",
        )
        .unwrap();
    let computed = database(sandbox.kitty("queues/queue-03.db"));
    computed
        .execute_batch(
            "CREATE TABLE queue (id INTEGER PRIMARY KEY, event_id TEXT, event_type TEXT, timestamp INTEGER,
               data TEXT GENERATED ALWAYS AS (printf('%.*c', 1000, 'x')) VIRTUAL);
             INSERT INTO queue (event_id) VALUES ('x');",
        )
        .unwrap();
    let rowless = database(sandbox.kitty("queues/queue-04.db"));
    rowless
        .execute_batch("CREATE TABLE queue (event_id TEXT PRIMARY KEY, data TEXT, timestamp INTEGER) WITHOUT ROWID")
        .unwrap();
    // Triggers and indices on expressions are the schema's, and nothing of the schema runs.
    let armed = sandbox.queue("queues/queue-05.db", Era::Last);
    put(&armed, &id(5), envelope(&id(5), Some(HARBOUR), "armed"), 1);
    armed
        .execute_batch(
            "CREATE INDEX costly ON queue (length(randomblob(10)), event_id) WHERE length(event_id) > 0;
             CREATE TRIGGER queue_read AFTER INSERT ON queue BEGIN DELETE FROM queue; END;",
        )
        .unwrap_or_else(|_| {
            armed
                .execute_batch("CREATE TRIGGER queue_read AFTER INSERT ON queue BEGIN DELETE FROM queue; END;")
                .unwrap();
        });
    drop((view, endless, computed, rowless, armed));
    let migrated = migrated_beside(&sandbox, 1);
    assert_eq!(
        (&migrated["imported"], &migrated["source_errors"]),
        (&json!(2), &json!(4)),
        "{migrated}"
    );
    for (label, words) in [
        ("01", "view queue"),
        ("02", "view queue"),
        ("03", "has no column data"),
        ("04", "cannot read it"),
    ] {
        let error = told(&migrated, label)["error"].as_str().unwrap();
        assert!(error.contains(words), "{label}: {error}");
    }
    assert!(
        told(&migrated, "05")["notes"]
            .to_string()
            .contains("trigger queue_read"),
        "{migrated}"
    );
    // Unknown tables are in no store of ours, so such a file is not renamed.
    sandbox.at_rest();
    let _again = sandbox.migrated(0);
    let files = sandbox
        .sk_sync(["migrate", "cleanup", "--dry-run", "--json"])
        .success()
        .json()["files"]
        .clone();
    let why = |n: usize| {
        files[n]["kept_because"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        why(4).contains("cannot import") && why(5).is_empty(),
        "{files}"
    );
}

#[test]
fn each_cell_is_looked_at_before_it_is_believed() {
    let sandbox = Sandbox::with_repo();
    let queue = database(sandbox.kitty("queue.db"));
    queue
        .execute_batch(
            "CREATE TABLE queue (id INTEGER PRIMARY KEY, event_id, event_type, data, timestamp, retry_count)",
        )
        .unwrap();
    let good = envelope(&id(2), Some(HARBOUR), "whatever stands beside it");
    let cells: [(&str, &str, &str, &str); 11] = [
        ("7", "'T'", "'{}'", "its event_id is an integer"),
        ("NULL", "'T'", "'{}'", "its event_id is NULL"),
        ("2.5", "'T'", "'{}'", "its event_id is a float"),
        ("x'01'", "'T'", "'{}'", "its event_id is a blob"),
        ("' '", "'T'", "'{}'", "its event_id is blank"),
        (
            "CAST(x'ff' AS TEXT)",
            "'T'",
            "'{}'",
            "its event_id is not UTF-8",
        ),
        (
            "printf('%.*c', 5000, 'x')",
            "'T'",
            "'{}'",
            "its event_id has 5000 bytes",
        ),
        ("'NUMBER'", "'T'", "17", "its envelope is an integer"),
        ("'NOTHING'", "'T'", "NULL", "its envelope"),
        (
            "'HUGE'",
            "'T'",
            "zeroblob(70000000)",
            "its envelope has 70000000 bytes",
        ),
        (
            "'ODD-TYPE'",
            "x'00'",
            "'[]'",
            "the envelope is not a JSON object",
        ),
    ];
    for (event_id, event_type, data, _) in cells {
        let sql = format!(
            "INSERT INTO queue (event_id, event_type, data) VALUES ({event_id}, {event_type}, {data})"
        );
        queue.execute_batch(&sql).unwrap();
    }
    for (n, time) in [
        "'soon'",
        "x'0102'",
        "NULL",
        "1e300",
        "-9e18",
        "9223372036854775807",
    ]
    .iter()
    .enumerate()
    {
        let id = id(u32::try_from(n).unwrap() + 2);
        let sql = format!(
            "INSERT INTO queue (event_id, data, timestamp, retry_count) VALUES (?1, ?2, {time}, {time})"
        );
        queue
            .execute(&sql, [&id, &good.replace(&self::id(2), &id)])
            .unwrap();
    }
    queue
        .execute_batch(
            "CREATE TABLE body_upload_queue (project_uuid, mission_slug, target_branch, mission_type, manifest_version,
               artifact_path, content_hash, content_body, retry_count, next_attempt_at, created_at);
             INSERT INTO body_upload_queue VALUES (x'00', 1, NULL, 2.5, 'v', 'p', 'h', 'c', 'r', 'n', 'c');
             INSERT INTO body_upload_queue VALUES ('p', 'm', 'b', 't', 'v', 'p', 'no digest', 'c', 1e99, x'', 'c');
             INSERT INTO body_upload_queue VALUES ('p', 'm', 'b', 't', 'v', 'p', zeroblob(100), NULL, 1, 1, 1);",
        )
        .unwrap();
    drop(queue);
    let migrated = migrated_beside(&sandbox, 1);
    assert_eq!(
        (&migrated["imported"], &migrated["refused"]),
        (&json!(8), &json!(13)),
        "{migrated}"
    );
    let notes = told(&migrated, "legacy")["notes"].to_string();
    for (_, _, _, words) in cells {
        assert!(notes.contains(words), "{words}: {notes}");
    }
    let kept = sandbox.events_of(HARBOUR);
    for n in 2..8 {
        let bytes = good.replace(&id(2), &id(n)).into_bytes();
        assert!(kept.contains(&(id(n), bytes)), "{n}");
    }
}

#[cfg(unix)]
#[test]
fn links_pipes_and_devices_are_no_queues() {
    let sandbox = Sandbox::with_repo();
    let link = |to: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(to, sandbox.kitty(name)).unwrap();
    };
    link("/dev/zero".as_ref(), "queues/queue-01.db");
    link(&sandbox.path("nowhere"), "queues/queue-02.db");
    link(&sandbox.kitty("queues/queue-03.db"), "queues/queue-03.db");
    link(&sandbox.repo(), "queues/queue-04.db");
    let pipe = sandbox.kitty("queues/queue-05.db");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    // A home directory may consist of links; files of a repository may not be links out of it.
    let elsewhere = sandbox.path("elsewhere.db");
    drop(std::mem::replace(
        &mut sandbox.queue("moved.db", Era::Last),
        database(&elsewhere),
    ));
    std::fs::rename(sandbox.kitty("moved.db"), &elsewhere).unwrap();
    put(
        &database(&elsewhere),
        &id(6),
        envelope(&id(6), Some(HARBOUR), "linked"),
        1,
    );
    link(&elsewhere, "queues/queue-06.db");
    let brought = sandbox.path("brought.jsonl");
    std::fs::write(&brought, envelope(&id(7), Some(OTHER), "brought") + "\n").unwrap();
    std::fs::create_dir_all(sandbox.repo().join(".kittify/sync")).unwrap();
    std::os::unix::fs::symlink(
        &brought,
        sandbox.repo().join(".kittify/sync/overflow-1.jsonl"),
    )
    .unwrap();
    let whole = sandbox.queue("queues/queue-ff.db", Era::Last);
    put(&whole, &id(1), envelope(&id(1), Some(HARBOUR), "beside"), 1);
    drop(whole);
    let migrated = sandbox.migrated(0);
    assert_eq!(
        (&migrated["imported"], &migrated["source_errors"]),
        (&json!(2), &json!(6)),
        "{migrated}"
    );
    assert_eq!(sandbox.ids_of(HARBOUR), [id(6), id(1)]);
    for (label, words) in [
        ("01", "not a regular file"),
        ("02", "not there"),
        ("03", "cannot be read"),
        ("04", "not a regular file"),
        ("05", "not a regular file"),
        ("overflow-1.jsonl", "leads out of the repository"),
    ] {
        let error = told(&migrated, label)["error"].as_str().unwrap();
        assert!(error.contains(words), "{label}: {error}");
    }
    assert!(!sandbox.place_of(OTHER).exists());
}

#[cfg(unix)]
#[test]
fn what_belongs_to_somebody_else_is_named() {
    use crate::support::rights::{as_nobody, mode};
    let mut sandbox = Sandbox::with_repo();
    for (file, n) in [("queue.db", 1), ("queues/queue-0a.db", 2)] {
        put(
            &sandbox.queue(file, Era::Last),
            &id(n),
            envelope(&id(n), Some(HARBOUR), "theirs"),
            1,
        );
    }
    let before = sandbox.kitty_bytes();
    mode(sandbox.kitty("queue.db"), 0o000);
    let (state, temp) = (sandbox.path("theirs"), sandbox.path("temp"));
    for dir in [&state, &temp] {
        std::fs::create_dir_all(dir).unwrap();
        mode(dir, 0o700);
    }
    sandbox.change("SK_SYNC_HOME", state.to_str().unwrap());
    sandbox.change("TMPDIR", temp.to_str().unwrap());
    let Some(run) = as_nobody(&sandbox, &["migrate", "--dry-run", "--json"]) else {
        return;
    };
    let migrated = run.success().json()["migrate"].clone();
    assert!(
        told(&migrated, "legacy")["error"]
            .as_str()
            .unwrap()
            .contains("ermission denied"),
        "{migrated}"
    );
    assert_eq!(
        (&migrated["imported"], &migrated["source_errors"]),
        (&json!(1), &json!(1)),
        "{migrated}"
    );
    assert!(sandbox.kitty_bytes() == before, "a file changed");
    std::fs::remove_dir_all(&state).unwrap();
}

#[test]
fn lines_of_rubbish_cost_only_themselves() {
    let sandbox = Sandbox::with_repo();
    let mut text = Vec::new();
    for line in [
        b"\0\0\0\0".to_vec(),
        vec![b'['; 200_000],
        b"{\"event_id\": 7}".to_vec(),
        b"\xff\xfe{\"event_id\":\"x\"}".to_vec(),
        envelope(&id(2), Some(HARBOUR), "sound").into_bytes(),
        b"\"a text\"".to_vec(),
        vec![b'x'; 3_000_000],
        envelope(&id(3), Some(HARBOUR), &"long ".repeat(600_000)).into_bytes(),
        b"{\"event_id\": \"torn".to_vec(),
    ] {
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    sandbox.write(".kittify/sync/overflow-1.jsonl", &text);
    let migrated = migrated_beside(&sandbox, 1);
    assert_eq!(
        (&migrated["imported"], &migrated["refused"]),
        (&json!(3), &json!(7)),
        "{migrated}"
    );
    assert!(std::fs::read(sandbox.repo().join(".kittify/sync/overflow-1.jsonl")).unwrap() == text);
    let notes = told(&migrated, "overflow-1.jsonl")["notes"].to_string();
    for line in [1, 2, 3, 4, 6, 7, 9] {
        assert!(notes.contains(&format!("line {line}: ")), "{line}: {notes}");
    }
}
