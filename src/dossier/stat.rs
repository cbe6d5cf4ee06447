//! State of a file as reported by the file system, without opening it.

use std::time::Duration;

use crate::base::Timestamp;

/// A cached state is used only if the file had not changed for this long before it was examined.
/// Clocks of file systems are at least this precise, and a file server's clock is assumed to agree
/// with ours to within it.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// A time as file systems store it, since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) seconds: i64,
    pub(super) nanos: u32,
}

impl Moment {
    fn of(at: Timestamp) -> Self {
        let micros = at.as_micros();
        let nanos = u32::try_from(micros.rem_euclid(1_000_000) * 1000).unwrap_or_default();
        Self {
            seconds: micros.div_euclid(1_000_000),
            nanos,
        }
    }
}

/// A state of a regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// In bytes.
    pub(super) size: u64,
    /// Modification time, which the owner can set.
    pub(super) modified: Moment,
    /// Change time, which cannot be set back.
    pub(super) changed: Moment,
    /// Inode number.
    pub(super) inode: u64,
    /// Number of hard links.
    pub(super) names: u32,
}

impl Stat {
    /// True if no write after `begun` can leave this state unchanged: git's rule for "racily clean"
    /// entries. `begun` is before the file was examined.
    pub(super) fn is_settled(&self, begun: Timestamp) -> bool {
        let micros = i64::try_from(SETTLED_AFTER.as_micros()).unwrap_or(i64::MAX);
        let settled = Moment::of(Timestamp::from_micros(
            begun.as_micros().saturating_sub(micros),
        ));
        self.modified < settled && self.changed < settled
    }

    /// State of an open file; `None` if it is not a regular file.
    pub(super) fn of_metadata(meta: &std::fs::Metadata) -> Option<Self> {
        meta.is_file().then(|| Self::of_file(meta))
    }

    #[cfg(unix)]
    fn of_file(meta: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let moment = |seconds, nanos: i64| Moment {
            seconds,
            nanos: u32::try_from(nanos).unwrap_or(u32::MAX),
        };
        Self {
            size: meta.size(),
            modified: moment(meta.mtime(), meta.mtime_nsec()),
            changed: moment(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            names: u32::try_from(meta.nlink()).unwrap_or(u32::MAX),
        }
    }

    #[cfg(not(unix))]
    fn of_file(meta: &std::fs::Metadata) -> Self {
        let since = meta
            .modified()
            .ok()
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let modified = since.map_or(
            Moment {
                seconds: i64::MAX,
                nanos: 0,
            },
            |since| Moment {
                seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                nanos: since.subsec_nanos(),
            },
        );
        Self {
            size: meta.len(),
            modified,
            changed: modified,
            inode: 0,
            names: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_lately_or_will_change_is_not_settled() {
        let at = |seconds, nanos| Moment { seconds, nanos };
        let begun = Timestamp::from_micros(100_000_001);
        for (modified, changed, is_settled) in [
            (at(97, 0), at(97, 0), true),
            (at(98, 999), at(98, 999), true),
            (at(98, 1000), at(97, 0), false),
            (at(97, 0), at(98, 1000), false),
            (at(1, 0), at(100, 0), false),
            (at(200, 0), at(97, 0), false),
            (at(-5, 0), at(-5, 0), true),
        ] {
            let stat = Stat {
                size: 1,
                modified,
                changed,
                inode: 1,
                names: 1,
            };
            assert_eq!(stat.is_settled(begun), is_settled, "{stat:?}");
        }
    }
}
