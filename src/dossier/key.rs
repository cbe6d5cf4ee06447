//! The artifact key of a file. Keys are not unique: two files may have the same.

use super::manifest::{Manifest, matches};

/// The key of the file called `name` (no directories): that of the first manifest entry whose
/// pattern matches the name, else one made from the name. Characters that a key must not contain
/// become `-`.
pub(super) fn of_name(manifest: Option<&Manifest>, name: &str) -> String {
    if let Some(spec) = manifest.and_then(|m| m.specs().find(|spec| matches(spec.pattern, name))) {
        return spec.key.to_owned();
    }
    let stem = stem(name).to_lowercase().replace(['_', ' '], "-");
    // The reference's pattern ends in Python's `$`, which accepts one line end.
    if stem
        .strip_suffix('\n')
        .unwrap_or(&stem)
        .chars()
        .all(is_allowed)
    {
        return format!("artifact.{stem}");
    }
    let stem: String = stem
        .chars()
        .map(|c| if is_allowed(c) { c } else { '-' })
        .collect();
    format!("artifact.{stem}")
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// `name` without its last suffix, as Python's `pathlib` sees it: a leading or trailing dot does
/// not start a suffix.
fn stem(name: &str) -> &str {
    name.split_at(suffix_start(name)).0
}

/// The suffix of `name`, dot included; empty if there is none.
pub(crate) fn suffix(name: &str) -> &str {
    name.split_at(suffix_start(name)).1
}

fn suffix_start(name: &str) -> usize {
    name.rfind('.')
        .filter(|at| *at > 0 && at + 1 < name.len())
        .unwrap_or(name.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::manifest_tables::Edition;

    #[test]
    fn keys_made_from_names() {
        for (name, key) in [
            ("spec.md", "artifact.spec"),
            ("Review_Cycle 1.md", "artifact.review-cycle-1"),
            ("a.tar.gz", "artifact.a.tar"),
            ("dot.", "artifact.dot."),
            ("x.md~", "artifact.x"),
            ("README", "artifact.readme"),
            ("notes (v2).md", "artifact.notes--v2-"),
            ("a+b:c.md", "artifact.a-b-c"),
            ("RÉSUMÉ.md", "artifact.r-sum-"),
            ("line\n.md", "artifact.line\n"),
            ("two\n\n.md", "artifact.two--"),
            ("..md", "artifact.."),
        ] {
            assert_eq!(of_name(None, name), key, "{name:?}");
        }
    }

    #[test]
    fn a_manifest_goes_by_the_name_alone() {
        let software = Manifest::of(Edition::Seed, "software-dev");
        assert_eq!(of_name(software, "spec.md"), "input.spec.main");
        assert_eq!(of_name(software, "SPEC.md"), "artifact.spec");
        let newest = Manifest::of(Edition::Newest, "software-dev");
        assert_eq!(
            of_name(newest, "WP01-x.md"),
            "artifact.wp01-x",
            "a pattern with a slash never gives its key"
        );
    }

    #[test]
    fn suffixes() {
        for (name, wanted) in [
            ("a.MD", ".MD"),
            ("a", ""),
            (".a", ""),
            ("a.", ""),
            ("a.b.c", ".c"),
            ("é.csv", ".csv"),
        ] {
            assert_eq!(suffix(name), wanted, "{name}");
        }
    }
}
