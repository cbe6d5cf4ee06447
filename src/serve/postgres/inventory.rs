//! What the databases have of a project.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::pool::{Parameter, Pool};
use super::row::cell;
use super::shared::Postgres;
use crate::base::Sha256;
use crate::base::digest::{hex, unhex};
use crate::event::NamespaceRef;
use crate::serve::engine::content::ArtifactVersion;
use crate::serve::engine::inventory::{
    ANSWER_BYTES, ANSWER_ROWS, Ask, DigestOf, Filling, Inventory, Page, Place, pieces,
};
use crate::serve::engine::{Reply, Trouble};

impl Postgres {
    /// The database of a project, and its id; `None` for one that no project can have.
    fn place_of(&self, ask: &Ask) -> Result<Option<(&Pool, Uuid)>, Trouble> {
        let Ok(project) = Uuid::parse_str(&ask.project_uuid) else {
            return Ok(None);
        };
        Ok(Some((&self.shared.shard(project)?.pool, project)))
    }
}

const fn nothing<T>() -> Page<T> {
    Page {
        items: Vec::new(),
        next: None,
    }
}

impl Inventory for Postgres {
    fn facts(&self, ask: Ask) -> Reply<'_, Result<Page<Place>, Trouble>> {
        Box::pin(async move {
            let Some((pool, project)) = self.place_of(&ask)? else {
                return Ok(nothing());
            };
            let (after, most) = (ask.after_number(), limit(ANSWER_ROWS));
            let parameters: [Parameter<'_>; 5] = [
                (&ask.team, Type::INT4),
                (&project, Type::UUID),
                (&ask.mission, Type::TEXT),
                (&after, Type::INT8),
                (&most, Type::INT8),
            ];
            let mut page = Filling::new(ANSWER_ROWS, ANSWER_BYTES);
            for row in &pool.read(include_str!("facts.sql"), &parameters).await? {
                let place = place(row, cell(Some(row), 2)?)?;
                if !page.add(place, place.size, || place.seq.to_string()) {
                    break;
                }
            }
            Ok(page.page())
        })
    }

    fn envelopes(&self, ask: Ask, places: Vec<Place>) -> Reply<'_, Result<Vec<Vec<u8>>, Trouble>> {
        Box::pin(async move {
            let Some((pool, project)) = self.place_of(&ask)? else {
                return Ok(Vec::new());
            };
            let rows = envelopes(pool, (ask.team, project), &places).await?;
            rows.iter().map(|row| cell(Some(row), 1)).collect()
        })
    }

    fn event_states(
        &self,
        ask: Ask,
        of: DigestOf,
        rows: usize,
    ) -> Reply<'_, Result<Page<(String, Sha256)>, Trouble>> {
        Box::pin(async move {
            let Some((pool, project)) = self.place_of(&ask)? else {
                return Ok(nothing());
            };
            let (after, most) = (ask.after_number(), limit(rows));
            let parameters: [Parameter<'_>; 4] = [
                (&ask.team, Type::INT4),
                (&project, Type::UUID),
                (&after, Type::INT8),
                (&most, Type::INT8),
            ];
            let mut page = Filling::new(rows, u64::MAX);
            match of {
                DigestOf::LogBytes => {
                    for row in &pool.read(LOGGED, &parameters).await? {
                        let (row, seq) = (Some(row), cell::<i64>(Some(row), 0)?);
                        let digest = Sha256::from_slice(&cell::<Vec<u8>>(row, 2)?)
                            .ok_or(Trouble::Unknown)?;
                        page.add((cell(row, 1)?, digest), 0, || seq.to_string());
                    }
                }
                DigestOf::Meaning => {
                    let found = pool.read(PLACES, &parameters).await?;
                    let places: Result<Vec<_>, _> =
                        found.iter().map(|row| place(row, false)).collect();
                    for piece in pieces(&places?) {
                        for row in &envelopes(pool, (ask.team, project), piece).await? {
                            let (row, seq) = (Some(row), cell::<i64>(Some(row), 0)?);
                            let digest = of.digest(&cell::<Vec<u8>>(row, 1)?);
                            page.add((cell(row, 2)?, digest), 0, || seq.to_string());
                        }
                    }
                }
            }
            Ok(page.page())
        })
    }

    fn documents(
        &self,
        ask: Ask,
        rows: usize,
    ) -> Reply<'_, Result<Page<ArtifactVersion>, Trouble>> {
        Box::pin(async move {
            let Some((pool, project)) = self.place_of(&ask)? else {
                return Ok(nothing());
            };
            let (artifact, hash) = cursor(ask.after.as_deref());
            let most = limit(rows);
            let parameters: [Parameter<'_>; 5] = [
                (&ask.team, Type::INT4),
                (&project, Type::UUID),
                (&artifact, Type::BYTEA),
                (&hash, Type::BYTEA),
                (&most, Type::INT8),
            ];
            let mut page = Filling::new(rows, u64::MAX);
            for row in &pool
                .read(include_str!("documents.sql"), &parameters)
                .await?
            {
                let row = Some(row);
                let (artifact, hash): (Vec<u8>, Vec<u8>) = (cell(row, 0)?, cell(row, 1)?);
                let namespace = NamespaceRef {
                    project_uuid: ask.project_uuid.clone(),
                    mission_slug: cell(row, 2)?,
                    target_branch: cell(row, 3)?,
                    mission_type: cell(row, 4)?,
                    manifest_version: cell(row, 5)?,
                };
                let sha256 = Sha256::from_slice(&hash).ok_or(Trouble::Unknown)?;
                let version = ArtifactVersion {
                    namespace,
                    path: cell(row, 6)?,
                    sha256,
                };
                page.add(version, 0, || format!("{}.{}", hex(&artifact), hex(&hash)));
            }
            Ok(page.page())
        })
    }

    fn missing(
        &self,
        team: i32,
        versions: Vec<ArtifactVersion>,
    ) -> Reply<'_, Result<Vec<ArtifactVersion>, Trouble>> {
        Box::pin(async move {
            let project = versions
                .first()
                .and_then(|version| Uuid::parse_str(&version.namespace.project_uuid).ok());
            let Some(project) = project else {
                return Ok(versions);
            };
            self.shared
                .shard(project)?
                .missing(team, project, versions)
                .await
        })
    }
}

/// The events that are not about a dossier, with the digest of their bytes.
const LOGGED: &str = "SELECT seq, event_id, payload_sha256 FROM sk_events \
                      WHERE tenant + 0 = $1 AND project_uuid = $2 AND seq > $3 \
                      AND event_type NOT LIKE 'MissionDossier%' ORDER BY seq LIMIT $4";
/// Where the events are.
const PLACES: &str = "SELECT seq, octet_length(envelope) FROM sk_events \
                      WHERE tenant + 0 = $1 AND project_uuid = $2 AND seq > $3 ORDER BY seq LIMIT $4";
fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn place(row: &Row, has_document: bool) -> Result<Place, Trouble> {
    let size = u32::try_from(cell::<i32>(Some(row), 1)?).map_err(|_| Trouble::Unknown)?;
    Ok(Place {
        seq: cell(Some(row), 0)?,
        size,
        has_document,
    })
}

/// Number, envelope and id of the events at these places.
async fn envelopes(
    pool: &Pool,
    (team, project): (i32, Uuid),
    places: &[Place],
) -> Result<Vec<Row>, Trouble> {
    let numbers: Vec<_> = places.iter().map(|place| place.seq).collect();
    let parameters: [Parameter<'_>; 3] = [
        (&team, Type::INT4),
        (&project, Type::UUID),
        (&numbers, Type::INT8_ARRAY),
    ];
    pool.read(include_str!("envelopes.sql"), &parameters).await
}

/// The key that a page comes after.
fn cursor(after: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    let parts = after.and_then(|after| after.split_once('.'));
    parts
        .and_then(|(artifact, hash)| Some((unhex(artifact)?, unhex(hash)?)))
        .unwrap_or_default()
}
