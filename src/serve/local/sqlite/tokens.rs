//! Tokens in a SQLite file.

use rusqlite::Row;

use super::file::Sqlite;
use crate::base::{Sha256, Timestamp};
use crate::serve::Error;
use crate::serve::engine::token::{Found, OWN_TEAM, Scope, Token};
use crate::store::{ReadTx, WriteTx};

const COLUMNS: &str =
    "token_sha256, COALESCE(t.name, ''), k.name, scope, project_uuid, created_at, expires_at, revoked_at, k.team
     FROM serve_tokens AS k LEFT JOIN serve_teams AS t USING (team)";

impl Sqlite {
    pub(in crate::serve) fn find_token(&self, digest: Option<Sha256>) -> Result<Found, Error> {
        self.store.read(|tx| {
            let token = match digest {
                Some(digest) => tx.first(
                    &format!("SELECT {COLUMNS} WHERE token_sha256 = ?1"),
                    [digest.as_bytes()],
                    read,
                )?,
                None => None,
            };
            Ok(Found {
                token,
                is_any: tx
                    .prepare("SELECT 1 FROM serve_tokens LIMIT 1")?
                    .exists([])?,
            })
        })
    }

    pub(in crate::serve) fn add_token(&mut self, token: &Token) -> Result<bool, Error> {
        self.store.write(|tx| {
            let team = match team(tx, &token.team)? {
                Some(team) => team,
                None => tx.one("INSERT INTO serve_teams (name) VALUES (?1) RETURNING team", [&token.team], |r| r.get(0))?,
            };
            let micros = |at: Option<Timestamp>| at.map(Timestamp::as_micros);
            let added = tx
                .prepare(
                    "INSERT INTO serve_tokens (token_sha256, team, name, scope, project_uuid, created_at, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
                )?
                .execute(rusqlite::params![
                    token.digest.as_bytes(),
                    team,
                    token.name,
                    token.scope.name(),
                    token.project,
                    token.created_at.as_micros(),
                    micros(token.expires_at),
                ])?;
            Ok(added > 0)
        })
    }

    pub(in crate::serve) fn list_tokens(&self) -> Result<Vec<Token>, Error> {
        self.store.read(|tx| {
            let mut statement = tx.prepare(&format!("SELECT {COLUMNS} ORDER BY 2, 3"))?;
            let tokens = statement.query_map([], |row| Ok(read(row)?.1))?;
            Ok(tokens.collect::<Result<_, _>>()?)
        })
    }

    pub(in crate::serve) fn revoke_token(
        &mut self,
        team_name: &str,
        name: &str,
        at: Timestamp,
    ) -> Result<bool, Error> {
        self.store.write(|tx| {
            let Some(team) = team(tx, team_name)? else { return Ok(false) };
            let sql = "UPDATE serve_tokens SET revoked_at = ?3 WHERE team = ?1 AND name = ?2 AND revoked_at IS NULL";
            Ok(tx.prepare(sql)?.execute((team, name, at.as_micros()))? > 0)
        })
    }
}

/// The number of a team.
pub(super) fn team(tx: &WriteTx<'_>, name: &str) -> Result<Option<i32>, Error> {
    if name.is_empty() {
        return Ok(Some(OWN_TEAM));
    }
    let tx: &ReadTx<'_> = tx;
    Ok(tx.first(
        "SELECT team FROM serve_teams WHERE name = ?1",
        [name],
        |r| r.get(0),
    )?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i32, Token)> {
    let scope: String = row.get(3)?;
    let time =
        |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(Timestamp::from_micros));
    let wrong = |at| {
        rusqlite::Error::InvalidColumnType(at, "scope".to_owned(), rusqlite::types::Type::Text)
    };
    let token = Token {
        digest: Sha256::from_slice(row.get_ref(0)?.as_blob()?).ok_or_else(|| wrong(0))?,
        team: row.get(1)?,
        name: row.get(2)?,
        scope: Scope::of_name(&scope).ok_or_else(|| wrong(3))?,
        project: row.get(4)?,
        created_at: Timestamp::from_micros(row.get(5)?),
        expires_at: time(6)?,
        revoked_at: time(7)?,
    };
    Ok((row.get(8)?, token))
}
