//! Other remains of older versions: the stores of 3.2.7, and how the scope of a queue is
//! recognised.

use serde_json::json;

use crate::support::Sandbox;
use crate::support::older::{Era, HARBOUR, OTHER, by_label, database, envelope, id, put};

/// Plain base64 of a text.
fn base64(text: &str) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |bytes: &[u8]| {
        let bits = (0..3).fold(0_usize, |bits, at| {
            bits << 8 | usize::from(bytes.get(at).copied().unwrap_or(0))
        });
        let sign = |at: usize| {
            if at > bytes.len() {
                '='
            } else {
                char::from(SIGNS[bits >> (18 - 6 * at) & 63])
            }
        };
        (0..4).map(sign).collect::<String>()
    };
    text.as_bytes().chunks(3).map(group).collect()
}

#[test]
fn a_store_of_3_2_7_is_taken_over_and_stays_where_it_is() {
    let sandbox = Sandbox::with_repo();
    let store = database(sandbox.kitty(&format!("projects/{HARBOUR}/sync/sync.db")));
    store
        .execute_batch(
            "CREATE TABLE journal_entries (entry_id TEXT PRIMARY KEY, project_uuid TEXT NOT NULL, epoch_id TEXT,
               capture_sequence INTEGER NOT NULL CHECK (capture_sequence > 0), payload_json TEXT NOT NULL,
               created_at TEXT NOT NULL, UNIQUE (project_uuid, entry_id), UNIQUE (project_uuid, capture_sequence));
             CREATE TABLE delivery_attempts (x);",
        )
        .unwrap();
    let record = |n: u32, sequence: i64, record: serde_json::Value| {
        let sql =
            "INSERT INTO journal_entries VALUES (?1, ?2, 'e', ?3, ?4, '2026-08-23T10:00:00+00:00')";
        store
            .execute(
                sql,
                rusqlite::params![id(n), HARBOUR, sequence, record.to_string()],
            )
            .unwrap();
    };
    let of = |n: u32, project: &str, text: &str| {
        let payload = base64(&envelope(&id(n), Some(project), text));
        json!({"event_id": id(n), "event_type": "WPStatusChanged", "payload": payload, "payload_encoding": "base64"})
    };
    // Their order is the capture order; another project's rows are imported there; rows known from
    // the queue are duplicates.
    record(2, 1, of(2, HARBOUR, "earlier"));
    record(1, 2, of(1, HARBOUR, "later"));
    record(3, 3, of(3, OTHER, "theirs"));
    record(4, 4, of(4, HARBOUR, "both"));
    record(
        5,
        5,
        json!({"event_id": id(5), "payload": "{}", "payload_encoding": "zstd"}),
    );
    let queue = sandbox.queue("queue.db", Era::Last);
    put(&queue, &id(4), envelope(&id(4), Some(HARBOUR), "both"), 1);
    drop((store, queue));
    sandbox.at_rest();
    let before = sandbox.kitty_bytes();
    let migrated = sandbox.migrated(0);
    let told = [
        ("legacy".to_owned(), "imported".to_owned(), [1, 0, 0]),
        (HARBOUR.to_owned(), "imported".to_owned(), [2, 1, 0]),
    ];
    assert_eq!(by_label(&migrated), told, "{migrated}");
    assert!(
        migrated["stores"][1]["notes"].to_string().contains("zstd"),
        "{migrated}"
    );
    assert_eq!(sandbox.other_migrated(0)["imported"], 1);
    assert_eq!(
        (sandbox.ids_of(HARBOUR), sandbox.ids_of(OTHER)),
        (vec![id(4), id(2), id(1)], vec![id(3)])
    );
    assert_eq!(
        sandbox.events_of(HARBOUR)[1].1,
        envelope(&id(2), Some(HARBOUR), "earlier").into_bytes()
    );
    assert_eq!(sandbox.migrated(0)["stores"][1]["result"], "unchanged");
    let cleaned = sandbox
        .sk_sync(["migrate", "cleanup", "--json"])
        .success()
        .json()["files"]
        .clone();
    assert!(
        cleaned[1]["kept_because"]
            .as_str()
            .unwrap()
            .contains("3.2.7"),
        "{cleaned}"
    );
    let of_store = |files: Vec<(std::path::PathBuf, Vec<u8>)>| {
        files
            .into_iter()
            .find(|(file, _)| file.ends_with("sync/sync.db"))
            .unwrap()
    };
    assert!(
        of_store(sandbox.kitty_bytes()) == of_store(before),
        "it changed"
    );
    sandbox.verified();
}

/// The digest that names a queue's file.
fn digest(scope: &str) -> String {
    use std::fmt::Write as _;
    let digest = <sha2::Sha256 as sha2::Digest>::digest(scope.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

#[test]
fn the_older_registry_of_targets_makes_it_known_whose_a_queue_was() {
    let sandbox = Sandbox::with_repo();
    std::fs::write(
        sandbox.kitty("credentials"),
        "[user]\nusername = \"Zoë@Example.org\"\n",
    )
    .unwrap();
    let scopes = [
        "https://kit.example|zoë@example.org|tides",
        "https://kit.example|zo_u00eb_@example.org|tides",
    ];
    let unknown = "https://kit.example|someone@example.org|tides";
    for (n, scope) in scopes.iter().chain([&unknown]).enumerate() {
        let n = u32::try_from(n).unwrap();
        let queue = sandbox.queue(&format!("queues/queue-{}.db", digest(scope)), Era::Last);
        put(&queue, &id(n), envelope(&id(n), Some(HARBOUR), "a"), 1);
    }
    let registry = sandbox.kitty("delivery/targets.db");
    std::fs::write(&registry, "no database").unwrap();
    // One that cannot be read makes nothing known, and stops nothing.
    let dry = sandbox
        .sk_sync(["migrate", "--dry-run", "--json"])
        .success()
        .json();
    assert!(
        dry["warnings"].to_string().contains("delivery/targets.db"),
        "{dry}"
    );
    assert!(
        dry["migrate"]["stores"]
            .as_array()
            .unwrap()
            .iter()
            .all(|store| store["scope"].is_null()),
        "{dry}"
    );
    std::fs::remove_file(&registry).unwrap();
    database(&registry)
        .execute_batch(
            "CREATE TABLE delivery_targets (target_id TEXT PRIMARY KEY, canonical_url TEXT NOT NULL, url_hash TEXT NOT NULL,
               team_slug TEXT NOT NULL, user_email TEXT NOT NULL, first_seen_at TEXT, last_seen_at TEXT);
             INSERT INTO delivery_targets VALUES ('tgt_tides_1', 'https://kit.example', 'h', 'Tides', '', '', '');",
        )
        .unwrap();
    let migrated = sandbox.migrated(0);
    for scope in scopes {
        let label = digest(scope);
        let stores = migrated["stores"].as_array().unwrap();
        let store = stores
            .iter()
            .find(|store| store["label"] == label.as_str())
            .unwrap();
        assert_eq!(
            (&store["scope"], &store["provenance"]),
            (&json!(scope), &json!(format!("known:{label}")))
        );
    }
    let conn = database(sandbox.store());
    let sql = "SELECT provenance, scope FROM legacy_sources WHERE label = ?1";
    let told = conn.query_row(sql, [digest(unknown)], |r| {
        Ok((r.get::<_, String>(0)?, r.get::<_, Option<String>>(1)?))
    });
    assert_eq!(
        told.unwrap(),
        (format!("unknown:{}", digest(unknown)), None),
        "nothing is made up"
    );
}
