//! Finds the checkout around a directory by examining files, without a child process.

use std::path::{Path, PathBuf};

use super::{Error, plain};
use crate::base::text;

/// Kind of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A directory outside a repository.
    Plain,
    /// The main work tree of a repository.
    Main,
    /// A work tree added with `git worktree add`.
    Linked,
    /// The work tree of a submodule, or any other whose `.git` is a file.
    Pointed,
}

/// A work tree, or a plain directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkout {
    /// The top of the work tree, or the plain directory; absolute.
    pub(crate) root: PathBuf,
    pub(crate) kind: Kind,
    /// Directory with the `HEAD` of this work tree; `None` outside repositories.
    pub(crate) git_dir: Option<PathBuf>,
    /// The directory that all work trees of the repository share; `None` outside repositories.
    pub(crate) common_dir: Option<PathBuf>,
    /// The top of the main work tree: `root` itself unless this is a linked work tree whose main
    /// one is known.
    pub(crate) main_root: PathBuf,
}

impl Checkout {
    /// True when a repository was found.
    pub(crate) fn is_repository(&self) -> bool {
        self.kind != Kind::Plain
    }
}

/// The checkout of `start`: the nearest directory upwards with a `.git`, else `start` itself as a
/// plain directory.
pub(crate) fn discover(start: &Path) -> Result<Checkout, Error> {
    let start = resolved(start).map_err(|source| Error::Start {
        path: text::path(start),
        source,
    })?;
    if !start.is_dir() {
        let source = std::io::Error::from(std::io::ErrorKind::NotADirectory);
        return Err(Error::Start {
            path: text::path(&start),
            source,
        });
    }
    for dir in start.ancestors() {
        let dot_git = dir.join(".git");
        if dot_git.is_file() {
            return pointed(dir, &dot_git);
        }
        if is_git_dir(&dot_git) {
            let common = common_dir(&dot_git).unwrap_or_else(|| dot_git.clone());
            return with_work_tree(dir, Kind::Main, dot_git, common, dir.to_owned());
        }
        if is_git_dir(dir) {
            return Err(Error::NoWorkTree {
                path: text::path(dir),
            });
        }
    }
    Ok(Checkout {
        main_root: start.clone(),
        root: start,
        kind: Kind::Plain,
        git_dir: None,
        common_dir: None,
    })
}

/// The checkout at `root` whose `.git` is a file with the path of the real directory.
fn pointed(root: &Path, dot_git: &Path) -> Result<Checkout, Error> {
    let broken = |what: String| Error::BrokenPointer {
        path: text::path(dot_git),
        what,
    };
    let bytes = plain::bytes(dot_git).map_err(|e| broken(e.to_string()))?;
    let named = bytes
        .strip_prefix(b"gitdir:")
        .ok_or_else(|| broken("it does not begin with `gitdir:`".to_owned()))?;
    let git_dir = path_of(named)
        .and_then(|p| resolved(&root.join(p)).ok())
        .filter(|p| is_git_dir(p));
    let git_dir =
        git_dir.ok_or_else(|| broken("the directory it names is not there".to_owned()))?;
    match common_dir(&git_dir) {
        Some(common) => {
            let main = common
                .parent()
                .filter(|_| common.file_name().is_some_and(|n| n == ".git"));
            let main_root = main.map_or_else(|| root.to_owned(), Path::to_owned);
            with_work_tree(root, Kind::Linked, git_dir, common, main_root)
        }
        None => with_work_tree(
            root,
            Kind::Pointed,
            git_dir.clone(),
            git_dir,
            root.to_owned(),
        ),
    }
}

fn with_work_tree(
    root: &Path,
    kind: Kind,
    git_dir: PathBuf,
    common: PathBuf,
    main_root: PathBuf,
) -> Result<Checkout, Error> {
    plain::check(&git_dir)?;
    plain::check(&common)?;
    if kind != Kind::Linked && says_bare(&common) {
        return Err(Error::NoWorkTree {
            path: text::path(&common),
        });
    }
    Ok(Checkout {
        root: root.to_owned(),
        kind,
        git_dir: Some(git_dir),
        common_dir: Some(common),
        main_root,
    })
}

/// True if git may accept `dir` as a repository directory: it has a `HEAD`, and its own or shared
/// objects and refs. Git also accepts executable files for these; if git and this program
/// disagreed, git would read the configuration of a directory that this program has not checked.
fn is_git_dir(dir: &Path) -> bool {
    let has = |name: &str| std::fs::symlink_metadata(dir.join(name)).is_ok();
    has("HEAD") && (has("commondir") || (has("objects") && has("refs")))
}

/// The shared directory named in the `commondir` file of a linked work tree; `None` without such a
/// file.
fn common_dir(git_dir: &Path) -> Option<PathBuf> {
    let named = plain::bytes(&git_dir.join("commondir")).ok()?;
    resolved(&git_dir.join(path_of(&named)?)).ok()
}

/// True if the repository's configuration contains `core.bare = true`: a `.git` that only carries
/// work trees.
fn says_bare(common: &Path) -> bool {
    let value = core_value(common, "bare").unwrap_or_default();
    ["true", "yes", "on", "1"].contains(&value.to_ascii_lowercase().as_str())
}

/// The last value of `core.<key>` in the repository's own configuration file, without included
/// files.
pub(super) fn core_value(common: &Path, key: &str) -> Option<String> {
    value(common, "core", key)
}

/// The last value of `<section>.<key>` there.
pub(super) fn value(common: &Path, section: &str, key: &str) -> Option<String> {
    let config = plain::bytes(&common.join("config")).ok()?;
    let mut is_meant = false;
    let mut last = None;
    for line in String::from_utf8_lossy(&config).lines().map(str::trim) {
        if let Some(head) = line.strip_prefix('[') {
            is_meant = head
                .strip_suffix(']')
                .is_some_and(|head| head.trim().eq_ignore_ascii_case(section));
        } else if let Some((name, value)) = line.split_once('=')
            && is_meant
            && name.trim().eq_ignore_ascii_case(key)
        {
            last = Some(value.trim().trim_matches('"').to_owned());
        }
    }
    last
}

/// The path in a git pointer file, trimmed.
pub(super) fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    let bytes = bytes.trim_ascii();
    #[cfg(unix)]
    let path = PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes));
    #[cfg(not(unix))]
    let path = PathBuf::from(std::str::from_utf8(bytes).ok()?);
    Some(path).filter(|p| !p.as_os_str().is_empty())
}

/// The absolute path without links. Windows keeps the path as given: git does not accept its
/// link-free form.
pub(super) fn resolved(path: &Path) -> std::io::Result<PathBuf> {
    if cfg!(windows) {
        std::path::absolute(path)
    } else {
        path.canonicalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make_git_dir(dir: &Path, config: &str) {
        for sub in ["objects", "refs"] {
            std::fs::create_dir_all(dir.join(sub)).unwrap();
        }
        std::fs::write(dir.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::write(dir.join("config"), config).unwrap();
    }

    fn temp() -> (tempfile::TempDir, PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().canonicalize().unwrap();
        (temp, path)
    }

    #[test]
    fn a_directory_in_no_repository_is_itself() {
        let (_temp, dir) = temp();
        std::fs::create_dir(dir.join(".git")).unwrap();
        let found = discover(&dir).unwrap();
        assert_eq!(
            (found.kind, &found.root, found.git_dir),
            (Kind::Plain, &dir, None),
            "an empty .git is none"
        );
        assert!(matches!(
            discover(&dir.join("missing")),
            Err(Error::Start { .. })
        ));
    }

    #[test]
    fn the_work_tree_is_found_from_below() {
        let (_temp, dir) = temp();
        make_git_dir(&dir.join("a b/.git"), "[core]\n\tbare = false\n");
        std::fs::create_dir_all(dir.join("a b/x/y")).unwrap();
        let found = discover(&dir.join("a b/x/y")).unwrap();
        assert_eq!(
            (found.kind, found.root, found.main_root),
            (Kind::Main, dir.join("a b"), dir.join("a b"))
        );
        assert_eq!(found.common_dir, Some(dir.join("a b/.git")));
    }

    #[test]
    fn a_linked_work_tree_leads_to_the_main_one() {
        let (_temp, dir) = temp();
        make_git_dir(&dir.join("main/.git"), "");
        let own = dir.join("main/.git/worktrees/w");
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("HEAD"), "ref: refs/heads/w\n").unwrap();
        std::fs::write(own.join("commondir"), "../..\n").unwrap();
        std::fs::create_dir(dir.join("w")).unwrap();
        std::fs::write(dir.join("w/.git"), format!("gitdir: {}\n", own.display())).unwrap();
        let found = discover(&dir.join("w")).unwrap();
        assert_eq!(
            (found.kind, found.root, found.main_root),
            (Kind::Linked, dir.join("w"), dir.join("main"))
        );
        assert_eq!(
            (found.git_dir, found.common_dir),
            (Some(own), Some(dir.join("main/.git")))
        );
    }

    #[test]
    fn a_submodule_is_a_repository_of_its_own() {
        let (_temp, dir) = temp();
        make_git_dir(&dir.join(".git"), "");
        make_git_dir(&dir.join(".git/modules/sub"), "");
        std::fs::create_dir(dir.join("sub")).unwrap();
        std::fs::write(dir.join("sub/.git"), "gitdir: ../.git/modules/sub\n").unwrap();
        let found = discover(&dir.join("sub")).unwrap();
        assert_eq!(
            (found.kind, found.root, found.main_root),
            (Kind::Pointed, dir.join("sub"), dir.join("sub"))
        );
        assert_eq!(found.common_dir, Some(dir.join(".git/modules/sub")));
    }

    #[test]
    fn no_work_tree_and_a_broken_pointer_are_named() {
        let (_temp, dir) = temp();
        make_git_dir(&dir.join("bare.git"), "[core]\n bare = true\n");
        make_git_dir(&dir.join("carrier/.git"), "[core]\n bare = true\n");
        for start in ["bare.git", "bare.git/refs", "carrier", "carrier/.git"] {
            assert!(
                matches!(discover(&dir.join(start)), Err(Error::NoWorkTree { .. })),
                "{start}"
            );
        }
        std::fs::create_dir(dir.join("lost")).unwrap();
        for content in ["gitdir: ../gone\n", "something else", "gitdir:"] {
            std::fs::write(dir.join("lost/.git"), content).unwrap();
            assert!(
                matches!(
                    discover(&dir.join("lost")),
                    Err(Error::BrokenPointer { .. })
                ),
                "{content}"
            );
        }
    }
}
