//! Deleting from PostgreSQL: one transaction that holds the project's row. A writer that knows of
//! fewer removals than that row counts writes nothing and looks again, so that nothing refused
//! comes in behind the removal.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error as SqlError};
use uuid::Uuid;

use super::error::words;
use super::pool::Parameter;
use super::row::cell;
use super::shard::Shard;
use super::shared::{Postgres, Shared};
use super::tokens::team;
use crate::base::mutex::held;
use crate::base::{Sha256, Timestamp};
use crate::serve::engine::removal::{Amount, Forgot, Part, Refused, Removal, Removals};
use crate::serve::engine::{Reply, Trouble};

/// Without time limits: a large project takes its time, and its operator waits.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; \
                     SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'";
/// Takes the project's row until the end of the transaction.
const TAKE: &str = "UPDATE sk_projects SET removals = removals + 1 WHERE tenant = $1 AND project_uuid = $2 \
                    RETURNING removals";
const EVENTS: &str = "SELECT seq, envelope FROM sk_events WHERE tenant + 0 = $1 AND project_uuid = $2 AND seq > $3 \
                      ORDER BY seq LIMIT 500";
const DELETE_EVENTS: &str = "WITH gone AS (DELETE FROM sk_events WHERE tenant = $1 AND project_uuid = $2 \
                               AND ($3::bigint[] IS NULL OR seq = ANY($3)) RETURNING length(envelope) AS size) \
                             SELECT count(*), coalesce(sum(size), 0)::bigint FROM gone";
const DELETE_ARTIFACTS: &str = "DELETE FROM sk_artifacts AS a WHERE tenant = $1 AND project_uuid = $2 \
    AND NOT EXISTS (SELECT FROM sk_events AS e WHERE e.tenant + 0 = $1 AND e.project_uuid = $2 AND e.seq = a.seq)";
const DELETE_WORDS: &str = "DELETE FROM sk_words AS w WHERE tenant = $1 AND project_uuid = $2 \
    AND NOT EXISTS (SELECT FROM sk_events AS e WHERE e.tenant + 0 = $1 AND e.project_uuid = $2 AND e.seq = w.seq)";
const DELETE_BODIES: &str = "DELETE FROM sk_bodies AS b WHERE tenant = $1 AND project_uuid = $2 \
    AND NOT EXISTS (SELECT FROM sk_artifacts AS a WHERE a.tenant = $1 AND a.project_uuid = $2 \
                    AND a.artifact = b.artifact) RETURNING sha256, size";
/// The digests that no body has any more, with their sizes and whether the text was in the
/// database.
const DELETE_TEXTS: &str = "WITH lone AS (SELECT DISTINCT t.sha256, t.size FROM unnest($3, $4) AS t (sha256, size) \
      WHERE NOT EXISTS (SELECT FROM sk_bodies AS b WHERE b.tenant = $1 AND b.project_uuid = $2 \
                        AND b.sha256 = t.sha256)), \
    gone AS (DELETE FROM sk_blobs AS k USING lone WHERE k.tenant = $1 AND k.project_uuid = $2 \
             AND k.sha256 = lone.sha256 RETURNING k.sha256) \
    SELECT lone.sha256, lone.size, gone.sha256 IS NOT NULL FROM lone LEFT JOIN gone USING (sha256)";
const NOTE: &str = "INSERT INTO sk_removals (tenant, project_uuid, number, mission_slug, path, at, reason, \
    is_accepted_again, events, documents, texts, bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const EMPTY: &str = "UPDATE sk_projects SET emptied = head WHERE tenant = $1 AND project_uuid = $2";
/// Readers begin again: the era is another one after every removal.
const ERA: &str = "INSERT INTO sk_settings (name, value) VALUES ('era', $1) \
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const REFUSED: &str = "SELECT p.removals, r.mission_slug, r.path, r.is_accepted_again FROM sk_projects AS p \
    LEFT JOIN sk_removals AS r USING (tenant, project_uuid) WHERE tenant = $1 AND project_uuid = $2 ORDER BY r.number";
const LIST: &str = "SELECT coalesce(t.name, ''), r.project_uuid, r.mission_slug, r.path, r.at, r.reason, \
    r.is_accepted_again, r.events, r.documents, r.texts, r.bytes FROM sk_removals AS r \
    LEFT JOIN sk_tenants AS t USING (tenant) ORDER BY 1, 2, r.number";

/// Why a removal did not come about.
enum Stop {
    Sql(SqlError),
    Trouble(Trouble),
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Removals for Postgres {
    fn forget(&self, order: Removal, is_trial: bool) -> Reply<'_, Result<Forgot, Trouble>> {
        Box::pin(async move {
            let project =
                Uuid::parse_str(&order.part.project_uuid).map_err(|_| Trouble::Unknown)?;
            // Teams are in the first database.
            let Some(team) = team(self.first()?, &order.team).await? else {
                return Ok(Forgot::NoProject);
            };
            self.shared.forget((team, project), &order, is_trial).await
        })
    }

    fn removals(&self) -> Reply<'_, Result<Vec<Removal>, Trouble>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for shard in &self.shared.shards {
                for row in &shard.pool.read(LIST, &[]).await? {
                    found.push(removal(row)?);
                }
            }
            Ok(found)
        })
    }
}

impl Shard {
    /// How many removals a project had, and what is refused of it.
    pub(super) async fn refused(
        &self,
        team: i32,
        project: Uuid,
    ) -> Result<(i32, Refused), Trouble> {
        let mut refused = (0, Refused::default());
        if !held(&self.with_removals).contains(&(team, project)) {
            return Ok(refused);
        }
        let parameters: [Parameter<'_>; 2] = [(&team, Type::INT4), (&project, Type::UUID)];
        for row in &self.pool.read(REFUSED, &parameters).await? {
            refused.0 = cell(Some(row), 0)?;
            let Some(is_accepted_again) = cell::<Option<bool>>(Some(row), 3)? else {
                continue;
            };
            let part = Part {
                project_uuid: project.to_string(),
                mission: cell(Some(row), 1)?,
                path: cell(Some(row), 2)?,
            };
            refused.1.add(part, is_accepted_again);
        }
        Ok(refused)
    }

    /// Notes that a project has removals.
    pub(super) fn note_removals(&self, team: i32, project: Uuid) {
        held(&self.with_removals).insert((team, project));
    }
}

impl Shared {
    async fn forget(
        &self,
        of: (i32, Uuid),
        order: &Removal,
        is_trial: bool,
    ) -> Result<Forgot, Trouble> {
        let place = self.shard(of.1)?.pool.place().await.map_err(|reason| {
            log::error!("{reason}");
            Trouble::Busy
        })?;
        let Some(client) = place.client() else {
            return Err(Trouble::Unknown);
        };
        let stop = match self.remove(client, of, order, is_trial).await {
            Ok(forgot) => return Ok(forgot),
            Err(stop) => stop,
        };
        // The end of the connection undoes what it is in the middle of.
        place.discard();
        Err(match stop {
            Stop::Sql(error) => {
                log::error!("nothing was deleted: {}", words(&error));
                Trouble::Unknown
            }
            Stop::Trouble(trouble) => trouble,
        })
    }

    async fn remove(
        &self,
        client: &Client,
        of: (i32, Uuid),
        order: &Removal,
        is_trial: bool,
    ) -> Result<Forgot, Stop> {
        client.batch_execute(BEGIN).await?;
        let own: [Parameter<'_>; 2] = [(&of.0, Type::INT4), (&of.1, Type::UUID)];
        let taken = client.query_typed(TAKE, &own).await?;
        let Some(row) = taken.first() else {
            client.batch_execute("ROLLBACK").await?;
            return Ok(Forgot::NoProject);
        };
        let number: i32 = cell(Some(row), 0)?;
        let (mut amount, texts) = delete_rows(client, of, &order.part).await?;
        let mut elsewhere = Vec::new();
        for text in texts {
            amount.texts += 1;
            amount.bytes += i64::from(text.size);
            if !text.was_here {
                elsewhere.push(text.sha256);
            }
        }
        if is_trial || (self.blobs.is_none() && !elsewhere.is_empty()) {
            client.batch_execute("ROLLBACK").await?;
            let is_complete = self.blobs.is_some() || elsewhere.is_empty();
            return Ok(if is_complete {
                Forgot::Gone(amount)
            } else {
                Forgot::TextsElsewhere
            });
        }
        // Before the commit: whatever happens now, the rows that name these texts are deleted
        // later, or by the next try.
        if let Some(blobs) = &self.blobs {
            for sha256 in elsewhere {
                blobs.delete(of, sha256).await?;
            }
        }
        note(client, of, order, (number, amount)).await?;
        client.batch_execute("COMMIT").await?;
        Ok(Forgot::Gone(amount))
    }
}

/// A text that no document has any more.
struct Lone {
    sha256: Sha256,
    size: i32,
    /// True if the database had it.
    was_here: bool,
}

/// Deletes the rows of a part. Events first: what no event announces any more goes with them.
async fn delete_rows(
    client: &Client,
    of: (i32, Uuid),
    part: &Part,
) -> Result<(Amount, Vec<Lone>), Stop> {
    let own: [Parameter<'_>; 2] = [(&of.0, Type::INT4), (&of.1, Type::UUID)];
    let seqs = match &part.mission {
        Some(_) => Some(events_of(client, of, part).await?),
        None => None,
    };
    let parameters: [Parameter<'_>; 3] = [
        (&of.0, Type::INT4),
        (&of.1, Type::UUID),
        (&seqs, Type::INT8_ARRAY),
    ];
    let gone = client.query_typed(DELETE_EVENTS, &parameters).await?;
    let mut amount = Amount {
        events: cell(gone.first(), 0)?,
        bytes: cell(gone.first(), 1)?,
        ..Amount::default()
    };
    client.query_typed(DELETE_ARTIFACTS, &own).await?;
    client.query_typed(DELETE_WORDS, &own).await?;
    let bodies = client.query_typed(DELETE_BODIES, &own).await?;
    amount.documents = i64::try_from(bodies.len()).unwrap_or(i64::MAX);
    let hashes = bodies
        .iter()
        .map(|row| cell::<Vec<u8>>(Some(row), 0))
        .collect::<Result<Vec<_>, _>>()?;
    let sizes = bodies
        .iter()
        .map(|row| cell::<i32>(Some(row), 1))
        .collect::<Result<Vec<_>, _>>()?;
    let parameters: [Parameter<'_>; 4] = [
        (&of.0, Type::INT4),
        (&of.1, Type::UUID),
        (&hashes, Type::BYTEA_ARRAY),
        (&sizes, Type::INT4_ARRAY),
    ];
    let mut lone = Vec::new();
    for row in &client.query_typed(DELETE_TEXTS, &parameters).await? {
        let sha256 = Sha256::from_slice(&cell::<Vec<u8>>(Some(row), 0)?).ok_or(Trouble::Unknown)?;
        lone.push(Lone {
            sha256,
            size: cell(Some(row), 1)?,
            was_here: cell(Some(row), 2)?,
        });
    }
    Ok((amount, lone))
}

/// The numbers of the events of a part.
async fn events_of(client: &Client, of: (i32, Uuid), part: &Part) -> Result<Vec<i64>, Stop> {
    let (mut found, mut after) = (Vec::new(), 0_i64);
    loop {
        let parameters: [Parameter<'_>; 3] = [
            (&of.0, Type::INT4),
            (&of.1, Type::UUID),
            (&after, Type::INT8),
        ];
        let rows = client.query_typed(EVENTS, &parameters).await?;
        if rows.is_empty() {
            return Ok(found);
        }
        for row in &rows {
            after = cell(Some(row), 0)?;
            if part.has_event(&cell::<Vec<u8>>(Some(row), 1)?) {
                found.push(after);
            }
        }
    }
}

/// Writes the audit row, and has readers begin again.
async fn note(
    client: &Client,
    of: (i32, Uuid),
    order: &Removal,
    done: (i32, Amount),
) -> Result<(), Stop> {
    let (number, amount) = done;
    let Removal {
        part,
        at,
        reason,
        is_accepted_again,
        ..
    } = order;
    let at = at.as_micros();
    let parameters: [Parameter<'_>; 12] = [
        (&of.0, Type::INT4),
        (&of.1, Type::UUID),
        (&number, Type::INT4),
        (&part.mission, Type::TEXT),
        (&part.path, Type::TEXT),
        (&at, Type::INT8),
        (reason, Type::TEXT),
        (is_accepted_again, Type::BOOL),
        (&amount.events, Type::INT8),
        (&amount.documents, Type::INT8),
        (&amount.texts, Type::INT8),
        (&amount.bytes, Type::INT8),
    ];
    client.query_typed(NOTE, &parameters).await?;
    if part.mission.is_none() {
        client
            .query_typed(EMPTY, &[(&of.0, Type::INT4), (&of.1, Type::UUID)])
            .await?;
    }
    if (amount.events, amount.documents) != (0, 0) {
        let era = format!("{}/{}/{number}", of.0, of.1);
        client.query_typed(ERA, &[(&era, Type::TEXT)]).await?;
    }
    Ok(())
}

fn removal(row: &tokio_postgres::Row) -> Result<Removal, Trouble> {
    let row = Some(row);
    Ok(Removal {
        team: cell(row, 0)?,
        part: Part {
            project_uuid: cell::<Uuid>(row, 1)?.to_string(),
            mission: cell(row, 2)?,
            path: cell(row, 3)?,
        },
        at: Timestamp::from_micros(cell(row, 4)?),
        reason: cell(row, 5)?,
        is_accepted_again: cell(row, 6)?,
        amount: Amount {
            events: cell(row, 7)?,
            documents: cell(row, 8)?,
            texts: cell(row, 9)?,
            bytes: cell(row, 10)?,
        },
    })
}
