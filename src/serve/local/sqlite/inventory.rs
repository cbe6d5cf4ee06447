//! What a SQLite file has of a project.

use rusqlite::OptionalExtension as _;

use super::file::Sqlite;
use crate::base::Sha256;
use crate::event::NamespaceRef;
use crate::serve::Error;
use crate::serve::engine::content::ArtifactVersion;
use crate::serve::engine::inventory::{
    ANSWER_BYTES, ANSWER_ROWS, Ask, DigestOf, Filling, Page, Place,
};

impl Sqlite {
    pub(in crate::serve) fn facts(&self, ask: &Ask) -> Result<Page<Place>, Error> {
        self.store.read(|tx| {
            let mut statement = tx.prepare(
                "WITH space AS (
                   SELECT n.namespace_id FROM serve_projects JOIN serve_namespaces AS n USING (project_id)
                   WHERE team = ?1 AND project_uuid = ?2 AND (?3 IS NULL OR mission_slug = ?3)
                 )
                 SELECT w.seq, length(e.envelope), w.has_document FROM (
                   SELECT a.seq, EXISTS (SELECT 1 FROM serve_bodies AS b WHERE b.namespace_id = a.namespace_id
                     AND b.artifact_path = a.artifact_path AND b.content_sha256 = a.content_sha256) AS has_document
                   FROM space JOIN serve_announcements AS a USING (namespace_id) WHERE a.seq > ?4
                   UNION ALL
                   SELECT seq, 0 FROM space JOIN serve_words USING (namespace_id) WHERE seq > ?4
                 ) AS w JOIN serve_events AS e ON e.seq = w.seq ORDER BY w.seq",
            )?;
            let mut rows = statement.query((ask.team, &ask.project_uuid, &ask.mission, ask.after_number()))?;
            let mut page = Filling::new(ANSWER_ROWS, ANSWER_BYTES);
            while let Some(row) = rows.next()? {
                let place = Place { seq: row.get(0)?, size: row.get(1)?, has_document: row.get(2)? };
                if !page.add(place, place.size, || place.seq.to_string()) {
                    break;
                }
            }
            Ok(page.page())
        })
    }

    pub(in crate::serve) fn envelopes(
        &self,
        ask: &Ask,
        places: &[Place],
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.store.read(|tx| {
            let mut statement = tx.prepare(
                "SELECT envelope FROM serve_events JOIN serve_projects USING (project_id)
                 WHERE seq = ?3 AND team = ?1 AND project_uuid = ?2",
            )?;
            let mut envelopes = Vec::with_capacity(places.len());
            for place in places {
                let row = (ask.team, &ask.project_uuid, place.seq);
                envelopes.extend(
                    statement
                        .query_row(row, |row| row.get::<_, Vec<u8>>(0))
                        .optional()?,
                );
            }
            Ok(envelopes)
        })
    }

    pub(in crate::serve) fn event_states(
        &self,
        ask: &Ask,
        of: DigestOf,
        rows: usize,
    ) -> Result<Page<(String, Sha256)>, Error> {
        let without_dossier = of == DigestOf::LogBytes;
        self.store.read(|tx| {
            let mut statement = tx.prepare(
                "SELECT seq, event_id, envelope FROM serve_projects JOIN serve_events AS e USING (project_id)
                 WHERE team = ?1 AND project_uuid = ?2 AND seq > ?3
                   AND NOT (?4 AND event_type GLOB 'MissionDossier*') ORDER BY seq",
            )?;
            let mut found = statement.query((ask.team, &ask.project_uuid, ask.after_number(), without_dossier))?;
            let mut page = Filling::new(rows, u64::MAX);
            while let Some(row) = found.next()? {
                let seq: i64 = row.get(0)?;
                let envelope = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
                let digest = of.digest(envelope);
                if !page.add((row.get(1)?, digest), 0, || seq.to_string()) {
                    break;
                }
            }
            Ok(page.page())
        })
    }

    pub(in crate::serve) fn documents(
        &self,
        ask: &Ask,
        rows: usize,
    ) -> Result<Page<ArtifactVersion>, Error> {
        self.store.read(|tx| {
            let mut statement = tx.prepare(
                "SELECT seq, mission_slug, target_branch, mission_type, manifest_version, artifact_path, content_sha256
                 FROM serve_projects JOIN serve_namespaces USING (project_id) JOIN serve_bodies USING (namespace_id)
                 WHERE team = ?1 AND project_uuid = ?2 AND seq > ?3 ORDER BY seq",
            )?;
            let mut found = statement.query((ask.team, &ask.project_uuid, ask.after_number()))?;
            let mut page = Filling::new(rows, u64::MAX);
            while let Some(row) = found.next()? {
                let id: i64 = row.get(0)?;
                let sha256 = row.get_ref(6)?.as_blob().map_err(rusqlite::Error::from)?;
                let Some(sha256) = Sha256::from_slice(sha256) else { continue };
                let namespace = NamespaceRef {
                    project_uuid: ask.project_uuid.clone(),
                    mission_slug: row.get(1)?,
                    target_branch: row.get(2)?,
                    mission_type: row.get(3)?,
                    manifest_version: row.get(4)?,
                };
                if !page.add(ArtifactVersion { namespace, path: row.get(5)?, sha256 }, 0, || id.to_string()) {
                    break;
                }
            }
            Ok(page.page())
        })
    }
}
