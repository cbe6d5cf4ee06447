//! A SQLite file as a storage: steps, counts, and the feeds that readers follow.

use rusqlite::OptionalExtension as _;

use super::file::{SCOPE, Sqlite};
use super::records::Tables;
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::serve::Error;
use crate::serve::engine::arrivals::{Arrival, Arrived, BYTES, Heads, ROWS};
use crate::serve::engine::content::ArtifactVersion;
use crate::serve::engine::count::{Count, Counts};
use crate::store::{self, ReadTx};

/// The feeds: SQLite numbers the rows of each table.
const EVENTS: &str = "events";
const TEXTS: &str = "texts";

impl Sqlite {
    /// Runs `work` as one step: durable when this returns `Ok`, without any effect when it does
    /// not.
    pub(in crate::serve) fn step(
        &mut self,
        work: impl FnOnce(&mut Tables<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.store.write(|tx| work(&mut Tables::of(tx)))
    }

    /// True when this artifact version of a team has its body.
    pub(in crate::serve) fn has_body(
        &self,
        team: i32,
        version: &ArtifactVersion,
    ) -> Result<bool, Error> {
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

    /// The numbers as of the last step.
    pub(in crate::serve) fn counts(&self) -> Result<Counts, Error> {
        let named = self.store.read(|tx| store::all_counters(tx, SCOPE))?;
        Ok(Count::ALL
            .iter()
            .filter_map(|count| Some((*count, *named.get(count.name())?)))
            .collect())
    }

    /// The feeds, with how far each goes.
    pub(in crate::serve) fn heads(&self) -> Result<Heads, Error> {
        self.store.read(|tx| {
            let head = |sql: &str| -> Result<i64, Error> { Ok(tx.one(sql, [], |r| r.get(0))?) };
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

    /// The rows of a feed after this position, in order; a bounded number of them.
    pub(in crate::serve) fn feed(&self, stream: &str, after: i64) -> Result<Vec<Arrival>, Error> {
        self.store.read(|tx| {
            if stream == EVENTS {
                events_after(tx, after)
            } else {
                texts_after(tx, after)
            }
        })
    }

    /// The text of a team with this digest.
    pub(in crate::serve) fn text(
        &self,
        team: i32,
        sha256: Sha256,
    ) -> Result<Option<String>, Error> {
        self.store.read(|tx| {
            Ok(tx.first(
                "SELECT content FROM serve_contents WHERE team = ?1 AND content_sha256 = ?2",
                (team, sha256.as_bytes()),
                |r| r.get(0),
            )?)
        })
    }

    /// The id of this storage, the same for its whole life.
    pub(in crate::serve) fn instance_id(&self) -> &str {
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
