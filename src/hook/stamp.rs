//! State of a checkout's feature directories when a hook last captured them, so that the next hook
//! can stop early: compared by `lstat` only, without reading an artifact or opening the store.
//!
//! Like git's index, a stamp does not trust files that changed at the moment it was made: their
//! mission counts as changed the next time.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use super::file_state::{identity, newest_micros};
use crate::base::{Sha256, Timestamp};

/// First line of the file; with another one the file belongs to another version and is ignored.
const FORMAT: &str = "sk-sync hook stamp 1";
/// Changes this close to the check, in microseconds, may have the same time stamp as a later
/// change.
const RACY_MICROS: i64 = 20_000;

/// The stamp of the checkout at `root`, next to its `store`.
pub(crate) fn stamp_path(store: &Path, root: &Path) -> PathBuf {
    let mut name = Sha256::of(root.as_os_str().as_encoded_bytes()).to_string();
    name.truncate(16);
    store.with_file_name(format!("hook-{name}.stamp"))
}

/// Result of a check of the file system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stamp {
    /// Everything that captures depend on besides the missions' own files.
    ground: String,
    /// Digest of each feature directory; empty if it cannot be trusted.
    missions: BTreeMap<String, String>,
    /// Number of files and directories examined; not stored in the file.
    entries: usize,
}

/// Changes between two checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Changed {
    /// No change that affects a capture.
    Nothing,
    /// These missions changed.
    Missions(Vec<String>),
    /// Something that every mission depends on changed, or there is no earlier stamp.
    All,
}

/// Directories to check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    /// The directory of feature directories.
    pub(crate) artifacts: &'a Path,
    /// The same in the main work tree, whose `meta.json` files are used in a linked one.
    pub(crate) main_artifacts: &'a Path,
    /// Text that changes with everything else that captures depend on.
    pub(crate) words: &'a str,
    /// Time before the check.
    pub(crate) now: Timestamp,
}

impl Stamp {
    /// Checks the feature directories.
    pub(crate) fn look(view: &View<'_>) -> io::Result<Self> {
        let (mut missions, mut entries) = (BTreeMap::new(), 0);
        for entry in std::fs::read_dir(view.artifacts)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if !meta.is_dir() {
                continue;
            }
            let mut seen = Seen {
                newest: 0,
                lines: Vec::new(),
            };
            seen.walk(&entry.path(), &meta)?;
            if view.main_artifacts != view.artifacts {
                seen.note(
                    &view
                        .main_artifacts
                        .join(entry.file_name())
                        .join("meta.json"),
                );
            }
            entries += seen.lines.len();
            missions.insert(
                entry.file_name().to_string_lossy().into_owned(),
                seen.digest(view.now),
            );
        }
        Ok(Self {
            ground: digest_of(view.words),
            missions,
            entries,
        })
    }

    /// Checks whole directories below `root`, if units are in several places: a change in one of
    /// them counts as a change in all. If `places` is empty nothing is checked, and the stamp only
    /// says that a capture was made.
    pub(crate) fn look_at(
        root: &Path,
        places: &[String],
        words: &str,
        now: Timestamp,
    ) -> io::Result<Self> {
        let (mut missions, mut entries) = (BTreeMap::new(), 0);
        for place in places {
            let path = root.join(place);
            let mut seen = Seen {
                newest: 0,
                lines: Vec::new(),
            };
            match std::fs::symlink_metadata(&path) {
                Ok(meta) => seen.walk(&path, &meta)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            entries += seen.lines.len();
            missions.insert(place.clone(), seen.digest(now));
        }
        Ok(Self {
            ground: digest_of(words),
            missions,
            entries,
        })
    }

    /// True if everything else matched `words`.
    pub(crate) fn is_on(&self, words: &str) -> bool {
        self.ground == digest_of(words)
    }

    /// Number of files and directories examined.
    pub(crate) const fn entries(&self) -> usize {
        self.entries
    }

    /// The missions of this check, with `words` for everything else.
    pub(crate) fn on_ground(self, words: &str) -> Self {
        Self {
            ground: digest_of(words),
            ..self
        }
    }

    /// Changes since `older`.
    pub(crate) fn changed_since(&self, older: Option<&Self>) -> Changed {
        let Some(older) = older.filter(|older| older.ground == self.ground) else {
            return Changed::All;
        };
        let is_same = |name: &String, digest: &String| {
            !digest.is_empty() && older.missions.get(name) == Some(digest)
        };
        let changed: Vec<_> = self
            .missions
            .iter()
            .filter(|(name, digest)| !is_same(name, digest))
            .map(|(name, _)| name.clone())
            .collect();
        // A name that is not UTF-8 cannot be selected by name.
        if changed
            .iter()
            .any(|name| name.contains(char::REPLACEMENT_CHARACTER))
        {
            return Changed::All;
        }
        if changed.is_empty() {
            Changed::Nothing
        } else {
            Changed::Missions(changed)
        }
    }

    /// Reads the stamp at `path`; `None` if it does not exist or is of another version.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(path).ok()?)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix("\n.\n")?.split('\n');
        if lines.next() != Some(FORMAT) {
            return None;
        }
        let ground = lines.next()?.to_owned();
        let mission = |line: &str| {
            line.split_once(' ')
                .map(|(digest, name)| (unescaped(name), digest.to_owned()))
        };
        Some(Self {
            ground,
            missions: lines.map(mission).collect::<Option<_>>()?,
            entries: 0,
        })
    }

    /// Writes it, without waiting for the disk: a lost stamp only costs a full check.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let text = self.text();
        let dir = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    /// The content of its file.
    pub(super) fn text(&self) -> String {
        let missions = self
            .missions
            .iter()
            .map(|(name, digest)| format!("{digest} {}\n", escaped(name)));
        format!(
            "{FORMAT}\n{}\n{}.\n",
            self.ground,
            missions.collect::<String>()
        )
    }
}

impl Stamp {
    /// Sets the modification time of the file at `path` to `now`; errors are ignored.
    pub(crate) fn touch(path: &Path, now: Timestamp) {
        let since = std::time::Duration::from_micros(u64::try_from(now.as_micros()).unwrap_or(0));
        let touched = std::fs::File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.set_modified(std::time::UNIX_EPOCH + since));
        if let Err(error) = touched {
            log::debug!("cannot touch {}: {error}", path.display());
        }
    }
}

fn digest_of(words: &str) -> String {
    Sha256::of(words.as_bytes()).to_string()
}

fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescaped(name: &str) -> String {
    let mut out = String::new();
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => chars.next().map_or(c, |c| if c == 'n' { '\n' } else { c }),
            c => c,
        });
    }
    out
}

/// A feature directory during the walk.
struct Seen {
    newest: i64,
    lines: Vec<Vec<u8>>,
}

impl Seen {
    fn walk(&mut self, path: &Path, meta: &Metadata) -> io::Result<()> {
        self.keep(path, meta);
        if meta.is_dir() {
            for entry in std::fs::read_dir(path)? {
                let entry = entry?;
                self.walk(&entry.path(), &entry.metadata()?)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &Path) {
        if let Ok(meta) = std::fs::symlink_metadata(path) {
            self.keep(path, &meta);
        }
    }

    fn keep(&mut self, path: &Path, meta: &Metadata) {
        self.newest = self.newest.max(newest_micros(meta));
        self.lines.push(
            [
                path.as_os_str().as_encoded_bytes(),
                b"\0",
                identity(meta).as_bytes(),
                b"\0",
            ]
            .concat(),
        );
    }

    fn digest(mut self, now: Timestamp) -> String {
        if self.newest > now.as_micros() - RACY_MICROS {
            return String::new();
        }
        self.lines.sort_unstable();
        Sha256::of(&self.lines.concat()).to_string()
    }
}

#[cfg(test)]
#[path = "stamp_tests.rs"]
mod tests;
