//! Records in a SQLite file.

use std::path::Path;
use std::time::Duration;

use rusqlite::OptionalExtension as _;

use super::Error;
use super::arrivals::{Arrival, Arrived, BYTES, Heads, ROWS};
use super::removal::Refused;
use super::sqlite_removal;
use super::sqlite_webhooks::Looked;
use super::storage::{
    Announced, Artifact, ArtifactVersion, Count, Counts, Event, Kept, LocalEngine, Records,
    Subject, Upload, Work,
};
use super::token::OWN_TEAM;
use crate::base::ids::Ids;
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::store::{self, Counter, ReadTx, Schema, Store, WriteTx};

/// The receiver's own kind of file ("sksr"), apart from the stores of projects.
const SCHEMA: Schema = Schema {
    application_id: 0x736b_7372,
    steps: &[&[include_str!("schema.sql")]],
};
/// The domain of the receiver's counters.
pub(super) const SCOPE: &str = "serve";
/// The feeds: SQLite numbers the rows of each table.
const EVENTS: &str = "events";
const TEXTS: &str = "texts";
/// How long a step waits for another process that writes to the same file.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pages kept in memory: a batch of 1,000 events and the upper part of the indexes.
const PAGES_KIB: u16 = 4096;

/// An engine whose steps are transactions on one file.
#[derive(Debug)]
pub(super) struct Sqlite {
    pub(super) store: Store,
    instance_id: String,
    pub(super) looked: Looked,
}

impl Sqlite {
    /// Opens the file at `path`, creating it with a new ID.
    pub(super) fn open(path: &Path, ids: &dyn Ids) -> Result<Self, Error> {
        let mut store = Store::open(path, &SCHEMA, PATIENCE)?;
        store.keep_pages(PAGES_KIB)?;
        let instance_id = store.write(|tx| -> Result<String, Error> {
            tx.prepare("INSERT INTO serve_settings (name, value) VALUES ('instance_id', ?1) ON CONFLICT DO NOTHING")?
                .execute([ids.uuid()])?;
            let mut statement = tx.prepare("SELECT value FROM serve_settings WHERE name = 'instance_id'")?;
            Ok(statement.query_row([], |r| r.get(0))?)
        })?;
        Ok(Self {
            store,
            instance_id,
            looked: Looked::new(),
        })
    }
}

impl LocalEngine for Sqlite {
    fn step(&mut self, work: &mut Work<'_>) -> Result<(), Error> {
        self.store.write(|tx| {
            work(&mut Tables {
                tx,
                team: OWN_TEAM,
                project: None,
                namespace: None,
                refused: None,
            })
        })
    }

    fn has_body(&self, team: i32, version: &ArtifactVersion) -> Result<bool, Error> {
        let ArtifactVersion {
            namespace,
            path,
            sha256,
        } = version;
        let NamespaceRef {
            project_uuid,
            mission_slug,
            target_branch,
            mission_type,
            manifest_version,
        } = namespace;
        let names = (mission_slug, target_branch, mission_type, manifest_version);
        self.store.read(|tx| {
            let mut statement = tx.prepare(
                "SELECT 1 FROM serve_projects JOIN serve_namespaces USING (project_id) JOIN serve_bodies USING (namespace_id)
                 WHERE team = ?1 AND project_uuid = ?2 AND mission_slug = ?3 AND target_branch = ?4
                 AND mission_type = ?5 AND manifest_version = ?6 AND artifact_path = ?7 AND content_sha256 = ?8",
            )?;
            let hash = sha256.as_bytes();
            Ok(statement.exists((team, project_uuid, names.0, names.1, names.2, names.3, path, hash))?)
        })
    }

    fn counts(&self) -> Result<Counts, Error> {
        let named = self.store.read(|tx| store::all_counters(tx, SCOPE))?;
        Ok(Count::ALL
            .iter()
            .filter_map(|count| Some((*count, *named.get(count.name())?)))
            .collect())
    }

    fn heads(&self) -> Result<Heads, Error> {
        self.store.read(|tx| {
            let head = |sql: &str| -> Result<i64, Error> {
                Ok(tx.prepare(sql)?.query_row([], |r| r.get(0))?)
            };
            let mut era = tx.prepare("SELECT value FROM serve_settings WHERE name = 'era'")?;
            Ok(Heads {
                era: era
                    .query_row([], |r| r.get(0))
                    .optional()?
                    .unwrap_or_default(),
                streams: vec![
                    (
                        EVENTS.to_owned(),
                        head("SELECT coalesce(max(seq), 0) FROM serve_events")?,
                    ),
                    (
                        TEXTS.to_owned(),
                        head("SELECT coalesce(max(seq), 0) FROM serve_bodies")?,
                    ),
                ],
            })
        })
    }

    fn feed(&self, stream: &str, after: i64) -> Result<Vec<Arrival>, Error> {
        self.store.read(|tx| {
            if stream == EVENTS {
                events_after(tx, after)
            } else {
                texts_after(tx, after)
            }
        })
    }

    fn text(&self, team: i32, sha256: Sha256) -> Result<Option<String>, Error> {
        self.store.read(|tx| {
            let mut statement = tx.prepare(
                "SELECT content FROM serve_contents WHERE team = ?1 AND content_sha256 = ?2",
            )?;
            Ok(statement
                .query_row((team, sha256.as_bytes()), |r| r.get(0))
                .optional()?)
        })
    }

    fn instance_id(&self) -> &str {
        &self.instance_id
    }
}

fn events_after(tx: &ReadTx<'_>, after: i64) -> Result<Vec<Arrival>, Error> {
    let mut statement = tx.prepare(
        "SELECT seq, received_at, project_uuid, envelope, team FROM serve_events JOIN serve_projects USING (project_id)
         WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = statement.query((after, ROWS))?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while bytes < BYTES
        && let Some(row) = rows.next()?
    {
        let envelope: Vec<u8> = row.get(3)?;
        bytes += envelope.len();
        let item = Arrived::Event {
            project_uuid: row.get(2)?,
            envelope,
        };
        found.push(Arrival {
            seq: row.get(0)?,
            team: row.get(4)?,
            at: Timestamp::from_micros(row.get(1)?),
            item,
        });
    }
    Ok(found)
}

fn texts_after(tx: &ReadTx<'_>, after: i64) -> Result<Vec<Arrival>, Error> {
    let mut statement = tx.prepare(
        "SELECT seq, received_at, artifact_path, content_sha256, project_uuid, mission_slug, target_branch, mission_type,
         manifest_version, team FROM serve_bodies JOIN serve_namespaces USING (namespace_id) JOIN serve_projects USING (project_id)
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
        let item = Arrived::Text(ArtifactVersion {
            namespace,
            path: row.get(2)?,
            sha256,
        });
        Ok(Arrival {
            seq: row.get(0)?,
            team: row.get(9)?,
            at: Timestamp::from_micros(row.get(1)?),
            item,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The tables within one transaction, with the last project and namespace looked up: batches name
/// few.
struct Tables<'a> {
    tx: &'a WriteTx<'a>,
    team: i32,
    project: Option<(String, i64)>,
    namespace: Option<(NamespaceRef, i64)>,
    refused: Option<(String, Refused)>,
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
            .prepare("INSERT INTO serve_projects (team, project_uuid) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute((self.team, uuid))?;
        if new > 0 {
            self.add(Count::Projects, 1)?;
        }
        let id = self
            .tx
            .prepare("SELECT project_id FROM serve_projects WHERE team = ?1 AND project_uuid = ?2")?
            .query_row((self.team, uuid), |r| r.get(0))?;
        self.project = Some((uuid.to_owned(), id));
        Ok(id)
    }

    fn namespace_id(&mut self, namespace: &NamespaceRef) -> Result<i64, Error> {
        if let Some((known, id)) = &self.namespace
            && known == namespace
        {
            return Ok(*id);
        }
        let NamespaceRef {
            project_uuid,
            mission_slug,
            target_branch,
            mission_type,
            manifest_version,
        } = namespace;
        let project = self.project_id(project_uuid)?;
        let fields = (
            project,
            mission_slug,
            target_branch,
            mission_type,
            manifest_version,
        );
        self.tx
            .prepare(
                "INSERT INTO serve_namespaces
                 (project_id, mission_slug, target_branch, mission_type, manifest_version)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute(fields)?;
        let id = self
            .tx
            .prepare(
                "SELECT namespace_id FROM serve_namespaces WHERE project_id = ?1 AND mission_slug = ?2
                 AND target_branch = ?3 AND mission_type = ?4 AND manifest_version = ?5",
            )?
            .query_row(fields, |r| r.get(0))?;
        self.namespace = Some((namespace.clone(), id));
        Ok(id)
    }
}

impl Tables<'_> {
    /// Notes that an event is the newest about its subject.
    fn keep_word(&mut self, event: &Event, seq: i64) -> Result<(), Error> {
        if let Some(Artifact { namespace, path }) = &event.announces {
            let namespace = self.namespace_id(namespace)?;
            let sql = "INSERT INTO serve_announcements (namespace_id, artifact_path, seq, content_sha256)
                       VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT DO UPDATE SET seq = excluded.seq, content_sha256 = excluded.content_sha256";
            self.tx.prepare(sql)?.execute((
                namespace,
                path,
                seq,
                event.content.as_ref().map(Sha256::as_bytes),
            ))?;
        }
        if let Some(Subject { key, namespace }) = &event.about {
            let namespace = self.namespace_id(namespace)?;
            let sql = "INSERT INTO serve_words (namespace_id, subject, seq) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO UPDATE SET seq = excluded.seq";
            self.tx.prepare(sql)?.execute((namespace, key, seq))?;
        }
        Ok(())
    }
}

impl Records for Tables<'_> {
    fn enter(&mut self, team: i32) {
        if self.team != team {
            (self.team, self.project, self.namespace, self.refused) = (team, None, None, None);
        }
    }

    fn refused(&mut self, project_uuid: &str) -> Result<&Refused, Error> {
        let known = match self.refused.take() {
            Some(known) if known.0 == project_uuid => known,
            _ => (
                project_uuid.to_owned(),
                sqlite_removal::refused(self.tx, self.team, project_uuid)?,
            ),
        };
        Ok(&self.refused.insert(known).1)
    }

    fn keep_event(&mut self, event: &Event, at: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        let project = self.project_id(&event.project_uuid)?;
        let new = self
            .tx
            .prepare(
                "INSERT INTO serve_events (project_id, event_id, event_type, received_at, envelope)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute((
                project,
                &event.id,
                &event.kind,
                at.as_micros(),
                &event.envelope,
            ))?;
        if new > 0 {
            self.keep_word(event, self.tx.conn().last_insert_rowid())?;
            return Ok(None);
        }
        let there = self
            .tx
            .prepare("SELECT envelope FROM serve_events WHERE project_id = ?1 AND event_id = ?2")?
            .query_row((project, &event.id), |r| r.get(0))?;
        Ok(Some(there))
    }

    fn announced(&mut self, version: &ArtifactVersion) -> Result<Announced, Error> {
        let ArtifactVersion {
            namespace,
            path,
            sha256,
        } = version;
        let NamespaceRef {
            project_uuid,
            mission_slug,
            target_branch,
            mission_type,
            manifest_version,
        } = namespace;
        let key = (
            self.team,
            project_uuid,
            mission_slug,
            target_branch,
            mission_type,
            manifest_version,
            path,
        );
        let found = self
            .tx
            .prepare(
                "SELECT content_sha256 FROM serve_projects JOIN serve_namespaces USING (project_id)
                 JOIN serve_announcements USING (namespace_id)
                 WHERE team = ?1 AND project_uuid = ?2 AND mission_slug = ?3 AND target_branch = ?4
                 AND mission_type = ?5 AND manifest_version = ?6 AND artifact_path = ?7",
            )?
            .query_row(key, |row| row.get::<_, Option<[u8; 32]>>(0))
            .optional()?;
        Ok(match found {
            None => Announced::Never,
            Some(content) if content.as_ref() == Some(sha256.as_bytes()) => Announced::This,
            Some(_) => Announced::Otherwise,
        })
    }

    fn keep_body(&mut self, upload: &Upload, at: Timestamp) -> Result<Kept, Error> {
        let ArtifactVersion {
            namespace,
            path,
            sha256,
        } = &upload.version;
        let project = self.project_id(&namespace.project_uuid)?;
        let namespace = self.namespace_id(namespace)?;
        let hash = sha256.as_bytes();
        let content: Option<i64> = if let Some(content) = &upload.content {
            let sql =
                "INSERT INTO serve_contents (team, content_sha256, content) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO NOTHING";
            self.tx.prepare(sql)?.execute((self.team, hash, content))?;
            let sql =
                "SELECT content_id FROM serve_contents WHERE team = ?1 AND content_sha256 = ?2";
            Some(
                self.tx
                    .prepare(sql)?
                    .query_row((self.team, hash), |r| r.get(0))?,
            )
        } else {
            // Another project's text is as good as none: nothing may tell that it is there.
            let sql = "SELECT content_id FROM serve_contents AS c WHERE team = ?1 AND content_sha256 = ?2
                         AND EXISTS (SELECT 1 FROM serve_bodies AS b JOIN serve_namespaces USING (namespace_id)
                                     WHERE b.content_id = c.content_id AND project_id = ?3)";
            self.tx
                .prepare(sql)?
                .query_row((self.team, hash, project), |r| r.get(0))
                .optional()?
        };
        let Some(content) = content else {
            return Ok(Kept::NoText);
        };
        let new = self
            .tx
            .prepare(
                "INSERT INTO serve_bodies (namespace_id, artifact_path, content_sha256, content_id, received_at)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute((namespace, path, hash, content, at.as_micros()))?;
        Ok(if new > 0 { Kept::New } else { Kept::There })
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
        Ok(store::add_to_counter(
            self.tx,
            Counter {
                scope: SCOPE,
                name: count.name(),
            },
            by,
        )?)
    }
}
