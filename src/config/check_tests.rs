//! Values that keys take, and values that they refuse.

use super::*;

const WORDS: Kind = Kind::Word(&["batch", "2026-03"]);

#[test]
fn what_keys_take_and_how_it_is_kept() {
    for (kind, value, stored) in [
        (Kind::Preset, json!("Trash"), json!("opt-out")),
        (WORDS, json!(" BATCH"), json!("batch")),
        (WORDS, json!("2026_03"), json!("2026-03")),
        (Kind::Switch, json!(false), json!(false)),
        (Kind::Text, json!(" a b "), json!("a b")),
        (
            Kind::Uuid,
            json!("8A4A7DA6A97C4BB4893AB31664ABFEE4"),
            json!("8a4a7da6-a97c-4bb4-893a-b31664abfee4"),
        ),
        (Kind::Count(1, 9), json!(9), json!(9)),
        (Kind::Size(1, 1 << 40), json!("1 GiB"), json!(1_u64 << 30)),
        (Kind::Size(1, 9), json!(9), json!(9)),
        (Kind::Duration(0, 10_000), json!("250ms"), json!(250)),
        (Kind::Duration(0, 10_000), json!(2), json!(2000)),
        (
            Kind::RelativePath,
            json!("./docs/specs/"),
            json!("docs/specs"),
        ),
        (Kind::Globs, json!(["a/**"]), json!(["a/**"])),
        (Kind::Suffixes, json!([".MD", "csv"]), json!(["md", "csv"])),
        (Kind::Names, json!([]), json!([])),
        (
            Kind::Headers,
            json!({"X-B": {"env": "B"}, "X-A": {"env": "A"}}),
            json!([{"name": "X-A", "variable": "A"}, {"name": "X-B", "variable": "B"}]),
        ),
        (Kind::Secret, json!({"env": "S"}), json!("S")),
    ] {
        assert_eq!(
            check(kind, &value).map(|c| c.stored),
            Ok(stored),
            "{kind:?}"
        );
    }
}

#[test]
fn what_keys_refuse() {
    for (kind, value, said) in [
        (Kind::Preset, json!("x"), "expected one of teamspace, "),
        (WORDS, json!("cloud"), "expected one of batch, 2026-03"),
        (WORDS, json!(1), "text in quotes"),
        (Kind::Switch, json!("yes"), "true or false"),
        (Kind::Text, json!("a\nb"), "one line"),
        (Kind::Text, json!("é".repeat(256)), "at most 255 characters"),
        (
            Kind::Url,
            json!("é".repeat(2049)),
            "at most 2048 characters",
        ),
        (Kind::Names, json!(vec!["a"; 257]), "at most 256 entries"),
        (
            Kind::Names,
            json!(["a".repeat(2049)]),
            "at most 2048 characters",
        ),
        (
            Kind::Globs,
            json!(["a".repeat(256)]),
            "at most 255 characters",
        ),
        (
            Kind::Globs,
            json!(vec!["a".repeat(200); 100]),
            "at most 16384 bytes",
        ),
        (
            Kind::Globs,
            json!(vec!["{a,b}".repeat(40); 30]),
            "at most 2048 wildcards",
        ),
        (Kind::Uuid, json!("x"), "UUID"),
        (Kind::Count(1, 9), json!(0), "from 1 to 9"),
        (Kind::Count(1, 9), json!("3"), "whole number from 1 to 9"),
        (Kind::Count(1, 9), json!(-1), "whole number from 1 to 9"),
        (Kind::Size(1, 1024), json!("2 KiB"), "from 1 B to 1 KiB"),
        (Kind::Size(1, 1024), json!(true), "must be a size like"),
        (Kind::Duration(1, 1000), json!("1m"), "from 1ms to 1s"),
        (Kind::Duration(1, 1000), json!(1.5), "must be a time like"),
        (Kind::RelativePath, json!("a/../b"), "without `..`"),
        (Kind::RelativePath, json!("/a"), "relative"),
        (Kind::RelativePath, json!(""), "relative"),
        (Kind::Globs, json!(["a["]), "bad glob `a[`"),
        (Kind::Globs, json!("a"), "list"),
        (Kind::Names, json!([1]), "text in quotes"),
        (
            Kind::Headers,
            json!({"X": "topsecret"}),
            "header `X`: a secret must not be written down here",
        ),
        (
            Kind::Headers,
            json!({"X": {"env": "A", "x": 1}}),
            "header `X`: ",
        ),
        (
            Kind::Headers,
            json!({"X Y": {"env": "A"}}),
            "`X Y` is not a header name",
        ),
        (
            Kind::Headers,
            json!({"Host": {"env": "A"}}),
            "sets the header `Host` itself",
        ),
        (
            Kind::Headers,
            json!({"x": {"env": "A"}, "X": {"env": "B"}}),
            "twice",
        ),
        (Kind::Secret, json!("topsecret"), "{ env ="),
        (
            Kind::Secret,
            json!({"env": "A=B"}),
            "name of an environment variable",
        ),
    ] {
        let refused = check(kind, &value).unwrap_err();
        assert!(refused.contains(said), "{kind:?} {value}: {refused}");
        assert!(!refused.contains("topsecret"), "{refused}");
    }
}

#[test]
fn text_of_variables_is_read_by_what_the_key_takes() {
    for (kind, text, shown) in [
        (Kind::Count(1, 999), "200", json!(200)),
        (Kind::Size(1, 1 << 30), "1 MiB", json!("1 MiB")),
        (Kind::Duration(1, 99_000), "7", json!(7)),
        (Kind::Text, "123", json!("123")),
        (Kind::Names, "A, B,", json!(["A", "B"])),
        (Kind::Names, "[\"A\"]", json!(["A"])),
        (Kind::Secret, "{ env = \"S\" }", json!({"env": "S"})),
    ] {
        assert_eq!(check_text(kind, text).map(|c| c.shown), Ok(shown), "{text}");
    }
    assert!(check_text(Kind::Secret, "topsecret").is_err_and(|e| !e.contains("topsecret")));
}
