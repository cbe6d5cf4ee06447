//! What of each unit would leave, and what would not and why.

use std::collections::BTreeMap;

use crate::base::text::printable;
use crate::cli::render::plural;
use crate::cli::table::size;
use crate::ops::report::Artifact;

/// Paths that are named for a reason, at most; `-v` names all.
const FEW: usize = 3;

/// The lines of a dry run: each unit with its documents, then what is not sent of it, by reason.
pub(crate) fn listing(artifacts: &[Artifact], is_verbose: bool) -> Vec<String> {
    let units = artifacts.chunk_by(|a, b| a.mission_slug == b.mission_slug);
    units
        .flat_map(|unit| unit_lines(unit, is_verbose))
        .collect()
}

fn unit_lines(unit: &[Artifact], is_verbose: bool) -> Vec<String> {
    let Some(first) = unit.first() else {
        return Vec::new();
    };
    let (sent, kept): (Vec<_>, Vec<_>) = unit.iter().partition(|a| a.decision == "queued");
    let place = if first.dir.is_empty() {
        String::new()
    } else {
        format!(" {}/", printable(&first.dir))
    };
    let bytes = size(sent.iter().map(|a| a.size).sum());
    let documents = plural(sent.len() as u64, "document");
    let mut lines = vec![format!(
        "{} ({}{place}): {documents}, {bytes}",
        printable(&first.mission_slug),
        printable(&first.layout)
    )];
    if is_verbose {
        lines.extend(
            sent.iter()
                .map(|a| format!("    sent: {}", printable(&a.path))),
        );
    }
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for artifact in kept {
        reasons
            .entry(artifact.reason.as_str())
            .or_default()
            .push(artifact.path.as_str());
    }
    lines.extend(reasons.into_iter().map(|(reason, paths)| {
        let shown = if is_verbose { paths.len() } else { FEW };
        let mut words: Vec<_> = paths
            .iter()
            .take(shown)
            .map(|path| printable(path))
            .collect();
        if paths.len() > shown {
            words.push(format!("{} more", paths.len() - shown));
        }
        format!("    not sent: {} ({})", words.join(", "), printable(reason))
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_come_with_what_goes_and_what_does_not() {
        let artifact = |unit: &str, dir: &str, path: &str, reason: &str| Artifact {
            mission_slug: unit.to_owned(),
            layout: "kiro".to_owned(),
            dir: dir.to_owned(),
            path: path.to_owned(),
            sha256: String::new(),
            size: 700,
            artifact_key: String::new(),
            artifact_class: String::new(),
            required_status: String::new(),
            present: true,
            decision: if reason == "enqueued" {
                "queued"
            } else {
                "skipped"
            }
            .to_owned(),
            reason: reason.to_owned(),
        };
        let mut artifacts = vec![
            artifact("login", ".kiro/specs/login", "design.md", "enqueued"),
            artifact("login", ".kiro/specs/login", "tasks.md", "enqueued"),
        ];
        artifacts.extend((0..5).map(|n| {
            artifact(
                "login",
                ".kiro/specs/login",
                &format!("{n}.log"),
                "unsupported_surface",
            )
        }));
        artifacts.push(artifact(
            "kiro.project",
            "",
            ".kiro/steering/a\u{1b}.md",
            "empty_content",
        ));
        insta::assert_snapshot!(listing(&artifacts, false).join("\n"), @r"
        login (kiro .kiro/specs/login/): 2 documents, 1.3 KiB
            not sent: 0.log, 1.log, 2.log, 2 more (unsupported_surface)
        kiro.project (kiro): 0 documents, 0 B
            not sent: .kiro/steering/a\u{1b}.md (empty_content)
        ");
        assert_eq!(listing(&artifacts, true).len(), 6);
    }
}
