//! The layer picture of `src/lib.rs`, held: a module imports only from lower layers.

use crate::support::source::{Source, files};

/// Every module and its layer.
const LAYERS: &[(&str, u8)] = &[
    ("base", 0),
    ("store", 1),
    ("http", 1),
    ("config", 1),
    ("git", 1),
    ("event", 2),
    ("journal", 3),
    ("spool", 3),
    ("endpoint", 3),
    ("dossier", 3),
    ("delivery", 4),
    ("bodies", 5),
    ("books", 6),
    ("legacy", 7),
    ("ops", 8),
    ("upkeep", 8),
    ("serve", 8),
    ("hook", 8),
    ("bench", 9),
    ("selftest", 9),
    ("cli", 10),
    ("properties", 11),
];

/// Crates that only one folder may use. The databases of a receiver belong to its operator: no
/// consent is needed to reach them, and `http` is not involved.
const ONE_OWNER: [(&str, &str); 7] = [
    ("figment", "src/config/layers.rs"),
    ("axum", "src/serve/"),
    ("ureq", "src/http/"),
    ("rustls", "src/http/"),
    ("rusty_s3", "src/serve/blobs/"),
    ("tokio_postgres", "src/serve/postgres/"),
    ("tokio_rustls", "src/serve/postgres/tls.rs"),
];

fn layer(module: &str) -> Option<u8> {
    LAYERS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, layer)| *layer)
}

/// The module a file belongs to; `None` for `lib.rs` and `main.rs`.
fn module(file: &str) -> Option<&str> {
    file.strip_prefix("src/")?
        .split_once('/')
        .map(|(module, _)| module)
}

/// Forbidden imports of `source`.
fn violations(source: &Source) -> Vec<String> {
    let Some(own) = module(&source.file) else {
        return Vec::new();
    };
    let Some(own_layer) = layer(own) else {
        return vec![format!("{}: `{own}` has no layer", source.file)];
    };
    let heads = source.crate_heads().into_iter().filter(|head| head != own);
    let mut found: Vec<_> = heads
        .filter(|head| layer(head).is_none_or(|layer| layer >= own_layer))
        .map(|head| format!("{}: crate::{head}", source.file))
        .collect();
    // A chain of `super::` as long as the module's depth reaches the crate root; `crate::` must be
    // used instead.
    let depth = source
        .file
        .trim_end_matches("/mod.rs")
        .trim_end_matches(".rs")
        .matches('/')
        .count();
    if source.code.contains(&"super::".repeat(depth)) {
        found.push(format!("{}: leaves its module by `super::`", source.file));
    }
    found
}

#[test]
fn modules_import_only_from_lower_layers() {
    let found: Vec<_> = files("src", "rs").iter().flat_map(violations).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_planted_import_is_found() {
    for (file, text, expected) in [
        (
            "src/journal/append.rs",
            "use crate::delivery::Ledger;",
            "src/journal/append.rs: crate::delivery",
        ),
        (
            "src/journal/append.rs",
            "fn f() { crate::endpoint::x() }",
            "src/journal/append.rs: crate::endpoint",
        ),
        (
            "src/base/text.rs",
            "use crate::{base::files, cli::Exit};",
            "src/base/text.rs: crate::cli",
        ),
        (
            "src/store/tx.rs",
            "use crate::nowhere::X;",
            "src/store/tx.rs: crate::nowhere",
        ),
        (
            "src/journal/append.rs",
            "use super::super::ops;",
            "src/journal/append.rs: leaves its module by `super::`",
        ),
        (
            "src/journal/mod.rs",
            "use super::ops;",
            "src/journal/mod.rs: leaves its module by `super::`",
        ),
        (
            "src/helpers/mod.rs",
            "",
            "src/helpers/mod.rs: `helpers` has no layer",
        ),
    ] {
        assert_eq!(violations(&Source::new(file, text)), [expected], "{text}");
    }
    for text in [
        "use crate::base::{self, Env};",
        "// crate::cli",
        "#[cfg(test)]\nmod tests { use crate::cli::Exit; }",
    ] {
        let found = violations(&Source::new("src/store/tx.rs", text));
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

#[test]
fn consent_alone_opens_sockets() {
    let granting: Vec<_> = files("src", "rs")
        .into_iter()
        .flat_map(|source| {
            vec![source.file.clone(); source.code.matches("OriginGrant for ").count()]
        })
        .collect();
    // An operator's own object store needs no consent, nor do the webhooks that an operator names.
    let own = ["src/serve/blobs/objects.rs", "src/serve/webhook_send.rs"];
    let expected =
        |file: &String| file.starts_with("src/endpoint/") || own.contains(&file.as_str());
    assert!(
        granting.len() == 3 && granting.iter().all(expected),
        "{granting:?}"
    );
}

/// `endpoint` alone reads and builds URLs; `serve` knows its own origin, and `http` compares
/// origins.
#[test]
fn urls_stay_where_targets_are_resolved() {
    let found: Vec<_> = files("src", "rs")
        .iter()
        .filter(|source| !matches!(module(&source.file), Some("endpoint" | "serve" | "http")))
        .filter(|source| names_a_url(source))
        .map(|source| source.file.clone())
        .collect();
    assert!(found.is_empty(), "{found:?} read or build URLs");
}

fn names_a_url(source: &Source) -> bool {
    let builds =
        |s: &String| s.starts_with("http://") || s.starts_with("https://") || s.contains("://{");
    let uses_the_crate = source.code.match_indices("url::").any(|(at, _)| {
        !source.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
    });
    uses_the_crate || source.strings.iter().any(builds)
}

#[test]
fn a_planted_url_is_found() {
    for (text, expected) in [
        ("use url::Url;", true),
        (r#"let u = format!("{scheme}://{host}");"#, true),
        (r#"let u = "https://sync.example.org";"#, true),
        (r#"let u = "see https://sync.example.org";"#, false),
        ("use crate::endpoint::url::Canonical;", false),
        ("// url::Url", false),
    ] {
        assert_eq!(
            names_a_url(&Source::new("src/journal/x.rs", text)),
            expected,
            "{text}"
        );
    }
}

/// True if `word` begins a path: in `tokio_rustls::rustls::X`, only the first one does.
fn names_module(code: &str, word: &str) -> bool {
    code.match_indices(&format!("{word}::")).any(|(at, _)| {
        let before = &code[..at];
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
            && !before.ends_with("rustls::")
    })
}

#[test]
fn each_adapter_owns_its_crate() {
    let mut found = Vec::new();
    for source in files("src", "rs") {
        for (word, owner) in ONE_OWNER {
            if names_module(&source.code, word) && !source.file.starts_with(owner) {
                found.push(format!("{}: {word} belongs to {owner}", source.file));
            }
        }
        if source.code.contains("rusqlite")
            && matches!(module(&source.file), Some("cli" | "http" | "base"))
        {
            found.push(format!("{}: holds SQL", source.file));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
