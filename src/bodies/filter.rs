//! Which artifacts have a text that is sent, decided from the index. The reason texts are a public
//! contract.
//!
//! The rules that need the bytes are in [`super::Body`].

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{Decision, Error, Status};
use crate::dossier::suffix;

/// The facts about one artifact in the index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    /// The path below the feature directory, with `/`.
    pub(crate) path: &'a str,
    /// The size in bytes, as indexed.
    pub(crate) size_bytes: u64,
    /// False for ghosts and for files that could not be read.
    pub(crate) is_present: bool,
    /// Why it is not present (`invalid_utf8`, `not_found`, …).
    pub(crate) error_reason: Option<&'a str>,
}

/// The checked settings of `[artifacts]`.
#[derive(Debug, Clone)]
pub(crate) struct FilterPolicy {
    surfaces: GlobSet,
    /// The globs that also match a path with a line end in it.
    multiline_surfaces: GlobSet,
    formats: Vec<String>,
    max_bytes: u64,
}

impl FilterPolicy {
    /// Settings from `artifacts.surfaces` (globs on the whole relative path, case-sensitive, `*`
    /// crosses `/`), `artifacts.formats` (suffixes without their dot, in any case) and
    /// `artifacts.max_bytes`.
    ///
    /// A lone `*` or `?` does not match a line end, as in the reference's pattern
    /// `^tasks/WP\d+.*\.md$`, so a glob with one matches no path that contains a line end; `**`
    /// does.
    pub(crate) fn new(
        surfaces: &[String],
        formats: &[String],
        max_bytes: u64,
    ) -> Result<Self, Error> {
        let is_multiline = |glob: &&String| !glob.replace("**", "").contains(['*', '?']);
        Ok(Self {
            surfaces: glob_set(surfaces.iter())?,
            multiline_surfaces: glob_set(surfaces.iter().filter(is_multiline))?,
            formats: formats
                .iter()
                .map(|f| f.strip_prefix('.').unwrap_or(f).to_lowercase())
                .collect(),
            max_bytes,
        })
    }

    fn is_surface(&self, path: &str) -> bool {
        if path.contains('\n') {
            self.multiline_surfaces.is_match(path)
        } else {
            self.surfaces.is_match(path)
        }
    }

    fn is_format(&self, suffix: &str) -> bool {
        suffix
            .strip_prefix('.')
            .is_some_and(|s| self.formats.contains(&s.to_lowercase()))
    }
}

fn glob_set<'a>(globs: impl Iterator<Item = &'a String>) -> Result<GlobSet, Error> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let place = |e: globset::Error| Error::Surface {
            glob: glob.clone(),
            reason: e.kind().to_string(),
        };
        set.add(
            GlobBuilder::new(glob)
                .literal_separator(false)
                .backslash_escape(true)
                .build()
                .map_err(place)?,
        );
    }
    set.build().map_err(|e| Error::Surface {
        glob: e.glob().unwrap_or_default().to_owned(),
        reason: e.to_string(),
    })
}

/// Decides by the index only; a text that is `queued` here must still pass [`super::Body::verify`].
pub(crate) fn decide(candidate: &Candidate<'_>, policy: &FilterPolicy) -> Decision {
    let Candidate {
        path,
        size_bytes,
        is_present,
        error_reason,
    } = *candidate;
    let suffix = suffix(path.rsplit('/').next().unwrap_or(path));
    if !is_present {
        let why = error_reason.filter(|r| !r.is_empty()).unwrap_or("unknown");
        Decision::skipped(format!("not_present: {why}"))
    } else if !policy.is_surface(path) {
        Decision::skipped("unsupported_surface")
    } else if !policy.is_format(suffix) {
        let shown = if suffix.is_empty() {
            "(no extension)"
        } else {
            suffix
        };
        Decision::skipped(format!("unsupported_format: {shown}"))
    } else if size_bytes > policy.max_bytes {
        Decision::skipped(format!(
            "oversized: {size_bytes} bytes > {} limit",
            policy.max_bytes
        ))
    } else if size_bytes == 0 {
        Decision::skipped("empty_content")
    } else {
        Decision {
            status: Status::Queued,
            reason: "enqueued".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published defaults.
    fn defaults() -> FilterPolicy {
        let artifacts = crate::config::EventSyncConfig::default().artifacts;
        FilterPolicy::new(&artifacts.surfaces, &artifacts.formats, artifacts.max_bytes).unwrap()
    }

    fn policy(surfaces: &[&str], max_bytes: u64) -> FilterPolicy {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        FilterPolicy::new(
            &owned(surfaces),
            &owned(&["md", "json", "yaml", "yml", "csv"]),
            max_bytes,
        )
        .unwrap()
    }

    fn present(path: &str, size_bytes: u64) -> Candidate<'_> {
        Candidate {
            path,
            size_bytes,
            is_present: true,
            error_reason: None,
        }
    }

    /// The reference's rule for surfaces, written independently of globs.
    fn reference_surface(path: &str) -> bool {
        let exact = [
            "spec",
            "plan",
            "tasks",
            "analysis-report",
            "research",
            "quickstart",
            "data-model",
        ];
        let work_package = path
            .strip_prefix("tasks/WP")
            .and_then(|rest| rest.strip_suffix(".md"));
        path.strip_suffix(".md")
            .is_some_and(|stem| exact.contains(&stem))
            || ["research/", "contracts/", "checklists/"]
                .iter()
                .any(|p| path.starts_with(p))
            || work_package.is_some_and(|rest| {
                rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.contains('\n')
            })
    }

    #[test]
    fn default_globs_decide_like_the_rules_of_the_reference() {
        let policy = defaults();
        let tops = [
            "",
            "research/",
            "contracts/",
            "checklists/",
            "tasks/",
            "tasks/sub/",
            "Research/",
            "tasks/WP01-x/",
        ];
        let names = [
            "spec.md",
            "Spec.md",
            "spec.mdx",
            "analysis-report.md",
            "research",
            "research.md",
            "a/b/c.md",
            "WP01.md",
            "WP1-x.md",
            "WP.md",
            "wp01.md",
            "WP01.MD",
            "WP٣.md",
            "WP01-x/review-cycle-1.md",
            "WP01\n.md",
            "WP01.md\n",
            "a\nb.md",
            "review.md",
            "WP01.txt",
            "[0-9].md",
            "lint-report.json",
        ];
        for path in tops
            .iter()
            .flat_map(|top| names.iter().map(move |name| format!("{top}{name}")))
        {
            assert_eq!(
                policy.is_surface(&path),
                reference_surface(&path),
                "{path:?}"
            );
        }
        assert!(
            reference_surface("tasks/WP01-x/review-cycle-1.md")
                && !reference_surface("tasks/WP01\n.md")
        );
        assert!(policy.is_surface("research/a\nb.md"));
    }

    #[test]
    fn reasons_come_in_order_and_in_the_exact_words() {
        let policy = defaults();
        for (path, size, expected) in [
            ("spec.md", 1, "enqueued"),
            ("research/NOTES.MD", 1, "enqueued"),
            ("spec.md", 524_288, "enqueued"),
            ("spec.md", 524_289, "oversized: 524289 bytes > 524288 limit"),
            ("spec.md", 0, "empty_content"),
            ("notes.md", 0, "unsupported_surface"),
            ("research/x.py", 9_999_999, "unsupported_format: .py"),
            ("research/x.PY", 1, "unsupported_format: .PY"),
            ("research/Makefile", 1, "unsupported_format: (no extension)"),
            ("research/.hidden", 1, "unsupported_format: (no extension)"),
            ("research/dot.", 1, "unsupported_format: (no extension)"),
            ("research.d/x.md", 1, "unsupported_surface"),
            ("research/a.md/x", 1, "unsupported_format: (no extension)"),
            ("research/a.tar.gz", 1, "unsupported_format: .gz"),
            ("research/x.md~", 1, "unsupported_format: .md~"),
            ("research/..md", 1, "enqueued"),
            ("status.json", 1, "unsupported_surface"),
        ] {
            let decision = decide(&present(path, size), &policy);
            assert_eq!(decision.reason, expected, "{path}");
            let status = if expected == "enqueued" {
                Status::Queued
            } else {
                Status::Skipped
            };
            assert_eq!(decision.status, status, "{path}");
        }
    }

    #[test]
    fn what_is_not_present_comes_first() {
        let policy = defaults();
        for (reason, expected) in [
            (Some("invalid_utf8"), "not_present: invalid_utf8"),
            (Some("not_found"), "not_present: not_found"),
            (Some(""), "not_present: unknown"),
            (None, "not_present: unknown"),
        ] {
            let ghost = Candidate {
                is_present: false,
                error_reason: reason,
                ..present("x.py", 0)
            };
            assert_eq!(decide(&ghost, &policy), Decision::skipped(expected));
        }
    }

    #[test]
    fn configured_limits_and_globs_are_the_ones_that_count() {
        let policy = policy(&["**/*.md"], 10);
        assert_eq!(
            decide(&present("spec.md", 11), &policy).reason,
            "oversized: 11 bytes > 10 limit"
        );
        assert_eq!(
            decide(&present("a/b/spec.md", 10), &policy).reason,
            "enqueued"
        );
        let formats = FilterPolicy::new(&["*".to_owned()], &[".TXT".to_owned()], 10).unwrap();
        assert_eq!(decide(&present("a/b.txt", 10), &formats).reason, "enqueued");
        assert_eq!(
            decide(&present("a/b.md", 10), &formats).reason,
            "unsupported_format: .md"
        );
    }

    #[test]
    fn a_broken_glob_is_named() {
        let error =
            FilterPolicy::new(&["spec.md".to_owned(), "a[".to_owned()], &[], 1).unwrap_err();
        assert!(error.to_string().contains("`a[`"), "{error}");
    }
}
