//! What a repository's file may say, with and without an agreement.

use super::*;
use crate::config::file::read_layer;
use crate::config::keys::KEYS;

fn stack(user: &str, repository: &str) -> Stack {
    let layer = |text: &str, origin| {
        let mut problems = Vec::new();
        let layer = read_layer(text, origin, &mut problems);
        assert_eq!(problems, [], "{text}");
        layer
    };
    Stack {
        defaults: Layer {
            origin: Origin::Default,
            entries: Vec::new(),
        },
        user: Some(layer(user, Origin::UserFile("u.toml".into()))),
        repository: Some(layer(repository, Origin::RepositoryFile("r.toml".into()))),
        above: Vec::new(),
        kept_back: Vec::new(),
    }
}

fn waiting(user: &str, repository: &str) -> Vec<&'static str> {
    stack(user, repository)
        .guarded()
        .waiting
        .into_iter()
        .map(|asked| asked.key)
        .collect()
}

#[test]
fn every_name_is_that_of_a_key() {
    for name in NARROWING {
        assert!(key_named(name).is_some(), "{name}");
    }
    let is_free = |name: &str| key_named(name).is_some_and(|key| key.free.is_some());
    assert!(IDENTITY.into_iter().all(is_free));
}

/// The defaults themselves, written into the file, ask for nothing.
#[test]
fn what_the_default_says_waits_for_nobody() {
    for key in KEYS {
        let Some(default) = key.default else { continue };
        assert_eq!(
            waiting("", &format!("{} = {default}", key.name)),
            [""; 0],
            "{}",
            key.name
        );
    }
}

#[test]
fn what_destroys_sends_or_widens_waits() {
    for (text, waits) in [
        ("preset = 'stub'", false),
        ("preset = 'local-retention'", false),
        ("preset = 'opt-out'", true),
        ("preset = 'teamspace'", true),
        ("retention = 'off'", true),
        ("delivery = 'stub'", false),
        ("delivery = 'none'", false),
        ("delivery = 'external-receiver'", true),
        (
            "project.uuid = '7e57ab1e-0000-4000-8000-000000000001'",
            false,
        ),
        ("teamspace.server_url = 'http://127.0.0.1:1'", true),
        ("teamspace.team_slug = 't'", true),
        ("teamspace.team_slug = ''", false),
        ("teamspace.user_email = 'a@example.org'", true),
        ("external_receiver.url = 'https://h.example'", true),
        (
            "external_receiver.headers = { X = { env = 'SK_SYNC_SECRET_A' } }",
            true,
        ),
        ("external_receiver.ack = 'status'", true),
        ("artifacts.surfaces = ['spec.md']", false),
        ("artifacts.formats = ['md']", false),
        ("artifacts.max_bytes = '1 KiB'", false),
        ("artifacts.max_bytes = '1 MiB'", true),
        ("artifacts.exclude = ['**/private/**']", false),
        ("artifacts.git_ignored = 'skip'", false),
        ("artifacts.git_ignored = 'send'", true),
        ("artifacts.layouts = ['kitty']", false),
        ("bodies.parallel = 32", true),
        ("bodies.max_queue_bytes = '1 B'", true),
        ("bodies.wire_names = '2026-03'", true),
        ("journal.capacity = 1", true),
        ("drain.max_events = 10", false),
        ("drain.max_time = '5s'", false),
        ("drain.max_time = '1h'", true),
        ("hook.drain = 'none'", true),
        ("hook.budget = '60s'", true),
        ("hook.budget = '10ms'", false),
        ("opt_out.teamspace_bound = 'audit'", true),
        ("families.local_only = ['X']", true),
        ("migrate.imported = 'held'", true),
    ] {
        assert_eq!(waiting("", text).len(), usize::from(waits), "{text}");
        assert_eq!(stack("", text).asks().len(), usize::from(waits), "{text}");
    }
}

/// What is captured without a target, or for the stub, is left to send to every later target.
#[test]
fn what_widens_the_index_waits_wherever_it_is_sent() {
    for wide in [
        "artifacts.root = 'docs'",
        "artifacts.surfaces = ['**']",
        "artifacts.formats = ['pem']",
        "artifacts.layouts = ['kiro']",
        "[[artifacts.source]]\nname = 'x'\nslug = 'x'\ndocuments = ['**']",
    ] {
        for user in [
            "",
            "preset = 'stub'",
            "preset = 'local-retention'",
            "preset = 'teamspace'",
        ] {
            for more in [
                "",
                "preset = 'stub'",
                "preset = 'local-retention'",
                "delivery = 'none'",
            ] {
                let text = format!("{more}\n{wide}");
                let waits = waiting(user, &text);
                assert!(
                    waits.len() == 1 && waits[0].starts_with("artifacts."),
                    "{user} | {text}: {waits:?}"
                );
                let layers = stack(user, &text).guarded().layers;
                let is_used = layers
                    .iter()
                    .any(|layer| layer.origin.is_repository() && layer.entry(waits[0]).is_some());
                assert!(!is_used, "{user} | {text}");
            }
        }
    }
}

#[test]
fn what_takes_away_is_known_by_its_keys() {
    let text = "drain.max_events = 1\nartifacts.exclude = ['a']\nartifacts.formats = ['md']\nretention = 'off'";
    let narrows: Vec<_> = stack("", text).narrows().into_keys().collect();
    assert_eq!(narrows, ["artifacts.exclude", "artifacts.formats"]);
    assert!(
        stack("", "artifacts.formats = ['pem']")
            .narrows()
            .is_empty()
    );
}

#[test]
fn what_was_kept_back_with_an_agreement_counts_on_until_the_next() {
    let agreed = "artifacts.exclude = ['a', 'b']\nartifacts.formats = ['md', 'json']\nmission_log.capture = false\n\
                  artifacts.max_bytes = '1 KiB'\n";

    let narrows = stack("", agreed).narrows();
    assert_eq!(narrows.len(), 4, "{narrows:?}");
    for (from, to, waits) in [
        ("", "", ""),
        ("['a', 'b']", "['c', 'b', 'a']", ""),
        ("['md', 'json']", "['json']", ""),
        ("1 KiB", "1 B", ""),
        ("['a', 'b']", "['a']", "artifacts.exclude"),
        ("artifacts.exclude = ['a', 'b']\n", "", "artifacts.exclude"),
        (
            "['md', 'json']",
            "['md', 'json', 'csv']",
            "artifacts.formats",
        ),
        ("['md', 'json']", "['pem']", "artifacts.formats"),
        ("1 KiB", "2 KiB", "artifacts.max_bytes"),
        ("mission_log.capture = false\n", "", "mission_log.capture"),
        ("false", "true", "mission_log.capture"),
    ] {
        let mut stack = stack("", &agreed.replace(from, to));
        stack.keep_back(&narrows);
        let Arranged { layers, waiting } = stack.guarded();
        let waiting: Vec<_> = waiting.iter().map(|asked| asked.key).collect();
        assert_eq!(waiting.join(" "), waits, "{from} -> {to}");
        if !waits.is_empty() {
            let counts = layers
                .iter()
                .rev()
                .find_map(|layer| layer.entry(waits))
                .unwrap();
            assert!(
                takes_as_much(waits, &narrows[waits], Some(&counts.checked.stored)),
                "{from} -> {to}"
            );
        }
    }
}

/// A file that chose other places keeps the default ones back until the next agreement; one
/// that adds to them does not.
#[test]
fn places_that_were_agreed_to_count_on_until_the_next() {
    for (agreed, later, waits) in [
        ("artifacts.root = 'pub'", "", "artifacts.root"),
        ("artifacts.layouts = ['openspec']", "", "artifacts.layouts"),
        (
            "artifacts.layouts = ['openspec']",
            "artifacts.layouts = ['kitty']",
            "artifacts.layouts",
        ),
        ("artifacts.layouts = ['kitty', 'openspec']", "", ""),
    ] {
        let narrows = stack("", agreed).narrows();
        let mut stack = stack("", later);
        stack.keep_back(&narrows);
        let Arranged { layers, waiting } = stack.guarded();
        let waiting: Vec<_> = waiting.iter().map(|asked| asked.key).collect();
        assert_eq!(waiting.join(" "), waits, "{agreed} -> {later}");
        if !waits.is_empty() {
            let counts = layers
                .iter()
                .rev()
                .find_map(|layer| layer.entry(waits))
                .unwrap();
            assert_eq!(counts.checked.stored, narrows[waits], "{agreed} -> {later}");
        }
    }
}

#[test]
fn a_file_that_nobody_agreed_to_lies_below_the_users() {
    let stack = stack(
        "drain.max_events = 500",
        "drain.max_events = 10\nproject.slug = 's'",
    );
    let origins = |layers: Vec<Layer>, key: &str| {
        let found = layers
            .into_iter()
            .rev()
            .find(|layer| layer.entry(key).is_some());
        found.map(|layer| layer.origin.to_string())
    };
    let key = "drain.max_events";
    assert_eq!(
        origins(stack.guarded().layers, key).as_deref(),
        Some("u.toml")
    );
    assert_eq!(origins(stack.agreed(), key).as_deref(), Some("r.toml"));
    assert_eq!(
        origins(stack.guarded().layers, "project.slug").as_deref(),
        Some("r.toml")
    );
}
