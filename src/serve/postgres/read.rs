//! The feed of each project, and texts: what readers follow.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::pool::Parameter;
use super::row::cell;
use super::shard::Shard;
use super::shared::Shared;
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::serve::engine::Trouble;
use crate::serve::engine::arrivals::{Arrival, Arrived, BYTES, Heads, ROWS};
use crate::serve::engine::content::ArtifactVersion;

impl Shared {
    /// Every project with its head.
    pub(super) async fn heads(&self) -> Result<Heads, Trouble> {
        let mut heads = Heads {
            era: String::new(),
            streams: Vec::new(),
        };
        for shard in &self.shards {
            let sql = "SELECT NULL::uuid, 0::bigint, value || ';', 0 FROM sk_settings WHERE name = 'era' \
                       UNION ALL SELECT project_uuid, head, NULL, tenant FROM sk_projects";
            for row in &shard.pool.read(sql, &[]).await? {
                match cell::<Option<Uuid>>(Some(row), 0)? {
                    Some(project) => {
                        let stream = format!("{}/{project}", cell::<i32>(Some(row), 3)?);
                        heads.streams.push((stream, cell(Some(row), 1)?));
                    }
                    None => heads.era.push_str(&cell::<String>(Some(row), 2)?),
                }
            }
        }
        Ok(heads)
    }

    /// What a project got after a position.
    pub(super) async fn feed(&self, stream: &str, after: i64) -> Result<Vec<Arrival>, Trouble> {
        let (team, uuid) = stream.split_once('/').ok_or(Trouble::Unknown)?;
        let team: i32 = team.parse().map_err(|_| Trouble::Unknown)?;
        let project = Uuid::parse_str(uuid).map_err(|_| Trouble::Unknown)?;
        let (rows, bytes) = (i64::from(ROWS), i64::try_from(BYTES).unwrap_or(i64::MAX));
        let parameters: [Parameter<'_>; 5] = [
            (&team, Type::INT4),
            (&project, Type::UUID),
            (&after, Type::INT8),
            (&rows, Type::INT8),
            (&bytes, Type::INT8),
        ];
        let found = self
            .shard(project)?
            .pool
            .read(include_str!("feed.sql"), &parameters)
            .await?;
        found.iter().map(|row| arrival(team, uuid, row)).collect()
    }

    /// A text, from the database or the object store.
    pub(super) async fn text(
        &self,
        team: i32,
        project: &str,
        sha256: Sha256,
    ) -> Result<Option<String>, Trouble> {
        let project = Uuid::parse_str(project).map_err(|_| Trouble::Unknown)?;
        if let Some(content) = self.shard(project)?.blob((team, project), sha256).await? {
            return Ok(String::from_utf8(content).ok());
        }
        match &self.blobs {
            Some(blobs) => blobs.get((team, project), sha256).await,
            None => Ok(None),
        }
    }
}

impl Shard {
    async fn blob(
        &self,
        (team, project): (i32, Uuid),
        sha256: Sha256,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        let digest = &sha256.as_bytes()[..];
        let parameters: [Parameter<'_>; 3] = [
            (&team, Type::INT4),
            (&project, Type::UUID),
            (&digest, Type::BYTEA),
        ];
        let sql =
            "SELECT content FROM sk_blobs WHERE tenant = $1 AND project_uuid = $2 AND sha256 = $3";
        let rows = self.pool.read(sql, &parameters).await?;
        rows.first().map(|row| cell(Some(row), 0)).transpose()
    }
}

fn arrival(team: i32, project: &str, row: &Row) -> Result<Arrival, Trouble> {
    let text = |at| cell::<String>(Some(row), at);
    let item = match cell::<Option<Vec<u8>>>(Some(row), 2)? {
        Some(envelope) => Arrived::Event {
            project_uuid: project.to_owned(),
            envelope,
        },
        None => Arrived::Text(ArtifactVersion {
            namespace: NamespaceRef {
                project_uuid: project.to_owned(),
                mission_slug: text(5)?,
                target_branch: text(6)?,
                mission_type: text(7)?,
                manifest_version: text(8)?,
            },
            path: text(3)?,
            sha256: Sha256::from_slice(&cell::<Vec<u8>>(Some(row), 4)?).ok_or(Trouble::Unknown)?,
        }),
    };
    Ok(Arrival {
        seq: cell(Some(row), 0)?,
        team,
        at: Timestamp::from_micros(cell(Some(row), 1)?),
        item,
    })
}
