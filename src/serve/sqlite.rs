//! Records in a SQLite file.

use std::path::Path;
use std::time::Duration;

use rusqlite::OptionalExtension as _;

use super::Error;
use super::arrivals::{Arrival, Arrived, BYTES, Heads, ROWS};
use super::storage::{Artifact, ArtifactVersion, Count, Counts, Event, LocalEngine, Records, Upload, Work};
use crate::base::ids::Ids;
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::store::{self, Counter, ReadTx, Schema, Store, WriteTx};

/// The receiver's own kind of file ("sksr"), apart from the stores of projects.
const SCHEMA: Schema = Schema { application_id: 0x736b_7372, steps: &[&[include_str!("schema.sql")]] };
/// The domain of the receiver's counters.
const SCOPE: &str = "serve";
/// The feeds: SQLite numbers the rows of each table by itself.
const EVENTS: &str = "events";
const TEXTS: &str = "texts";
/// How long a step waits for another process that writes to the same file.
const PATIENCE: Duration = Duration::from_secs(10);

/// An engine whose steps are transactions on one file.
#[derive(Debug)]
pub(super) struct Sqlite {
    store: Store,
    instance_id: String,
}

impl Sqlite {
    /// Opens the file at `path`, creating it with an id of its own.
    pub(super) fn open(path: &Path, ids: &dyn Ids) -> Result<Self, Error> {
        let mut store = Store::open(path, &SCHEMA, PATIENCE)?;
        let instance_id = store.write(|tx| -> Result<String, Error> {
            tx.prepare("INSERT INTO serve_settings (name, value) VALUES ('instance_id', ?1) ON CONFLICT DO NOTHING")?
                .execute([ids.uuid()])?;
            let mut statement = tx.prepare("SELECT value FROM serve_settings WHERE name = 'instance_id'")?;
            Ok(statement.query_row([], |r| r.get(0))?)
        })?;
        Ok(Self { store, instance_id })
    }
}

impl LocalEngine for Sqlite {
    fn step(&mut self, work: &mut Work<'_>) -> Result<(), Error> {
        self.store.write(|tx| work(&mut Tables { tx, project: None, namespace: None }))
    }

    fn has_body(&self, version: &ArtifactVersion) -> Result<bool, Error> {
        let ArtifactVersion { namespace, path, sha256 } = version;
        let NamespaceRef { project_uuid, mission_slug, target_branch, mission_type, manifest_version } = namespace;
        let key = (project_uuid, mission_slug, target_branch, mission_type, manifest_version, path, sha256.as_bytes());
        self.store.read(|tx| {
            let mut statement = tx.prepare(
                "SELECT 1 FROM serve_namespaces JOIN serve_bodies USING (namespace_id)
                 WHERE project_uuid = ?1 AND mission_slug = ?2 AND target_branch = ?3 AND mission_type = ?4
                 AND manifest_version = ?5 AND artifact_path = ?6 AND content_sha256 = ?7",
            )?;
            Ok(statement.exists(key)?)
        })
    }

    fn counts(&self) -> Result<Counts, Error> {
        let named = self.store.read(|tx| store::all_counters(tx, SCOPE))?;
        Ok(Count::ALL.iter().filter_map(|count| Some((*count, *named.get(count.name())?))).collect())
    }

    fn heads(&self) -> Result<Heads, Error> {
        self.store.read(|tx| {
            let head = |sql: &str| -> Result<i64, Error> { Ok(tx.prepare(sql)?.query_row([], |r| r.get(0))?) };
            let mut era = tx.prepare("SELECT value FROM serve_settings WHERE name = 'era'")?;
            Ok(Heads {
                era: era.query_row([], |r| r.get(0)).optional()?.unwrap_or_default(),
                streams: vec![
                    (EVENTS.to_owned(), head("SELECT coalesce(max(seq), 0) FROM serve_events")?),
                    (TEXTS.to_owned(), head("SELECT coalesce(max(seq), 0) FROM serve_bodies")?),
                ],
            })
        })
    }

    fn feed(&self, stream: &str, after: i64) -> Result<Vec<Arrival>, Error> {
        self.store.read(|tx| if stream == EVENTS { events_after(tx, after) } else { texts_after(tx, after) })
    }

    fn text(&self, sha256: Sha256) -> Result<Option<String>, Error> {
        self.store.read(|tx| {
            let mut statement = tx.prepare("SELECT content FROM serve_contents WHERE content_sha256 = ?1")?;
            Ok(statement.query_row([sha256.as_bytes()], |r| r.get(0)).optional()?)
        })
    }

    fn instance_id(&self) -> &str {
        &self.instance_id
    }
}

fn events_after(tx: &ReadTx<'_>, after: i64) -> Result<Vec<Arrival>, Error> {
    let mut statement = tx.prepare(
        "SELECT seq, received_at, project_uuid, envelope FROM serve_events JOIN serve_projects USING (project_id)
         WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = statement.query((after, ROWS))?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while bytes < BYTES
        && let Some(row) = rows.next()?
    {
        let envelope: Vec<u8> = row.get(3)?;
        bytes += envelope.len();
        let item = Arrived::Event { project_uuid: row.get(2)?, envelope };
        found.push(Arrival { seq: row.get(0)?, at: Timestamp::from_micros(row.get(1)?), item });
    }
    Ok(found)
}

fn texts_after(tx: &ReadTx<'_>, after: i64) -> Result<Vec<Arrival>, Error> {
    let mut statement = tx.prepare(
        "SELECT seq, received_at, artifact_path, content_sha256, project_uuid, mission_slug, target_branch, mission_type,
         manifest_version FROM serve_bodies JOIN serve_namespaces USING (namespace_id)
         WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let rows = statement.query_map((after, ROWS), |row| {
        let sha256: [u8; 32] = row.get(3)?;
        let namespace = NamespaceRef {
            project_uuid: row.get(4)?,
            mission_slug: row.get(5)?,
            target_branch: row.get(6)?,
            mission_type: row.get(7)?,
            manifest_version: row.get(8)?,
        };
        // A digest has 32 bytes.
        let sha256 = Sha256::from_slice(&sha256).unwrap_or_else(|| Sha256::of(b""));
        let item = Arrived::Text(ArtifactVersion { namespace, path: row.get(2)?, sha256 });
        Ok(Arrival { seq: row.get(0)?, at: Timestamp::from_micros(row.get(1)?), item })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The tables within one transaction, with the last project and namespace looked up: batches name few.
struct Tables<'a> {
    tx: &'a WriteTx<'a>,
    project: Option<(String, i64)>,
    namespace: Option<(NamespaceRef, i64)>,
}

impl Tables<'_> {
    fn project_id(&mut self, uuid: &str) -> Result<i64, Error> {
        if let Some((known, id)) = &self.project
            && known == uuid
        {
            return Ok(*id);
        }
        let new = self
            .tx
            .prepare("INSERT INTO serve_projects (project_uuid) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([uuid])?;
        if new > 0 {
            self.add(Count::Projects, 1)?;
        }
        let id = self
            .tx
            .prepare("SELECT project_id FROM serve_projects WHERE project_uuid = ?1")?
            .query_row([uuid], |r| r.get(0))?;
        self.project = Some((uuid.to_owned(), id));
        Ok(id)
    }

    fn namespace_id(&mut self, namespace: &NamespaceRef) -> Result<i64, Error> {
        if let Some((known, id)) = &self.namespace
            && known == namespace
        {
            return Ok(*id);
        }
        let NamespaceRef { project_uuid, mission_slug, target_branch, mission_type, manifest_version } = namespace;
        let fields = [project_uuid, mission_slug, target_branch, mission_type, manifest_version];
        self.tx
            .prepare(
                "INSERT INTO serve_namespaces
                 (project_uuid, mission_slug, target_branch, mission_type, manifest_version)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute(fields)?;
        let id = self
            .tx
            .prepare(
                "SELECT namespace_id FROM serve_namespaces WHERE project_uuid = ?1 AND mission_slug = ?2
                 AND target_branch = ?3 AND mission_type = ?4 AND manifest_version = ?5",
            )?
            .query_row(fields, |r| r.get(0))?;
        self.namespace = Some((namespace.clone(), id));
        Ok(id)
    }
}

impl Records for Tables<'_> {
    fn keep_event(&mut self, event: &Event, at: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        let project = self.project_id(&event.project_uuid)?;
        let new = self
            .tx
            .prepare(
                "INSERT INTO serve_events (project_id, event_id, event_type, received_at, envelope)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute((project, &event.id, &event.kind, at.as_micros(), &event.envelope))?;
        if new > 0 {
            return Ok(None);
        }
        let there = self
            .tx
            .prepare("SELECT envelope FROM serve_events WHERE project_id = ?1 AND event_id = ?2")?
            .query_row((project, &event.id), |r| r.get(0))?;
        Ok(Some(there))
    }

    fn keep_announcement(&mut self, artifact: &Artifact) -> Result<(), Error> {
        let namespace = self.namespace_id(&artifact.namespace)?;
        self.tx
            .prepare(
                "INSERT INTO serve_announcements (namespace_id, artifact_path) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute((namespace, &artifact.path))?;
        Ok(())
    }

    fn is_announced(&mut self, namespace: &NamespaceRef, path: &str) -> Result<bool, Error> {
        let NamespaceRef { project_uuid, mission_slug, target_branch, mission_type, manifest_version } = namespace;
        let key = (project_uuid, mission_slug, target_branch, mission_type, manifest_version, path);
        let found = self
            .tx
            .prepare(
                "SELECT 1 FROM serve_namespaces JOIN serve_announcements USING (namespace_id)
                 WHERE project_uuid = ?1 AND mission_slug = ?2 AND target_branch = ?3 AND mission_type = ?4
                 AND manifest_version = ?5 AND artifact_path = ?6",
            )?
            .query_row(key, |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    fn keep_body(&mut self, upload: &Upload, at: Timestamp) -> Result<bool, Error> {
        let ArtifactVersion { namespace, path, sha256 } = &upload.version;
        let namespace = self.namespace_id(namespace)?;
        self.tx
            .prepare("INSERT INTO serve_contents (content_sha256, content) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute((sha256.as_bytes(), &upload.content))?;
        let new = self
            .tx
            .prepare(
                "INSERT INTO serve_bodies (namespace_id, artifact_path, content_sha256, received_at)
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute((namespace, path, sha256.as_bytes(), at.as_micros()))?;
        Ok(new > 0)
    }

    fn keep_request_key(&mut self, key: &str, at: Timestamp) -> Result<bool, Error> {
        let times: i64 = self
            .tx
            .prepare(
                "INSERT INTO serve_requests (idempotency_key, first_at, times) VALUES (?1, ?2, 1)
                 ON CONFLICT (idempotency_key) DO UPDATE SET times = times + 1 RETURNING times",
            )?
            .query_row((key, at.as_micros()), |r| r.get(0))?;
        Ok(times > 1)
    }

    fn add(&mut self, count: Count, by: i64) -> Result<(), Error> {
        Ok(store::add_to_counter(self.tx, Counter { scope: SCOPE, name: count.name() }, by)?)
    }
}
