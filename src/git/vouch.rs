//! Checks whether a git directory belongs to a work tree. An unpacked directory can point at any
//! git directory of this machine; only if that points back do the two form one repository.

use std::path::Path;

use super::Checkout;
use super::checkout::{Kind, core_value, path_of, resolved};
use crate::base::files::read_beginning;

/// The directory that all work trees of the repository share, if it refers back to this one: a
/// `.git` that is a real directory, a linked work tree that the repository lists, or a
/// `core.worktree` that names this work tree. `None` for every other pointer, and for a plain
/// directory.
pub(super) fn own_common_dir(checkout: &Checkout) -> Option<&Path> {
    let (git_dir, common) = (
        checkout.git_dir.as_deref()?,
        checkout.common_dir.as_deref()?,
    );
    let dot_git = checkout.root.join(".git");
    let leads_back = match checkout.kind {
        Kind::Plain => false,
        Kind::Main => {
            common == dot_git && std::fs::symlink_metadata(&dot_git).is_ok_and(|meta| meta.is_dir())
        }
        Kind::Linked => {
            let listed = git_dir.parent().and_then(Path::parent) == Some(common);
            let back = read_beginning(&git_dir.join("gitdir"))
                .ok()
                .and_then(|bytes| path_of(&bytes));
            listed && back.is_some_and(|path| is_same(&git_dir.join(path), &dot_git))
        }
        Kind::Pointed => core_value(common, "worktree")
            .is_some_and(|tree| is_same(&git_dir.join(tree), &checkout.root)),
    };
    leads_back.then_some(common)
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((resolved(one), resolved(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::git::discover;

    fn make_git_dir(dir: &Path, config: &str) {
        for sub in ["objects", "refs"] {
            std::fs::create_dir_all(dir.join(sub)).unwrap();
        }
        std::fs::write(dir.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::write(dir.join("config"), config).unwrap();
    }

    fn own(dir: &Path) -> Option<PathBuf> {
        own_common_dir(&discover(dir).unwrap()).map(Path::to_owned)
    }

    #[test]
    fn only_a_directory_that_leads_back_speaks_for_the_work_tree() {
        let temp = tempfile::tempdir().unwrap();
        let top = temp.path().canonicalize().unwrap();
        let (mine, evil) = (top.join("mine"), top.join("evil"));
        make_git_dir(&mine.join(".git"), "");
        assert_eq!(own(&mine), Some(mine.join(".git")));

        let tree = top.join("tree");
        let listed = mine.join(".git/worktrees/tree");
        std::fs::create_dir_all(&listed).unwrap();
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(listed.join("HEAD"), "ref: refs/heads/w\n").unwrap();
        std::fs::write(listed.join("commondir"), "../..\n").unwrap();
        std::fs::write(
            listed.join("gitdir"),
            format!("{}\n", tree.join(".git").display()),
        )
        .unwrap();
        let pointer = format!("gitdir: {}\n", listed.display());
        std::fs::write(tree.join(".git"), &pointer).unwrap();
        assert_eq!(own(&tree), Some(mine.join(".git")), "a linked work tree");

        std::fs::create_dir(&evil).unwrap();
        for pointer in [
            pointer,
            format!("gitdir: {}\n", mine.join(".git").display()),
        ] {
            std::fs::write(evil.join(".git"), pointer).unwrap();
            assert_eq!(own(&evil), None, "a pointer that nothing answers");
        }
        std::fs::remove_file(evil.join(".git")).unwrap();
        make_git_dir(&evil.join(".git"), "");
        std::fs::write(
            evil.join(".git/commondir"),
            mine.join(".git").as_os_str().as_encoded_bytes(),
        )
        .unwrap();
        assert_eq!(own(&evil), None, "a git directory that borrows another");

        let sub = mine.join("sub");
        make_git_dir(
            &mine.join(".git/modules/sub"),
            "[core]\n\tworktree = ../../../sub\n",
        );
        std::fs::create_dir(&sub).unwrap();
        std::fs::write(sub.join(".git"), "gitdir: ../.git/modules/sub\n").unwrap();
        assert_eq!(
            own(&sub),
            Some(mine.join(".git/modules/sub")),
            "a submodule"
        );
        assert_eq!(own(temp.path()), None, "a plain directory");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_another_git_directory_does_not_speak() {
        let temp = tempfile::tempdir().unwrap();
        let (mine, evil) = (temp.path().join("mine"), temp.path().join("evil"));
        make_git_dir(&mine.join(".git"), "");
        std::fs::create_dir(&evil).unwrap();
        std::os::unix::fs::symlink(mine.join(".git"), evil.join(".git")).unwrap();
        assert_eq!(own(&evil), None);
    }
}
