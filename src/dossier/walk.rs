//! Finds the files of one mission.

use std::collections::{BTreeMap, BTreeSet};

use super::beneath::Beneath;
use super::entry::EntryKind;
use super::globs::Ignore;
use super::reason::Reason;
use super::stat::Stat;
use super::unwanted::Inside;
use crate::base::Interrupt;
use crate::git::{PATTERN_FILE, Rules};

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Relative to the feature directory, with `/`.
    pub(super) path: String,
    /// File to open, relative to the artifact root; differs from `path` for a link.
    pub(super) opens: String,
    /// State known without opening it.
    pub(super) stat: Option<Stat>,
}

/// The files of a mission, ordered by path bytes, and the skipped entries.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) files: Vec<Found>,
    pub(super) skipped: Vec<(String, Reason)>,
    /// Files with another hard link elsewhere: writes there change the file here.
    pub(super) shared: Vec<String>,
    /// True if an unwanted entry was skipped.
    pub(super) is_shortened: bool,
}

impl Walk {
    /// True if every entry was unwanted: then the unit is not reported either.
    pub(super) fn is_emptied(&self) -> bool {
        self.is_shortened && self.files.is_empty() && self.skipped.is_empty()
    }
}

/// Entries that a walk skips, besides hidden ones.
#[derive(Debug, Default)]
pub(super) struct Passing<'a> {
    /// Globs on paths inside the unit.
    pub(super) ignore: Option<&'a Ignore>,
    /// Separate units inside this one, as paths inside it.
    pub(super) nested: Vec<&'a str>,
    /// The project's unwanted paths in it.
    pub(super) unwanted: Inside<'a>,
}

impl Passing<'_> {
    fn passes(&self, path: &str, kind: EntryKind, rules: Option<&Rules>) -> bool {
        let is_dir = kind == EntryKind::Directory;
        let is_ignored = if is_dir {
            self.nested.contains(&path)
                || self.ignore.is_some_and(|ignore| ignore.has_directory(path))
        } else {
            self.ignore.is_some_and(|ignore| ignore.has_file(path))
        };
        is_ignored || self.unwanted.has(rules, path, is_dir)
    }
}

/// Walks the unit's directory `slug` below `tree`. Hidden entries are skipped silently; directory
/// links and nested repositories are not entered. `Err` if the directory itself is not indexed.
pub(super) fn walk(
    tree: &Beneath,
    slug: &str,
    passing: &Passing<'_>,
    interrupt: &Interrupt,
) -> Result<Walk, Reason> {
    let mut walk = Walk::default();
    let mut links = Vec::new();
    let mut foreign = BTreeSet::new();
    let mut open = vec![(String::new(), passing.unwanted.rules())];
    while let Some((dir, above)) = open.pop() {
        if interrupt.is_requested() {
            break;
        }
        match list(tree, slug, &dir) {
            Ok(List {
                entries,
                has_patterns,
            }) => {
                let rules = passing.unwanted.enter(above.as_ref(), &dir, has_patterns);
                for (path, kind, stat) in entries {
                    let (Ok(name) | Err(name)) = &path;
                    if passing.passes(name, kind, rules.as_deref()) {
                        walk.is_shortened = true;
                        continue;
                    }
                    let path = match path {
                        Ok(path) => path,
                        Err(path) => {
                            walk.skipped.push((path, Reason::NameNotUtf8));
                            continue;
                        }
                    };
                    match kind {
                        EntryKind::Directory => open.push((path, rules.clone())),
                        EntryKind::File => walk.files.push(Found {
                            opens: format!("{slug}/{path}"),
                            path,
                            stat,
                        }),
                        EntryKind::Link => links.push(path),
                        EntryKind::Special => walk.skipped.push((path, Reason::SpecialFile)),
                    }
                }
            }
            Err(reason) if dir.is_empty() => return Err(reason),
            Err(reason) => {
                if reason == Reason::NestedRepository {
                    foreign.insert(format!("{slug}/{dir}/"));
                }
                walk.skipped.push((dir, reason));
            }
        }
    }
    for path in links {
        match tree.target_of_link(slug, &format!("{slug}/{path}")) {
            Ok(target)
                if foreign.iter().any(|dir| target.starts_with(dir))
                    || target.contains("/.git/") =>
            {
                walk.skipped.push((path, Reason::NestedRepository));
            }
            Ok(target)
                if passing
                    .unwanted
                    .has_file(target.strip_prefix(&format!("{slug}/")).unwrap_or(&target)) =>
            {
                walk.is_shortened = true;
            }
            Ok(target) => {
                // The target of the link is a listed file: its state is known.
                let stat = walk
                    .files
                    .iter()
                    .find(|found| found.opens == target)
                    .and_then(|found| found.stat);
                walk.files.push(Found {
                    path,
                    opens: target,
                    stat,
                });
            }
            Err(reason) => walk.skipped.push((path, reason)),
        }
    }
    walk.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    walk.shared = shared(slug, &walk.files);
    Ok(walk)
}

/// The files with more hard links than were found in the feature directory. A hard link is the file
/// itself, so it cannot lead out of the directory, and the file is indexed.
pub(super) fn shared(slug: &str, files: &[Found]) -> Vec<String> {
    let own = |found: &&Found| match found.opens.strip_suffix(found.path.as_str()) {
        Some(dir) => dir.strip_suffix('/').unwrap_or(dir) == slug,
        None => false,
    };
    let with_names = || {
        files
            .iter()
            .filter(own)
            .filter_map(|found| Some((found, found.stat.filter(|s| s.names > 1)?)))
    };
    let mut met: BTreeMap<u64, u32> = BTreeMap::new();
    with_names().for_each(|(_, stat)| *met.entry(stat.inode).or_default() += 1);
    let outside =
        with_names().filter(|(_, stat)| met.get(&stat.inode).is_some_and(|met| *met < stat.names));
    outside.map(|(found, _)| found.path.clone()).collect()
}

/// The entries of a directory that are not hidden, as paths relative to the feature directory;
/// `Err` holds a readable form of a name that is not UTF-8.
struct List {
    entries: Vec<(Result<String, String>, EntryKind, Option<Stat>)>,
    /// It contains git ignore patterns.
    has_patterns: bool,
}

/// Lists one directory. `Err` if it belongs to another repository or cannot be listed.
fn list(tree: &Beneath, slug: &str, dir: &str) -> Result<List, Reason> {
    let at = if dir.is_empty() {
        slug.to_owned()
    } else {
        format!("{slug}/{dir}")
    };
    let entries = tree.list(&at).map_err(|_| Reason::UnreadableDirectory)?;
    let has = |hidden: &str| {
        entries
            .iter()
            .any(|entry| entry.name.as_deref() == Ok(hidden))
    };
    if has(".git") {
        return Err(Reason::NestedRepository);
    }
    let has_patterns = has(PATTERN_FILE);
    let path_of = |name: String| {
        if dir.is_empty() {
            name
        } else {
            format!("{dir}/{name}")
        }
    };
    let visible = entries.into_iter().filter(|entry| {
        let (Ok(name) | Err(name)) = &entry.name;
        !name.starts_with('.')
    });
    let entries = visible
        .map(|entry| {
            (
                entry.name.map(path_of).map_err(path_of),
                entry.kind,
                entry.stat,
            )
        })
        .collect();
    Ok(List {
        entries,
        has_patterns,
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    use super::*;

    fn write(root: &Path, path: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }

    #[test]
    fn files_come_by_path_bytes_and_the_rest_with_reasons() {
        let temp = tempfile::tempdir().unwrap();
        let mission = temp.path().join("m");
        for path in [
            "b.md",
            "a/z.md",
            "a.md",
            "a-b.md",
            ".hidden/x.md",
            "a/.gitkeep",
            "node_modules/x~",
            "é.md",
        ] {
            write(&mission, path);
        }
        write(&mission, "sub/.git/config");
        write(&mission, "sub/x.md");
        write(&mission, "module/.git");
        write(&mission, "module/deep/x.md");
        std::fs::create_dir(mission.join("pipes")).unwrap();
        std::process::Command::new("mkfifo")
            .arg(mission.join("pipes/p.md"))
            .status()
            .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(mission.join("pipes/s.md")).unwrap();
        std::os::unix::fs::symlink("a.md", mission.join("link.md")).unwrap();
        std::os::unix::fs::symlink("sub/x.md", mission.join("stolen.md")).unwrap();
        std::os::unix::fs::symlink("../outside.md", mission.join("out.md")).unwrap();
        std::os::unix::fs::symlink("a", mission.join("door")).unwrap();
        write(temp.path(), "outside.md");
        std::fs::write(
            mission.join(std::ffi::OsStr::from_bytes(b"bad\xff.md")),
            "x",
        )
        .unwrap();

        let tree = Beneath::open(temp.path()).unwrap();
        let mut walked = walk(&tree, "m", &Passing::default(), &Interrupt::default()).unwrap();
        let paths: Vec<&str> = walked.files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "a-b.md",
                "a.md",
                "a/z.md",
                "b.md",
                "link.md",
                "node_modules/x~",
                "é.md"
            ]
        );
        let link = walked.files.iter().find(|f| f.path == "link.md").unwrap();
        assert_eq!(link.opens, "m/a.md");
        walked.skipped.sort();
        let skipped: Vec<_> = walked
            .skipped
            .iter()
            .map(|(path, reason)| (path.as_str(), reason.code()))
            .collect();
        assert_eq!(
            skipped,
            [
                ("bad\u{fffd}.md", "name_not_utf8"),
                ("door", "link_to_directory"),
                ("module", "nested_repository"),
                ("out.md", "link_outside"),
                ("pipes/p.md", "special_file"),
                ("pipes/s.md", "special_file"),
                ("stolen.md", "nested_repository"),
                ("sub", "nested_repository"),
            ]
        );
    }

    #[test]
    fn a_mission_that_is_a_repository_is_not_ours() {
        let temp = tempfile::tempdir().unwrap();
        write(&temp.path().join("m"), ".git");
        let tree = Beneath::open(temp.path()).unwrap();
        assert_eq!(
            walk(&tree, "m", &Passing::default(), &Interrupt::default()).unwrap_err(),
            Reason::NestedRepository
        );
        assert_eq!(
            walk(&tree, "gone", &Passing::default(), &Interrupt::default()).unwrap_err(),
            Reason::UnreadableDirectory
        );
    }
}
