//! What the databases have of a project.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::cell;
use super::engine::Postgres;
use super::pool::{Parameter, Pool};
use crate::base::Sha256;
use crate::base::digest::{hex, unhex};
use crate::event::NamespaceRef;
use crate::serve::engine::{Reply, Trouble};
use crate::serve::inventory::{Ask, DigestOf, Fact, Filling, Inventory, PAGE_BYTES, PAGE_IDS, PAGE_MEANINGS, Page};
use crate::serve::storage::ArtifactVersion;

/// Rows read at once, so that a page that is full of bytes has not read many more.
const CHUNK: i64 = 5000;

impl Postgres {
    /// The database of a project, and its id; `None` for one that no project can have.
    fn place_of(&self, ask: &Ask) -> Result<Option<(&Pool, Uuid)>, Trouble> {
        let Ok(project) = Uuid::parse_str(&ask.project_uuid) else { return Ok(None) };
        Ok(Some((&self.shared.shard(project)?.pool, project)))
    }
}

const fn nothing<T>() -> Page<T> {
    Page { items: Vec::new(), next: None }
}

impl Inventory for Postgres {
    fn facts(&self, ask: Ask) -> Reply<'_, Result<Page<Fact>, Trouble>> {
        Box::pin(async move {
            let Some((pool, project)) = self.place_of(&ask)? else { return Ok(nothing()) };
            let mut page = Filling::new(PAGE_BYTES);
            let mut after = ask.after_number();
            loop {
                let parameters: [Parameter<'_>; 5] = [
                    (&ask.team, Type::INT4),
                    (&project, Type::UUID),
                    (&ask.mission, Type::TEXT),
                    (&after, Type::INT8),
                    (&CHUNK, Type::INT8),
                ];
                let rows = pool.read(include_str!("facts.sql"), &parameters).await?;
                for row in &rows {
                    let row = Some(row);
                    after = cell(row, 0)?;
                    let fact = Fact { seq: after, envelope: cell(row, 1)?, has_document: cell(row, 2)? };
                    let size = fact.envelope.len();
                    if !page.add(fact, size, || after.to_string()) {
                        return Ok(page.page());
                    }
                }
                if rows.is_empty() {
                    return Ok(page.page());
                }
            }
        })
    }

    fn event_states(&self, ask: Ask, of: DigestOf) -> Reply<'_, Result<Page<(String, Sha256)>, Trouble>> {
        Box::pin(async move {
            let Some((pool, project)) = self.place_of(&ask)? else { return Ok(nothing()) };
            let (most, sql) = match of {
                DigestOf::LogBytes => (
                    PAGE_IDS,
                    "SELECT seq, event_id, payload_sha256 FROM sk_events WHERE tenant = $1 AND project_uuid = $2 \
                     AND seq > $3 AND event_type NOT LIKE 'MissionDossier%' ORDER BY seq LIMIT $4",
                ),
                DigestOf::Meaning => (
                    PAGE_MEANINGS,
                    "SELECT seq, event_id, envelope FROM sk_events WHERE tenant = $1 AND project_uuid = $2 \
                     AND seq > $3 ORDER BY seq LIMIT $4",
                ),
            };
            let mut page = Filling::new(most);
            let mut after = ask.after_number();
            loop {
                let parameters: [Parameter<'_>; 4] =
                    [(&ask.team, Type::INT4), (&project, Type::UUID), (&after, Type::INT8), (&CHUNK, Type::INT8)];
                let rows = pool.read(sql, &parameters).await?;
                for row in &rows {
                    let row = Some(row);
                    after = cell(row, 0)?;
                    let bytes: Vec<u8> = cell(row, 2)?;
                    let digest = match of {
                        DigestOf::LogBytes => Sha256::from_slice(&bytes).ok_or(Trouble::Unknown)?,
                        DigestOf::Meaning => of.digest(&bytes),
                    };
                    if !page.add((cell(row, 1)?, digest), 1, || after.to_string()) {
                        return Ok(page.page());
                    }
                }
                if rows.is_empty() {
                    return Ok(page.page());
                }
            }
        })
    }

    fn documents(&self, ask: Ask) -> Reply<'_, Result<Page<ArtifactVersion>, Trouble>> {
        Box::pin(async move {
            let Some((pool, project)) = self.place_of(&ask)? else { return Ok(nothing()) };
            let (mut artifact, mut hash) = cursor(ask.after.as_deref());
            let mut page = Filling::new(PAGE_IDS);
            loop {
                let parameters: [Parameter<'_>; 5] = [
                    (&ask.team, Type::INT4),
                    (&project, Type::UUID),
                    (&artifact, Type::BYTEA),
                    (&hash, Type::BYTEA),
                    (&CHUNK, Type::INT8),
                ];
                let rows = pool.read(include_str!("documents.sql"), &parameters).await?;
                for row in &rows {
                    let row = Some(row);
                    (artifact, hash) = (cell(row, 0)?, cell(row, 1)?);
                    let namespace = NamespaceRef {
                        project_uuid: ask.project_uuid.clone(),
                        mission_slug: cell(row, 2)?,
                        target_branch: cell(row, 3)?,
                        mission_type: cell(row, 4)?,
                        manifest_version: cell(row, 5)?,
                    };
                    let sha256 = Sha256::from_slice(&hash).ok_or(Trouble::Unknown)?;
                    let version = ArtifactVersion { namespace, path: cell(row, 6)?, sha256 };
                    if !page.add(version, 1, || format!("{}.{}", hex(&artifact), hex(&hash))) {
                        return Ok(page.page());
                    }
                }
                if rows.is_empty() {
                    return Ok(page.page());
                }
            }
        })
    }
}

/// The key that a page comes after.
fn cursor(after: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    let parts = after.and_then(|after| after.split_once('.'));
    parts.and_then(|(artifact, hash)| Some((unhex(artifact)?, unhex(hash)?))).unwrap_or_default()
}
