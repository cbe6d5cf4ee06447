//! The id of a repository: a random text in `<common git directory>/sk-sync/id`, which a clone does
//! not copy.
//!
//! Reading never writes. Writing is atomic: two concurrent writers end with the same id, and a
//! killed one leaves at most an unused temporary file.

use std::io;
use std::path::{Path, PathBuf};

use super::{Checkout, Error, id_file, vouch};
use crate::base::{RepositoryId, text};

/// State of a repository's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// The id stored in the git directory.
    Kept(RepositoryId),
    /// The git directory has none yet.
    None,
    /// The git directory cannot store one, for this reason: the id is derived from the path.
    ByPath(String),
}

/// The directory that identifies a repository: the common git directory if it refers back to this
/// work tree, else the top of the work tree.
pub(crate) fn repository(checkout: &Checkout) -> &Path {
    vouch::own_common_dir(checkout).unwrap_or(&checkout.root)
}

/// Reads the id. A file that this program did not write is an error, unless it belongs to another
/// user.
pub(crate) fn known_id(checkout: &Checkout) -> Result<Known, Error> {
    let Some(common) = vouch::own_common_dir(checkout) else {
        return Ok(Known::ByPath(why_by_path(checkout)));
    };
    read(common)
}

/// Stores `fresh` in the git directory, unless it has an id already; returns the stored one.
pub(crate) fn claim_id(checkout: &Checkout, fresh: &RepositoryId) -> Result<Known, Error> {
    let Some(common) = vouch::own_common_dir(checkout) else {
        return Ok(Known::ByPath(why_by_path(checkout)));
    };
    match read(common)? {
        Known::None => {}
        known => return Ok(known),
    }
    match id_file::write(common, format!("{}\n", fresh.as_str()).as_bytes()) {
        Ok(()) => read(common),
        Err(error) => Ok(Known::ByPath(format!(
            "cannot write {}: {error}",
            text::path(&path(common))
        ))),
    }
}

/// Reads the id in the git directory `common`, independent of its work trees.
pub(crate) fn id_in(common: &Path) -> Result<Known, Error> {
    read(common)
}

fn read(common: &Path) -> Result<Known, Error> {
    let refused = |what: String| Error::RepositoryId {
        path: text::path(&path(common)),
        what,
    };
    match id_file::read(common) {
        Ok(bytes) => {
            let id = RepositoryId::read(&bytes)
                .ok_or_else(|| refused("it does not hold an id".to_owned()))?;
            Ok(Known::Kept(id))
        }
        Err(id_file::Flaw::Missing) => Ok(Known::None),
        Err(id_file::Flaw::Closed(why)) => Ok(Known::ByPath(format!(
            "{}: {why}",
            text::path(&path(common))
        ))),
        Err(id_file::Flaw::Odd(what)) => Err(refused(what.to_owned())),
        Err(id_file::Flaw::Io(error)) => Err(refused(error.to_string())),
    }
}

fn path(common: &Path) -> PathBuf {
    common.join(id_file::DIRECTORY).join(id_file::FILE)
}

fn why_by_path(checkout: &Checkout) -> String {
    if checkout.is_repository() {
        return format!(
            "the git directory of {} belongs to another work tree",
            text::path(&checkout.root)
        );
    }
    format!("{} is not in a git repository", text::path(&checkout.root))
}

impl From<io::Error> for id_file::Flaw {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Closed("permission denied".to_owned()),
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::discover;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn repository() -> (tempfile::TempDir, Checkout) {
        let temp = tempfile::tempdir().unwrap();
        for dir in [".git/objects", ".git/refs"] {
            std::fs::create_dir_all(temp.path().join(dir)).unwrap();
        }
        std::fs::write(temp.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        let checkout = discover(temp.path()).unwrap();
        (temp, checkout)
    }

    fn fresh(digit: char) -> RepositoryId {
        RepositoryId::read(digit.to_string().repeat(32).as_bytes()).unwrap()
    }

    #[test]
    fn an_id_is_written_once_and_read_by_looking_only() {
        let (temp, checkout) = repository();
        assert_eq!(known_id(&checkout).unwrap(), Known::None);
        assert!(
            !temp.path().join(".git/sk-sync").exists(),
            "looking writes nothing"
        );
        assert_eq!(
            claim_id(&checkout, &fresh('1')).unwrap(),
            Known::Kept(fresh('1'))
        );
        assert_eq!(
            claim_id(&checkout, &fresh('2')).unwrap(),
            Known::Kept(fresh('1'))
        );
        assert_eq!(known_id(&checkout).unwrap(), Known::Kept(fresh('1')));
        let left = std::fs::read_dir(temp.path().join(".git/sk-sync"))
            .unwrap()
            .count();
        assert_eq!(left, 1, "no temporary file");
    }

    #[test]
    fn two_at_once_agree() {
        for _ in 0..20 {
            let (_temp, checkout) = repository();
            let claims: Vec<_> = std::thread::scope(|scope| {
                let start = |digit| {
                    let checkout = &checkout;
                    scope.spawn(move || claim_id(checkout, &fresh(digit)).unwrap())
                };
                let running: Vec<_> = "123456".chars().map(start).collect();
                running
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .collect()
            });
            assert!(
                claims
                    .iter()
                    .all(|claim| *claim == claims[0] && matches!(claim, Known::Kept(_))),
                "{claims:?}"
            );
        }
    }

    #[test]
    fn what_a_killed_writer_left_is_harmless() {
        let (temp, checkout) = repository();
        std::fs::create_dir(temp.path().join(".git/sk-sync")).unwrap();
        assert_eq!(known_id(&checkout).unwrap(), Known::None);
        std::fs::write(temp.path().join(".git/sk-sync/id.11111.new"), "1111").unwrap();
        assert_eq!(
            claim_id(&checkout, &fresh('2')).unwrap(),
            Known::Kept(fresh('2'))
        );
    }

    #[test]
    fn a_file_that_is_not_an_id_is_refused() {
        let (temp, checkout) = repository();
        let file = temp.path().join(".git/sk-sync/id");
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        for bad in [
            "",
            "../../../../etc",
            "name-0123456789abcdef0123456789abcdef",
            &"0".repeat(1 << 20),
        ] {
            std::fs::write(&file, bad).unwrap();
            for outcome in [known_id(&checkout), claim_id(&checkout, &fresh('1'))] {
                assert!(
                    matches!(outcome, Err(Error::RepositoryId { .. })),
                    "{outcome:?}"
                );
            }
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(matches!(
            known_id(&checkout),
            Err(Error::RepositoryId { .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_are_refused_and_not_followed() {
        let (temp, checkout) = repository();
        let (dir, elsewhere) = (
            temp.path().join(".git/sk-sync"),
            temp.path().join("elsewhere"),
        );
        std::fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &dir).unwrap();
        assert!(matches!(
            claim_id(&checkout, &fresh('1')),
            Err(Error::RepositoryId { .. })
        ));
        assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
        std::fs::remove_file(&dir).unwrap();
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(elsewhere.join("id"), ID).unwrap();
        std::os::unix::fs::symlink(elsewhere.join("id"), dir.join("id")).unwrap();
        assert!(matches!(
            known_id(&checkout),
            Err(Error::RepositoryId { .. })
        ));
        std::fs::remove_file(dir.join("id")).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(dir.join("id"))
            .status()
            .unwrap();
        assert!(made.success());
        assert!(matches!(
            claim_id(&checkout, &fresh('1')),
            Err(Error::RepositoryId { .. })
        ));
    }
}
