//! Folding rows of a feed into the tables. Every row may come again, and texts before or after the
//! event that names them.

use rusqlite::OptionalExtension as _;

use super::fact::{self, Change, Fact, Version};
use super::gone::{self, Told};
use crate::base::{Sha256, Timestamp, text};
use crate::serve::Error;
use crate::serve::engine::arrivals::{Arrival, Arrived};
use crate::serve::engine::content::ArtifactVersion;
use crate::store::WriteTx;

/// Where rows are folded to, with the project and mission looked up last: rows of a feed name few.
pub(super) struct Fold<'a> {
    tx: &'a WriteTx<'a>,
    project: Option<(i32, String, i64)>,
    mission: Option<(i64, String, i64)>,
}

/// Where an event belongs.
struct Place {
    team: i32,
    project: i64,
    mission: Option<i64>,
    seq: i64,
    at: Timestamp,
}

impl<'a> Fold<'a> {
    pub(super) fn into(tx: &'a WriteTx<'a>) -> Self {
        Self {
            tx,
            project: None,
            mission: None,
        }
    }

    /// Folds one row.
    pub(super) fn row(&mut self, row: &Arrival) -> Result<(), Error> {
        match &row.item {
            Arrived::Event {
                project_uuid,
                envelope,
            } => match fact::read(envelope) {
                Some(fact) => self.event(project_uuid, &fact, row),
                None => Ok(()),
            },
            Arrived::Text(version) => self.text(row.team, version),
        }
    }

    fn event(&mut self, uuid: &str, fact: &Fact, row: &Arrival) -> Result<(), Error> {
        let project = self.project(row.team, uuid)?;
        self.execute(
            "UPDATE serve_model_projects SET name = coalesce(?2, name), last_at = max(last_at, ?3) WHERE project_id = ?1",
            (project, &fact.project, row.at.as_micros()),
        )?;
        let mission = fact
            .mission
            .as_deref()
            .map(|slug| self.mission(project, slug, row.at))
            .transpose()?;
        let place = Place {
            team: row.team,
            project,
            mission,
            seq: row.seq,
            at: row.at,
        };
        if let Some(what) = self.change(&place, fact)? {
            self.activity(&place, fact, &what)?;
        }
        Ok(())
    }

    /// Applies what an event changes; gives the words for the activity, `None` where several clones
    /// tell what is known.
    fn change(&mut self, place: &Place, fact: &Fact) -> Result<Option<String>, Error> {
        let Some(mission) = place.mission else {
            return Ok(Some(String::new()));
        };
        match &fact.change {
            Change::Lane { from, to, lamport } => {
                self.lane(mission, fact, to, *lamport)?;
                return Ok(Some(format!("{from} → {to}")));
            }
            Change::Title(title) => {
                self.execute(
                    "INSERT INTO serve_model_work (mission_id, wp, title) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET title = excluded.title",
                    (mission, &fact.subject, title),
                )?;
                return Ok(Some(title.clone()));
            }
            Change::Named { name, kind, branch } => {
                self.execute(
                    "UPDATE serve_model_missions SET name = ?2, kind = ?3, branch = ?4 WHERE mission_id = ?1",
                    (mission, name, kind, branch),
                )?;
                self.index(
                    mission * 2 + 1,
                    &format!("{name} {}", fact.mission.as_deref().unwrap_or_default()),
                    "",
                )?;
                return Ok(Some(name.clone()));
            }
            Change::Document(version) => return self.document(place, mission, fact, version),
            Change::Missing { class } => return self.missing(place, mission, fact, class),
            Change::Snapshot {
                artifacts,
                required_missing,
                present,
                digest,
            } => {
                self.execute(
                    "UPDATE serve_model_missions SET artifacts = ?2, required_missing = ?3 WHERE mission_id = ?1",
                    (mission, artifacts, required_missing),
                )?;
                return self.snapshot(mission, *present, digest);
            }
            Change::Other => {}
        }
        Ok(Some(String::new()))
    }

    /// The newest event by (lamport clock, id) decides, in whatever order they come.
    fn lane(&self, mission: i64, fact: &Fact, to: &str, lamport: i64) -> Result<(), Error> {
        self.execute(
            "INSERT INTO serve_model_work (mission_id, wp, lane, actor, lamport, event_id, told)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET lane = excluded.lane, actor = excluded.actor, lamport = excluded.lamport,
             event_id = excluded.event_id, told = excluded.told
             WHERE (lamport, event_id) < (excluded.lamport, excluded.event_id)",
            (mission, &fact.subject, to, &fact.actor, lamport, &fact.event_id, &fact.told),
        )
    }

    fn document(
        &mut self,
        place: &Place,
        mission: i64,
        fact: &Fact,
        version: &Version,
    ) -> Result<Option<String>, Error> {
        let known = self.known(mission, &version.path)?;
        self.execute(
            "INSERT INTO serve_model_documents (mission_id, path, class, is_required, sha256, size, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET class = excluded.class, is_required = excluded.is_required, is_gone = 0,
             size = excluded.size, at = iif(sha256 IS excluded.sha256, at, excluded.at), sha256 = excluded.sha256",
            (
                mission,
                &version.path,
                &version.class,
                version.is_required,
                version.sha256.as_bytes(),
                version.size,
                place.at.as_micros(),
            ),
        )?;
        let sql =
            "SELECT document_id FROM serve_model_documents WHERE mission_id = ?1 AND path = ?2";
        let document: i64 = self.tx.one(sql, (mission, &version.path), |r| r.get(0))?;
        self.execute(
            "INSERT INTO serve_model_versions (document_id, sha256, size, at, told, branch, commit_sha, node)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET
             at = excluded.at, told = excluded.told, branch = excluded.branch, commit_sha = excluded.commit_sha,
             node = excluded.node",
            (
                document,
                version.sha256.as_bytes(),
                version.size,
                place.at.as_micros(),
                &fact.told,
                &version.branch,
                &version.commit,
                &version.node,
            ),
        )?;
        self.execute(
            "UPDATE serve_model_missions SET kind = ?2, branch = ?3 WHERE mission_id = ?1",
            (mission, &version.mission_type, &version.target_branch),
        )?;
        let is_current =
            known.is_some_and(|(sha256, is_gone)| sha256 == Some(version.sha256) && !is_gone);
        if is_current {
            return Ok(None);
        }
        self.index(document * 2, &version.path, "")?;
        self.execute(
            "INSERT INTO serve_model_unread SELECT ?1 FROM serve_model_texts WHERE project_id = ?2 AND sha256 = ?3
             ON CONFLICT DO NOTHING",
            (document, place.project, version.sha256.as_bytes()),
        )?;
        let words = match known {
            None | Some((None, _)) => "added",
            Some((_, true)) => "back",
            Some(_) => "changed",
        };
        Ok(Some(words.to_owned()))
    }

    /// The version that a document has now, and whether it is gone; `None` for an unknown document.
    fn known(&self, mission: i64, path: &str) -> Result<Option<(Option<Sha256>, bool)>, Error> {
        let sql =
            "SELECT sha256, is_gone FROM serve_model_documents WHERE mission_id = ?1 AND path = ?2";
        let mut statement = self.tx.prepare(sql)?;
        let row = statement.query_row((mission, path), |r| {
            Ok((r.get::<_, Option<[u8; 32]>>(0)?, r.get(1)?))
        });
        Ok(row
            .optional()?
            .map(|(sha256, gone)| (sha256.and_then(|bytes| Sha256::from_slice(&bytes)), gone)))
    }

    fn missing(
        &self,
        place: &Place,
        mission: i64,
        fact: &Fact,
        class: &str,
    ) -> Result<Option<String>, Error> {
        let known = self.known(mission, &fact.subject)?;
        self.execute(
            "INSERT INTO serve_model_documents (mission_id, path, class, is_required, at, is_gone)
             VALUES (?1, ?2, ?3, 1, ?4, 1) ON CONFLICT DO UPDATE SET is_gone = 1, is_required = 1",
            (mission, &fact.subject, class, place.at.as_micros()),
        )?;
        Ok(match known {
            Some((_, true)) => None,
            Some((Some(_), false)) => Some("gone".to_owned()),
            _ => Some("missing".to_owned()),
        })
    }

    /// Marks what a snapshot does not have; gives the words for the activity, `None` if that is
    /// nothing.
    fn snapshot(
        &self,
        mission: i64,
        present: usize,
        digest: &str,
    ) -> Result<Option<String>, Error> {
        let told = self.told(mission)?;
        let documents: Vec<_> = told.iter().map(|(_, told)| told.clone()).collect();
        let Some(changed) = gone::changed(&documents, present, digest) else {
            return Ok(None);
        };
        let mut words = Vec::with_capacity(changed.len());
        for (id, told) in changed.into_iter().filter_map(|at| told.get(at)) {
            let sql =
                "UPDATE serve_model_documents SET is_gone = NOT is_gone WHERE document_id = ?1";
            self.execute(sql, [id])?;
            words.push(format!(
                "{} {}",
                told.path,
                if told.is_gone { "back" } else { "gone" }
            ));
        }
        Ok(Some(text::shorten(&words.join(", "), 500)))
    }

    /// The documents of a mission that have a version, in order of path.
    fn told(&self, mission: i64) -> Result<Vec<(i64, Told)>, Error> {
        let sql = "SELECT document_id, path, sha256, is_gone FROM serve_model_documents
                   WHERE mission_id = ?1 AND sha256 IS NOT NULL ORDER BY path";
        let mut statement = self.tx.prepare(sql)?;
        let rows = statement.query_map([mission], |r| {
            let sha256 =
                Sha256::from_slice(&r.get::<_, [u8; 32]>(2)?).unwrap_or_else(|| Sha256::of(b""));
            Ok((
                r.get(0)?,
                Told {
                    path: r.get(1)?,
                    sha256,
                    is_gone: r.get(3)?,
                },
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn activity(&self, place: &Place, fact: &Fact, what: &str) -> Result<(), Error> {
        self.execute(
            "INSERT INTO serve_model_activity
             (team, project_id, seq, mission_id, at, told, kind, subject, what, actor, event_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            (
                place.team,
                place.project,
                place.seq,
                place.mission,
                place.at.as_micros(),
                &fact.told,
                &fact.kind,
                text::shorten(&fact.subject, 500),
                what,
                &fact.actor,
                &fact.event_id,
            ),
        )
    }

    fn text(&mut self, team: i32, version: &ArtifactVersion) -> Result<(), Error> {
        let project = self.project(team, &version.namespace.project_uuid)?;
        let sha256 = version.sha256.as_bytes();
        self.execute(
            "INSERT INTO serve_model_texts (project_id, sha256) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (project, sha256),
        )?;
        self.execute(
            "INSERT INTO serve_model_unread SELECT document_id FROM serve_model_missions JOIN serve_model_documents
             USING (mission_id) WHERE project_id = ?1 AND slug = ?2 AND path = ?3 AND sha256 = ?4 ON CONFLICT DO NOTHING",
            (project, &version.namespace.mission_slug, &version.path, sha256),
        )
    }

    fn project(&mut self, team: i32, uuid: &str) -> Result<i64, Error> {
        if let Some((of, known, id)) = &self.project
            && (*of, known.as_str()) == (team, uuid)
        {
            return Ok(*id);
        }
        let sql =
            "INSERT INTO serve_model_projects (team, uuid) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.execute(sql, (team, uuid))?;
        let sql = "SELECT project_id FROM serve_model_projects WHERE team = ?1 AND uuid = ?2";
        let id = self.tx.one(sql, (team, uuid), |r| r.get(0))?;
        self.project = Some((team, uuid.to_owned(), id));
        Ok(id)
    }

    fn mission(&mut self, project: i64, slug: &str, at: Timestamp) -> Result<i64, Error> {
        let cached = self
            .mission
            .as_ref()
            .filter(|(of, known, _)| (*of, known.as_str()) == (project, slug));
        let known = if let Some((.., id)) = cached {
            Some(*id)
        } else {
            let sql =
                "SELECT mission_id FROM serve_model_missions WHERE project_id = ?1 AND slug = ?2";
            self.tx.first(sql, (project, slug), |r| r.get(0))?
        };
        let id = if let Some(id) = known {
            let sql =
                "UPDATE serve_model_missions SET last_at = max(last_at, ?2) WHERE mission_id = ?1";
            self.execute(sql, (id, at.as_micros()))?;
            id
        } else {
            let sql = "INSERT INTO serve_model_missions (project_id, slug, last_at) VALUES (?1, ?2, ?3) RETURNING mission_id";
            let id: i64 = self
                .tx
                .one(sql, (project, slug, at.as_micros()), |r| r.get(0))?;
            self.index(id * 2 + 1, slug, "")?;
            id
        };
        self.mission = Some((project, slug.to_owned(), id));
        Ok(id)
    }

    /// Puts the words of a document or mission into the search, and removes the previous ones.
    pub(super) fn index(&self, row: i64, name: &str, body: &str) -> Result<(), Error> {
        // Word characters of paths and slugs are separated by other characters.
        self.execute("DELETE FROM serve_model_search WHERE rowid = ?1", [row])?;
        self.execute(
            "INSERT INTO serve_model_search (rowid, name, body) VALUES (?1, ?2, ?3)",
            (row, name, body),
        )
    }

    pub(super) fn execute(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<(), Error> {
        self.tx.prepare(sql)?.execute(parameters)?;
        Ok(())
    }
}
