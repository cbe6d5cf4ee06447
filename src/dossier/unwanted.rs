//! Paths that a project does not want indexed: excluded by the configuration, or ignored by git.
//! They are not reported.

use std::path::Path;
use std::sync::Arc;

use super::globs::Ignore;
use super::request::Project;
use super::sources::Sources;
use crate::git::{GitIgnored, Rules};

/// The unwanted paths. Paths are relative to the top of the project.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unwanted<'a> {
    sources: &'a Sources,
    git: Option<&'a GitIgnored>,
    root: &'a Path,
}

impl<'a> Unwanted<'a> {
    pub(super) fn of(project: &Project<'a>) -> Self {
        Self {
            sources: project.sources,
            git: project.git_ignored,
            root: project.root,
        }
    }

    /// The unwanted paths of a project with only these sources.
    pub(super) fn below(root: &'a Path, sources: &'a Sources, git: Option<&'a GitIgnored>) -> Self {
        Self { sources, git, root }
    }

    /// The unwanted paths from the top of the project.
    pub(super) fn of_project(&self) -> Inside<'a> {
        self.inside("", self.root)
    }

    /// The unwanted paths in a directory: `place` in the project, and `dir` on disk, which may be
    /// the target of a link.
    pub(super) fn inside<'b>(&self, place: &'b str, dir: &Path) -> Inside<'b>
    where
        'a: 'b,
    {
        let exclude = Some(self.sources.exclude()).filter(|exclude| !exclude.is_empty());
        let git = self.git.and_then(|git| Some((git, git.place_of(dir)?)));
        Inside {
            exclude: exclude.map(|exclude| (exclude, place)),
            git,
        }
    }
}

/// The unwanted paths in one directory. Paths are relative to it.
#[derive(Debug, Default)]
pub(super) struct Inside<'a> {
    /// With the directory's path from the top of the project.
    exclude: Option<(&'a Ignore, &'a str)>,
    /// With the directory's path from the top of the work tree.
    git: Option<(&'a GitIgnored, String)>,
}

impl<'a> Inside<'a> {
    /// The paths that git ignores in a directory.
    pub(super) fn by_git(dir: &Path, git: Option<&'a GitIgnored>) -> Self {
        Self {
            exclude: None,
            git: git.and_then(|git| Some((git, git.place_of(dir)?))),
        }
    }

    /// Git's rules in the directory itself, for a walk that begins there.
    pub(super) fn rules(&self) -> Option<Arc<Rules>> {
        self.git
            .as_ref()
            .map(|(git, place)| git.rules(place.rsplit_once('/').map_or("", |(above, _)| above)))
    }

    /// The rules in the directory at `path`, below the rules `above`.
    pub(super) fn enter(
        &self,
        above: Option<&Arc<Rules>>,
        path: &str,
        has_patterns: bool,
    ) -> Option<Arc<Rules>> {
        let ((git, place), above) = (self.git.as_ref()?, above?);
        Some(git.within(above, &joined(place, path), has_patterns))
    }

    /// True if an entry of a directory with these rules is unwanted.
    pub(super) fn has(&self, rules: Option<&Rules>, path: &str, is_dir: bool) -> bool {
        let is_excluded = self.exclude.is_some_and(|(exclude, place)| {
            let path = joined(place, path);
            if is_dir {
                exclude.has_directory(&path)
            } else {
                exclude.has_file(&path)
            }
        });
        if is_excluded {
            return true;
        }
        let (Some(rules), Some((git, place))) =
            (rules.filter(|rules| !rules.are_none()), &self.git)
        else {
            return false;
        };
        let path = joined(place, path);
        if is_dir {
            git.has_directory_by(rules, &path)
        } else {
            git.has_file_by(rules, &path)
        }
    }

    pub(super) fn has_file(&self, path: &str) -> bool {
        self.exclude
            .is_some_and(|(exclude, place)| exclude.has_file(&joined(place, path)))
            || self
                .git
                .as_ref()
                .is_some_and(|(git, place)| git.has_file(&joined(place, path)))
    }

    pub(super) fn has_directory(&self, path: &str) -> bool {
        self.exclude
            .is_some_and(|(exclude, place)| exclude.has_directory(&joined(place, path)))
            || self
                .git
                .as_ref()
                .is_some_and(|(git, place)| git.has_directory(&joined(place, path)))
    }
}

/// A path inside `place`; `place` itself for an empty one.
fn joined(place: &str, path: &str) -> String {
    match (place, path) {
        ("", path) => path.to_owned(),
        (place, "") => place.to_owned(),
        (place, path) => format!("{place}/{path}"),
    }
}
