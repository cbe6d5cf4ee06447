//! Queues and journals as older versions of Spec Kitty left them, with their very tables.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::Sandbox;

/// The project of the fixture repository.
pub(crate) const HARBOUR: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";
/// Another project.
pub(crate) const OTHER: &str = "11111111-2222-4333-8444-555555555555";

/// Versions that wrote a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// 2.0.0 to 2.0.4: no coalescing, no bodies.
    First,
    /// 2.0.10 to 3.1.0a3: bodies of features.
    Features,
    /// 3.1.0a4 to 3.1.10: bodies of missions, no failure log.
    Missions,
    /// 3.2.0 to 3.2.5.
    Last,
}

impl Era {
    pub(crate) const ALL: [Self; 4] = [Self::First, Self::Features, Self::Missions, Self::Last];

    fn tables(self) -> String {
        let key = if self == Self::First {
            ""
        } else {
            ", coalesce_key TEXT"
        };
        let mut sql = vec![format!(
            "CREATE TABLE queue(id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT UNIQUE NOT NULL,
               event_type TEXT NOT NULL, data TEXT NOT NULL, timestamp INTEGER NOT NULL,
               retry_count INTEGER DEFAULT 0{key});
             CREATE INDEX idx_timestamp ON queue(timestamp); CREATE INDEX idx_retry ON queue(retry_count);"
        )];
        let (slug, kind) = if self == Self::Features {
            ("feature_slug", "mission_key")
        } else {
            ("mission_slug", "mission_type")
        };
        let names = format!(
            "project_uuid, {slug}, target_branch, {kind}, manifest_version, artifact_path, content_hash"
        );
        let typed = names
            .split(", ")
            .map(|name| format!("{name} TEXT NOT NULL"))
            .collect::<Vec<_>>()
            .join(", ");
        if self != Self::First {
            sql.push(format!(
                "CREATE TABLE body_upload_queue(id INTEGER PRIMARY KEY AUTOINCREMENT, {typed},
                   hash_algorithm TEXT NOT NULL DEFAULT 'sha256', content_body TEXT NOT NULL,
                   size_bytes INTEGER NOT NULL, retry_count INTEGER NOT NULL DEFAULT 0,
                   next_attempt_at REAL NOT NULL DEFAULT 0.0, created_at REAL NOT NULL, last_error TEXT, UNIQUE({names}));"
            ));
        }
        if self == Self::Last {
            sql.push(format!(
                "CREATE TABLE body_upload_failure_log(id INTEGER PRIMARY KEY AUTOINCREMENT, {typed},
                   hash_algorithm TEXT NOT NULL DEFAULT 'sha256', size_bytes INTEGER NOT NULL,
                   failure_reason TEXT NOT NULL, failure_count INTEGER NOT NULL DEFAULT 1,
                   first_failed_at REAL NOT NULL, last_failed_at REAL NOT NULL, UNIQUE({names}, failure_reason));"
            ));
        }
        sql.concat()
    }
}

/// Opens a database behind the program's back, and makes it when there is none.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is the older version, and looks at the files it left"
)]
pub(crate) fn database(path: impl AsRef<Path>) -> Connection {
    Connection::open(path).unwrap()
}

/// An envelope as Python wrote it: blanks after separators, no order of keys.
pub(crate) fn envelope(id: &str, project: Option<&str>, text: &str) -> String {
    let project = project.map_or("null".to_owned(), |uuid| format!("\"{uuid}\""));
    format!(
        "{{\"event_id\": \"{id}\", \"event_type\": \"WPStatusChanged\", \"aggregate_id\": \"WP01\", \
         \"aggregate_type\": \"WorkPackage\", \"schema_version\": \"3.0.0\", \"build_id\": \"b\", \
         \"node_id\": \"b805cd5cee74\", \"lamport_clock\": 1, \"causation_id\": null, \"correlation_id\": \"{id}\", \
         \"timestamp\": \"2026-02-12T10:00:00+00:00\", \"team_slug\": \"harbour\", \"project_uuid\": {project}, \
         \"payload\": {{\"wp_id\": \"WP01\", \"mission_slug\": \"m\", \"from_lane\": \"planned\", \
         \"to_lane\": \"claimed\", \"actor\": \"{text}\", \"execution_mode\": \"worktree\"}}}}"
    )
}

/// The `n`th id.
pub(crate) fn id(n: u32) -> String {
    format!("01JMBY7K8N3QRVX2DPF{n:07}")
}

impl Sandbox {
    /// A file of the older home directory.
    pub(crate) fn kitty(&self, file: &str) -> PathBuf {
        let path = self.path("kitty").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// A queue of this era at this place of the older home directory.
    pub(crate) fn queue(&self, file: &str, era: Era) -> Connection {
        let conn = database(self.kitty(file));
        conn.execute_batch(&era.tables()).unwrap();
        conn
    }

    /// Makes every file of the older home directory an hour old, so that it counts as at rest.
    pub(crate) fn at_rest(&self) {
        let hour_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        for file in files(&self.path("kitty")) {
            std::fs::File::options()
                .write(true)
                .open(file)
                .unwrap()
                .set_modified(hour_ago)
                .unwrap();
        }
    }

    /// Every file of the older home directory with its bytes.
    pub(crate) fn kitty_bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files(&self.path("kitty"))
            .into_iter()
            .map(|file| (file.clone(), std::fs::read(file).unwrap()))
            .collect()
    }

    /// Envelope bytes by id in the store of a project.
    pub(crate) fn events_of(&self, project: &str) -> Vec<(String, Vec<u8>)> {
        let store = match project {
            "unassigned" => self.state().join("unassigned/older/store.db"),
            uuid => self.place_of(uuid).join("store.db"),
        };
        let conn = database(store);
        let sql = "SELECT event_id, envelope FROM journal_events JOIN journal_payloads USING (seq) ORDER BY seq";
        let mut statement = conn.prepare(sql).unwrap();
        let rows = statement
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// The ids in the store of a project, in order.
    pub(crate) fn ids_of(&self, project: &str) -> Vec<String> {
        self.events_of(project)
            .into_iter()
            .map(|(id, _)| id)
            .collect()
    }

    /// The ids of events in the store of the repository with this id.
    pub(crate) fn ids_in(&self, repository_id: &str) -> Vec<String> {
        let place = super::stores::places(&self.state())
            .into_iter()
            .find(|place| place.ends_with(repository_id));
        let sql =
            "SELECT event_id FROM journal_events WHERE kind = 0 AND discarded IS NULL ORDER BY seq";
        let conn = database(place.unwrap().join("store.db"));
        let mut statement = conn.prepare(sql).unwrap();
        let rows = statement.query_map([], |r| r.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// The section `migrate` of a report, once this repository imports its project's rows.
    pub(crate) fn migrated(&self, code: i32) -> Value {
        self.adopting();
        self.sk_sync(["migrate", "--json"]).code(code).json()["migrate"].clone()
    }

    /// Assigns older stores of `HARBOUR` to this repository, like `migrate adopt`.
    pub(crate) fn adopting(&self) {
        let place = self.place_ahead(HARBOUR);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("older-stores.adopted"), "").unwrap();
    }

    /// The same in another repository, of the project `OTHER`.
    pub(crate) fn other_migrated(&self, code: i32) -> Value {
        if !self.path("other").exists() {
            self.git(&["init", "--quiet", "../other"]);
            self.write(
                "../other/.kittify/config.yaml",
                format!("project:\n  uuid: {OTHER}\n"),
            );
        }
        let run = self.sk_sync(["--repo", "../other", "migrate", "adopt", "--yes", "--json"]);
        run.code(code).json()["migrate"].clone()
    }
}

/// Queues an event.
pub(crate) fn put(queue: &Connection, id: &str, data: impl rusqlite::ToSql, at: i64) {
    let sql = "INSERT INTO queue (event_id, event_type, data, timestamp) VALUES (?1, 'WPStatusChanged', ?2, ?3)";
    queue.execute(sql, rusqlite::params![id, data, at]).unwrap();
}

/// Queues a body of the mission `040-tides`, with the retry state of a second failure.
pub(crate) fn put_body(
    queue: &Connection,
    era: Era,
    project: &str,
    path: &str,
    text: &str,
    hash: &str,
) {
    let (slug, kind) = if era == Era::Features {
        ("feature_slug", "mission_key")
    } else {
        ("mission_slug", "mission_type")
    };
    let sql = format!(
        "INSERT INTO body_upload_queue (project_uuid, {slug}, target_branch, {kind}, manifest_version, artifact_path,
           content_hash, content_body, size_bytes, retry_count, next_attempt_at, created_at, last_error)
         VALUES (?1, '040-tides', 'main', 'software-dev', '1', ?2, ?3, ?4, ?5, 2, 1790000000.5, 1780000000.25,
           'server_error: 503')"
    );
    queue
        .execute(
            &sql,
            rusqlite::params![
                project,
                path,
                hash,
                text,
                i64::try_from(text.len()).unwrap()
            ],
        )
        .unwrap();
}

/// Result of a report for each source, by label: its result, and the numbers of new, known and
/// conflicting events.
pub(crate) fn by_label(migrated: &Value) -> Vec<(String, String, [u64; 3])> {
    let number = |store: &Value, name: &str| store[name].as_u64().unwrap();
    let of = |store: &Value| {
        let text = |name: &str| store[name].as_str().unwrap().to_owned();
        let counts = ["imported", "deduplicated", "conflicts"].map(|name| number(store, name));
        (text("label"), text("result"), counts)
    };
    migrated["stores"]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect()
}

/// The journal of a 3.2.x producer.
pub(crate) fn journal(path: &Path, is_wal: bool) -> Connection {
    let conn = database(path);
    if is_wal {
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
            .unwrap();
    }
    conn.execute_batch(
        "CREATE TABLE event_journal(event_id TEXT PRIMARY KEY, event_type TEXT NOT NULL, payload BLOB NOT NULL,
           occurred_at TEXT NOT NULL, created_at TEXT NOT NULL, coalesce_key TEXT, archived_at TEXT,
           drain_blocked_reason TEXT);
         CREATE INDEX idx_event_journal_coalesce ON event_journal(coalesce_key, created_at);",
    )
    .unwrap();
    conn
}

/// Captures an event in a journal of 3.2.x.
pub(crate) fn capture(journal: &Connection, id: &str, payload: &str, at: &str) {
    let sql = "INSERT INTO event_journal (event_id, event_type, payload, occurred_at, created_at)
               VALUES (?1, 'WPStatusChanged', CAST(?2 AS BLOB), ?3, ?3)";
    journal.execute(sql, [id, payload, at]).unwrap();
}

/// The ledger of 3.2.x with these rows: event, target, status.
pub(crate) fn ledger(path: &Path, rows: &[(&str, &str, &str)]) {
    let conn = database(path);
    conn.execute_batch(
        "CREATE TABLE delivery_ledger(event_id TEXT NOT NULL, target_id TEXT NOT NULL, status TEXT NOT NULL,
           attempt_count INTEGER NOT NULL DEFAULT 0, first_attempted_at TEXT, last_attempted_at TEXT, accepted_at TEXT,
           completed_at TEXT, server_drain_state TEXT, last_http_status INTEGER, last_error TEXT,
           last_response_json TEXT, PRIMARY KEY(event_id, target_id));",
    )
    .unwrap();
    for (event, target, status) in rows {
        let sql = "INSERT INTO delivery_ledger (event_id, target_id, status, completed_at)
                   VALUES (?1, ?2, ?3, '2026-07-01T10:00:00+00:00')";
        conn.execute(sql, [event, target, status]).unwrap();
    }
}

/// The same envelope with another order of keys and other blanks, as captured by 3.2.x in addition
/// to the queue.
pub(crate) fn respelled(envelope: &str) -> String {
    serde_json::from_str::<Value>(envelope).unwrap().to_string()
}

/// An envelope with another payload.
pub(crate) fn diverging(id: &str, project: &str) -> String {
    json!({"event_id": id, "event_type": "WPStatusChanged", "project_uuid": project, "payload": {"n": 7}}).to_string()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.push(entry);
        }
    }
    found.sort();
    found
}
