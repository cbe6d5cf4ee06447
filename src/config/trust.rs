//! What a repository's file may say before a person agreed to it. Pure.
//!
//! The file of a clone is written by a stranger. Without an agreement that holds its digest
//! (`sk-sync allow`), it may only name the project, narrow what is indexed and sent, and choose a
//! preset that sends nothing. Every other key waits: its value is not used, and the run names it.
//! Until then the user's own file wins over the repository's. Keys that widen the index wait even
//! if nothing is sent: what is captured today is left to send to every later target.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::check::check;
use super::file::parse_value;
use super::keys::{Key, Kind};
use super::layers::{Entry, Layer};
use super::loaded::Asked;
use super::origin::{Origin, without_secrets};

/// What a key of a repository's file may say without an agreement.
#[derive(Debug, Clone, Copy)]
enum Free {
    /// Anything: it says who the project is, or takes away from what is sent.
    Anything,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A number no greater than the default, or a list of entries of the default.
    Within,
}

/// One row for each key that may say something without an agreement. A key without a row waits
/// unless it says what the default says: a new key is safe before anybody thought of it.
const FREE: &[(&str, Free)] = &[
    ("preset", Free::Words(&["stub", "local-retention"])),
    ("delivery", Free::Words(&["stub", "none"])),
    ("project.uuid", Free::Anything),
    ("project.slug", Free::Anything),
    ("mission_log.capture", Free::Anything),
    ("artifacts.layouts", Free::Within),
    ("artifacts.surfaces", Free::Within),
    ("artifacts.formats", Free::Within),
    ("artifacts.exclude", Free::Anything),
    ("artifacts.max_bytes", Free::Within),
    ("bodies.parallel", Free::Within),
    ("journal.warn_rows", Free::Within),
    ("drain.max_events", Free::Within),
    ("drain.max_bytes", Free::Within),
    ("drain.max_time", Free::Within),
    ("drain.max_rejections", Free::Within),
    ("drain.lock_wait", Free::Within),
    ("hook.budget", Free::Within),
    ("hook.max_time", Free::Within),
];

/// Keys that take away from what is sent. An agreement remembers them, so that a later file that
/// takes less away asks.
const NARROWING: [&str; 7] = [
    "artifacts.surfaces",
    "artifacts.formats",
    "artifacts.exclude",
    "artifacts.max_bytes",
    "mission_log.capture",
    PLACES[0],
    PLACES[1],
];

/// Keys that choose other places than the default ones, and so keep those back.
const PLACES: [&str; 2] = ["artifacts.layouts", "artifacts.root"];

/// Keys that name the project. They keep their place among the layers, agreement or not: what they
/// name decides where the agreements are read.
const IDENTITY: [&str; 2] = ["project.uuid", "project.slug"];

/// True when an entry of a repository's file counts only with an agreement.
fn needs_agreement(entry: &Entry) -> bool {
    let value = &entry.checked.stored;
    let default = default_of(entry.key);
    let says_nothing =
        default.as_ref() == Some(value) || (default.is_none() && value.as_str() == Some(""));
    let rule = FREE
        .iter()
        .find(|(name, _)| *name == entry.key.name)
        .map(|(_, rule)| *rule);
    let is_free = match rule {
        Some(Free::Anything) => true,
        Some(Free::Words(words)) => value.as_str().is_some_and(|word| words.contains(&word)),
        Some(Free::Within) => is_within(value, default.as_ref()),
        None => false,
    };
    !says_nothing && !is_free
}

/// The default of a key as it is stored; `None` where it has none.
fn default_of(key: &Key) -> Option<Json> {
    check(key.kind, &parse_value(key.default?)?)
        .ok()
        .map(|checked| checked.stored)
}

/// True for a number up to the default, and for a list all of whose entries the default has.
fn is_within(value: &Json, default: Option<&Json>) -> bool {
    match (value, default) {
        (Json::Number(value), Some(Json::Number(usual))) => value.as_u64() <= usual.as_u64(),
        (Json::Array(entries), Some(Json::Array(usual))) => {
            entries.iter().all(|entry| usual.contains(entry))
        }
        _ => false,
    }
}

/// True when a key that says `now` takes away all that it took when it said `was`: a longer list of
/// what is left out, a shorter one of what is sent, a smaller bound, else the same value.
fn takes_as_much(key: &str, was: &Json, now: Option<&Json>) -> bool {
    let holds = |all: &[Json], some: &[Json]| some.iter().all(|entry| all.contains(entry));
    match (was, now) {
        (Json::Array(was), Some(Json::Array(now))) if key == "artifacts.exclude" => holds(now, was),
        (Json::Array(was), Some(Json::Array(now))) => holds(was, now),
        (Json::Number(was), Some(Json::Number(now))) => now.as_u64() <= was.as_u64(),
        (was, now) => now == Some(was),
    }
}

/// Every source in its place.
#[derive(Debug)]
pub(super) struct Stack {
    /// The defaults.
    pub(super) defaults: Layer,
    /// The user's own file.
    pub(super) user: Option<Layer>,
    /// The repository's file.
    pub(super) repository: Option<Layer>,
    /// The project's settings, the environment and the flags, lowest first.
    pub(super) above: Vec<Layer>,
    /// What the repository's file kept back when it was agreed to, and keeps back no longer.
    pub(super) kept_back: Vec<Entry>,
}

/// The layers of one reading, lowest first, and the keys that wait in it.
#[derive(Debug)]
pub(super) struct Arranged {
    /// The layers that count.
    pub(super) layers: Vec<Layer>,
    /// The keys of the repository's file that wait; none of them is in `layers`.
    pub(super) waiting: Vec<Asked>,
}

impl Stack {
    /// The layers as they are once the repository's file is agreed to.
    pub(super) fn agreed(&self) -> Vec<Layer> {
        let below = [
            Some(&self.defaults),
            self.user.as_ref(),
            self.repository.as_ref(),
        ]
        .into_iter()
        .flatten();
        below
            .chain(&self.above)
            .cloned()
            .map(Layer::with_axes)
            .collect()
    }

    /// Remembers what the repository's file kept back when it was agreed to: as far as it now keeps
    /// back less, that counts on, and the key waits.
    pub(super) fn keep_back(&mut self, agreed: &BTreeMap<String, Json>) {
        let said = |key: &str| {
            self.repository
                .as_ref()?
                .entry(key)
                .filter(|entry| !needs_agreement(entry))
        };
        let is_lost = |(key, was): &(&String, &Json)| {
            let default = PLACES
                .contains(&key.as_str())
                .then(|| Key::named(key).and_then(default_of))
                .flatten();
            let now = said(key.as_str()).map(|entry| &entry.checked.stored);
            !takes_as_much(key, was, now.or(default.as_ref()))
        };
        let entry = |(key, was): (&String, &Json)| {
            let key = Key::named(key).filter(|key| NARROWING.contains(&key.name))?;
            let both = said(key.name)
                .filter(|_| key.name == "artifacts.exclude")
                .map(|now| [was, &now.checked.stored]);
            let all = both.map(|lists| {
                lists
                    .into_iter()
                    .filter_map(Json::as_array)
                    .flatten()
                    .cloned()
                    .collect()
            });
            let checked = |value: &Json| check(key.kind, &parse_value(&value.to_string())?).ok();
            // Two lists may be more than one may hold: then the agreed one counts.
            let checked = all
                .and_then(|all| checked(&Json::Array(all)))
                .or_else(|| checked(was))?;
            Some(Entry {
                key,
                checked,
                place: None,
            })
        };
        self.kept_back = agreed.iter().filter(is_lost).filter_map(entry).collect();
    }

    /// The layers as they are without an agreement: what the repository's file may say lies below
    /// the user's file.
    pub(super) fn guarded(&self) -> Arranged {
        let part = |is_identity: bool| {
            let belongs = |entry: &&Entry| IDENTITY.contains(&entry.key.name) == is_identity;
            let said = self
                .repository
                .iter()
                .flat_map(|layer| &layer.entries)
                .filter(|entry| !self.waits(entry));
            let entries = said
                .chain(&self.kept_back)
                .filter(belongs)
                .cloned()
                .collect();
            let origin = self
                .repository
                .as_ref()
                .map_or(Origin::Default, |layer| layer.origin.clone());
            Some(Layer { origin, entries })
        };
        let below = [
            Some(self.defaults.clone()),
            part(false),
            self.user.clone(),
            part(true),
        ]
        .into_iter()
        .flatten();
        let layers = below
            .chain(self.above.iter().cloned())
            .map(Layer::with_axes)
            .collect();
        Arranged {
            layers,
            waiting: self.asks(),
        }
    }

    /// The keys of the repository's file that an agreement is about, in the file's order.
    pub(super) fn asks(&self) -> Vec<Asked> {
        let Some(repository) = &self.repository else {
            return Vec::new();
        };
        let mut found: Vec<_> = repository
            .entries
            .iter()
            .filter(|entry| self.waits(entry))
            .map(asked)
            .collect();
        let is_unsaid = |entry: &&Entry| repository.entry(entry.key.name).is_none();
        let gone = self.kept_back.iter().filter(is_unsaid);
        found.extend(gone.map(|entry| Asked {
            key: entry.key.name,
            value: Json::Null,
            place: None,
        }));
        found.sort_by_key(|asked| asked.place);
        found
    }

    /// What the repository's file takes away from what is sent.
    pub(super) fn narrows(&self) -> BTreeMap<String, Json> {
        let entries = self.repository.iter().flat_map(|layer| &layer.entries);
        let narrowing = entries.filter(|entry| {
            NARROWING.contains(&entry.key.name)
                && (PLACES.contains(&entry.key.name) || !needs_agreement(entry))
        });
        narrowing
            .map(|entry| (entry.key.name.to_owned(), entry.checked.stored.clone()))
            .collect()
    }

    fn waits(&self, entry: &Entry) -> bool {
        let is_in_place_of =
            |kept: &Entry| kept.key.name == entry.key.name && !std::ptr::eq(kept, entry);
        needs_agreement(entry) || self.kept_back.iter().any(is_in_place_of)
    }
}

fn asked(entry: &Entry) -> Asked {
    let value = match (entry.key.kind, entry.checked.shown.as_str()) {
        (Kind::Url, Some(url)) => without_secrets(url).into(),
        _ => entry.checked.shown.clone(),
    };
    Asked {
        key: entry.key.name,
        value,
        place: entry.place,
    }
}

#[cfg(test)]
mod tests {
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
    fn every_row_names_a_key() {
        for (name, _) in FREE {
            assert!(Key::named(name).is_some(), "{name}");
        }
        assert!(
            IDENTITY
                .iter()
                .all(|name| FREE.iter().any(|(free, _)| free == name))
        );
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
                    let is_used = layers.iter().any(|layer| {
                        layer.origin.is_repository() && layer.entry(waits[0]).is_some()
                    });
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
}
