//! The shipped manifests, step by step.

use super::class::Class::{self, Evidence, Input, Output, Runtime, Workflow};
use super::manifest::{Manifest, Spec};

/// Release of the manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Edition {
    /// Those of 2026-06-29 (3.2.4, 3.2.5).
    #[default]
    Seed,
    /// Those of 3.2.7.
    Newest,
}

impl Manifest {
    /// The manifest of `mission_type`; `None` if it has none.
    pub(super) fn of(edition: Edition, mission_type: &str) -> Option<&'static Self> {
        let table = match edition {
            Edition::Seed => SEED,
            Edition::Newest => NEWEST,
        };
        table
            .iter()
            .find(|manifest| manifest.mission_type == mission_type)
    }
}

const fn blocking(key: &'static str, class: Class, pattern: &'static str) -> Spec {
    Spec {
        key,
        class,
        pattern,
        is_blocking: true,
    }
}

const fn optional(key: &'static str, class: Class, pattern: &'static str) -> Spec {
    Spec {
        key,
        class,
        pattern,
        is_blocking: false,
    }
}

const PLAN: Spec = blocking("output.plan.main", Output, "plan.md");
const TASKS: Spec = blocking("output.tasks.list", Output, "tasks.md");
const WORK_PACKAGES: Spec = blocking("output.tasks.per_wp", Output, "tasks/WP*.md");
const DOC_PLAN: Spec = blocking("workflow.plan.documentation", Workflow, "plan.md");
const DOC_TASKS: Spec = blocking("workflow.tasks.documentation", Workflow, "tasks.md");
const GAP_ANALYSIS: Spec = blocking("evidence.gap-analysis", Evidence, "gap-analysis.md");
const DOC_GENERATED: Spec = optional("output.docs.generated", Output, "docs/**/*.md");
const RESEARCH: Spec = optional("evidence.research", Evidence, "research.md");
const GAPS: Spec = optional("evidence.gap-analysis", Evidence, "gap-analysis.md");
const QUICKSTART: Spec = optional("evidence.quickstart", Evidence, "quickstart.md");
const DATA_MODEL: Spec = optional("evidence.data-model", Evidence, "data-model.md");
const AUDIT_REPORT: Spec = optional("evidence.audit-report", Evidence, "audit-report.md");
const METHODOLOGY: Spec = optional("evidence.methodology.detailed", Evidence, "methodology.md");
const SYNTHESIS: Spec = optional("evidence.synthesis.notes", Evidence, "synthesis.md");
const LITERATURE: Spec = optional(
    "evidence.literature-review",
    Evidence,
    "literature-review.md",
);
const RESEARCH_LOG: Spec = optional("evidence.research-log", Evidence, "research.md");
const DECAY: Spec = optional("runtime.charter-lint.decay", Runtime, "lint-report.json");

/// A shared part: its steps are the same in both editions except for one artifact of `gathering`.
const SCOPING: &[Spec] = &[blocking("input.spec.research", Input, "spec.md")];
const RESEARCH_PLAN: &[Spec] = &[blocking("workflow.plan.methodology", Workflow, "plan.md")];
const FINDINGS: &[Spec] = &[blocking("output.findings.main", Output, "findings.md")];
const PUBLICATION: &[Spec] = &[blocking("output.report.publication", Output, "report.md")];
const SPECIFY: &[Spec] = &[blocking("input.spec.main", Input, "spec.md")];
const DISCOVER: &[Spec] = &[blocking("input.spec.documentation", Input, "spec.md")];

/// The manifests of 2026-06-29.
const SEED: &[Manifest] = &[
    Manifest {
        mission_type: "software-dev",
        steps: &[
            ("discovery", &[]),
            ("specify", SPECIFY),
            ("plan", &[PLAN, TASKS]),
            (
                "implement",
                &[blocking(
                    "evidence.analysis-report",
                    Evidence,
                    "analysis-report.md",
                )],
            ),
            ("review", &[]),
            ("done", &[]),
        ],
        optional: &[RESEARCH, GAPS, QUICKSTART, DATA_MODEL],
    },
    Manifest {
        mission_type: "research",
        steps: &[
            ("scoping", SCOPING),
            ("methodology", RESEARCH_PLAN),
            ("gathering", &[]),
            ("synthesis", FINDINGS),
            ("output", PUBLICATION),
            ("done", &[]),
        ],
        optional: &[METHODOLOGY, SYNTHESIS, LITERATURE, GAPS, RESEARCH_LOG],
    },
    Manifest {
        mission_type: "documentation",
        steps: &[
            ("discover", DISCOVER),
            ("audit", &[DOC_PLAN, DOC_TASKS, GAP_ANALYSIS]),
            ("design", &[DOC_PLAN, DOC_TASKS]),
            ("generate", &[DOC_GENERATED]),
            ("validate", &[]),
            ("publish", &[]),
        ],
        optional: &[RESEARCH, DATA_MODEL, QUICKSTART, AUDIT_REPORT],
    },
];

/// The manifests of 3.2.7.
const NEWEST: &[Manifest] = &[
    Manifest {
        mission_type: "software-dev",
        steps: &[
            ("discovery", &[]),
            ("specify", SPECIFY),
            ("plan", &[PLAN]),
            ("tasks_outline", &[TASKS]),
            ("tasks_packages", &[WORK_PACKAGES]),
            ("tasks_finalize", &[WORK_PACKAGES]),
            ("implement", &[]),
            ("review", &[]),
            ("done", &[]),
        ],
        optional: &[RESEARCH, GAPS, QUICKSTART, DATA_MODEL, DECAY],
    },
    Manifest {
        mission_type: "research",
        steps: &[
            ("scoping", SCOPING),
            ("methodology", RESEARCH_PLAN),
            (
                "gathering",
                &[blocking(
                    "evidence.source-register",
                    Evidence,
                    "source-register.csv",
                )],
            ),
            ("synthesis", FINDINGS),
            ("output", PUBLICATION),
            ("done", &[]),
        ],
        optional: &[
            METHODOLOGY,
            SYNTHESIS,
            LITERATURE,
            GAPS,
            RESEARCH_LOG,
            DECAY,
        ],
    },
    Manifest {
        mission_type: "documentation",
        steps: &[
            ("discover", DISCOVER),
            ("audit", &[GAP_ANALYSIS]),
            ("design", &[DOC_PLAN]),
            ("generate", &[DOC_GENERATED]),
            (
                "validate",
                &[blocking(
                    "evidence.audit-report",
                    Evidence,
                    "audit-report.md",
                )],
            ),
            (
                "publish",
                &[blocking("output.release.main", Output, "release.md")],
            ),
            ("accept", &[]),
        ],
        optional: &[RESEARCH, DATA_MODEL, QUICKSTART, AUDIT_REPORT, DECAY],
    },
    Manifest {
        mission_type: "plan",
        steps: &[
            (
                "goals",
                &[blocking("output.goals.main", Output, "goals.md")],
            ),
            (
                "research",
                &[blocking("evidence.research", Evidence, "research.md")],
            ),
            ("structure", &[]),
            ("draft", &[PLAN]),
            ("review", &[]),
            ("done", &[]),
        ],
        optional: &[],
    },
];

/// Expected artifacts of a feature in GitHub's Spec Kit.
pub(super) const SPEC_KIT: Manifest = Manifest {
    mission_type: "spec-kit",
    steps: &[("specify", SPECIFY), ("plan", &[PLAN]), ("tasks", &[TASKS])],
    optional: &[RESEARCH, DATA_MODEL, QUICKSTART],
};

/// Expected artifacts of a change in `OpenSpec`.
pub(super) const OPENSPEC_CHANGE: Manifest = Manifest {
    mission_type: "openspec-change",
    steps: &[
        (
            "propose",
            &[blocking("input.proposal.main", Input, "proposal.md")],
        ),
        ("apply", &[TASKS]),
    ],
    optional: &[optional("output.design.main", Output, "design.md")],
};

/// Expected artifacts of a spec in Kiro. A bug has `bugfix.md` where a feature has
/// `requirements.md`: both have the same key.
pub(super) const KIRO_SPEC: Manifest = Manifest {
    mission_type: "kiro-spec",
    steps: &[
        (
            "requirements",
            &[blocking(
                "input.requirements.main",
                Input,
                "requirements.md",
            )],
        ),
        (
            "design",
            &[blocking("output.design.main", Output, "design.md")],
        ),
        ("tasks", &[TASKS]),
    ],
    optional: &[
        optional("input.requirements.main", Input, "bugfix.md"),
        RESEARCH,
    ],
};

/// Expected artifacts of a phase in GSD.
pub(super) const GSD_PHASE: Manifest = Manifest {
    mission_type: "gsd-phase",
    steps: &[
        (
            "plan",
            &[blocking("output.plan.phase", Output, "*-PLAN.md")],
        ),
        (
            "execute",
            &[blocking("evidence.summary.phase", Evidence, "*-SUMMARY.md")],
        ),
    ],
    optional: &[optional(
        "evidence.verification.phase",
        Evidence,
        "*-VERIFICATION.md",
    )],
};
