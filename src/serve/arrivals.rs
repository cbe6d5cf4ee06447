//! What arrived, in the order of its commits: the feed that readers follow.

use std::fmt;

use super::storage::{ArtifactVersion, LocalEngine};
use crate::base::Timestamp;

/// The most rows of one read.
pub(super) const ROWS: u16 = 256;
/// The most bytes of envelopes of one read, except for a single longer row.
pub(super) const BYTES: usize = 4 << 20;

/// The feeds of a storage. Each is followed separately; within one no row ever comes before a row
/// that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heads {
    /// Changes when rows were taken away: what was derived from them is made again.
    pub(super) era: String,
    /// Each feed by its name, with its highest position.
    pub(super) streams: Vec<(String, i64)>,
}

/// One row of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Its position, above that of every row before it.
    pub(super) seq: i64,
    /// The team whose it is.
    pub(super) team: i32,
    /// The time of receipt.
    pub(super) at: Timestamp,
    /// The row's content.
    pub(super) item: Arrived,
}

/// The content of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Arrived {
    /// An event.
    Event {
        /// Its project, a lower-case hyphenated UUID.
        project_uuid: String,
        /// Byte for byte as it was sent.
        envelope: Vec<u8>,
    },
    /// The text of one version of an artifact.
    Text(ArtifactVersion),
}

impl Arrived {
    /// The UUID of the project it is of.
    pub(super) fn project(&self) -> &str {
        match self {
            Self::Event { project_uuid, .. } => project_uuid,
            Self::Text(version) => &version.namespace.project_uuid,
        }
    }
}

/// A question to the storage of this process, asked between two commits.
pub(super) struct Look(Asking);

type Asking = Box<dyn FnOnce(&dyn LocalEngine) + Send>;

impl Look {
    pub(super) fn new(look: impl FnOnce(&dyn LocalEngine) + Send + 'static) -> Self {
        Self(Box::new(look))
    }

    pub(super) fn take(self, engine: &dyn LocalEngine) {
        (self.0)(engine);
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Look")
    }
}
