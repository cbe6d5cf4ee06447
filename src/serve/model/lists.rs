//! Lists: projects, missions, work packages, activity. Each question is bounded, whatever there is.

use std::str::FromStr;

use rusqlite::Row;

use super::scope::Scope;
use crate::serve::Error;
use crate::store::ReadTx;

/// The most work packages of a mission that are shown.
const MOST_WORK: i64 = 500;

/// Where a list goes on: the last row's time and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) struct Cursor(pub(in crate::serve) i64, pub(in crate::serve) i64);

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (time, number) = text.split_once('.').ok_or(())?;
        Ok(Self(
            time.parse().map_err(drop)?,
            number.parse().map_err(drop)?,
        ))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A project. Times are microseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Project {
    pub(in crate::serve) id: i64,
    pub(in crate::serve) uuid: String,
    /// Empty if no event has named it.
    pub(in crate::serve) name: String,
    pub(in crate::serve) last_at: i64,
    pub(in crate::serve) missions: i64,
}

impl Project {
    /// Its name, or its UUID without one.
    pub(in crate::serve) fn title(&self) -> &str {
        if self.name.is_empty() {
            &self.uuid
        } else {
            &self.name
        }
    }
}

/// A mission with what it has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Mission {
    pub(in crate::serve) id: i64,
    pub(in crate::serve) slug: String,
    pub(in crate::serve) name: String,
    pub(in crate::serve) kind: String,
    pub(in crate::serve) branch: String,
    pub(in crate::serve) last_at: i64,
    /// How many artifacts the newest snapshot counts.
    pub(in crate::serve) artifacts: Option<i64>,
    pub(in crate::serve) required_missing: Option<i64>,
    /// Documents that are there.
    pub(in crate::serve) documents: i64,
    /// Task boxes in them, and how many are ticked.
    pub(in crate::serve) boxes: (i64, i64),
    /// How many work packages are in each lane.
    pub(in crate::serve) lanes: Vec<(String, i64)>,
}

/// A work package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Work {
    pub(in crate::serve) wp: String,
    pub(in crate::serve) lane: String,
    pub(in crate::serve) title: String,
    pub(in crate::serve) actor: String,
    pub(in crate::serve) told: String,
}

/// One line of activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Activity {
    pub(in crate::serve) id: i64,
    pub(in crate::serve) seq: i64,
    pub(in crate::serve) project: String,
    pub(in crate::serve) project_name: String,
    pub(in crate::serve) mission: Option<String>,
    pub(in crate::serve) at: i64,
    pub(in crate::serve) told: String,
    pub(in crate::serve) kind: String,
    pub(in crate::serve) subject: String,
    pub(in crate::serve) what: String,
    pub(in crate::serve) actor: String,
    pub(in crate::serve) event_id: String,
}

const PROJECT: &str = "SELECT project_id, uuid, name, last_at,
    (SELECT count(*) FROM serve_model_missions m WHERE m.project_id = p.project_id) FROM serve_model_projects p";

fn project_of(row: &Row<'_>) -> rusqlite::Result<Project> {
    Ok(Project {
        id: row.get(0)?,
        uuid: row.get(1)?,
        name: row.get(2)?,
        last_at: row.get(3)?,
        missions: row.get(4)?,
    })
}

/// Projects, the one with the newest activity first.
pub(in crate::serve) fn projects(
    tx: &ReadTx<'_>,
    scope: &Scope,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Project>, Error> {
    let Cursor(time, number) = after.unwrap_or(Cursor(i64::MAX, i64::MAX));
    let mut statement = tx.prepare(&format!(
        "{PROJECT} WHERE team = ?5 AND (?1 IS NULL OR uuid = ?1) AND (last_at, project_id) < (?2, ?3)
         ORDER BY last_at DESC, project_id DESC LIMIT ?4"
    ))?;
    let rows = statement.query_map(
        (&scope.project, time, number, limit, scope.team),
        project_of,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The project with this UUID, unless it is not there for this reader.
pub(in crate::serve) fn project(
    tx: &ReadTx<'_>,
    scope: &Scope,
    uuid: &str,
) -> Result<Option<Project>, Error> {
    if scope.project.as_ref().is_some_and(|own| own != uuid) {
        return Ok(None);
    }
    let sql = format!("{PROJECT} WHERE team = ?1 AND uuid = ?2");
    Ok(tx.first(&sql, (scope.team, uuid), project_of)?)
}

const MISSION: &str = "SELECT mission_id, slug, name, kind, branch, last_at, artifacts, required_missing,
    count(d.document_id) FILTER (WHERE NOT is_gone), coalesce(sum(boxes) FILTER (WHERE NOT is_gone), 0),
    coalesce(sum(boxes_done) FILTER (WHERE NOT is_gone), 0)
    FROM serve_model_missions m LEFT JOIN serve_model_documents d USING (mission_id)";

fn mission_of(row: &Row<'_>) -> rusqlite::Result<Mission> {
    Ok(Mission {
        id: row.get(0)?,
        slug: row.get(1)?,
        name: row.get(2)?,
        kind: row.get(3)?,
        branch: row.get(4)?,
        last_at: row.get(5)?,
        artifacts: row.get(6)?,
        required_missing: row.get(7)?,
        documents: row.get(8)?,
        boxes: (row.get(9)?, row.get(10)?),
        lanes: Vec::new(),
    })
}

fn lanes(tx: &ReadTx<'_>, mission: i64) -> Result<Vec<(String, i64)>, Error> {
    let sql =
        "SELECT lane, count(*) FROM serve_model_work WHERE mission_id = ?1 GROUP BY lane LIMIT 50";
    let mut statement = tx.prepare(sql)?;
    let rows = statement.query_map([mission], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The missions of a project, the one with the newest activity first.
pub(in crate::serve) fn missions(
    tx: &ReadTx<'_>,
    project: i64,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Mission>, Error> {
    let Cursor(time, number) = after.unwrap_or(Cursor(i64::MAX, i64::MAX));
    // The page first, then the sums of its missions alone.
    let mut statement = tx.prepare(&format!(
        "{MISSION} WHERE mission_id IN (
           SELECT mission_id FROM serve_model_missions WHERE project_id = ?1 AND (last_at, mission_id) < (?2, ?3)
           ORDER BY last_at DESC, mission_id DESC LIMIT ?4)
         GROUP BY mission_id ORDER BY last_at DESC, mission_id DESC"
    ))?;
    let rows = statement.query_map((project, time, number, limit), mission_of)?;
    let mut missions: Vec<Mission> = rows.collect::<Result<_, _>>()?;
    for mission in &mut missions {
        mission.lanes = lanes(tx, mission.id)?;
    }
    Ok(missions)
}

/// The mission of a project with this slug.
pub(in crate::serve) fn mission(
    tx: &ReadTx<'_>,
    project: i64,
    slug: &str,
) -> Result<Option<Mission>, Error> {
    let sql = format!("{MISSION} WHERE project_id = ?1 AND slug = ?2 GROUP BY mission_id");
    let found = tx.first(&sql, (project, slug), mission_of)?;
    let Some(mut mission) = found else {
        return Ok(None);
    };
    mission.lanes = lanes(tx, mission.id)?;
    Ok(Some(mission))
}

/// The work packages of a mission.
pub(in crate::serve) fn work(tx: &ReadTx<'_>, mission: i64) -> Result<Vec<Work>, Error> {
    let mut statement = tx.prepare(
        "SELECT wp, lane, title, actor, told FROM serve_model_work WHERE mission_id = ?1 ORDER BY wp LIMIT ?2",
    )?;
    let rows = statement.query_map((mission, MOST_WORK), |r| {
        Ok(Work {
            wp: r.get(0)?,
            lane: r.get(1)?,
            title: r.get(2)?,
            actor: r.get(3)?,
            told: r.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Which lines of activity are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Of {
    /// Those of every project of a team, by when they were read.
    Team(i32),
    /// Those of a project.
    Project(i64),
    /// Those of a mission.
    Mission(i64),
}

const ACTIVITY: &str =
    "SELECT activity_id, seq, uuid, p.name, slug, at, told, a.kind, subject, what, actor, event_id
    FROM serve_model_activity a JOIN serve_model_projects p USING (project_id)
    LEFT JOIN serve_model_missions m USING (mission_id)";

fn activity_of(r: &Row<'_>) -> rusqlite::Result<Activity> {
    Ok(Activity {
        id: r.get(0)?,
        seq: r.get(1)?,
        project: r.get(2)?,
        project_name: r.get(3)?,
        mission: r.get(4)?,
        at: r.get(5)?,
        told: r.get(6)?,
        kind: r.get(7)?,
        subject: r.get(8)?,
        what: r.get(9)?,
        actor: r.get(10)?,
        event_id: r.get(11)?,
    })
}

/// The newest activity before a position, newest first. The position is `seq` within a project or
/// mission, and the number of the line among everything.
pub(in crate::serve) fn activity(
    tx: &ReadTx<'_>,
    of: Of,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Activity>, Error> {
    let before = before.unwrap_or(i64::MAX);
    let (filter, of) = match of {
        Of::Team(team) => (
            "a.team = ?1 AND activity_id < ?2 ORDER BY activity_id DESC",
            i64::from(team),
        ),
        Of::Project(id) => ("a.project_id = ?1 AND seq < ?2 ORDER BY seq DESC", id),
        Of::Mission(id) => ("a.mission_id = ?1 AND seq < ?2 ORDER BY seq DESC", id),
    };
    let mut statement = tx.prepare(&format!("{ACTIVITY} WHERE {filter} LIMIT ?3"))?;
    let rows = statement.query_map((of, before, limit), activity_of)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The activity of a project after a position, oldest first: for programs that follow it.
pub(in crate::serve) fn activity_after(
    tx: &ReadTx<'_>,
    project: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<Activity>, Error> {
    let mut statement = tx.prepare(&format!(
        "{ACTIVITY} WHERE a.project_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    ))?;
    let rows = statement.query_map((project, after, limit), activity_of)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
