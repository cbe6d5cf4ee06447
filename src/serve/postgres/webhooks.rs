//! Webhooks in PostgreSQL: of several databases the first one has them, and the database of its
//! project the events.

use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::pool::Parameter;
use super::row::cell;
use super::shared::Postgres;
use super::tokens::team;
use crate::base::Timestamp;
use crate::serve::engine::webhook::{
    Added, LEASE, MOST_BYTES, MOST_EVENTS, Placed, Sending, Sent, Webhook, Webhooks,
};
use crate::serve::engine::{Reply, Trouble};

const ADD: &str = "INSERT INTO sk_webhooks (webhook_id, tenant, name, project_uuid, url, secret, may_be_private, \
    created_at, position) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING 1";
const HEAD: &str = "SELECT head FROM sk_projects WHERE tenant = $1 AND project_uuid = $2";
const COLUMNS: &str = "SELECT webhook_id, coalesce(t.name, ''), w.name, project_uuid, url, secret, may_be_private, \
    created_at, failures, due_at, failure, tenant, position, sending_to FROM sk_webhooks AS w \
    LEFT JOIN sk_tenants AS t USING (tenant)";
const REMOVE: &str = "DELETE FROM sk_webhooks WHERE tenant = $1 AND name = $2 RETURNING 1";
const EVENTS: &str = "SELECT seq, envelope FROM sk_events WHERE tenant + 0 = $1 AND project_uuid = $2 AND seq > $3 \
    AND seq <= $4 ORDER BY seq LIMIT $5";
/// Another receiver may have been faster.
const TAKE: &str = "UPDATE sk_webhooks SET leased_until = $2, sending_to = $3 WHERE webhook_id = $1 \
    AND leased_until <= $4 AND position = $5 AND sending_to IS NOT DISTINCT FROM $6 RETURNING 1";
const TAKEN: &str = "UPDATE sk_webhooks SET position = $3, sending_to = NULL, failures = 0, due_at = 0, \
    leased_until = 0, failure = '' WHERE webhook_id = $1 AND leased_until = $2";
const FAILED: &str = "UPDATE sk_webhooks SET failures = failures + 1, due_at = $3, leased_until = 0, failure = $4 \
    WHERE webhook_id = $1 AND leased_until = $2";

impl Webhooks for Postgres {
    fn add_webhook(&self, webhook: Webhook, from_start: bool) -> Reply<'_, Result<Added, Trouble>> {
        Box::pin(async move {
            let Some(team) = team(self.first()?, &webhook.team).await? else {
                return Ok(Added::NoTeam);
            };
            let project = project(&webhook)?;
            let mut position = 0_i64;
            if !from_start {
                let own: [Parameter<'_>; 2] = [(&team, Type::INT4), (&project, Type::UUID)];
                let rows = self.shared.shard(project)?.pool.read(HEAD, &own).await?;
                position = rows
                    .first()
                    .map(|row| cell(Some(row), 0))
                    .transpose()?
                    .unwrap_or(0);
            }
            let (secret, created_at) = (
                webhook.secret.expose_secret(),
                webhook.created_at.as_micros(),
            );
            let parameters: [Parameter<'_>; 9] = [
                (&webhook.id, Type::TEXT),
                (&team, Type::INT4),
                (&webhook.name, Type::TEXT),
                (&project, Type::UUID),
                (&webhook.url, Type::TEXT),
                (&secret, Type::TEXT),
                (&webhook.may_be_private, Type::BOOL),
                (&created_at, Type::INT8),
                (&position, Type::INT8),
            ];
            let added = self.first()?.write(ADD, &parameters).await?;
            Ok(if added.is_empty() {
                Added::NameTaken
            } else {
                Added::Yes
            })
        })
    }

    fn list_webhooks(&self) -> Reply<'_, Result<Vec<Webhook>, Trouble>> {
        Box::pin(async move {
            let rows = self
                .first()?
                .read(&format!("{COLUMNS} ORDER BY 2, 3"), &[])
                .await?;
            rows.iter().map(|row| Ok(read(row)?.webhook)).collect()
        })
    }

    fn remove_webhook(&self, team: String, name: String) -> Reply<'_, Result<bool, Trouble>> {
        Box::pin(async move {
            let Some(team) = self::team(self.first()?, &team).await? else {
                return Ok(false);
            };
            let removed = self
                .first()?
                .write(REMOVE, &[(&team, Type::INT4), (&name, Type::TEXT)])
                .await?;
            Ok(!removed.is_empty())
        })
    }

    fn take_webhook(&self, now: Timestamp) -> Reply<'_, Result<Option<Sending>, Trouble>> {
        Box::pin(async move {
            let micros = now.as_micros();
            let sql =
                format!("{COLUMNS} WHERE due_at <= $1 AND leased_until <= $1 ORDER BY due_at");
            for row in &self.first()?.read(&sql, &[(&micros, Type::INT8)]).await? {
                let placed = read(row)?;
                let (last, envelopes) = self.events(&placed).await?;
                let Some(to) = placed.sending_to.or(last) else {
                    continue;
                };
                let leased_until = now.after(LEASE);
                let lease = leased_until.as_micros();
                let parameters: [Parameter<'_>; 6] = [
                    (&placed.webhook.id, Type::TEXT),
                    (&lease, Type::INT8),
                    (&to, Type::INT8),
                    (&micros, Type::INT8),
                    (&placed.position, Type::INT8),
                    (&placed.sending_to, Type::INT8),
                ];
                if !self.first()?.write(TAKE, &parameters).await?.is_empty() {
                    return Ok(Some(Sending {
                        webhook: placed.webhook,
                        leased_until,
                        to,
                        envelopes,
                    }));
                }
            }
            Ok(None)
        })
    }

    fn settle_webhook(&self, sending: Sending, sent: Sent) -> Reply<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (id, lease) = (&sending.webhook.id, sending.leased_until.as_micros());
            match sent {
                Sent::Taken => {
                    let parameters: [Parameter<'_>; 3] = [
                        (id, Type::TEXT),
                        (&lease, Type::INT8),
                        (&sending.to, Type::INT8),
                    ];
                    self.first()?.write(TAKEN, &parameters).await?;
                }
                Sent::Failed { due_at, failure } => {
                    let due_at = due_at.as_micros();
                    let parameters: [Parameter<'_>; 4] = [
                        (id, Type::TEXT),
                        (&lease, Type::INT8),
                        (&due_at, Type::INT8),
                        (&failure, Type::TEXT),
                    ];
                    self.first()?.write(FAILED, &parameters).await?;
                }
            }
            Ok(())
        })
    }
}

impl Postgres {
    /// The next events of a webhook, and the position of the last one.
    async fn events(&self, placed: &Placed) -> Result<(Option<i64>, Vec<Vec<u8>>), Trouble> {
        let project = project(&placed.webhook)?;
        let to = placed.sending_to.unwrap_or(i64::MAX);
        let parameters: [Parameter<'_>; 5] = [
            (&placed.team, Type::INT4),
            (&project, Type::UUID),
            (&placed.position, Type::INT8),
            (&to, Type::INT8),
            (&MOST_EVENTS, Type::INT8),
        ];
        let (mut last, mut envelopes, mut bytes) = (None, Vec::new(), 0);
        for row in &self
            .shared
            .shard(project)?
            .pool
            .read(EVENTS, &parameters)
            .await?
        {
            let envelope: Vec<u8> = cell(Some(row), 1)?;
            bytes += envelope.len();
            last = Some(cell(Some(row), 0)?);
            envelopes.push(envelope);
            if bytes >= MOST_BYTES {
                break;
            }
        }
        Ok((last, envelopes))
    }
}

fn project(webhook: &Webhook) -> Result<Uuid, Trouble> {
    Uuid::parse_str(&webhook.project_uuid).map_err(|_| Trouble::Unknown)
}

fn read(row: &Row) -> Result<Placed, Trouble> {
    let row = Some(row);
    let webhook = Webhook {
        id: cell(row, 0)?,
        team: cell(row, 1)?,
        name: cell(row, 2)?,
        project_uuid: cell::<Uuid>(row, 3)?.to_string(),
        url: cell(row, 4)?,
        secret: SecretString::from(cell::<String>(row, 5)?),
        may_be_private: cell(row, 6)?,
        created_at: Timestamp::from_micros(cell(row, 7)?),
        failures: cell(row, 8)?,
        due_at: Timestamp::from_micros(cell(row, 9)?),
        failure: cell(row, 10)?,
    };
    Ok(Placed {
        webhook,
        team: cell(row, 11)?,
        position: cell(row, 12)?,
        sending_to: cell(row, 13)?,
    })
}
