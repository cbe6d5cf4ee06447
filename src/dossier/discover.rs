//! Finds the artifact root of a checkout, and the feature directories in it.

use std::path::{Component, Path};

use super::Error;
use super::beneath::Beneath;
use super::entry::EntryKind;
use super::layouts::is_never_read;
use super::reason::{Reason, Skipped};
use crate::base::text;

/// The feature directories below an artifact root.
#[derive(Debug)]
pub(super) struct Discovered {
    /// The artifact root; `None` if it does not exist.
    pub(super) tree: Option<Beneath>,
    /// Their names, in byte order.
    pub(super) slugs: Vec<String>,
    pub(super) skipped: Vec<Skipped>,
    /// Files next to them that are not hidden, in byte order.
    pub(super) loose: Vec<String>,
}

/// Opens the artifact root of the work tree at `root`; `None` if it does not exist. A link is
/// followed if it stays in the work tree and does not lead into git's own directories or
/// `.worktrees/`.
pub(super) fn artifact_root(root: &Path, artifacts_root: &str) -> Result<Option<Beneath>, Error> {
    let relative = Path::new(artifacts_root);
    let is_plain = relative
        .components()
        .all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if artifacts_root.is_empty() || !is_plain {
        return Err(Error::BadArtifactsRoot {
            artifacts_root: artifacts_root.to_owned(),
        });
    }
    let unreadable = |path: &Path, source| Error::Unreadable {
        path: text::path(path),
        source,
    };
    let top = root.canonicalize().map_err(|e| unreadable(root, e))?;
    let path = root.join(relative);
    let resolved = match path.canonicalize() {
        Ok(resolved) => resolved,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(&path, e)),
    };
    let is_ours = resolved.strip_prefix(&top).is_ok_and(|inner| {
        inner
            .components()
            .all(|c| c.as_os_str() != ".git" && c.as_os_str() != ".worktrees")
    });
    if !is_ours {
        let artifacts_root = artifacts_root.to_owned();
        return Err(Error::RootLeavesTree {
            artifacts_root,
            resolved: text::path(&resolved),
        });
    }
    Beneath::open_exact(&resolved)
        .map(Some)
        .map_err(|e| unreadable(&resolved, e))
}

/// Every directory below the artifact root that is not hidden and has a safe name.
pub(super) fn missions(
    root: &Path,
    artifacts_root: &str,
    is_repository: bool,
) -> Result<Discovered, Error> {
    let Some(tree) = artifact_root(root, artifacts_root)? else {
        if is_repository {
            return Ok(Discovered {
                tree: None,
                slugs: vec![],
                skipped: vec![],
                loose: vec![],
            });
        }
        let artifacts_root = artifacts_root.to_owned();
        return Err(Error::NothingToIndex {
            root: text::path(root),
            artifacts_root,
        });
    };
    let entries = tree.list("").map_err(|source| Error::Unreadable {
        path: text::path(tree.path()),
        source,
    })?;
    let is_top = root.canonicalize().is_ok_and(|top| top == tree.path());
    if !is_top
        && entries
            .iter()
            .any(|entry| entry.name.as_deref() == Ok(".git"))
    {
        let skipped = Skipped {
            mission_slug: None,
            path: String::new(),
            reason: Reason::NestedRepository,
        };
        return Ok(Discovered {
            tree: Some(tree),
            slugs: vec![],
            skipped: vec![skipped],
            loose: vec![],
        });
    }
    let (mut slugs, mut skipped, mut loose) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let (Ok(name) | Err(name)) = &entry.name;
        if name.starts_with('.') || (is_top && is_never_read(name)) {
            continue;
        }
        let reason = match entry.kind {
            EntryKind::File => {
                loose.push(name.clone());
                continue;
            }
            EntryKind::Special => continue,
            EntryKind::Link => Reason::MissionIsLink,
            EntryKind::Directory if entry.name.is_err() => Reason::NameNotUtf8,
            EntryKind::Directory if !is_safe_slug(name) => Reason::UnsafeName,
            EntryKind::Directory => {
                slugs.push(name.clone());
                continue;
            }
        };
        skipped.push(Skipped {
            mission_slug: None,
            path: name.clone(),
            reason,
        });
    }
    slugs.sort_unstable();
    skipped.sort_unstable();
    loose.sort_unstable();
    Ok(Discovered {
        tree: Some(tree),
        slugs,
        skipped,
        loose,
    })
}

/// True for names that may be joined into paths and ids: ASCII letters, digits, `-`, `_` and inner
/// `.`, beginning with a letter or digit, without `..`.
pub(super) fn is_safe_slug(name: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    name.bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(is_allowed)
        && !name.contains("..")
        && !name.ends_with('.')
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn safe_slugs() {
        for (name, is_safe) in [
            ("001-tide-table", true),
            ("harbour-01KRC4HN", true),
            ("v1.2_x", true),
            ("", false),
            (" a", false),
            ("a b", false),
            ("-a", false),
            ("a..b", false),
            ("a.", false),
            ("a/b", false),
            ("a\\b", false),
            ("é", false),
        ] {
            assert_eq!(is_safe_slug(name), is_safe, "{name:?}");
        }
    }

    fn temp(dirs: &[&str]) -> (tempfile::TempDir, std::path::PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        for dir in dirs {
            std::fs::create_dir_all(root.join(dir)).unwrap();
        }
        (temp, root)
    }

    #[test]
    fn directories_are_missions_and_odd_ones_are_named() {
        let (_temp, root) = temp(&["k/b", "k/a", "k/.hidden", "k/not safe", "elsewhere"]);
        std::fs::write(root.join("k/README.md"), "x").unwrap();
        symlink(root.join("elsewhere"), root.join("k/linked")).unwrap();
        let found = missions(&root, "k", false).unwrap();
        assert_eq!(found.slugs, ["a", "b"]);
        let skipped: Vec<_> = found
            .skipped
            .iter()
            .map(|s| (s.path.as_str(), s.reason))
            .collect();
        assert_eq!(
            skipped,
            [
                ("linked", Reason::MissionIsLink),
                ("not safe", Reason::UnsafeName)
            ]
        );
        assert_eq!(found.loose, ["README.md"]);
    }

    #[test]
    fn the_artifact_root_stays_in_the_work_tree() {
        let (_temp, root) = temp(&[
            "tree/real/m",
            "tree/.git/x/m",
            "tree/.worktrees/w/k/m",
            "other/m",
        ]);
        let tree = root.join("tree");
        for (link, to) in [
            ("out", "../other"),
            ("git", ".git/x"),
            ("copy", ".worktrees/w/k"),
            ("in", "real"),
        ] {
            symlink(to, tree.join(link)).unwrap();
        }
        for name in ["out", "git", "copy"] {
            assert!(
                matches!(
                    missions(&tree, name, true),
                    Err(Error::RootLeavesTree { .. })
                ),
                "{name}"
            );
        }
        assert_eq!(missions(&tree, "in", true).unwrap().slugs, ["m"]);
        for name in ["", "/", "../other", "real/../real"] {
            assert!(
                matches!(
                    missions(&tree, name, true),
                    Err(Error::BadArtifactsRoot { .. })
                ),
                "{name}"
            );
        }
        assert_eq!(missions(&tree, "none", true).unwrap().slugs.len(), 0);
        assert!(matches!(
            missions(&tree, "none", false),
            Err(Error::NothingToIndex { .. })
        ));
    }

    #[test]
    fn an_artifact_root_of_another_repository_is_not_indexed() {
        let (_temp, root) = temp(&["k/m"]);
        std::fs::write(root.join("k/.git"), "gitdir: ../.git/modules/k\n").unwrap();
        let found = missions(&root, "k", true).unwrap();
        assert_eq!(
            (found.slugs.len(), found.skipped.first().map(|s| s.reason)),
            (0, Some(Reason::NestedRepository))
        );
    }
}
