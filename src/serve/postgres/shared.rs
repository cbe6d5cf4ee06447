//! The databases of a receiver, each with its share of the projects.

use std::sync::Arc;

use uuid::Uuid;

use super::pool::Pool;
use super::shard::Shard;
use crate::base::Sha256;
use crate::serve::blobs::Blobs;
use crate::serve::engine::Trouble;
use crate::serve::traffic::Traffic;

/// Projects are shared out by this many bits of their digest.
const BUCKET_BITS: u32 = 12;

/// The engine: one or more databases, each with its share of the projects.
#[derive(Debug)]
pub(in crate::serve) struct Postgres {
    pub(super) shared: Arc<Shared>,
    pub(super) instance_id: String,
    pub(super) traffic: Arc<Traffic>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) shards: Vec<Shard>,
    /// Where long texts are; `None` keeps them in the databases.
    pub(super) blobs: Option<Arc<Blobs>>,
}

impl Postgres {
    /// The database that has what is of no project: tokens and webhooks.
    pub(super) fn first(&self) -> Result<&Pool, Trouble> {
        self.shared
            .shards
            .first()
            .map(|shard| &shard.pool)
            .ok_or(Trouble::Unknown)
    }
}

impl Shared {
    /// The database that has this project.
    pub(super) fn shard(&self, project: Uuid) -> Result<&Shard, Trouble> {
        let digest = Sha256::of(project.as_bytes());
        let [high, low, ..] = digest.as_bytes();
        let bucket = usize::from(u16::from_be_bytes([*high, *low]) >> (16 - BUCKET_BITS));
        self.shards
            .get((bucket * self.shards.len()) >> BUCKET_BITS)
            .ok_or(Trouble::Unknown)
    }
}
