//! The built-in layouts: the directories of units and documents of each tool, and which files are
//! sent. Data only.

use super::manifest::Manifest;
use super::manifest_tables::{GSD_PHASE, KIRO_SPEC, OPENSPEC_CHANGE, SPEC_KIT};

/// One built-in layout.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) name: &'static str,
    /// Its sources, in order. Empty for `kitty`, whose directory is `artifacts.root`.
    pub(super) sources: &'static [BuiltIn],
}

/// One source of a layout: units, or documents that form one unit together.
#[derive(Debug)]
pub(super) struct BuiltIn {
    pub(super) units: &'static [&'static str],
    pub(super) archived: &'static [&'static str],
    pub(super) documents: &'static [&'static str],
    pub(super) slug: &'static str,
    pub(super) mission_type: &'static str,
    pub(super) surfaces: &'static [&'static str],
    pub(super) manifest: Option<&'static Manifest>,
}

const MARKDOWN: &[&str] = &["**/*.md"];

const fn units(
    units: &'static [&'static str],
    slug: &'static str,
    mission_type: &'static str,
) -> BuiltIn {
    BuiltIn {
        units,
        archived: &[],
        documents: &[],
        slug,
        mission_type,
        surfaces: MARKDOWN,
        manifest: None,
    }
}

const fn documents(
    slug: &'static str,
    mission_type: &'static str,
    documents: &'static [&'static str],
) -> BuiltIn {
    BuiltIn {
        units: &[],
        archived: &[],
        documents,
        slug,
        mission_type,
        surfaces: &[],
        manifest: None,
    }
}

/// Every layout, in the order of [`crate::config::LAYOUTS`].
pub(super) const TABLE: &[Layout] = &[
    Layout {
        name: "kitty",
        sources: &[],
    },
    Layout {
        name: "spec-kit",
        sources: &[
            BuiltIn {
                surfaces: &["**/*.md", "contracts/**", "checklists/**"],
                manifest: Some(&SPEC_KIT),
                ..units(
                    &["specs/{name}", ".specify/specs/{name}"],
                    "{name}",
                    "spec-kit",
                )
            },
            units(&[".specify/bugs/{name}"], "bug.{name}", "spec-kit-bug"),
            units(
                &[".specify/assessments/{name}"],
                "assess.{name}",
                "spec-kit-assessment",
            ),
            documents(
                "spec-kit.project",
                "spec-kit-project",
                &[
                    ".specify/memory/**/*.md",
                    "memory/constitution.md",
                    "specs/*.md",
                ],
            ),
        ],
    },
    Layout {
        name: "openspec",
        sources: &[
            BuiltIn {
                archived: &["openspec/changes/archive/{name}"],
                manifest: Some(&OPENSPEC_CHANGE),
                ..units(&["openspec/changes/{name}"], "{name}", "openspec-change")
            },
            documents(
                "openspec.project",
                "openspec-project",
                &[
                    "openspec/project.md",
                    "openspec/config.yaml",
                    "openspec/config.yml",
                    "openspec/specs/**/*.md",
                    "openspec/changes/*.md",
                ],
            ),
        ],
    },
    Layout {
        name: "kiro",
        sources: &[
            BuiltIn {
                archived: &[".kiro/specs/archive/{name}"],
                surfaces: &["**/*.md", "spec.json"],
                manifest: Some(&KIRO_SPEC),
                ..units(&[".kiro/specs/{name}"], "{name}", "kiro-spec")
            },
            documents(
                "kiro.project",
                "kiro-project",
                &[".kiro/steering/**/*.md", ".kiro/specs/*.md"],
            ),
        ],
    },
    Layout {
        name: "bmad",
        sources: &[
            BuiltIn {
                surfaces: &["**/*.md", "**/*.yaml", "**/*.yml"],
                ..units(&["_bmad-output/{name}"], "{name}", "bmad")
            },
            documents(
                "bmad.project",
                "bmad-project",
                &[
                    "_bmad-output/*.md",
                    "_bmad-output/*.yaml",
                    "_bmad-output/*.yml",
                ],
            ),
        ],
    },
    Layout {
        name: "gsd",
        sources: &[
            BuiltIn {
                archived: &[".planning/milestones/{group}-phases/{name}"],
                manifest: Some(&GSD_PHASE),
                ..units(&[".planning/phases/{name}"], "{name}", "gsd-phase")
            },
            BuiltIn {
                manifest: Some(&GSD_PHASE),
                ..units(
                    &[".planning/workstreams/{group}/phases/{name}"],
                    "{group}.{name}",
                    "gsd-phase",
                )
            },
            units(&[".planning/quick/{name}"], "quick.{name}", "gsd-quick"),
            documents(
                "gsd.project",
                "gsd-project",
                &[
                    ".planning/*.md",
                    ".planning/research/**/*.md",
                    ".planning/codebase/**/*.md",
                    ".planning/milestones/*.md",
                    ".planning/milestones/*/*.md",
                    ".planning/quick/*.md",
                    ".planning/workstreams/*/*.md",
                ],
            ),
        ],
    },
];

/// Paths from the top of the project where tools keep secrets or their own texts. Neither a layout
/// nor a configured source reads them.
const NEVER: &[&str] = &[
    ".kiro/settings",
    ".planning/config.json",
    "_bmad",
    ".bmad-core",
    ".git",
    ".worktrees",
];

/// Directories with secrets, and the only parts of them that are read.
const ONLY: &[(&str, &[&str])] = &[(".claude", &["specs", "bugs", "steering"])];

/// True for a path from the top of the project that is never read, even if configured.
pub(super) fn is_never_read(path: &str) -> bool {
    let below = |dir: &str| {
        path.strip_prefix(dir)
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_closed = |(dir, parts): &(&str, &[&str])| {
        let first = below(dir).and_then(|rest| rest.split('/').nth(1));
        first.is_some_and(|first| !parts.contains(&first))
    };
    NEVER.iter().any(|dir| below(dir).is_some()) || ONLY.iter().any(is_closed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::pattern::PathPattern;

    #[test]
    fn the_table_is_the_one_the_configuration_knows() {
        assert!(
            TABLE
                .iter()
                .map(|layout| layout.name)
                .eq(crate::config::LAYOUTS.iter().copied())
        );
        for source in TABLE.iter().flat_map(|layout| layout.sources) {
            for pattern in source.units.iter().chain(source.archived) {
                let pattern = PathPattern::of_directories(pattern).unwrap();
                assert!(!is_never_read(&pattern.literal_parent()), "{pattern:?}");
            }
            for pattern in source.documents {
                assert!(
                    !is_never_read(&PathPattern::of_files(pattern).unwrap().literal_parent()),
                    "{pattern}"
                );
            }
            assert_eq!(
                source.units.is_empty(),
                !source.documents.is_empty(),
                "{}",
                source.slug
            );
        }
    }

    #[test]
    fn places_with_secrets_are_never_read() {
        for (path, wanted) in [
            (".kiro/settings/mcp.json", true),
            (".kiro/settings", true),
            (".kiro/specs/settings", false),
            (".planning/config.json", true),
            (".planning/config.json.md", false),
            ("_bmad/bmm/config.yaml", true),
            ("_bmad-output/x.md", false),
            (".claude", false),
            (".claude/settings.json", true),
            (".claude/commands/x.md", true),
            (".claude/specs/a/tasks.md", false),
        ] {
            assert_eq!(is_never_read(path), wanted, "{path}");
        }
    }
}
