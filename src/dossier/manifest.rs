//! Manifests: the artifacts that a mission type expects, and their keys.

use super::class::{Class, of_name};

/// Version of every shipped manifest, also used for missions without a manifest.
pub(crate) const VERSION: &str = "1";

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

/// The class of the file at `path`: that of the first manifest entry whose pattern matches the
/// whole path, else by name.
pub(super) fn class_of(manifest: Option<&Manifest>, path: &str) -> Class {
    let specified = manifest.and_then(|m| m.specs().find(|spec| matches(spec.pattern, path)));
    specified.map_or_else(
        || of_name(path.rsplit('/').next().unwrap_or(path)),
        |spec| spec.class,
    )
}

#[cfg(test)]
mod tests {
    use super::super::manifest_tables::Edition;
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

    #[test]
    fn a_manifest_goes_by_the_whole_path() {
        let software = Manifest::of(Edition::Seed, "software-dev");
        for (path, class) in [
            ("plan.md", "output"),
            ("tasks.md", "output"),
            ("archive/plan.md", "workflow"),
            ("gap-analysis.md", "evidence"),
            ("PLAN.md", "workflow"),
            ("tasks/WP01-x.md", "workflow"),
        ] {
            assert_eq!(class_of(software, path).as_str(), class, "{path}");
        }
        let newest = Manifest::of(Edition::Newest, "software-dev");
        assert_eq!(class_of(newest, "tasks/WP01-x.md"), Class::Output);
        let documentation = Manifest::of(Edition::Seed, "documentation");
        assert_eq!(class_of(documentation, "docs/a/latest.md"), Class::Output);
        assert_eq!(class_of(documentation, "docs/latest.md"), Class::Evidence);
    }
}
