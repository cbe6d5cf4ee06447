//! Cache of file states: the result of the last reading of each file, valid while the file system
//! reports the same state.

use std::collections::BTreeMap;

use super::digest::Reading;
use super::meta::Meta;
use super::stat::Stat;
use crate::base::{Sha256, Timestamp};

/// The files of one artifact root that were read and had not changed for a while before. Files that
/// are not in the cache are read, so an empty cache is always correct.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cache {
    pub(super) missions: BTreeMap<String, Known>,
}

/// The cached state of one mission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Content of its `meta.json`.
    pub(super) meta: Option<KnownMeta>,
    /// Ordered by path bytes.
    pub(super) files: Vec<KnownFile>,
}

/// A `meta.json` that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownMeta {
    /// True if it is the main work tree's.
    pub(super) is_of_main: bool,
    pub(super) stat: Stat,
    pub(super) meta: Meta,
}

/// A file that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownFile {
    /// Relative to the feature directory.
    pub(super) path: String,
    pub(super) stat: Stat,
    pub(super) sha256: Sha256,
    pub(super) is_utf8: bool,
}

impl Cache {
    /// This cache, with the entries of `newer` for the missions that `covers` accepts.
    pub(super) fn renewed(self, newer: Self, covers: impl Fn(&str) -> bool) -> Self {
        let mut missions = self.missions;
        missions.retain(|slug, _| !covers(slug));
        missions.extend(newer.missions);
        Self { missions }
    }
}

impl Known {
    /// The cached reading of the file at `path`, if the file is still in the same state.
    pub(super) fn reading(&self, path: &str, stat: Option<Stat>) -> Option<Reading> {
        let at = self
            .files
            .binary_search_by(|known| known.path.as_str().cmp(path))
            .ok()?;
        let known = self
            .files
            .get(at)
            .filter(|known| Some(known.stat) == stat)?;
        Some(Reading::Read {
            sha256: known.sha256,
            size: known.stat.size,
            is_utf8: known.is_utf8,
        })
    }

    /// The cached content of a `meta.json` in the state `stat`.
    pub(super) fn meta(&self, is_of_main: bool, stat: Option<Stat>) -> Option<&KnownMeta> {
        self.meta
            .as_ref()
            .filter(|known| known.is_of_main == is_of_main && Some(known.stat) == stat)
    }
}

impl KnownFile {
    /// The part of a reading that may be cached: of a file that was listed, opened and read in the
    /// same state, and that has not changed since before `begun`, the start of the index.
    pub(super) fn of(
        path: &str,
        reading: Reading,
        listed: Option<Stat>,
        opened: Option<Stat>,
        begun: Timestamp,
    ) -> Option<Self> {
        let Reading::Read {
            sha256,
            size,
            is_utf8,
        } = reading
        else {
            return None;
        };
        let stat = opened
            .filter(|stat| listed == opened && stat.size == size && stat.is_settled(begun))?;
        Some(Self {
            path: path.to_owned(),
            stat,
            sha256,
            is_utf8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::stat::Moment;

    const BEGUN: Timestamp = Timestamp::from_micros(100_000_000);

    fn stat(seconds: i64) -> Stat {
        let at = Moment { seconds, nanos: 5 };
        Stat {
            size: 3,
            modified: at,
            changed: at,
            inode: 7,
            names: 1,
        }
    }

    fn reading(size: u64) -> Reading {
        Reading::Read {
            sha256: Sha256::of(b"abc"),
            size,
            is_utf8: true,
        }
    }

    #[test]
    fn only_what_was_read_in_one_settled_state_is_remembered() {
        let known =
            |reading, listed, opened| KnownFile::of("a", reading, listed, opened, BEGUN).is_some();
        let (old, other, fresh) = (Some(stat(1)), Some(stat(2)), Some(stat(99)));
        assert!(known(reading(3), old, old));
        for (case, reading, listed, opened) in [
            ("swapped before it was opened", reading(3), old, other),
            ("not looked at", reading(3), None, old),
            ("grown while it was read", reading(4), old, old),
            ("just written", reading(3), fresh, fresh),
            ("not read", Reading::Unreadable, old, old),
            ("too large", Reading::Oversized, old, old),
        ] {
            assert!(!known(reading, listed, opened), "{case}");
        }
    }

    #[test]
    fn any_difference_in_state_is_another_file() {
        let file = KnownFile::of("b", reading(3), Some(stat(1)), Some(stat(1)), BEGUN).unwrap();
        let known = Known {
            meta: None,
            files: vec![file],
        };
        let same = stat(1);
        assert_eq!(known.reading("b", Some(same)), Some(reading(3)));
        for other in [
            Stat { size: 4, ..same },
            Stat {
                modified: Moment {
                    seconds: 1,
                    nanos: 6,
                },
                ..same
            },
            Stat {
                changed: Moment {
                    seconds: 2,
                    nanos: 5,
                },
                ..same
            },
            Stat { inode: 8, ..same },
        ] {
            assert_eq!(known.reading("b", Some(other)), None, "{other:?}");
        }
        assert_eq!(
            (known.reading("b", None), known.reading("a", Some(same))),
            (None, None)
        );
    }
}
