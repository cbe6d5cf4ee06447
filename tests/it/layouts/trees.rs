//! Small trees of each layout, with the expected units.

/// A tree.
pub(super) struct Tree {
    pub(super) name: &'static str,
    /// The configuration's `[artifacts]`.
    pub(super) artifacts: &'static str,
    /// Slug, directory and files of each unit. `!` marks a file that is indexed and whose text is
    /// not sent.
    pub(super) units: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// Files that must appear nowhere.
    pub(super) others: &'static [&'static str],
}

/// Files of tools with secrets, or with texts of the tool itself.
pub(super) const NEVER_SENT: &[&str] = &[
    ".kiro/settings/mcp.json",
    ".planning/config.json",
    "_bmad/bmm/config.yaml",
    ".claude/settings.local.json",
    ".claude/commands/deploy.md",
];

pub(super) const TREES: &[Tree] = &[
    Tree {
        name: "spec-kit",
        artifacts: "[artifacts]\nlayouts = ['spec-kit']",
        units: &[
            (
                "001-tides",
                "specs/001-tides",
                &[
                    "spec.md",
                    "contracts/api.yaml",
                    "checklists/a.md",
                    "!notes.txt",
                ],
            ),
            ("002-older", ".specify/specs/002-older", &["spec.md"]),
            (
                "assess.offline",
                ".specify/assessments/offline",
                &["intake.md"],
            ),
            ("bug.loop", ".specify/bugs/loop", &["fix.md"]),
            (
                "spec-kit.project",
                "",
                &[".specify/memory/constitution.md", "specs/README.md"],
            ),
        ],
        others: &[
            ".specify/feature.json",
            ".specify/templates/spec-template.md",
            "specs/001-tides/.draft.md",
        ],
    },
    Tree {
        name: "openspec",
        artifacts: "[artifacts]\nlayouts = ['openspec']",
        units: &[
            (
                "add-login",
                "openspec/changes/add-login",
                &["proposal.md", "specs/auth/spec.md", "!script.sh"],
            ),
            (
                "archive.2026-01-02-fix",
                "openspec/changes/archive/2026-01-02-fix",
                &["proposal.md"],
            ),
            (
                "fix",
                "openspec/changes/archive/2026-01-03-fix",
                &["proposal.md"],
            ),
            (
                "openspec.project",
                "",
                &[
                    "openspec/config.yaml",
                    "openspec/specs/auth/login/spec.md",
                    "openspec/changes/ORDER.md",
                ],
            ),
        ],
        others: &[
            "openspec/AGENTS.md",
            "openspec/changes/add-login/.openspec.yaml",
            "openspec/work/plan.md",
        ],
    },
    Tree {
        name: "kiro",
        artifacts: "[artifacts]\nlayouts = ['kiro']",
        units: &[
            (
                "archive.login",
                ".kiro/specs/archive/login",
                &["requirements.md"],
            ),
            (
                "login",
                ".kiro/specs/login",
                &["requirements.md", "spec.json", "!logs/run.log"],
            ),
            ("old", ".kiro/specs/archive/old", &["design.md"]),
            (
                "kiro.project",
                "",
                &[
                    ".kiro/steering/product.md",
                    ".kiro/steering/deep/er.md",
                    ".kiro/specs/notes.md",
                ],
            ),
        ],
        others: &[
            ".kiro/hooks/README.md",
            ".kiro/specs/archive/README.md",
            ".kiro/specs/login/.config.kiro",
        ],
    },
    Tree {
        name: "bmad",
        artifacts: "[artifacts]\nlayouts = ['bmad']",
        units: &[
            ("bmad.project", "", &["_bmad-output/project-context.md"]),
            (
                "implementation-artifacts",
                "_bmad-output/implementation-artifacts",
                &["1-1-a.md", "sprint-status.yaml"],
            ),
            (
                "planning-artifacts",
                "_bmad-output/planning-artifacts",
                &["prds/a/prd.md", "!pitch.html"],
            ),
        ],
        others: &["_bmad-output/index.json"],
    },
    Tree {
        name: "gsd",
        artifacts: "[artifacts]\nlayouts = ['gsd']",
        units: &[
            (
                "01-base",
                ".planning/phases/01-base",
                &["01-01-PLAN.md", "01-01-SUMMARY.md"],
            ),
            (
                "02.1-fix",
                ".planning/milestones/v1.0-phases/02.1-fix",
                &["02.1-01-PLAN.md"],
            ),
            (
                "archive.v1.0.01-base",
                ".planning/milestones/v1.0-phases/01-base",
                &["01-01-PLAN.md"],
            ),
            (
                "payments.01-api",
                ".planning/workstreams/payments/phases/01-api",
                &["01-01-PLAN.md"],
            ),
            ("quick.1-log", ".planning/quick/1-log", &["1-PLAN.md"]),
            (
                "gsd.project",
                "",
                &[
                    ".planning/ROADMAP.md",
                    ".planning/milestones/v1.0-ROADMAP.md",
                    ".planning/workstreams/payments/STATE.md",
                ],
            ),
        ],
        others: &[".planning/debug/session.md"],
    },
];
