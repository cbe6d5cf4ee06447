//! The statements that keep texts of documents.

use std::collections::HashSet;

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::keys::artifact_key;
use super::pool::Parameter;
use super::row::cell;
use super::shard::Shard;
use crate::serve::engine::content::ArtifactVersion;
use crate::serve::engine::{Outcome, Trouble};

/// How a version of a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyState {
    /// No event has named the artifact.
    NotAnnounced,
    /// An event has named it, the newest one in this version or in another.
    Announced { is_newest: bool },
    /// It is stored.
    There,
}

impl Shard {
    pub(super) async fn body_state(
        &self,
        team: i32,
        project: Uuid,
        version: &ArtifactVersion,
    ) -> Result<BodyState, Trouble> {
        let key = artifact_key(&version.namespace, &version.path);
        let (key, hash) = (&key.as_bytes()[..], &version.sha256.as_bytes()[..]);
        let parameters: [Parameter<'_>; 4] = [
            (&team, Type::INT4),
            (&project, Type::UUID),
            (&key, Type::BYTEA),
            (&hash, Type::BYTEA),
        ];
        let rows = self
            .pool
            .read(include_str!("body_state.sql"), &parameters)
            .await?;
        let row = rows.first();
        Ok(match (cell(row, 0)?, cell(row, 1)?, cell(row, 2)?) {
            (false, ..) => BodyState::NotAnnounced,
            (true, _, true) => BodyState::There,
            (true, is_newest, false) => BodyState::Announced { is_newest },
        })
    }

    /// Stores a version whose text another document of the project has.
    pub(super) async fn keep_known_body(
        &self,
        team: i32,
        project: Uuid,
        version: &ArtifactVersion,
        known: i32,
    ) -> Result<Option<Outcome>, Trouble> {
        match self.body_state(team, project, version).await? {
            BodyState::NotAnnounced => return Ok(Some(Outcome::NotAnnounced)),
            BodyState::There => return Ok(Some(Outcome::AlreadyExists)),
            // A digest alone has to be what was announced.
            BodyState::Announced { is_newest: false } => return Ok(Some(Outcome::TextNeeded)),
            BodyState::Announced { is_newest: true } => {}
        }
        let hash = &version.sha256.as_bytes()[..];
        let parameters: [Parameter<'_>; 3] = [
            (&team, Type::INT4),
            (&project, Type::UUID),
            (&hash, Type::BYTEA),
        ];
        let sql = "SELECT size FROM sk_bodies WHERE tenant = $1 AND project_uuid = $2 AND sha256 = $3 LIMIT 1";
        let rows = self.pool.read(sql, &parameters).await?;
        match rows.first() {
            Some(row) => {
                self.keep_body((team, project), version, (cell(Some(row), 0)?, None), known)
                    .await
            }
            None => Ok(Some(Outcome::TextNeeded)),
        }
    }

    /// Those of some versions of one project that are not here.
    pub(super) async fn missing(
        &self,
        team: i32,
        project: Uuid,
        versions: Vec<ArtifactVersion>,
    ) -> Result<Vec<ArtifactVersion>, Trouble> {
        let keys: Vec<_> = versions
            .iter()
            .map(|version| artifact_key(&version.namespace, &version.path))
            .collect();
        let keys: Vec<&[u8]> = keys.iter().map(|key| &key.as_bytes()[..]).collect();
        let hashes: Vec<&[u8]> = versions
            .iter()
            .map(|version| &version.sha256.as_bytes()[..])
            .collect();
        let parameters: [Parameter<'_>; 4] = [
            (&team, Type::INT4),
            (&project, Type::UUID),
            (&keys, Type::BYTEA_ARRAY),
            (&hashes, Type::BYTEA_ARRAY),
        ];
        let rows = self
            .pool
            .read(include_str!("missing.sql"), &parameters)
            .await?;
        let numbers: Result<HashSet<i64>, _> = rows.iter().map(|row| cell(Some(row), 0)).collect();
        let numbers = numbers?;
        Ok((1..)
            .zip(versions)
            .filter(|(number, _)| numbers.contains(number))
            .map(|(_, version)| version)
            .collect())
    }

    /// Stores a version, its size, and its content where that is not kept elsewhere; `None` if
    /// there were other removals than the `known` ones.
    pub(super) async fn keep_body(
        &self,
        (team, project): (i32, Uuid),
        version: &ArtifactVersion,
        (size, content): (i32, Option<&[u8]>),
        known: i32,
    ) -> Result<Option<Outcome>, Trouble> {
        let key = artifact_key(&version.namespace, &version.path);
        let (key, hash) = (&key.as_bytes()[..], &version.sha256.as_bytes()[..]);
        let parameters: [Parameter<'_>; 7] = [
            (&team, Type::INT4),
            (&project, Type::UUID),
            (&key, Type::BYTEA),
            (&hash, Type::BYTEA),
            (&size, Type::INT4),
            (&content, Type::BYTEA),
            (&known, Type::INT4),
        ];
        let rows = self
            .pool
            .write(include_str!("keep_body.sql"), &parameters)
            .await?;
        let number = |at| cell::<i64>(rows.first(), at);
        Ok(match (number(0)?, number(1)?, number(2)?, number(3)?) {
            (0, ..) => Some(Outcome::NotAnnounced),
            (_, 0, 0, _) => None,
            (.., 1) => Some(Outcome::Stored),
            _ => Some(Outcome::AlreadyExists),
        })
    }
}
