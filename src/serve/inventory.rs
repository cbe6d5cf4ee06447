//! What clients ask about what is there: the newest word on each thing, and every id with its digest.

use super::engine::{Reply, Trouble};
use super::storage::ArtifactVersion;
use crate::base::Sha256;

/// Bytes of envelopes in one page, at most (one more than fit is still sent).
pub(super) const PAGE_BYTES: usize = 16 << 20;
/// Ids of one page.
pub(super) const PAGE_IDS: usize = 50_000;
/// Ids of one page whose events have to be read as JSON.
pub(super) const PAGE_MEANINGS: usize = 10_000;

/// Which part of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) team: i32,
    /// A lower-case hyphenated UUID.
    pub(super) project_uuid: String,
    /// Only facts of this mission.
    pub(super) mission: Option<String>,
    /// What the page before gave as `next`; `None` for the first one.
    pub(super) after: Option<String>,
}

/// The newest event about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) seq: i64,
    /// Byte for byte as it was sent.
    pub(super) envelope: Vec<u8>,
    /// The document that it announces is there, in that very version.
    pub(super) has_document: bool,
}

/// Which digest of an event is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DigestOf {
    /// SHA-256 of its bytes as they were sent; of events that are not about a dossier only.
    LogBytes,
    /// The digest of what it says, see [`crate::event::meaning_digest`].
    Meaning,
}

/// One page of a list; with `next` there may be more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// The part of an engine that answers such questions. A project that is not there has nothing.
pub(super) trait Inventory {
    /// The newest event about each thing, in order of receipt.
    fn facts(&self, ask: Ask) -> Reply<'_, Result<Page<Fact>, Trouble>>;
    /// The id and a digest of each event, in order of receipt.
    fn event_states(&self, ask: Ask, of: DigestOf) -> Reply<'_, Result<Page<(String, Sha256)>, Trouble>>;
    /// Every version of every document.
    fn documents(&self, ask: Ask) -> Reply<'_, Result<Page<ArtifactVersion>, Trouble>>;
}

/// A page of what comes in order of numbers, each with its number and its cost. It ends after the first item that
/// reaches `most`.
#[derive(Debug)]
pub(super) struct Filling<T> {
    items: Vec<T>,
    left: usize,
    last: Option<String>,
}

impl<T> Filling<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { items: Vec::new(), left: most, last: None }
    }

    /// Adds an item; false when the page is full now.
    pub(super) fn add(&mut self, item: T, cost: usize, cursor: impl FnOnce() -> String) -> bool {
        self.items.push(item);
        self.left = self.left.saturating_sub(cost);
        if self.left == 0 {
            self.last = Some(cursor());
        }
        self.left > 0
    }

    pub(super) fn page(self) -> Page<T> {
        Page { items: self.items, next: self.last }
    }
}
