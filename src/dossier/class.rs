//! Classes of artifacts, and the class of a file by its name.

/// Role of an artifact in its mission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Class {
    /// The request.
    Input,
    /// The procedure.
    Workflow,
    /// The result.
    Output,
    /// Proof of a claim.
    Evidence,
    /// A rule to follow.
    Policy,
    /// Files of tools.
    Runtime,
}

impl Class {
    /// The word on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Workflow => "workflow",
            Self::Output => "output",
            Self::Evidence => "evidence",
            Self::Policy => "policy",
            Self::Runtime => "runtime",
        }
    }
}

/// The class by file name only: whole names first, then parts of names in any position (`latest.md`
/// contains `test`).
pub(super) fn of_name(name: &str) -> Class {
    const PARTS: [(Class, &[&str]); 4] = [
        (Class::Evidence, &["test", "gap-analysis", "log"]),
        (
            Class::Policy,
            &[
                "requirements",
                "constraints",
                "architecture-decision",
                "adr",
            ],
        ),
        (
            Class::Output,
            &["implementation", "code", "findings", "report"],
        ),
        (Class::Runtime, &["generated", "cache"]),
    ];
    let name = name.to_lowercase();
    match name.as_str() {
        "spec.md" | "specification.md" => Class::Input,
        "plan.md" | "tasks.md" => Class::Workflow,
        wp if wp.starts_with("wp") && wp.strip_suffix(".md").is_some() => Class::Workflow,
        "research.md" | "analysis-report.md" => Class::Evidence,
        _ => PARTS
            .iter()
            .find(|(_, parts)| parts.iter().any(|part| name.contains(part)))
            .map_or(Class::Output, |(class, _)| *class),
    }
}

#[cfg(test)]
mod tests {
    use crate::dossier::manifest::class_of;

    #[test]
    fn names_decide_without_a_manifest() {
        for (name, class) in [
            ("SPEC.md", "input"),
            ("specification.md", "input"),
            ("plan.md", "workflow"),
            ("tasks.md", "workflow"),
            ("tasks/WP01.MD", "workflow"),
            ("wp-latest.md", "workflow"),
            ("wp01.txt", "output"),
            ("research.md", "evidence"),
            ("analysis-report.md", "evidence"),
            ("latest.md", "evidence"),
            ("catalog.md", "evidence"),
            ("quadrant.md", "policy"),
            ("checklists/requirements.md", "policy"),
            ("test-requirements.md", "evidence"),
            ("decode.txt", "output"),
            ("generated-code.md", "output"),
            ("generated.json", "runtime"),
            ("requirements/x.md", "output"),
            ("meta.json", "output"),
        ] {
            assert_eq!(class_of(None, name).as_str(), class, "{name}");
        }
    }
}
