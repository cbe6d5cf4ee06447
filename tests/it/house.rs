//! House rules that no lint checks.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::source::{Source, files};

/// The longest a source file may be.
const LONGEST: usize = 400;

/// Folders with tables, and the prefixes of their names.
const TABLES: [(&str, &str); 5] = [
    ("journal", "journal_"),
    ("delivery", "delivery_"),
    ("bodies", "bodies_"),
    ("legacy", "legacy_"),
    ("serve", "serve_"),
];

/// The file that writes other domains' tables: the limit is these tables without other work.
const LIMIT: &str = "src/bench/bare.rs";

/// The only table that other modules may read: the journal's published view.
const FEED: &str = "journal_feed";
const FEED_READERS: [&str; 2] = ["delivery", "upkeep"];

/// Tables of older versions: not ours, although two of the names are similar.
const OLDER_TABLES: [&str; 2] = ["delivery_ledger", "delivery_targets"];

fn sources() -> Vec<Source> {
    [files("src", "rs"), files("tests", "rs")]
        .into_iter()
        .flatten()
        .collect()
}

fn folder(file: &str) -> &str {
    file.strip_prefix("src/")
        .and_then(|rest| rest.split_once('/'))
        .map_or("", |(folder, _)| folder)
}

#[test]
fn files_are_short() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.text.lines().count() > LONGEST)
        .map(|source| format!("{}: {} lines", source.file, source.text.lines().count()))
        .collect();
    assert!(
        long.is_empty(),
        "over {LONGEST} lines:\n{}",
        long.join("\n")
    );
}

#[test]
fn every_folder_says_what_it_is_for() {
    let all = files("src", "rs");
    let folders: BTreeSet<_> = all
        .iter()
        .filter_map(|s| s.file.rsplit_once('/'))
        .map(|(dir, _)| dir)
        .collect();
    for dir in folders.into_iter().filter(|dir| *dir != "src") {
        let name = format!("{dir}/mod.rs");
        let facade = all
            .iter()
            .find(|source| source.file == name)
            .unwrap_or_else(|| panic!("{name} is missing"));
        assert!(
            facade.text.starts_with("//! "),
            "{name} does not begin with its purpose"
        );
        let is_domain = dir.matches('/').count() == 1;
        assert!(
            !is_domain || facade.text.contains("//! **Invariant:**"),
            "{name} names no invariant"
        );
    }
}

#[test]
fn every_file_says_what_it_holds() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|s| !s.text.trim_start().starts_with("//! "))
        .map(|s| s.file)
        .collect();
    assert!(silent.is_empty(), "{silent:?} do not begin with `//! `");
}

#[test]
fn nothing_is_left_open() {
    let words = [
        "todo!",
        "unimplemented!",
        "dbg!",
        "#[allow",
        "#![allow",
        "#[ignore",
    ];
    let mut found = Vec::new();
    for source in sources() {
        // Tests count too: only comments and strings may hold these words.
        let code = Source::new(&source.file, &source.text.replace("#[cfg(test)]", "")).code;
        found.extend(
            words
                .iter()
                .filter(|w| code.contains(**w))
                .map(|w| format!("{}: {w}", source.file)),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_environment_variable_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let registry = std::fs::read_to_string(root.join("src/base/env.rs")).unwrap();
    let names: Vec<_> = registry
        .lines()
        .filter_map(|line| line.trim().split_once(" = \"")?.1.split_once("\": \""))
        .map(|(name, _)| name)
        .collect();
    assert!(
        names.contains(&"SK_SYNC_HOME") && names.len() > 10,
        "the registry was not read: {names:?}"
    );
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !page.contains(&format!("`{name}")))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/configuration.md does not name {missing:?}"
    );
}

/// Names of other domains' tables in the SQL in `text` of `folder`.
fn foreign_tables(folder: &str, text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words
        .filter(|word| {
            TABLES
                .iter()
                .any(|(owner, prefix)| word.starts_with(prefix) && *owner != folder)
        })
        .filter(|word| !(*word == FEED && FEED_READERS.contains(&folder)))
        .filter(|word| !(OLDER_TABLES.contains(word) && folder == "legacy"))
        .map(str::to_owned)
        .collect()
}

fn is_sql(text: &str) -> bool {
    [
        "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", " FROM ", " JOIN ",
    ]
    .iter()
    .any(|word| text.contains(word))
}

#[test]
fn a_domain_names_only_its_own_tables() {
    let mut found = Vec::new();
    for source in files("src", "rs")
        .into_iter()
        .filter(|source| source.file != LIMIT)
    {
        let sql = source.strings.iter().filter(|text| is_sql(text));
        let foreign = sql.flat_map(|text| foreign_tables(folder(&source.file), text));
        found.extend(foreign.map(|table| format!("{}: {table}", source.file)));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_schema_creates_only_its_own_tables() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (owner, _) in TABLES {
        let Ok(schema) = std::fs::read_to_string(root.join(owner).join("schema.sql")) else {
            continue;
        };
        let statements: Vec<_> = schema
            .lines()
            .map(|line| line.split("--").next().unwrap_or_default())
            .collect();
        let foreign = foreign_tables(owner, &statements.join("\n"));
        assert!(foreign.is_empty(), "src/{owner}/schema.sql: {foreign:?}");
    }
}

#[test]
fn a_planted_foreign_table_is_found() {
    for (folder, sql, expected) in [
        (
            "delivery",
            "SELECT seq FROM journal_events",
            vec!["journal_events"],
        ),
        (
            "delivery",
            "SELECT seq FROM journal_feed JOIN delivery_rows",
            vec![],
        ),
        ("books", "SELECT 1 FROM journal_feed", vec!["journal_feed"]),
        ("journal", "UPDATE journal_events SET sealed = 1", vec![]),
    ] {
        assert!(is_sql(sql));
        assert_eq!(foreign_tables(folder, sql), expected, "{folder}: {sql}");
    }
}

/// The files that the map of the house names are there.
#[test]
fn architecture_names_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let quoted = map.split('`').skip(1).step_by(2);
    let is_file = |word: &&str| {
        let is_path = |c: char| c.is_ascii_alphanumeric() || "_/.".contains(c);
        word.contains('/') && word.contains(".rs") && word.chars().all(is_path)
    };
    // A module's row names its files from its folder.
    let folders: Vec<_> = std::fs::read_dir(root.join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let is_there = |word: &&str| {
        let places = folders.iter().map(|folder| folder.join(word));
        root.join(word).exists()
            || root.join("src").join(word).exists()
            || places.into_iter().any(|place| place.exists())
    };
    let gone: Vec<_> = quoted.filter(is_file).filter(|w| !is_there(w)).collect();
    assert_eq!(gone, [""; 0], "ARCHITECTURE.md names files that are gone");
}
