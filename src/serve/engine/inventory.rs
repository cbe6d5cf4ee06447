//! What clients ask about what is there: the newest word on each thing, and every id with its
//! digest.

use super::content::ArtifactVersion;
use super::reply::{Reply, Trouble};
use crate::base::Sha256;
use crate::event::meaning_digest;

/// Bytes of envelopes in one answer, at most (one more than fit is still sent).
pub(in crate::serve) const ANSWER_BYTES: u64 = 16 << 20;
/// Rows of one answer.
pub(in crate::serve) const ANSWER_ROWS: usize = 50_000;
/// Ids of one answer whose events have to be read as JSON.
pub(in crate::serve) const ANSWER_MEANINGS: usize = 10_000;
/// Bytes of envelopes that are read at once, at most (a longer one alone).
pub(in crate::serve) const PIECE_BYTES: u64 = 128 << 10;
/// Rows that are read at once.
pub(in crate::serve) const PIECE_ROWS: usize = 1000;

/// Which part of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Ask {
    pub(in crate::serve) team: i32,
    /// A lower-case hyphenated UUID.
    pub(in crate::serve) project_uuid: String,
    /// Only facts of this mission.
    pub(in crate::serve) mission: Option<String>,
    /// What the page before gave as `next`; `None` for the first one.
    pub(in crate::serve) after: Option<String>,
}

impl Ask {
    /// The number that a page comes after.
    pub(in crate::serve) fn after_number(&self) -> i64 {
        self.after
            .as_ref()
            .and_then(|after| after.parse().ok())
            .unwrap_or(0)
    }
}

/// Where the newest event about one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) struct Place {
    /// Its number within the project.
    pub(in crate::serve) seq: i64,
    /// Bytes of its envelope.
    pub(in crate::serve) size: u32,
    /// The document that it announces is there, in that very version.
    pub(in crate::serve) has_document: bool,
}

/// Which digest of an event is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum DigestOf {
    /// SHA-256 of its bytes as they were sent; of events that are not about a dossier only.
    LogBytes,
    /// The digest of what it says, see [`crate::event::meaning_digest`].
    Meaning,
}

impl DigestOf {
    /// The digest of an event that is asked for.
    pub(in crate::serve) fn digest(self, envelope: &[u8]) -> Sha256 {
        match self {
            Self::LogBytes => Sha256::of(envelope),
            Self::Meaning => meaning_digest(envelope),
        }
    }
}

/// One page of a list; with `next` there may be more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) struct Page<T> {
    pub(in crate::serve) items: Vec<T>,
    pub(in crate::serve) next: Option<String>,
}

/// The part of an engine that answers such questions. A project that is not there has nothing.
pub(in crate::serve) trait Inventory {
    /// Where the newest event about each thing is, in order of receipt, up to [`ANSWER_BYTES`] and
    /// [`ANSWER_ROWS`].
    fn facts(&self, ask: Ask) -> Reply<'_, Result<Page<Place>, Trouble>>;
    /// The envelopes at these places of a project, byte for byte as they were sent; fewer if some
    /// were deleted meanwhile.
    fn envelopes(&self, ask: Ask, places: Vec<Place>) -> Reply<'_, Result<Vec<Vec<u8>>, Trouble>>;
    /// The id and a digest of each event, in order of receipt; at most `rows`.
    fn event_states(
        &self,
        ask: Ask,
        of: DigestOf,
        rows: usize,
    ) -> Reply<'_, Result<Page<(String, Sha256)>, Trouble>>;
    /// Every version of every document; at most `rows`.
    fn documents(&self, ask: Ask, rows: usize)
    -> Reply<'_, Result<Page<ArtifactVersion>, Trouble>>;
    /// Those of these versions, all of one project of a team, that are not here.
    fn missing(
        &self,
        team: i32,
        versions: Vec<ArtifactVersion>,
    ) -> Reply<'_, Result<Vec<ArtifactVersion>, Trouble>>;
}

/// A page of what comes in order, each with where the next page goes on after it.
#[derive(Debug)]
pub(in crate::serve) struct Filling<T> {
    items: Vec<T>,
    rows: usize,
    bytes: u64,
    last: Option<String>,
}

impl<T> Filling<T> {
    /// Ends after this number of items, or after the one that reaches this number of bytes.
    pub(in crate::serve) const fn new(rows: usize, bytes: u64) -> Self {
        Self {
            items: Vec::new(),
            rows,
            bytes,
            last: None,
        }
    }

    /// Adds an item; false when the page is full now.
    pub(in crate::serve) fn add(
        &mut self,
        item: T,
        bytes: u32,
        cursor: impl FnOnce() -> String,
    ) -> bool {
        self.items.push(item);
        self.bytes = self.bytes.saturating_sub(bytes.into());
        let is_full = self.items.len() >= self.rows || self.bytes == 0;
        if is_full {
            self.last = Some(cursor());
        }
        !is_full
    }

    pub(in crate::serve) fn page(self) -> Page<T> {
        Page {
            items: self.items,
            next: self.last,
        }
    }
}

/// The places in pieces of at most [`PIECE_BYTES`] and [`PIECE_ROWS`], or one that is longer.
#[cfg(any(test, feature = "postgres"))]
pub(in crate::serve) fn pieces(places: &[Place]) -> impl Iterator<Item = &[Place]> {
    let mut rest = places;
    std::iter::from_fn(move || {
        let (piece, others) = rest.split_at_checked(piece_len(rest))?;
        rest = others;
        Some(piece)
    })
}

/// How many of these places are read at once; at least one.
pub(in crate::serve) fn piece_len(places: &[Place]) -> usize {
    let mut left = PIECE_BYTES;
    let fits = |place: &&Place| {
        let is_room = left >= u64::from(place.size);
        left = left.saturating_sub(place.size.into());
        is_room
    };
    places
        .iter()
        .take(PIECE_ROWS)
        .take_while(fits)
        .count()
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_bounded_and_lose_nothing() {
        let sizes = [10, 70_000, 70_000, 1_000_000, 5, 5, 131_072, 0];
        let places: Vec<_> = (1..)
            .zip(sizes)
            .map(|(seq, size)| Place {
                seq,
                size,
                has_document: false,
            })
            .collect();
        let seqs = |piece: &[Place]| piece.iter().map(|place| place.seq).collect::<Vec<_>>();
        let found: Vec<_> = pieces(&places).map(seqs).collect();
        assert_eq!(
            found,
            [vec![1, 2], vec![3], vec![4], vec![5, 6], vec![7, 8]]
        );
        assert_eq!(pieces(&[]).count(), 0);
        let many = vec![
            Place {
                seq: 1,
                size: 1,
                has_document: false
            };
            PIECE_ROWS + 1
        ];
        assert_eq!(
            pieces(&many).map(<[_]>::len).collect::<Vec<_>>(),
            [PIECE_ROWS, 1]
        );
    }
}
