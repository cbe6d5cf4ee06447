//! `verify`: every manual change is found and named, with the parts that are safe; counters are
//! recomputed if their rows are intact.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};
use crate::support::wire::{ids, open};

/// A store with delivered, rejected and superseded events, an event in flight, and queued
/// documents.
fn filled() -> Sandbox {
    let server = Server::answering(|request| {
        if request.path != "/api/v1/events/batch/" {
            return Reply::json(503, &json!({"error": "later"}));
        }
        let all = ids(request);
        if all.iter().any(|id| id.starts_with("lost")) {
            return Reply::Silence;
        }
        let word = |n: usize| if n == 3 { "rejected" } else { "success" };
        let results = all
            .iter()
            .enumerate()
            .map(|(n, id)| json!({"event_id": id, "status": word(n)}));
        Reply::json(200, &json!({"results": results.collect::<Vec<_>>()}))
    });
    let sandbox = Sandbox::aimed_at(&server);
    let _run = sandbox.sk_sync(["run"]).code(3);
    let line = |id: &str| {
        format!("{{\"event_id\":\"{id}\",\"event_type\":\"T\",\"payload\":{{\"x\":1}}}}\n")
    };
    let _run = sandbox
        .sk_sync_with(["capture", "-q"], line("lost-1"))
        .success();
    let _run = sandbox.sk_sync(["drain"]).code(3);
    for words in ["one", "two"] {
        sandbox.write("kitty-specs/002-tide-gauge-survey/plan.md", words);
        let _run = sandbox.sk_sync(["index"]).success();
    }
    let _run = sandbox
        .sk_sync_with(["capture", "-q"], line("last-1"))
        .success();
    sandbox.verified();
    open(&sandbox.store())
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    sandbox
}

/// The store as it is now, to begin again from.
fn bytes(sandbox: &Sandbox) -> Vec<u8> {
    std::fs::read(sandbox.store()).unwrap()
}

fn put(store: &Path, bytes: &[u8]) {
    for side in ["-wal", "-shm"] {
        let _gone = std::fs::remove_file(format!("{}{side}", store.display()));
    }
    std::fs::write(store, bytes).unwrap();
}

fn verify(sandbox: &Sandbox) -> Value {
    sandbox.sk_sync(["verify", "--json"]).code(6).json()
}

const NO_KEYS: &str = "PRAGMA foreign_keys = OFF;";
const JOURNAL: &str = "every event is here";
const LEDGER: &str = "what every target has is known";
const FILE: &str = "the database file is whole";

/// Manual changes of a store, words of a finding, and parts that are no longer safe.
const MUTATIONS: [(&str, &str, &[&str]); 27] = [
    (
        "UPDATE journal_payloads SET envelope = CAST(replace(envelope, 'a', 'b') AS BLOB) WHERE seq = 3",
        "journal row 3: the payload does not match its digest",
        &[JOURNAL],
    ),
    ("DELETE FROM journal_payloads WHERE seq = 4", "journal row 4: the payload is missing", &[JOURNAL]),
    (
        "DELETE FROM journal_payloads WHERE seq = 4; DELETE FROM journal_events WHERE seq = 4",
        "row 4 is missing",
        &[JOURNAL, LEDGER],
    ),
    // The last row, never selected: only the counters know of it.
    (
        "DELETE FROM journal_payloads WHERE seq = (SELECT MAX(seq) FROM journal_events);
         DELETE FROM journal_events WHERE seq = (SELECT MAX(seq) FROM journal_events)",
        "the journal's counters say",
        &[JOURNAL],
    ),
    // The last rows are removed with matching counters: selected rows are missed.
    (
        "DELETE FROM journal_payloads WHERE seq > 5; DELETE FROM journal_events WHERE seq > 5;
         UPDATE store_counters SET value = 5 WHERE name IN ('captured', 'live') AND scope = 'journal'",
        "it was selected once, but the journal ends at 5",
        &[JOURNAL, LEDGER],
    ),
    ("UPDATE journal_events SET chain = zeroblob(32) WHERE seq = 5", "journal row 5: its chain value", &[JOURNAL]),
    ("UPDATE journal_events SET event_id = 'other' WHERE seq = 5", "journal row 5: its chain value", &[JOURNAL]),
    ("UPDATE journal_events SET payload_sha256 = zeroblob(32) WHERE seq = 5", "journal row 5: ", &[JOURNAL]),
    (
        "UPDATE journal_events SET size = size + 1 WHERE seq = 6",
        "journal row 6: the payload has another length",
        &[JOURNAL],
    ),
    (
        "UPDATE journal_events SET gone = 'collected' WHERE seq = 6",
        "journal row 6: the payload is here, although",
        &[JOURNAL],
    ),
    ("UPDATE store_counters SET value = value + 1 WHERE name = 'live'", "the journal's counters say", &[]),
    ("UPDATE store_counters SET value = value - 1 WHERE name = 'delivered'", "the counters of tgt_", &[]),
    ("UPDATE store_counters SET value = 7 WHERE scope = 'journal/documents'", "the journal's counters say", &[]),
    ("UPDATE store_counters SET value = 7 WHERE scope LIKE 'delivery/%/documents'", "the counters of tgt_", &[]),
    ("UPDATE delivery_rows SET seq = 999 WHERE seq = 1", "delivery rows without a journal row", &[LEDGER]),
    ("UPDATE delivery_rows SET status = 'rejected' WHERE seq = 1", "waiting events without a due time", &[LEDGER]),
    ("DELETE FROM delivery_rows WHERE seq = 1", "events left to send that the cursor passed", &[LEDGER]),
    ("DELETE FROM delivery_attempts WHERE closed_at IS NULL", "events in flight without an open attempt", &[LEDGER]),
    ("DELETE FROM delivery_attempts WHERE id = 1", "1 attempts are missing", &[LEDGER]),
    ("UPDATE delivery_attempts SET seqs = '1' WHERE id = 1", "that no attempt lists", &[LEDGER]),
    ("UPDATE delivery_attempts SET seqs = 'x' WHERE id = 1", "attempt 1 lists rows as", &[LEDGER]),
    (
        "UPDATE journal_texts SET text = CAST(text || 'x' AS BLOB) WHERE rowid = (SELECT MIN(rowid) FROM journal_texts)",
        "does not match its digest",
        &[JOURNAL],
    ),
    (
        "DELETE FROM delivery_rows WHERE seq = (SELECT MIN(seq) FROM delivery_rows WHERE kind = 1)",
        "documents due before the event",
        &[LEDGER],
    ),
    (
        "UPDATE delivery_rows SET kind = 0 WHERE seq = (SELECT MIN(seq) FROM delivery_rows WHERE kind = 1)",
        "rows of documents with marks of an event",
        &[LEDGER],
    ),
    ("UPDATE delivery_targets SET cursor_seq = 999", "events left to send that the cursor passed", &[LEDGER]),
    ("UPDATE journal_state SET sealed_through = 1", "but the journal is sealed through 1", &[LEDGER]),
    ("UPDATE journal_state SET sealed_through = 999", "journal row 999: it was selected once", &[JOURNAL]),
];

/// Each change of the list is found, named with its place, and affects only its part.
#[test]
fn whatever_was_changed_by_hand_is_found() {
    let sandbox = filled();
    let (store, whole) = (sandbox.store(), bytes(&sandbox));
    sandbox.spoilt();
    for (change, words, unsafe_parts) in MUTATIONS {
        put(&store, &whole);
        open(&store)
            .execute_batch(&format!("{NO_KEYS} {change}"))
            .unwrap();
        assert_ne!(bytes(&sandbox), whole, "{change} changed nothing");
        let proof = verify(&sandbox);
        assert!(
            proof["findings"].to_string().contains(words),
            "{change}: {proof}"
        );
        assert_eq!(
            proof["is_damaged"],
            !unsafe_parts.is_empty(),
            "{change}: {proof}"
        );
        let safe = proof["safe"].to_string();
        for part in [FILE, JOURNAL, LEDGER] {
            assert_eq!(
                safe.contains(part),
                !unsafe_parts.contains(&part),
                "{change}: {part}: {proof}"
            );
        }
    }
    put(&store, &whole);
    sandbox.verified();
}

/// Bytes of the file itself: a page of zeros, and an end that is missing.
#[test]
fn a_damaged_file_is_found_wherever_it_is_damaged() {
    let sandbox = filled();
    let (store, whole) = (sandbox.store(), bytes(&sandbox));
    sandbox.spoilt();
    let page = 4096;
    let pages = whole.len() / page;
    // Every page but those that hold nothing.
    for number in 0..pages {
        let mut damaged = whole.clone();
        damaged[number * page..(number + 1) * page].fill(0);
        if damaged == whole {
            continue;
        }
        put(&store, &damaged);
        let run = sandbox.sk_sync(["verify", "--json"]).code(6);
        let document = run.json();
        let told = document.to_string();
        assert!(
            told.contains("findings") || told.contains("store_damaged"),
            "page {number}: {told}"
        );
        assert_eq!(
            bytes(&sandbox),
            damaged,
            "page {number}: verify changed the file"
        );
    }
    for length in [whole.len() - page, whole.len() / 2, page, 200] {
        put(&store, &whole[..length]);
        let document = sandbox.sk_sync(["verify", "--json"]).code(6).json();
        let told = document.to_string();
        // A file that ends before its tables is a lost store, and has another fix.
        let is_lost = told.contains("store_lost");
        assert!(
            is_lost || told.contains("findings") || told.contains("store_damaged"),
            "{length}: {told}"
        );
        let words = sandbox.sk_sync(["verify"]).code(6);
        let way_out = if is_lost {
            "verify --repair store"
        } else {
            "eep a copy of the file"
        };
        assert!(
            format!("{}{}", words.stdout, words.stderr).contains(way_out),
            "{length}: {words:?}"
        );
    }
}

/// Every counter, one after the other: its value and the rows' value are shown, and then everything
/// is correct.
#[test]
fn counters_are_counted_again() {
    let sandbox = filled();
    let (store, whole) = (sandbox.store(), bytes(&sandbox));
    // `retained_through` is a place in the journal, and no count.
    let all: Vec<(String, String, i64)> = {
        let conn = open(&store);
        let counts =
            "SELECT scope, name, value FROM store_counters WHERE name <> 'retained_through'";
        let mut statement = conn.prepare(counts).unwrap();
        let rows = statement
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    assert!(all.len() > 10, "{all:?}");
    for (scope, name, value) in &all {
        put(&store, &whole);
        let change = "UPDATE store_counters SET value = value + 7 WHERE scope = ?1 AND name = ?2";
        assert_eq!(open(&store).execute(change, [scope, name]).unwrap(), 1);
        let proof = verify(&sandbox);
        assert_eq!(
            (&proof["is_damaged"], &proof["repairs"]),
            (&json!(false), &Value::Null),
            "{proof}"
        );
        let expected =
            json!([{"counter": format!("{scope}/{name}"), "before": value + 7, "after": value}]);
        let before = bytes(&sandbox);
        let planned = sandbox
            .sk_sync(["verify", "--repair", "counters", "--dry-run", "--json"])
            .code(6)
            .json();
        assert_eq!(
            (&planned["repairs"], &planned["dry_run"]),
            (&expected, &json!(true))
        );
        assert_eq!(bytes(&sandbox), before, "a dry run changes nothing");
        let done = sandbox
            .sk_sync(["verify", "--repair", "counters", "--json"])
            .success()
            .json();
        assert_eq!((&done["repairs"], &done["ok"]), (&expected, &json!(true)));
        sandbox.verified();
    }
    let audited = crate::support::wire::audit(&store);
    assert_eq!(
        audited
            .iter()
            .filter(|(act, _)| act == "counters_repaired")
            .count(),
        1,
        "{audited:?}"
    );
    let words = sandbox
        .sk_sync(["verify", "--repair", "counters"])
        .success()
        .stdout;
    assert!(words.starts_with("Whole:"), "{words}");
}

/// Damaged data is unchanged, and so are counters counted from it; other counters are corrected.
#[test]
fn damage_is_not_repaired() {
    let sandbox = filled();
    let (store, whole) = (sandbox.store(), bytes(&sandbox));
    sandbox.spoilt();
    for (damage, counters) in [
        (MUTATIONS[0].0, &[][..]),
        (
            "UPDATE delivery_targets SET cursor_seq = 999",
            &["journal/live", "journal/documents/live"],
        ),
    ] {
        put(&store, &whole);
        let conn = open(&store);
        let wrong =
            "UPDATE store_counters SET value = value + 1 WHERE name IN ('live', 'delivered')";
        conn.execute_batch(&format!("{NO_KEYS} {damage}; {wrong}"))
            .unwrap();
        let payloads = |conn: &rusqlite::Connection| -> Vec<Vec<u8>> {
            let mut statement = conn
                .prepare("SELECT envelope FROM journal_payloads ORDER BY seq")
                .unwrap();
            statement
                .query_map([], |r| r.get(0))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap()
        };
        let before = payloads(&conn);
        let done = sandbox
            .sk_sync(["verify", "--repair", "counters", "--json"])
            .code(6)
            .json();
        let names: Vec<_> = done["repairs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["counter"].as_str().unwrap())
            .collect();
        assert_eq!(names, counters, "{damage}");
        assert_eq!(done["is_damaged"], true, "{damage}");
        assert_eq!(payloads(&conn), before, "{damage}");
        let words = sandbox
            .sk_sync(["verify", "--repair", "counters"])
            .code(6)
            .stdout;
        assert!(
            words.contains("Repaired: nothing") && words.contains("Damaged:"),
            "{words}"
        );
    }
}

/// An older target's books are frozen and a fresh store has none: neither is anything to repair.
#[test]
fn nothing_to_repair_is_success() {
    let sandbox = Sandbox::with_repo();
    let before = sandbox.listing();
    let none = sandbox
        .sk_sync(["verify", "--repair", "counters", "--json"])
        .success()
        .json();
    assert_eq!(none["repairs"], json!([]));
    assert_eq!(sandbox.listing(), before, "no store is made");
    let server = Server::honest();
    let mut sandbox = sandbox;
    sandbox.target(&server.url());
    let _run = sandbox.sk_sync(["run"]).success();
    assert!(
        sandbox
            .sk_sync(["verify", "--dry-run"])
            .code(2)
            .stderr
            .contains("--repair")
    );
    assert!(
        sandbox
            .sk_sync(["verify", "--repair", "cursors"])
            .code(2)
            .stderr
            .contains("counters")
    );
}
