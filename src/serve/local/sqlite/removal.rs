//! Deleting from a SQLite file.

use std::collections::BTreeSet;

use rusqlite::OptionalExtension as _;

use super::file::{SCOPE, Sqlite};
use super::tokens::team;
use crate::base::Timestamp;
use crate::serve::Error;
use crate::serve::engine::count::Count;
use crate::serve::engine::removal::{Amount, Forgot, Part, Refused, Removal};
use crate::store::{self, Counter, ReadTx, WriteTx};

impl Sqlite {
    pub(in crate::serve) fn forget(
        &mut self,
        order: &Removal,
        is_trial: bool,
    ) -> Result<Forgot, Error> {
        if is_trial {
            // The trial is the removal, undone: no second set of statements could differ from it.
            return self.store.write(|tx| {
                tx.conn().execute_batch("SAVEPOINT trial")?;
                let gone = remove(tx, order)?;
                tx.conn()
                    .execute_batch("ROLLBACK TO trial; RELEASE trial")?;
                Ok(gone)
            });
        }
        self.store.erase_securely()?;
        let gone = self.store.write(|tx| {
            let gone = remove(tx, order)?;
            if let Forgot::Gone(amount) = gone {
                note(tx, order, amount)?;
            }
            Ok::<_, Error>(gone)
        })?;
        // Copies of rows can lie in pages that were split long ago: only a new file is free of
        // them.
        if let Err(e) = self.store.rewrite() {
            log::warn!(
                "it is deleted, but the file may still have copies; run the command again: {e}"
            );
        }
        Ok(gone)
    }

    pub(in crate::serve) fn removals(&self) -> Result<Vec<Removal>, Error> {
        self.store.read(|tx| {
            let mut statement = tx.prepare(
                "SELECT coalesce(name, ''), project_uuid, mission_slug, artifact_path, at, reason, is_accepted_again,
                 events, documents, texts, bytes FROM serve_removals LEFT JOIN serve_teams USING (team)
                 ORDER BY 1, 2, removal_id",
            )?;
            let rows = statement.query_map([], |r| {
                Ok(Removal {
                    team: r.get(0)?,
                    part: Part { project_uuid: r.get(1)?, mission: r.get(2)?, path: r.get(3)? },
                    at: Timestamp::from_micros(r.get(4)?),
                    reason: r.get(5)?,
                    is_accepted_again: r.get(6)?,
                    amount: Amount { events: r.get(7)?, documents: r.get(8)?, texts: r.get(9)?, bytes: r.get(10)? },
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

/// What is refused of a project.
pub(super) fn refused(tx: &ReadTx<'_>, team: i32, project_uuid: &str) -> Result<Refused, Error> {
    let sql = "SELECT mission_slug, artifact_path, is_accepted_again FROM serve_removals
               WHERE team = ?1 AND project_uuid = ?2 ORDER BY removal_id";
    let mut statement = tx.prepare(sql)?;
    let mut rows = statement.query((team, project_uuid))?;
    let mut refused = Refused::default();
    while let Some(row) = rows.next()? {
        let part = Part {
            project_uuid: project_uuid.to_owned(),
            mission: row.get(0)?,
            path: row.get(1)?,
        };
        refused.add(part, row.get(2)?);
    }
    Ok(refused)
}

/// Deletes the rows of a part. Events first: what no event announces any more goes with them.
fn remove(tx: &WriteTx<'_>, order: &Removal) -> Result<Forgot, Error> {
    let part = &order.part;
    let Some(team) = team(tx, &order.team)? else {
        return Ok(Forgot::NoProject);
    };
    let mut found =
        tx.prepare("SELECT project_id FROM serve_projects WHERE team = ?1 AND project_uuid = ?2")?;
    let project: Option<i64> = found
        .query_row((team, &part.project_uuid), |r| r.get(0))
        .optional()?;
    let Some(project) = project else {
        let mut known =
            tx.prepare("SELECT 1 FROM serve_removals WHERE team = ?1 AND project_uuid = ?2")?;
        let is_known = known.exists((team, &part.project_uuid))?;
        return Ok(if is_known {
            Forgot::Gone(Amount::default())
        } else {
            Forgot::NoProject
        });
    };
    let mut amount = Amount::default();
    for (seq, size) in events_of(tx, project, part)? {
        tx.prepare("DELETE FROM serve_events WHERE seq = ?1")?
            .execute([seq])?;
        (amount.events, amount.bytes) = (amount.events + 1, amount.bytes + size);
    }
    for sql in [
        "DELETE FROM serve_announcements AS a
         WHERE namespace_id IN (SELECT namespace_id FROM serve_namespaces WHERE project_id = ?1)
           AND NOT EXISTS (SELECT 1 FROM serve_events AS e WHERE e.seq = a.seq)",
        "DELETE FROM serve_words AS w
         WHERE namespace_id IN (SELECT namespace_id FROM serve_namespaces WHERE project_id = ?1)
           AND NOT EXISTS (SELECT 1 FROM serve_events AS e WHERE e.seq = w.seq)",
    ] {
        tx.prepare(sql)?.execute([project])?;
    }
    let mut contents = BTreeSet::new();
    for (seq, content) in unannounced(tx, project)? {
        tx.prepare("DELETE FROM serve_bodies WHERE seq = ?1")?
            .execute([seq])?;
        amount.documents += 1;
        contents.insert(content);
    }
    for content in contents {
        let sql = "DELETE FROM serve_contents AS c WHERE content_id = ?1
                   AND NOT EXISTS (SELECT 1 FROM serve_bodies AS b WHERE b.content_id = c.content_id)
                   RETURNING octet_length(content)";
        let size: Option<i64> = tx.first(sql, [content], |r| r.get(0))?;
        (amount.texts, amount.bytes) = (
            amount.texts + i64::from(size.is_some()),
            amount.bytes + size.unwrap_or(0),
        );
    }
    let sql = "DELETE FROM serve_namespaces AS n WHERE project_id = ?1
               AND NOT EXISTS (SELECT 1 FROM serve_announcements AS a WHERE a.namespace_id = n.namespace_id)
               AND NOT EXISTS (SELECT 1 FROM serve_words AS w WHERE w.namespace_id = n.namespace_id)";
    tx.prepare(sql)?.execute([project])?;
    if part.mission.is_none() {
        tx.prepare("DELETE FROM serve_projects WHERE project_id = ?1")?
            .execute([project])?;
    }
    Ok(Forgot::Gone(amount))
}

/// The events of a part: number and bytes.
fn events_of(tx: &WriteTx<'_>, project: i64, part: &Part) -> Result<Vec<(i64, i64)>, Error> {
    let mut statement = tx.prepare(
        "SELECT seq, length(envelope), envelope FROM serve_events WHERE project_id = ?1",
    )?;
    let mut rows = statement.query([project])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if part.has_event(row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?) {
            found.push((row.get(0)?, row.get(1)?));
        }
    }
    Ok(found)
}

/// The versions of documents that no event announces, with their contents.
fn unannounced(tx: &WriteTx<'_>, project: i64) -> Result<Vec<(i64, i64)>, Error> {
    let mut statement = tx.prepare(
        "SELECT b.seq, b.content_id FROM serve_namespaces JOIN serve_bodies AS b USING (namespace_id)
         WHERE project_id = ?1 AND NOT EXISTS (SELECT 1 FROM serve_announcements AS a
           WHERE a.namespace_id = b.namespace_id AND a.artifact_path = b.artifact_path)",
    )?;
    let rows = statement.query_map([project], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes the audit row, corrects the report's numbers, and has readers begin again.
fn note(tx: &WriteTx<'_>, order: &Removal, amount: Amount) -> Result<(), Error> {
    let Some(team) = team(tx, &order.team)? else {
        return Ok(());
    };
    let projects: i64 = tx.one("SELECT count(*) FROM serve_projects", [], |r| r.get(0))?;
    let before = store::all_counters(tx, SCOPE)?
        .get(Count::Projects.name())
        .copied()
        .unwrap_or(0);
    let changes = [
        (Count::Events, -amount.events),
        (Count::Bodies, -amount.documents),
        (Count::Projects, projects - before),
    ];
    for (count, by) in changes {
        store::add_to_counter(
            tx,
            Counter {
                scope: SCOPE,
                name: count.name(),
            },
            by,
        )?;
    }
    let part = &order.part;
    let removal: i64 = tx.one(
        "INSERT INTO serve_removals (team, project_uuid, mission_slug, artifact_path, at, reason, is_accepted_again,
             events, documents, texts, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             RETURNING removal_id",
        rusqlite::params![
                team,
                part.project_uuid,
                part.mission,
                part.path,
                order.at.as_micros(),
                order.reason,
                order.is_accepted_again,
                amount.events,
                amount.documents,
                amount.texts,
                amount.bytes,
            ],
        |r| r.get(0),
    )?;
    if (amount.events, amount.documents) != (0, 0) {
        let sql = "INSERT INTO serve_settings (name, value) VALUES ('era', ?1)
                   ON CONFLICT DO UPDATE SET value = excluded.value";
        tx.prepare(sql)?.execute([removal.to_string()])?;
    }
    Ok(())
}
