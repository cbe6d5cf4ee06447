//! Manifests: the artifacts that a mission type expects, and their keys.

use super::class::Class;
use super::manifest_tables::{NEWEST, SEED};

/// Version of every shipped manifest, also used for missions without a manifest.
pub(crate) const VERSION: &str = "1";

/// Release of the manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Edition {
    /// Those of 2026-06-29 (3.2.4, 3.2.5).
    #[default]
    Seed,
    /// Those of 3.2.7.
    Newest,
}

/// One expected artifact.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) key: &'static str,
    pub(super) class: Class,
    /// A glob in which only `*` is special and crosses `/`.
    pub(super) pattern: &'static str,
    /// True if a step is incomplete without it.
    pub(super) is_blocking: bool,
}

/// Expected artifacts of one mission type. (`required_always` was empty in every shipped manifest,
/// so it is omitted.)
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) mission_type: &'static str,
    /// Each step's artifacts, in file order.
    pub(super) steps: &'static [(&'static str, &'static [Spec])],
    pub(super) optional: &'static [Spec],
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

    /// Every spec, in the order of matching.
    pub(super) fn specs(&self) -> impl Iterator<Item = &'static Spec> {
        self.steps
            .iter()
            .flat_map(|(_, specs)| specs.iter())
            .chain(self.optional)
    }

    /// True when any step names `key`, blocking or not.
    pub(super) fn requires(&self, key: &str) -> bool {
        self.steps
            .iter()
            .any(|(_, specs)| specs.iter().any(|spec| spec.key == key))
    }

    /// The artifacts of `step`; empty for an unknown step.
    pub(super) fn of_step(&self, step: &str) -> &'static [Spec] {
        self.steps
            .iter()
            .find(|(name, _)| *name == step)
            .map_or(&[], |(_, specs)| specs)
    }
}

/// True when `text` matches `pattern`, in which `*` stands for any characters, `/` included.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let middle: Vec<&str> = parts.collect();
    let Some((last, middle)) = middle.split_last() else {
        return rest.is_empty();
    };
    let rest = middle.iter().try_fold(rest, |rest, part| {
        rest.find(part).and_then(|at| rest.get(at + part.len()..))
    });
    rest.is_some_and(|rest| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_crosses_slashes_and_nothing_else_is_special() {
        for (pattern, text, wanted) in [
            ("spec.md", "spec.md", true),
            ("spec.md", "specxmd", false),
            ("spec.md", "archive/spec.md", false),
            ("docs/**/*.md", "docs/a/b.md", true),
            ("docs/**/*.md", "docs//b.md", true),
            ("docs/**/*.md", "docs/b.md", false),
            ("docs/**/*.md", "docs/a/b/c/d.md", true),
            ("tasks/WP*.md", "tasks/WP01-x/review.md", true),
            ("tasks/WP*.md", "tasks/WP.md", true),
            ("tasks/WP*.md", "tasks/WP.mdx", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn the_editions_differ_where_they_should() {
        let seed = Manifest::of(Edition::Seed, "software-dev").unwrap();
        let newest = Manifest::of(Edition::Newest, "software-dev").unwrap();
        assert!(
            seed.requires("evidence.analysis-report")
                && !newest.requires("evidence.analysis-report")
        );
        assert!(newest.requires("output.tasks.per_wp") && !seed.requires("output.tasks.per_wp"));
        assert!(
            Manifest::of(Edition::Seed, "plan").is_none()
                && Manifest::of(Edition::Newest, "plan").is_some()
        );
        assert!(Manifest::of(Edition::Newest, "../software-dev").is_none());
        assert_eq!(seed.of_step("plan").len(), 2);
        assert_eq!(newest.of_step("plan").len(), 1);
        assert!(seed.of_step("no such step").is_empty());
    }
}
