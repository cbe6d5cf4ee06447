//! Detects a lost store: its file is missing or empty, while files next to it show that it was in
//! use.
//!
//! SQLite takes an empty file for a new database, so without this check a lost journal would
//! silently begin again, and its undelivered events would be missing from every count.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::base::files;
use crate::store::Error;

/// File next to a store, made as soon as the store has its tables.
const MARK: &str = "store.made";
const MARK_TEXT: &str =
    "sk-sync made store.db next to this file. If it is missing or empty, run: sk-sync verify\n";
/// A store with tables is larger than this (bytes); one page holds the header of a database without
/// tables.
const HEADER_ONLY: u64 = 4096;
/// First bytes of every SQLite database.
const HEADER: &[u8; 16] = b"SQLite format 3\0";
/// Name under which the write-ahead log of a lost store is kept.
const KEPT_WAL: &str = "lost-store.db-wal";

/// Error if the store file is missing or empty and a file next to it shows that it was in use.
/// Returns whether the store must be created.
pub(super) fn check(store: &Path) -> Result<bool, Error> {
    let Some(what) = emptiness(store) else {
        return Ok(false);
    };
    let Some(trace) = trace(store) else {
        return Ok(true);
    };
    // Its first writer may have finished between the two checks.
    match emptiness(store) {
        Some(_) => Err(Error::Lost {
            path: crate::base::text::path(store),
            what,
            trace,
        }),
        None => Ok(false),
    }
}

/// Writes the file that marks a store as created.
pub(super) fn mark(store: &Path) -> io::Result<()> {
    let mark = store.with_file_name(MARK);
    files::create_private_file(&mark)?;
    std::fs::write(&mark, MARK_TEXT).map_err(|e| files::named(&e, "cannot write", &mark))
}

/// Removes the files that show that the lost store was in use, so that the next command creates a
/// new one. Only caches and marks are removed; spooled lines, settings and consents stay, and a
/// write-ahead log is kept under another name.
///
/// Returns false, without a change, if no store is lost.
pub(crate) fn start_anew(store: &Path) -> Result<bool, Error> {
    match check(store) {
        Err(Error::Lost { .. }) => {}
        Ok(_) => return Ok(false),
        Err(error) => return Err(error),
    }
    let wal = wal_of(store);
    if wal.exists() {
        let kept = store.with_file_name(KEPT_WAL);
        std::fs::rename(&wal, &kept).map_err(|e| files::named(&e, "cannot rename", &wal))?;
    }
    for file in [store.to_owned(), side_of(store, "-shm")]
        .into_iter()
        .chain(caches(store)?)
    {
        let removed = if file.is_dir() {
            std::fs::remove_dir_all(&file)
        } else {
            std::fs::remove_file(&file)
        };
        match removed {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(files::named(&e, "cannot remove", &file).into());
            }
            _ => {}
        }
    }
    Ok(true)
}

/// Why the file counts as empty, for people; `None` if it contains a database with tables.
fn emptiness(store: &Path) -> Option<&'static str> {
    match std::fs::metadata(store) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Some("is gone"),
        Ok(meta) if meta.is_file() && meta.len() == 0 => Some("is empty (0 bytes)"),
        Ok(meta)
            if meta.is_file()
                && meta.len() <= HEADER_ONLY
                && len(&wal_of(store)) == 0
                && has_header(store) =>
        {
            Some("has no tables")
        }
        _ => None,
    }
}

/// True if the file begins like a database; other damage is detected elsewhere.
fn has_header(store: &Path) -> bool {
    let mut begin = [0; HEADER.len()];
    std::fs::File::open(store)
        .and_then(|mut file| file.read_exact(&mut begin))
        .is_ok_and(|()| begin == *HEADER)
}

/// Name of a file next to the store that shows it was in use; `None` without one.
fn trace(store: &Path) -> Option<String> {
    if len(store) == 0 && len(&wal_of(store)) > 0 {
        return Some(wal_of(store).file_name()?.to_string_lossy().into_owned());
    }
    let first = caches(store).ok()?.into_iter().next()?;
    Some(first.file_name()?.to_string_lossy().into_owned())
}

/// The files next to the store that exist only if it was in use, sorted by name.
fn caches(store: &Path) -> io::Result<Vec<PathBuf>> {
    let dir = store.parent().unwrap_or(Path::new("."));
    let entries = match std::fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| files::named(&e, "cannot list", dir))?,
    };
    let is_trace = |name: &str| {
        let is_stamp = name
            .strip_prefix("hook-")
            .is_some_and(|rest| rest.strip_suffix(".stamp").is_some());
        is_stamp || [MARK, "last-run.json", "checkouts"].contains(&name)
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_trace) {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn wal_of(store: &Path) -> PathBuf {
    side_of(store, "-wal")
}

fn side_of(store: &Path, suffix: &str) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    store.with_file_name(name)
}

fn len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(store: &Path) -> Option<String> {
        match check(store) {
            Err(error @ Error::Lost { .. }) => Some(error.to_string()),
            other => {
                other.unwrap();
                None
            }
        }
    }

    #[test]
    fn an_empty_store_is_lost_only_where_something_shows_that_it_was_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("p/store.db");
        assert!(check(&store).unwrap(), "nothing there at all");
        drop(crate::books::open(&store).unwrap());
        assert!(!check(&store).unwrap());
        for (name, size, words) in [
            ("gone", None, "is gone"),
            ("empty", Some(0), "is empty (0 bytes)"),
            ("header", Some(4096), "has no tables"),
        ] {
            drop(std::fs::remove_file(&store));
            if let Some(size) = size {
                let mut bytes = HEADER.to_vec();
                bytes.resize(4096, 0);
                std::fs::write(&store, &bytes[..size]).unwrap();
            }
            let said = lost(&store).unwrap();
            assert!(
                said.contains(words) && said.contains("store.made"),
                "{name}: {said}"
            );
            assert!(
                crate::books::open(&store).is_err() && crate::books::open_read(&store).is_err(),
                "{name}"
            );
        }
        std::fs::write(wal_of(&store), "pages").unwrap();
        std::fs::write(&store, "").unwrap();
        std::fs::remove_file(store.with_file_name(MARK)).unwrap();
        assert!(
            lost(&store).unwrap().contains("store.db-wal"),
            "pages that SQLite would throw away"
        );
    }

    #[test]
    fn a_new_store_is_begun_only_where_one_is_lost_and_nothing_else_goes() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("p/store.db");
        drop(crate::books::open(&store).unwrap());
        assert!(!start_anew(&store).unwrap(), "it is whole");
        let beside = |name: &str| store.with_file_name(name);
        for name in [
            "last-run.json",
            "settings.toml",
            "spool.lines",
            "store.db-wal",
        ] {
            std::fs::write(beside(name), "x").unwrap();
        }
        std::fs::create_dir_all(beside("checkouts/a")).unwrap();
        std::fs::write(&store, "").unwrap();
        assert!(start_anew(&store).unwrap());
        let mut left: Vec<_> = std::fs::read_dir(store.parent().unwrap())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, [KEPT_WAL, "settings.toml", "spool.lines"]);
        assert!(crate::books::open(&store).is_ok());
    }
}
