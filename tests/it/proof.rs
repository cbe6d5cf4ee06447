//! `docs/proof.md` names a test for each guarantee, and each test that it names exists.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::source::{Source, files};

fn page(name: &str) -> String {
    std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs")
            .join(name),
    )
    .unwrap()
}

/// The paths of tests in a text: code spans of names with `::` between them.
fn named_tests(text: &str) -> BTreeSet<&str> {
    let is_name = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let spans = text.split('`').skip(1).step_by(2);
    let last_word = spans.filter_map(|span| span.rsplit(' ').next());
    last_word
        .filter(|word| word.contains("::") && word.split("::").all(is_name))
        .collect()
}

/// True if a source of these modules has a test of this name.
fn exists(test: &str, sources: &[Source]) -> bool {
    let (modules, name) = test.rsplit_once("::").unwrap();
    let declared = format!("fn {name}(");
    sources.iter().any(|source| {
        let path = source
            .file
            .trim_end_matches(".rs")
            .trim_end_matches("/mod")
            .replace('/', "::");
        // The tests of `x.rs` may be in `x_tests.rs`.
        let in_file = path.replace("_tests", "::tests");
        let is_of = |path: &str| path.ends_with(&format!("::{modules}"));
        (is_of(&path) || is_of(&in_file))
            && source
                .text
                .match_indices(&declared)
                .any(|(at, _)| is_marked(&source.text[..at]))
    })
}

/// True if the attributes at the end of `text` say that a test follows.
fn is_marked(text: &str) -> bool {
    let above = text.rsplit('\n').skip(1).map(str::trim);
    above
        .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
        .any(|line| line == "#[test]")
}

fn sources() -> Vec<Source> {
    [files("src", "rs"), files("tests", "rs")]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn every_named_test_exists() {
    let (text, sources) = (page("proof.md"), sources());
    let named = named_tests(&text);
    assert!(named.len() > 20, "{named:?}");
    let missing: Vec<_> = named
        .iter()
        .filter(|test| !exists(test, &sources))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/proof.md names tests that are not there: {missing:?}"
    );
    assert!(
        !exists("power::a_capture_that_is_not_there", &sources)
            && !exists("kill::a_capture", &sources)
    );
    assert!(
        !exists("kill::plain", &sources),
        "a function that is not a test"
    );
}

#[test]
fn every_guarantee_has_a_test() {
    let (guarantees, proof) = (page("guarantees.md"), page("proof.md"));
    let promises: Vec<_> = guarantees
        .split("\n\n")
        .filter_map(|text| text.trim().strip_prefix("**")?.split_once(".**"))
        .collect();
    assert!(promises.len() >= 9, "{promises:?}");
    for (promise, _) in promises {
        let row = proof
            .lines()
            .find(|line| line.starts_with(&format!("| {promise} |")));
        let row = row.unwrap_or_else(|| panic!("docs/proof.md has no row for: {promise}"));
        assert!(!named_tests(row).is_empty(), "{row}");
    }
}
