//! Tokens in PostgreSQL: of several databases the first one has them.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::pool::{Parameter, Pool};
use super::row::cell;
use super::shared::Postgres;
use crate::base::{Sha256, Timestamp};
use crate::serve::engine::token::{Found, OWN_TEAM, Scope, Token, Tokens};
use crate::serve::engine::{Reply, Trouble};

const FIND: &str = "SELECT EXISTS (SELECT FROM sk_tokens), k.tenant, coalesce(t.name, ''), k.name, k.scope, \
    k.project_uuid, k.created_at, k.expires_at, k.revoked_at, k.token_sha256 \
    FROM (SELECT) AS one LEFT JOIN sk_tokens AS k ON k.token_sha256 = $1 LEFT JOIN sk_tenants AS t USING (tenant)";
const LIST: &str = "SELECT true, k.tenant, coalesce(t.name, ''), k.name, k.scope, k.project_uuid, k.created_at, \
    k.expires_at, k.revoked_at, k.token_sha256 \
    FROM sk_tokens AS k LEFT JOIN sk_tenants AS t USING (tenant) ORDER BY 3, 4";
/// Two receivers may give one number to two teams at once; the key refuses the second, which then
/// tries again.
const ADD_TEAM: &str = "INSERT INTO sk_tenants (tenant, name) \
    SELECT 1 + coalesce(max(tenant), 0), $1 FROM sk_tenants ON CONFLICT DO NOTHING";
const ADD: &str = "INSERT INTO sk_tokens (token_sha256, tenant, name, scope, project_uuid, created_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1";
const REVOKE: &str = "UPDATE sk_tokens SET revoked_at = $3 WHERE tenant = $1 AND name = $2 AND revoked_at IS NULL \
    RETURNING 1";
/// How often a new team is tried.
const TRIES: usize = 5;

impl Tokens for Postgres {
    fn find_token(&self, digest: Option<Sha256>) -> Reply<'_, Result<Found, Trouble>> {
        Box::pin(async move {
            let digest = digest.as_ref().map(|digest| &digest.as_bytes()[..]);
            let rows = self.first()?.read(FIND, &[(&digest, Type::BYTEA)]).await?;
            let is_any = cell(rows.first(), 0)?;
            let is_found = cell::<Option<i32>>(rows.first(), 1)?.is_some();
            let token = rows.first().filter(|_| is_found).map(read).transpose()?;
            Ok(Found { token, is_any })
        })
    }

    fn add_token(&self, token: Token) -> Reply<'_, Result<bool, Trouble>> {
        Box::pin(async move {
            let pool = self.first()?;
            let mut team = team(pool, &token.team).await?;
            for _ in 0..TRIES {
                if team.is_some() {
                    break;
                }
                pool.write(ADD_TEAM, &[(&token.team, Type::TEXT)]).await?;
                team = self::team(pool, &token.team).await?;
            }
            let team = team.ok_or(Trouble::Unknown)?;
            let project = token
                .project
                .as_deref()
                .map(Uuid::parse_str)
                .transpose()
                .map_err(|_| Trouble::Unknown)?;
            let (digest, scope) = (&token.digest.as_bytes()[..], token.scope.name());
            let (created, expires) = (
                token.created_at.as_micros(),
                token.expires_at.map(Timestamp::as_micros),
            );
            let parameters: [Parameter<'_>; 7] = [
                (&digest, Type::BYTEA),
                (&team, Type::INT4),
                (&token.name, Type::TEXT),
                (&scope, Type::TEXT),
                (&project, Type::UUID),
                (&created, Type::INT8),
                (&expires, Type::INT8),
            ];
            Ok(!pool.write(ADD, &parameters).await?.is_empty())
        })
    }

    fn list_tokens(&self) -> Reply<'_, Result<Vec<Token>, Trouble>> {
        Box::pin(async move {
            let rows = self.first()?.read(LIST, &[]).await?;
            rows.iter().map(|row| Ok(read(row)?.1)).collect()
        })
    }

    fn revoke_token(
        &self,
        team: String,
        name: String,
        at: Timestamp,
    ) -> Reply<'_, Result<bool, Trouble>> {
        Box::pin(async move {
            let pool = self.first()?;
            let Some(team) = self::team(pool, &team).await? else {
                return Ok(false);
            };
            let at = at.as_micros();
            let parameters: [Parameter<'_>; 3] =
                [(&team, Type::INT4), (&name, Type::TEXT), (&at, Type::INT8)];
            Ok(!pool.write(REVOKE, &parameters).await?.is_empty())
        })
    }
}

/// The number of a team.
pub(super) async fn team(pool: &Pool, name: &str) -> Result<Option<i32>, Trouble> {
    if name.is_empty() {
        return Ok(Some(OWN_TEAM));
    }
    let rows = pool
        .read(
            "SELECT tenant FROM sk_tenants WHERE name = $1",
            &[(&name, Type::TEXT)],
        )
        .await?;
    rows.first().map(|row| cell(Some(row), 0)).transpose()
}

fn read(row: &Row) -> Result<(i32, Token), Trouble> {
    let row = Some(row);
    let time = |at| Ok::<_, Trouble>(cell::<Option<i64>>(row, at)?.map(Timestamp::from_micros));
    let token = Token {
        digest: Sha256::from_slice(&cell::<Vec<u8>>(row, 9)?).ok_or(Trouble::Unknown)?,
        team: cell(row, 2)?,
        name: cell(row, 3)?,
        scope: Scope::of_name(&cell::<String>(row, 4)?).ok_or(Trouble::Unknown)?,
        project: cell::<Option<Uuid>>(row, 5)?.map(|project| project.to_string()),
        created_at: time(6)?.ok_or(Trouble::Unknown)?,
        expires_at: time(7)?,
        revoked_at: time(8)?,
    };
    Ok((cell(row, 1)?, token))
}
