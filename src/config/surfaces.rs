//! The globs that say which files of a mission are sent.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Globs on the whole relative path: case-sensitive, `*` crosses `/`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Surfaces {
    patterns: Vec<String>,
    set: GlobSet,
}

impl Surfaces {
    /// True when a glob matches the whole of `path`, a path relative to the mission directory.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.set.is_match(path)
    }

    /// The globs as written.
    pub(crate) fn patterns(&self) -> &[String] {
        &self.patterns
    }
}

impl PartialEq for Surfaces {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl TryFrom<Vec<String>> for Surfaces {
    type Error = globset::Error;

    fn try_from(patterns: Vec<String>) -> Result<Self, Self::Error> {
        let mut builder = GlobSetBuilder::new();
        for pattern in &patterns {
            builder.add(glob(pattern)?);
        }
        Ok(Self { set: builder.build()?, patterns })
    }
}

/// One glob, or what is wrong with it.
pub(super) fn glob(pattern: &str) -> Result<globset::Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(false).case_insensitive(false).backslash_escape(true).build()
}

#[cfg(test)]
mod tests {
    use crate::config::EventSyncConfig;

    /// `formats`, features and artifacts, section 8: exact names, three prefixes, and `^tasks/WP\d+.*\.md$`.
    #[test]
    fn defaults_decide_like_the_reference() {
        let surfaces = EventSyncConfig::default().artifacts.surfaces;
        for path in [
            "spec.md",
            "plan.md",
            "tasks.md",
            "analysis-report.md",
            "research.md",
            "quickstart.md",
            "data-model.md",
            "research/a",
            "research/deep/er/x.csv",
            "contracts/.hidden",
            "checklists/a b.md",
            "tasks/WP01.md",
            "tasks/WP1-some-thing.md",
            "tasks/WP01-x/review.md",
            "tasks/WP01-x/review-cycle-1.md",
            "tasks/WP0.md.md",
        ] {
            assert!(surfaces.matches(path), "{path}");
        }
        for path in [
            "Spec.md",
            "spec.MD",
            "sub/spec.md",
            "spec.md/x",
            "research",
            "Research/a",
            "x/research/a",
            "tasks/wp01.md",
            "tasks/WP01.MD",
            "tasks/WP.md",
            "tasks/WPx1.md",
            "tasks/WP٣.md",
            "tasks/sub/WP01.md",
            "tasks/WP01.md~",
            "x/tasks/WP01.md",
            "lint-report.json",
            "",
        ] {
            assert!(!surfaces.matches(path), "{path}");
        }
    }
}
