//! The records of one step, in the tables of a SQLite file.

use super::file::SCOPE;
use super::removal::refused;
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::serve::Error;
use crate::serve::engine::content::{Artifact, ArtifactVersion, Event, Subject, Upload};
use crate::serve::engine::count::Count;
use crate::serve::engine::removal::Refused;
use crate::serve::engine::token::OWN_TEAM;
use crate::store::{self, Counter, WriteTx};

/// What the events of a project say of a version of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Announced {
    /// None has named the document.
    Never,
    /// The newest one that names it is about another version.
    Otherwise,
    /// The newest one that names it is about this version.
    This,
}

/// Result of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Kept {
    /// It is stored now.
    New,
    /// It was there.
    There,
    /// Its text came not with it, and is not here.
    NoText,
}

/// The tables within one transaction, with the last project and namespace looked up: batches name
/// few.
pub(in crate::serve) struct Tables<'a> {
    tx: &'a WriteTx<'a>,
    team: i32,
    project: Option<(String, i64)>,
    namespace: Option<(NamespaceRef, i64)>,
    refused: Option<(String, Refused)>,
}

impl<'a> Tables<'a> {
    pub(super) fn of(tx: &'a WriteTx<'a>) -> Self {
        Self {
            tx,
            team: OWN_TEAM,
            project: None,
            namespace: None,
            refused: None,
        }
    }
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
        let id = self.tx.one(
            "SELECT project_id FROM serve_projects WHERE team = ?1 AND project_uuid = ?2",
            (self.team, uuid),
            |r| r.get(0),
        )?;
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
        let id = self.tx.one(
            "SELECT namespace_id FROM serve_namespaces WHERE project_id = ?1 AND mission_slug = ?2
                 AND target_branch = ?3 AND mission_type = ?4 AND manifest_version = ?5",
            fields,
            |r| r.get(0),
        )?;
        self.namespace = Some((namespace.clone(), id));
        Ok(id)
    }

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

    /// From here on, everything is of this team.
    pub(in crate::serve) fn enter(&mut self, team: i32) {
        if self.team != team {
            (self.team, self.project, self.namespace, self.refused) = (team, None, None, None);
        }
    }

    /// What is refused of a project of this team, because it was deleted here.
    pub(in crate::serve) fn refused(&mut self, project_uuid: &str) -> Result<&Refused, Error> {
        let known = match self.refused.take() {
            Some(known) if known.0 == project_uuid => known,
            _ => (
                project_uuid.to_owned(),
                refused(self.tx, self.team, project_uuid)?,
            ),
        };
        Ok(&self.refused.insert(known).1)
    }

    /// Stores an event, with what it announces, unless its project has one with this id; gives the
    /// envelope that was there.
    pub(in crate::serve) fn keep_event(
        &mut self,
        event: &Event,
        at: Timestamp,
    ) -> Result<Option<Vec<u8>>, Error> {
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
        let there = self.tx.one(
            "SELECT envelope FROM serve_events WHERE project_id = ?1 AND event_id = ?2",
            (project, &event.id),
            |r| r.get(0),
        )?;
        Ok(Some(there))
    }

    /// What the events say of this version.
    pub(in crate::serve) fn announced(
        &mut self,
        version: &ArtifactVersion,
    ) -> Result<Announced, Error> {
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
        let found = self.tx.first(
            "SELECT content_sha256 FROM serve_projects JOIN serve_namespaces USING (project_id)
                 JOIN serve_announcements USING (namespace_id)
                 WHERE team = ?1 AND project_uuid = ?2 AND mission_slug = ?3 AND target_branch = ?4
                 AND mission_type = ?5 AND manifest_version = ?6 AND artifact_path = ?7",
            key,
            |row| row.get::<_, Option<[u8; 32]>>(0),
        )?;
        Ok(match found {
            None => Announced::Never,
            Some(content) if content.as_ref() == Some(sha256.as_bytes()) => Announced::This,
            Some(_) => Announced::Otherwise,
        })
    }

    /// Stores a body unless this artifact version has one. Equal contents are stored once.
    pub(in crate::serve) fn keep_body(
        &mut self,
        upload: &Upload,
        at: Timestamp,
    ) -> Result<Kept, Error> {
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
            Some(self.tx.one(sql, (self.team, hash), |r| r.get(0))?)
        } else {
            // Another project's text is as good as none: nothing may tell that it is there.
            let sql = "SELECT content_id FROM serve_contents AS c WHERE team = ?1 AND content_sha256 = ?2
                         AND EXISTS (SELECT 1 FROM serve_bodies AS b JOIN serve_namespaces USING (namespace_id)
                                     WHERE b.content_id = c.content_id AND project_id = ?3)";
            self.tx
                .first(sql, (self.team, hash, project), |r| r.get(0))?
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

    /// Remembers the key of a request; true when it had come before.
    pub(in crate::serve) fn keep_request_key(
        &mut self,
        key: &str,
        at: Timestamp,
    ) -> Result<bool, Error> {
        let times: i64 = self.tx.one(
            "INSERT INTO serve_requests (idempotency_key, first_at, times) VALUES (?1, ?2, 1)
                 ON CONFLICT (idempotency_key) DO UPDATE SET times = times + 1 RETURNING times",
            (key, at.as_micros()),
            |r| r.get(0),
        )?;
        Ok(times > 1)
    }

    /// Adds to a number.
    pub(in crate::serve) fn add(&mut self, count: Count, by: i64) -> Result<(), Error> {
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
