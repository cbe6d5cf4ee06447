//! Webhooks in a SQLite file.

use rusqlite::{Row, params};
use secrecy::{ExposeSecret as _, SecretString};

use super::file::{Looked, Sqlite};
use super::tokens::team;
use crate::base::Timestamp;
use crate::serve::Error;
use crate::serve::engine::webhook::{
    Added, LEASE, MOST_BYTES, MOST_EVENTS, Placed, Sending, Sent, Webhook,
};
use crate::store::ReadTx;

const COLUMNS: &str = "SELECT webhook_id, coalesce(t.name, ''), w.name, project_uuid, url, secret, may_be_private, created_at,
    failures, due_at, failure, team, position, sending_to FROM serve_webhooks AS w LEFT JOIN serve_teams AS t USING (team)";

impl Sqlite {
    pub(in crate::serve) fn add_webhook(
        &mut self,
        webhook: &Webhook,
        from_start: bool,
    ) -> Result<Added, Error> {
        self.store.write(|tx| {
            let Some(team) = team(tx, &webhook.team)? else { return Ok(Added::NoTeam) };
            let head = if from_start { 0 } else { head(tx)? };
            let sql = "INSERT INTO serve_webhooks (webhook_id, team, name, project_uuid, url, secret, may_be_private,
                       created_at, position) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
            let added = tx.prepare(sql)?.execute(params![
                webhook.id,
                team,
                webhook.name,
                webhook.project_uuid,
                webhook.url,
                webhook.secret.expose_secret(),
                webhook.may_be_private,
                webhook.created_at.as_micros(),
                head,
            ])?;
            Ok(if added > 0 { Added::Yes } else { Added::NameTaken })
        })
    }

    pub(in crate::serve) fn list_webhooks(&self) -> Result<Vec<Webhook>, Error> {
        self.store.read(|tx| {
            let mut statement = tx.prepare(&format!("{COLUMNS} ORDER BY 2, 3"))?;
            let rows = statement.query_map([], |row| Ok(read(row)?.webhook))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    pub(in crate::serve) fn remove_webhook(
        &mut self,
        team_name: &str,
        name: &str,
    ) -> Result<bool, Error> {
        self.store.write(|tx| {
            let Some(team) = team(tx, team_name)? else {
                return Ok(false);
            };
            let sql = "DELETE FROM serve_webhooks WHERE team = ?1 AND name = ?2";
            Ok(tx.prepare(sql)?.execute((team, name))? > 0)
        })
    }

    pub(in crate::serve) fn take_webhook(
        &mut self,
        now: Timestamp,
    ) -> Result<Option<Sending>, Error> {
        let looked = &mut self.looked;
        let due = self.store.read(|tx| due(tx, now, looked))?;
        let Some((placed, to, envelopes)) = due else {
            return Ok(None);
        };
        let leased_until = now.after(LEASE);
        // Another receiver on this file may have been faster.
        let taken = self.store.write(|tx| {
            let sql = "UPDATE serve_webhooks SET leased_until = ?2, sending_to = ?3
                       WHERE webhook_id = ?1 AND leased_until <= ?4 AND position = ?5 AND sending_to IS ?6";
            let key = params![
                placed.webhook.id,
                leased_until.as_micros(),
                to,
                now.as_micros(),
                placed.position,
                placed.sending_to
            ];
            Ok::<_, Error>(tx.prepare(sql)?.execute(key)? > 0)
        })?;
        Ok(taken.then_some(Sending {
            webhook: placed.webhook,
            leased_until,
            to,
            envelopes,
        }))
    }

    pub(in crate::serve) fn settle_webhook(
        &mut self,
        sending: &Sending,
        sent: &Sent,
    ) -> Result<(), Error> {
        let key = (&sending.webhook.id, sending.leased_until.as_micros());
        self.store.write(|tx| {
            match sent {
                Sent::Taken => tx
                    .prepare(
                        "UPDATE serve_webhooks SET position = ?3, sending_to = NULL, failures = 0, due_at = 0,
                         leased_until = 0, failure = '' WHERE webhook_id = ?1 AND leased_until = ?2",
                    )?
                    .execute((key.0, key.1, sending.to))?,
                Sent::Failed { due_at, failure } => tx
                    .prepare(
                        "UPDATE serve_webhooks SET failures = failures + 1, due_at = ?3, leased_until = 0, failure = ?4
                         WHERE webhook_id = ?1 AND leased_until = ?2",
                    )?
                    .execute((key.0, key.1, due_at.as_micros(), failure))?,
            };
            Ok(())
        })
    }
}

fn head(tx: &ReadTx<'_>) -> Result<i64, Error> {
    Ok(
        tx.one("SELECT coalesce(max(seq), 0) FROM serve_events", [], |r| {
            r.get(0)
        })?,
    )
}

/// A webhook that is due, the position after its events, and their envelopes.
type Due = (Placed, i64, Vec<Vec<u8>>);

fn due(tx: &ReadTx<'_>, now: Timestamp, looked: &mut Looked) -> Result<Option<Due>, Error> {
    let mut statement = tx.prepare(&format!(
        "{COLUMNS} WHERE due_at <= ?1 AND leased_until <= ?1 ORDER BY due_at"
    ))?;
    let placed: Vec<Placed> = statement
        .query_map([now.as_micros()], read)?
        .collect::<Result<_, _>>()?;
    let head = head(tx)?;
    for placed in placed {
        let known = looked.get(&placed.webhook.id).copied().unwrap_or(0);
        if placed.sending_to.is_none() && known.max(placed.position) >= head {
            continue;
        }
        let (last, envelopes) = events(tx, &placed, placed.position.max(known))?;
        if let Some(to) = placed.sending_to.or(last) {
            return Ok(Some((placed, to, envelopes)));
        }
        looked.insert(placed.webhook.id, head);
    }
    Ok(None)
}

/// The next events of a webhook, and the position of the last one.
fn events(
    tx: &ReadTx<'_>,
    placed: &Placed,
    after: i64,
) -> Result<(Option<i64>, Vec<Vec<u8>>), Error> {
    let sql = "SELECT project_id FROM serve_projects WHERE team = ?1 AND project_uuid = ?2";
    let project: Option<i64> = tx.first(sql, (placed.team, &placed.webhook.project_uuid), |r| {
        r.get(0)
    })?;
    // By number: the new events of all projects are fewer than the old ones of this one.
    let mut statement = tx.prepare(
        "SELECT seq, envelope FROM serve_events WHERE +project_id = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4",
    )?;
    let after = if placed.sending_to.is_some() {
        placed.position
    } else {
        after
    };
    let mut rows = statement.query((
        project,
        after,
        placed.sending_to.unwrap_or(i64::MAX),
        MOST_EVENTS,
    ))?;
    let (mut last, mut envelopes, mut bytes) = (None, Vec::new(), 0);
    while bytes < MOST_BYTES
        && let Some(row) = rows.next()?
    {
        let envelope: Vec<u8> = row.get(1)?;
        bytes += envelope.len();
        last = Some(row.get(0)?);
        envelopes.push(envelope);
    }
    Ok((last, envelopes))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Placed> {
    let webhook = Webhook {
        id: row.get(0)?,
        team: row.get(1)?,
        name: row.get(2)?,
        project_uuid: row.get(3)?,
        url: row.get(4)?,
        secret: SecretString::from(row.get::<_, String>(5)?),
        may_be_private: row.get(6)?,
        created_at: Timestamp::from_micros(row.get(7)?),
        failures: row.get(8)?,
        due_at: Timestamp::from_micros(row.get(9)?),
        failure: row.get(10)?,
    };
    Ok(Placed {
        webhook,
        team: row.get(11)?,
        position: row.get(12)?,
        sending_to: row.get(13)?,
    })
}
