//! A mission and its counts.

use super::*;
use crate::dossier::artifact::from_reading;
use crate::dossier::digest::Reading;
use crate::dossier::manifest_tables::Edition;

fn mission(edition: Edition, mission_type: &str, step: Option<&str>, paths: &[&str]) -> Mission {
    let manifest = Manifest::of(edition, mission_type);
    let read = |path: &str| match path.strip_prefix('!') {
        Some(path) => from_reading(manifest, path.to_owned(), Reading::Unreadable),
        None => from_reading(
            manifest,
            path.to_owned(),
            Reading::Read {
                sha256: Sha256::of(path.as_bytes()),
                size: 1,
                is_utf8: true,
            },
        ),
    };
    let mut mission = Mission {
        slug: "m".to_owned(),
        dir: PathBuf::new(),
        place: String::new(),
        source: 0,
        mission_type: mission_type.to_owned(),
        target_branch: "main".to_owned(),
        manifest_version: "1",
        step: step.map(str::to_owned),
        artifacts: paths.iter().filter_map(|path| read(path)).collect(),
        completeness: Completeness::Unknown,
        parity: String::new(),
        drift: None,
        mission_id: None,
        oddity: None,
    };
    mission.settle(manifest, ParityForm::Path);
    mission
}

fn absent(mission: &Mission) -> Vec<(&str, &str, &str)> {
    let absent = mission.artifacts.iter().filter(|a| !a.is_present);
    absent
        .map(|a| {
            (
                a.path.as_str(),
                a.required.as_str(),
                a.error_reason.unwrap_or_default(),
            )
        })
        .collect()
}

#[test]
fn ghosts_need_a_step_and_a_manifest() {
    for (edition, mission_type, step, paths, wanted, status) in [
        (
            Edition::Seed,
            "software-dev",
            None,
            vec![],
            vec![],
            "complete",
        ),
        (
            Edition::Seed,
            "software-dev",
            Some("plan"),
            vec!["spec.md", "plan.md"],
            vec![("tasks.md", "required", "not_found")],
            "incomplete",
        ),
        (
            Edition::Seed,
            "software-dev",
            Some("plan"),
            vec!["old/plan.md", "tasks.md"],
            vec![],
            "complete",
        ),
        (
            Edition::Seed,
            "software-dev",
            Some("nothing"),
            vec![],
            vec![],
            "complete",
        ),
        (
            Edition::Seed,
            "documentation",
            Some("generate"),
            vec!["docs/a/b.md"],
            vec![("docs/**/*.md", "optional", "not_found")],
            "complete",
        ),
        (
            Edition::Newest,
            "software-dev",
            Some("tasks_finalize"),
            vec!["tasks/WP01.md"],
            vec![("tasks/WP*.md", "required", "not_found")],
            "incomplete",
        ),
        (
            Edition::Seed,
            "plan",
            Some("goals"),
            vec![],
            vec![],
            "unknown",
        ),
        (
            Edition::Newest,
            "plan",
            Some("goals"),
            vec![],
            vec![("goals.md", "required", "not_found")],
            "incomplete",
        ),
    ] {
        let mission = mission(edition, mission_type, step, &paths);
        assert_eq!(absent(&mission), wanted, "{mission_type} {step:?}");
        assert_eq!(
            mission.completeness.as_str(),
            status,
            "{mission_type} {step:?}"
        );
    }
}

#[test]
fn the_digest_tells_every_difference() {
    let of = |change: &dyn Fn(&mut Mission)| {
        let mut mission = mission(
            Edition::Seed,
            "software-dev",
            Some("plan"),
            &["a.md", "spec.md", "!x.md"],
        );
        change(&mut mission);
        mission.digest("u")
    };
    let same = of(&|_| {});
    assert_eq!(same, of(&|m| m.dir = "/elsewhere".into()));
    let drift = |actual: &str| {
        Some(Drift {
            expected: "e".to_owned(),
            actual: actual.to_owned(),
        })
    };
    let changes: [&dyn Fn(&mut Mission); 16] = [
        &|m| m.drift = drift("a"),
        &|m| m.drift = drift("b"),
        &|m| m.slug.push('x'),
        &|m| m.target_branch.push('x'),
        &|m| m.mission_type.push('x'),
        &|m| m.step = None,
        &|m| m.completeness = Completeness::Unknown,
        &|m| m.parity.clear(),
        &|m| m.artifacts[0].path.push('x'),
        &|m| m.artifacts[0].sha256 = Some(Sha256::of(b"other")),
        &|m| m.artifacts[0].size += 1,
        &|m| m.artifacts[0].key.push('x'),
        &|m| m.artifacts[0].required = Required::Required,
        &|m| m.artifacts[0].class = crate::dossier::class::Class::Policy,
        &|m| m.artifacts[0].error_reason = Some("oversized"),
        &|m| drop(m.artifacts.remove(0)),
    ];
    let mut digests: Vec<_> = changes.iter().map(|change| of(change)).collect();
    digests.push(
        mission(
            Edition::Seed,
            "software-dev",
            Some("plan"),
            &["a.md", "spec.md", "!x.md"],
        )
        .digest("v"),
    );
    assert!(!digests.contains(&same));
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), changes.len() + 1);
}

#[test]
fn an_unreadable_artifact_has_its_key_but_is_not_present() {
    let mission = mission(
        Edition::Seed,
        "software-dev",
        Some("specify"),
        &["notes.md", "!spec.md", "!x.md"],
    );
    assert_eq!(
        absent(&mission),
        [
            ("spec.md", "required", "unreadable"),
            ("x.md", "optional", "unreadable")
        ]
    );
    assert_eq!(
        mission.counts(),
        Counts {
            total: 3,
            required: 1,
            required_present: 0,
            required_missing: 1,
            optional: 2,
            optional_present: 1
        }
    );
    assert_eq!(mission.completeness, Completeness::Incomplete);
}
