//! The schema's steps. Several receivers may start on one empty database at the same time.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::databases::Migrate;
use super::error::{Error, words};

/// One script for each version, from 1. What was released is never changed.
const STEPS: [&str; 1] = [include_str!("schema.sql")];
/// How long receivers that start together wait for each other.
const PATIENCE: Duration = Duration::from_mins(1);
/// The pauses between two looks are up to twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// The version that this program needs.
pub(super) fn needed() -> i32 {
    i32::try_from(STEPS.len()).unwrap_or(i32::MAX)
}

/// The version of the tables; 0 without tables.
pub(super) async fn version(client: &Client) -> Result<i32, tokio_postgres::Error> {
    match client
        .query_typed("SELECT coalesce(max(version), 0) FROM sk_schema", &[])
        .await
    {
        Ok(rows) => rows.first().map_or(Ok(0), |row| row.try_get(0)),
        Err(e) if e.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(0),
        Err(e) => Err(e),
    }
}

/// Makes sure that the tables are those of this version.
pub(super) async fn prepare(
    client: &Client,
    migrate: Migrate,
    random: fn() -> f64,
) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        let found = version(client)
            .await
            .map_err(|e| Error::Statement(words(&e)))?;
        if found > needed() {
            return Err(Error::Newer {
                found,
                known: needed(),
            });
        }
        let Some(step) = usize::try_from(found)
            .ok()
            .and_then(|found| STEPS.get(found))
        else {
            return Ok(());
        };
        if migrate == Migrate::Refuse {
            return Err(Error::Older {
                found,
                needed: needed(),
            });
        }
        if let Err(e) = apply(client, found + 1, step).await {
            if !is_race(&e) || begun.elapsed() > PATIENCE {
                return Err(Error::Statement(words(&e)));
            }
            // Another receiver is making the same step.
            sleep(PAUSE + PAUSE.mul_f64(random().clamp(0.0, 1.0))).await;
        }
    }
}

/// One step in one transaction. It begins with its number, whose key lets only one receiver go on.
async fn apply(client: &Client, version: i32, step: &str) -> Result<(), tokio_postgres::Error> {
    let script = format!(
        "BEGIN; CREATE TABLE IF NOT EXISTS sk_schema \
         (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now()); \
         INSERT INTO sk_schema (version) VALUES ({version}); {step}; COMMIT"
    );
    let outcome = client.batch_execute(&script).await;
    if outcome.is_err() {
        client.batch_execute("ROLLBACK").await?;
    }
    outcome
}

/// True for the errors of two receivers that create the same thing at once.
fn is_race(error: &tokio_postgres::Error) -> bool {
    let races = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    error.code().is_some_and(|code| races.contains(code))
}
