//! What arrived, in the order of its commits: the feed that readers follow.

use super::content::ArtifactVersion;
use crate::base::Timestamp;

/// The most rows of one read.
pub(in crate::serve) const ROWS: u16 = 256;
/// The most bytes of envelopes of one read, except for a single longer row.
pub(in crate::serve) const BYTES: usize = 4 << 20;

/// The feeds of a storage. Each is followed separately; within one no row ever comes before a row
/// that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Heads {
    /// Changes when rows were taken away: what was derived from them is made again.
    pub(in crate::serve) era: String,
    /// Each feed by its name, with its highest position.
    pub(in crate::serve) streams: Vec<(String, i64)>,
}

/// One row of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Arrival {
    /// Its position, above that of every row before it.
    pub(in crate::serve) seq: i64,
    /// The team whose it is.
    pub(in crate::serve) team: i32,
    /// The time of receipt.
    pub(in crate::serve) at: Timestamp,
    /// The row's content.
    pub(in crate::serve) item: Arrived,
}

/// The content of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) enum Arrived {
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
    pub(in crate::serve) fn project(&self) -> &str {
        match self {
            Self::Event { project_uuid, .. } => project_uuid,
            Self::Text(version) => &version.namespace.project_uuid,
        }
    }
}
