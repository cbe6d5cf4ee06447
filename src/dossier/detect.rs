//! Detects the layouts of a project from the files of their tools: about a dozen checks, no file is
//! read.

use std::path::Path;

use super::layouts::TABLE;
use super::unwanted::Inside;
use crate::base::pattern::PathPattern;
use crate::git::GitIgnored;

/// A layout that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Detected {
    /// The layout's name.
    pub(crate) layout: &'static str,
    /// False if the files may belong to something else, or its places are still empty.
    pub(crate) is_sure: bool,
    /// Where it was found, from the top of the project.
    pub(crate) place: &'static str,
}

/// Maximum number of directories below the top that are checked for separate projects.
const MOST_BELOW: usize = 200;

/// The layouts of the project at `root`, in the order of the table. Places that git ignores are
/// omitted.
pub(crate) fn detect(root: &Path, git: Option<&GitIgnored>) -> Vec<Detected> {
    let at = At(root);
    let ignored = Inside::by_git(root, git);
    let looks: [(&str, &str, Option<bool>); 6] = [
        (
            "kitty",
            "kitty-specs",
            at.has_dir("kitty-specs").then_some(true),
        ),
        ("spec-kit", "specs", spec_kit(&at)),
        ("openspec", "openspec", openspec(&at)),
        ("kiro", ".kiro", kiro(&at).then_some(true)),
        ("bmad", "_bmad-output", bmad(&at)),
        ("gsd", ".planning", gsd(&at).then_some(true)),
    ];
    let found = looks.into_iter().filter_map(|(layout, place, sure)| {
        let is_sure = sure? && at.has_place_of(layout);
        if ignored.has_directory(place) {
            return None;
        }
        Some(Detected {
            layout,
            is_sure,
            place,
        })
    });
    found.collect()
}

/// Tools that have a recipe in the documentation and no layout: the tool, and the file that
/// indicates it.
pub(crate) fn recipes(root: &Path, git: Option<&GitIgnored>) -> Vec<(&'static str, &'static str)> {
    let at = At(root);
    let ignored = Inside::by_git(root, git);
    let marks = [
        (
            "Conductor",
            "conductor/tracks.md",
            at.has_file("conductor/tracks.md"),
        ),
        (
            "Backlog.md",
            "backlog/config.yml",
            at.has_file("backlog/config.yml"),
        ),
        (
            "Taskmaster",
            ".taskmaster/config.json",
            at.has_file(".taskmaster/config.json"),
        ),
        (
            "Agent OS",
            "agent-os/product",
            at.has_dir("agent-os/product"),
        ),
        (
            "Agent OS",
            ".agent-os/product",
            at.has_dir(".agent-os/product"),
        ),
    ];
    let is_told = |place: &str| !ignored.has_directory(place) && !ignored.has_file(place);
    marks
        .into_iter()
        .filter(|(_, place, is_there)| *is_there && is_told(place))
        .map(|(tool, place, _)| (tool, place))
        .collect()
}

/// Directories directly below `root` that look like separate projects, each with a layout; ordered
/// by name.
pub(crate) fn projects_below(root: &Path, git: Option<&GitIgnored>) -> Vec<(String, &'static str)> {
    const MARKS: [(&str, &str); 3] = [
        (".specify", "spec-kit"),
        ("openspec", "openspec"),
        (".kiro", "kiro"),
    ];
    let Ok(entries) = std::fs::read_dir(root) else {
        return Vec::new();
    };
    let dirs = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = dirs
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'));
    let mut names: Vec<String> = names.take(MOST_BELOW).collect();
    names.sort_unstable();
    let ignored = Inside::by_git(root, git);
    let marked = names.into_iter().filter_map(|name| {
        let at = root.join(&name);
        let is_told = |mark: &str| !ignored.has_directory(&format!("{name}/{mark}"));
        let (_, layout) = MARKS
            .into_iter()
            .find(|(mark, _)| At(&at).has_dir(mark) && is_told(mark))?;
        Some((name, layout))
    });
    marked.collect()
}

/// The top of a project. Links are not followed, as the index does not follow them either.
struct At<'a>(&'a Path);

impl At<'_> {
    fn has_file(&self, path: &str) -> bool {
        std::fs::symlink_metadata(self.0.join(path)).is_ok_and(|meta| meta.is_file())
    }

    fn has_dir(&self, path: &str) -> bool {
        std::fs::symlink_metadata(self.0.join(path)).is_ok_and(|meta| meta.is_dir())
    }

    fn has_any(&self, dir: &str, files: &[&str]) -> bool {
        files
            .iter()
            .any(|file| self.has_file(&format!("{dir}/{file}")))
    }

    /// The visible directories in `dir`.
    fn dirs(&self, dir: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join(dir))
            .into_iter()
            .flatten()
            .flatten();
        let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        dirs.filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect()
    }

    /// True if one of the layout's directories exists, so configuring it is not an error.
    fn has_place_of(&self, layout: &str) -> bool {
        let sources = TABLE
            .iter()
            .filter(|known| known.name == layout)
            .flat_map(|known| known.sources);
        let mut parents = sources.flat_map(|source| {
            let units = source
                .units
                .iter()
                .chain(source.archived)
                .filter_map(|p| PathPattern::of_directories(p).ok());
            let documents = source
                .documents
                .iter()
                .filter_map(|p| PathPattern::of_files(p).ok());
            units
                .chain(documents)
                .map(|pattern| pattern.literal_parent())
                .collect::<Vec<_>>()
        });
        layout == "kitty" || parents.any(|place| self.0.join(place).is_dir())
    }
}

fn spec_kit(at: &At<'_>) -> Option<bool> {
    const MARKS: &[&str] = &[
        "memory/constitution.md",
        "templates/spec-template.md",
        "init-options.json",
        "feature.json",
        "integration.json",
    ];
    if at.has_any(".specify", MARKS) {
        return Some(true);
    }
    // `specs/` alone proves nothing: it may contain API descriptions, or tests.
    let is_feature = |name: &String| {
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        digits >= 3 && name.as_bytes().get(digits) == Some(&b'-')
    };
    let features = at.dirs("specs").into_iter().filter(is_feature);
    features
        .map(|name| format!("specs/{name}"))
        .any(|dir| at.has_any(&dir, &["spec.md", "plan.md", "tasks.md"]))
        .then_some(false)
}

fn openspec(at: &At<'_>) -> Option<bool> {
    if !at.has_dir("openspec/changes") && !at.has_dir("openspec/specs") {
        return None;
    }
    if at.has_any(
        "openspec",
        &["config.yaml", "config.yml", "project.md", "AGENTS.md"],
    ) {
        return Some(true);
    }
    let below = |dir: &str, file: &str| {
        at.dirs(dir)
            .into_iter()
            .any(|name| at.has_file(&format!("{dir}/{name}/{file}")))
    };
    (below("openspec/changes", "proposal.md") || below("openspec/specs", "spec.md"))
        .then_some(false)
}

fn kiro(at: &At<'_>) -> bool {
    const MARKS: &[&str] = &["requirements.md", "bugfix.md", "design.md", "tasks.md"];
    let has_spec = |dir: &str| {
        at.dirs(dir)
            .into_iter()
            .any(|name| at.has_any(&format!("{dir}/{name}"), MARKS))
    };
    let has_markdown = |dir: &Path| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| {
            Path::new(&entry.file_name())
                .extension()
                .is_some_and(|e| e == "md")
        })
    };
    let steering = at.0.join(".kiro/steering");
    has_spec(".kiro/specs")
        || has_spec(".kiro/specs/archive")
        || has_markdown(&steering)
        || at
            .dirs(".kiro/steering")
            .into_iter()
            .any(|name| has_markdown(&steering.join(name)))
}

fn bmad(at: &At<'_>) -> Option<bool> {
    let marks: &[&str] = &[
        "bmm/config.yaml",
        "core/config.yaml",
        "config.toml",
        "_config/manifest.yaml",
    ];
    if at.has_any("_bmad", marks) {
        return Some(true);
    }
    at.has_dir("_bmad-output").then_some(false)
}

fn gsd(at: &At<'_>) -> bool {
    let marks = [
        "PROJECT.md",
        "ROADMAP.md",
        "STATE.md",
        "REQUIREMENTS.md",
        "config.json",
    ];
    marks
        .iter()
        .filter(|mark| at.has_file(&format!(".planning/{mark}")))
        .count()
        >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[&str]) -> Vec<(&'static str, bool)> {
        let temp = tempfile::tempdir().unwrap();
        for file in files {
            let path = temp.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        detect(temp.path(), None)
            .into_iter()
            .map(|found| (found.layout, found.is_sure))
            .collect()
    }

    #[test]
    fn layouts_are_told_by_what_their_tools_leave() {
        type Case = (&'static [&'static str], &'static [(&'static str, bool)]);
        let cases: &[Case] = &[
            (&["kitty-specs/a/spec.md"], &[("kitty", true)]),
            (&[".specify/memory/constitution.md"], &[("spec-kit", true)]),
            (&[".specify/feature.json"], &[("spec-kit", false)]),
            (&["specs/001-a/plan.md"], &[("spec-kit", false)]),
            (
                &[
                    "specs/01-a/plan.md",
                    "specs/001-a/api.yaml",
                    "specs/api/spec.md",
                ],
                &[],
            ),
            (
                &["openspec/project.md", "openspec/specs/a/spec.md"],
                &[("openspec", true)],
            ),
            (&["openspec/changes/a/proposal.md"], &[("openspec", false)]),
            (&["openspec/project.md"], &[]),
            (&[".kiro/specs/a/bugfix.md"], &[("kiro", true)]),
            (&[".kiro/specs/archive/a/design.md"], &[("kiro", true)]),
            (&[".kiro/steering/deep/x.md"], &[("kiro", true)]),
            (&[".kiro/settings/mcp.json"], &[]),
            (&["_bmad/bmm/config.yaml"], &[("bmad", false)]),
            (
                &["_bmad/bmm/config.yaml", "_bmad-output/x.md"],
                &[("bmad", true)],
            ),
            (&["_bmad-output/x.md"], &[("bmad", false)]),
            (
                &[".planning/PROJECT.md", ".planning/config.json"],
                &[("gsd", true)],
            ),
            (&[".planning/PROJECT.md"], &[]),
            (
                &["kitty-specs/a/x", ".kiro/specs/a/tasks.md"],
                &[("kitty", true), ("kiro", true)],
            ),
            (&["memory/x.md", "docs/plans/x.md", "tasks/x.md"], &[]),
        ];
        for (files, wanted) in cases {
            assert_eq!(found(files), *wanted, "{files:?}");
        }
    }
}
