//! The limits of indexing: walking a tree and doing the minimum with each file, in one thread or in
//! all.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::error::Error;
use crate::base::Sha256;

/// The act on each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Read and hash its bytes.
    Hash,
    /// Read its metadata.
    Look,
}

/// Does `act` with every file below `root`, on all processors; returns the number of files.
pub(super) fn in_all_threads(root: &Path, act: Act) -> Result<(usize, Duration), Error> {
    let begun = Instant::now();
    let missions = entries(root)?;
    let counts: Vec<usize> = missions
        .into_par_iter()
        .map(|(dir, is_dir)| below(dir, is_dir, act))
        .collect::<Result<_, _>>()?;
    Ok((counts.iter().sum(), begun.elapsed()))
}

/// The same in one thread.
pub(super) fn in_one_thread(root: &Path, act: Act) -> Result<(usize, Duration), Error> {
    let begun = Instant::now();
    let files = below(root.to_owned(), true, act)?;
    Ok((files, begun.elapsed()))
}

fn below(path: PathBuf, is_dir: bool, act: Act) -> Result<usize, Error> {
    let (mut pending, mut files) = (vec![(path, is_dir)], 0);
    while let Some((path, is_dir)) = pending.pop() {
        if is_dir {
            pending.extend(entries(&path)?);
            continue;
        }
        match act {
            Act::Hash => drop(std::hint::black_box(Sha256::of(&fs::read(&path)?))),
            Act::Look => drop(std::hint::black_box(fs::symlink_metadata(&path)?)),
        }
        files += 1;
    }
    Ok(files)
}

fn entries(dir: &Path) -> Result<Vec<(PathBuf, bool)>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        found.push((entry.path(), entry.file_type()?.is_dir()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_met_once() {
        let temp = tempfile::tempdir().unwrap();
        super::super::tree::write(temp.path(), 5, 70).unwrap();
        for act in [Act::Hash, Act::Look] {
            assert_eq!(in_all_threads(temp.path(), act).unwrap().0, 70, "{act:?}");
            assert_eq!(in_one_thread(temp.path(), act).unwrap().0, 70, "{act:?}");
        }
    }
}
