//! Files that git ignores: `.gitignore` of each directory and `info/exclude` of the repository,
//! read without a child process. A tracked file is never ignored; the index is read only when a
//! pattern matched.
//!
//! Unreadable files are treated so that nothing is sent by mistake: unusable patterns ignore every
//! file, and an unreadable index tracks none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::Checkout;
use super::checkout::core_value;
use super::tracked::tracked;
use crate::base::mutex::held;
use crate::base::{files, text};

/// Most bytes of patterns that apply to one directory: its own file and those above it.
const MAX_PATTERN_BYTES: usize = 128 << 10;

/// Most bytes of patterns that are compiled in a work tree, in all directories together.
const MAX_ALL_PATTERN_BYTES: usize = 1 << 20;

/// The pattern file of a directory.
pub(crate) const PATTERN_FILE: &str = ".gitignore";

/// The ignore rules of a work tree. Paths are relative to its top, with `/`.
pub(crate) struct GitIgnored {
    top: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    /// True if names are compared case-insensitively.
    ignores_case: bool,
    rules: Mutex<BTreeMap<String, Arc<Rules>>>,
    /// The tracked paths, by their first component.
    tracked: Mutex<BTreeMap<String, Arc<BTreeSet<String>>>>,
    flaws: Mutex<BTreeSet<String>>,
    /// Bytes of the compiled patterns.
    compiled: AtomicUsize,
}

impl fmt::Debug for GitIgnored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitIgnored")
            .field("top", &self.top)
            .finish_non_exhaustive()
    }
}

/// The rules for the entries of one directory.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// The directories with patterns, and their patterns; the nearest last.
    levels: Vec<(String, Arc<Gitignore>)>,
    /// Bytes of all patterns.
    size: usize,
    /// True if the directory is ignored, and so everything in it.
    is_ignored: bool,
}

impl GitIgnored {
    /// The rules of a work tree; `None` outside repositories.
    pub(crate) fn of(checkout: &Checkout) -> Option<Self> {
        let (git_dir, common_dir) = (checkout.git_dir.clone()?, checkout.common_dir.clone()?);
        let ignores_case = core_value(&common_dir, "ignorecase")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let (rules, tracked, flaws) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (top, compiled) = (checkout.root.clone(), AtomicUsize::new(0));
        Some(Self {
            top,
            git_dir,
            common_dir,
            ignores_case,
            rules,
            tracked,
            flaws,
            compiled,
        })
    }

    /// The path of a directory from the top; `None` outside the work tree.
    pub(crate) fn place_of(&self, dir: &Path) -> Option<String> {
        let inner = dir.strip_prefix(&self.top).ok()?;
        let names: Option<Vec<&str>> = inner
            .components()
            .map(|part| part.as_os_str().to_str())
            .collect();
        Some(names?.join("/"))
    }

    /// True if the file is ignored and not tracked.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.has_file_by(&self.rules(parent(path)), path)
    }

    /// True if the directory is ignored and contains no tracked file.
    pub(crate) fn has_directory(&self, path: &str) -> bool {
        self.has_directory_by(&self.rules(parent(path)), path)
    }

    /// The same as [`Self::has_file`], with the rules of the directory that contains the file.
    pub(crate) fn has_file_by(&self, rules: &Rules, path: &str) -> bool {
        rules.ignores(path, false) && !self.is_tracked(path)
    }

    /// The same as [`Self::has_directory`], with the rules of its parent directory.
    pub(crate) fn has_directory_by(&self, rules: &Rules, path: &str) -> bool {
        rules.ignores(path, true) && !self.has_tracked_in(path)
    }

    /// The rules in the directory `dir`.
    pub(crate) fn rules(&self, dir: &str) -> Arc<Rules> {
        if let Some(rules) = held(&self.rules).get(dir) {
            return Arc::clone(rules);
        }
        let rules = if dir.is_empty() {
            let mut rules = Rules::default();
            self.add(&mut rules, dir, &self.common_dir.join("info/exclude"));
            self.add(&mut rules, dir, &self.top.join(PATTERN_FILE));
            Arc::new(rules)
        } else {
            let above = self.rules(parent(dir));
            self.within(&above, dir, true)
        };
        held(&self.rules).insert(dir.to_owned(), Arc::clone(&rules));
        rules
    }

    /// The rules in `dir`, a subdirectory of the one with the rules `above`. `may_have_patterns` is
    /// false if the directory is known to have no `.gitignore`.
    pub(crate) fn within(
        &self,
        above: &Arc<Rules>,
        dir: &str,
        may_have_patterns: bool,
    ) -> Arc<Rules> {
        if above.is_ignored {
            return Arc::clone(above);
        }
        if above.ignores(dir, true) {
            return Arc::new(Rules {
                is_ignored: true,
                ..Rules::default()
            });
        }
        if !may_have_patterns {
            return Arc::clone(above);
        }
        let mut rules = Rules {
            levels: above.levels.clone(),
            size: above.size,
            is_ignored: false,
        };
        self.add(&mut rules, dir, &self.top.join(dir).join(PATTERN_FILE));
        Arc::new(rules)
    }

    /// True once a pattern matched, so that the index was needed.
    pub(crate) fn has_read_index(&self) -> bool {
        !held(&self.tracked).is_empty()
    }

    /// Warnings about unreadable files, and how they were treated.
    pub(crate) fn flaws(&self) -> Vec<String> {
        held(&self.flaws).iter().cloned().collect()
    }

    /// Adds the patterns of a file to those of `dir`.
    fn add(&self, rules: &mut Rules, dir: &str, file: &Path) {
        match self.patterns(file, MAX_PATTERN_BYTES.saturating_sub(rules.size)) {
            Ok(None) => {}
            Ok(Some((patterns, size))) => {
                rules.levels.push((dir.to_owned(), Arc::new(patterns)));
                rules.size += size;
            }
            Err(error) => {
                let file = text::path(file);
                self.note(format!(
                    "cannot use the patterns in {file}: {error}; only files that git tracks are indexed there"
                ));
                rules.is_ignored = true;
            }
        }
    }

    /// The patterns in a file, with its size; `None` if there are none.
    fn patterns(&self, file: &Path, most: usize) -> io::Result<Option<(Gitignore, usize)>> {
        // Links are not followed, as in git.
        if !std::fs::symlink_metadata(file).is_ok_and(|meta| meta.is_file()) {
            return Ok(None);
        }
        let bytes = match files::read_regular(file, most as u64) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        if self.compiled.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len()
            > MAX_ALL_PATTERN_BYTES
        {
            return Err(io::Error::other(
                "all files of patterns together have more than 1 MiB",
            ));
        }
        let text = String::from_utf8_lossy(&bytes);
        let mut builder = GitignoreBuilder::new("");
        builder
            .case_insensitive(self.ignores_case)
            .map_err(io::Error::other)?;
        for line in text.trim_start_matches('\u{feff}').split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            // An invalid pattern matches nothing, as in git.
            let _added = builder.add_line(None, &without_alternatives(line));
        }
        let patterns = builder.build().map_err(io::Error::other)?;
        Ok((!patterns.is_empty()).then_some((patterns, bytes.len())))
    }

    fn is_tracked(&self, path: &str) -> bool {
        let tracked = self.tracked_near(path);
        let dirs = || {
            path.match_indices('/')
                .filter_map(|(at, _)| path.get(..=at))
        };
        tracked.contains(path) || dirs().any(|dir| tracked.contains(dir))
    }

    fn has_tracked_in(&self, dir: &str) -> bool {
        let prefix = format!("{dir}/");
        let tracked = self.tracked_near(dir);
        let next = tracked.range(prefix.clone()..).next();
        next.is_some_and(|path| path.starts_with(&prefix)) || self.is_tracked(&prefix)
    }

    /// The tracked paths with the same first component as `path`.
    fn tracked_near(&self, path: &str) -> Arc<BTreeSet<String>> {
        let first = path.split('/').next().unwrap_or_default();
        let mut known = held(&self.tracked);
        if let Some(paths) = known.get(first) {
            return Arc::clone(paths);
        }
        let paths = tracked(&self.git_dir, &self.common_dir, first).unwrap_or_else(|error| {
            let index = text::path(&self.git_dir.join("index"));
            self.note(format!(
                "cannot read {index}: {error}; files that match a pattern of git's are left out, tracked or not"
            ));
            BTreeSet::new()
        });
        let paths = Arc::new(paths);
        known.insert(first.to_owned(), Arc::clone(&paths));
        paths
    }

    fn note(&self, flaw: String) {
        held(&self.flaws).insert(flaw);
    }
}

impl Rules {
    /// True if there are no patterns.
    pub(crate) fn are_none(&self) -> bool {
        self.levels.is_empty() && !self.is_ignored
    }

    fn ignores(&self, path: &str, is_dir: bool) -> bool {
        if self.is_ignored {
            return true;
        }
        for (dir, patterns) in self.levels.iter().rev() {
            let inner = if dir.is_empty() {
                Some(path)
            } else {
                path.strip_prefix(dir.as_str())
                    .and_then(|p| p.strip_prefix('/'))
            };
            match inner.map(|inner| patterns.matched(inner, is_dir)) {
                Some(Match::Ignore(_)) => return true,
                Some(Match::Whitelist(_)) => return false,
                Some(Match::None) | None => {}
            }
        }
        false
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// A pattern with literal `{` and `}`: git has no alternatives, but the matching crate has.
fn without_alternatives(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                out.push(c);
                out.extend(chars.next());
            }
            '{' | '}' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
#[path = "ignored_tests.rs"]
mod tests;
