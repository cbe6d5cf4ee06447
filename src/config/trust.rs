//! What a repository's file may say before a person agreed to it. Pure.
//!
//! The file of a clone is written by a stranger. Without an agreement that holds its digest (`sk-sync allow`), it may
//! only name the project, narrow what is indexed and sent, and choose a preset that sends nothing. Every other key
//! waits: its value is not used, and the run names it. Until then the user's own file wins over the repository's.

use serde_json::Value as Json;

use super::check::check;
use super::file::parse_value;
use super::keys::Kind;
use super::layers::{Entry, Layer};
use super::loaded::Asked;
use super::origin::without_secrets;

/// What a key of a repository's file may say without an agreement.
#[derive(Debug, Clone, Copy)]
enum Free {
    /// Anything: it says who the project is, or takes away from what is sent.
    Anything,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A number no greater than the default, or a list of entries of the default.
    Within,
    /// The same, and anything at all where nothing leaves this machine: it decides what is indexed.
    Indexed,
}

/// One row for each key that may say something without an agreement. A key without a row waits unless it says what the
/// default says: a new key is safe before anybody thought of it.
const FREE: &[(&str, Free)] = &[
    ("preset", Free::Words(&["stub", "local-retention"])),
    ("delivery", Free::Words(&["stub", "none"])),
    ("project.uuid", Free::Anything),
    ("project.slug", Free::Anything),
    ("mission_log.capture", Free::Anything),
    ("artifacts.root", Free::Indexed),
    ("artifacts.layouts", Free::Indexed),
    ("artifacts.source", Free::Indexed),
    ("artifacts.surfaces", Free::Indexed),
    ("artifacts.formats", Free::Indexed),
    ("artifacts.exclude", Free::Anything),
    ("artifacts.max_bytes", Free::Within),
    ("bodies.parallel", Free::Within),
    ("bodies.max_queue_bytes", Free::Within),
    ("journal.warn_rows", Free::Within),
    ("drain.max_events", Free::Within),
    ("drain.max_bytes", Free::Within),
    ("drain.max_time", Free::Within),
    ("drain.max_rejections", Free::Within),
    ("drain.lock_wait", Free::Within),
    ("hook.budget", Free::Within),
    ("hook.max_time", Free::Within),
];

/// Keys that name the project. They keep their place among the layers, agreement or not: what they name decides where
/// the agreements are read.
const IDENTITY: [&str; 2] = ["project.uuid", "project.slug"];

/// What one entry of a repository's file needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing.
    Nothing,
    /// An agreement where anything leaves this machine.
    WhereSent,
    /// An agreement.
    Agreement,
}

fn need(entry: &Entry) -> Need {
    let value = &entry.checked.stored;
    let default = entry.key.default.and_then(|text| check(entry.key.kind, &parse_value(text)?).ok());
    let default = default.map(|checked| checked.stored);
    let says_nothing = default.as_ref() == Some(value) || (default.is_none() && value.as_str() == Some(""));
    let rule = FREE.iter().find(|(name, _)| *name == entry.key.name).map(|(_, rule)| *rule);
    match rule {
        _ if says_nothing => Need::Nothing,
        Some(Free::Anything) => Need::Nothing,
        Some(Free::Words(words)) if value.as_str().is_some_and(|word| words.contains(&word)) => Need::Nothing,
        Some(Free::Within | Free::Indexed) if is_within(value, default.as_ref()) => Need::Nothing,
        Some(Free::Indexed) => Need::WhereSent,
        _ => Need::Agreement,
    }
}

/// True for a number up to the default, and for a list all of whose entries the default has.
fn is_within(value: &Json, default: Option<&Json>) -> bool {
    match (value, default) {
        (Json::Number(value), Some(Json::Number(usual))) => value.as_u64() <= usual.as_u64(),
        (Json::Array(entries), Some(Json::Array(usual))) => entries.iter().all(|entry| usual.contains(entry)),
        _ => false,
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
        let below = [Some(&self.defaults), self.user.as_ref(), self.repository.as_ref()].into_iter().flatten();
        below.chain(&self.above).cloned().map(Layer::with_axes).collect()
    }

    /// The layers as they are without an agreement: what the repository's file may say lies below the user's file.
    pub(super) fn guarded(&self) -> Arranged {
        let leaves = |layers: &[Layer]| {
            let word = layers.iter().rev().find_map(|layer| layer.entry("delivery"));
            word.and_then(|entry| entry.checked.stored.as_str()).is_some_and(|word| !["none", "stub"].contains(&word))
        };
        let strict = self.below_user(&|need| need == Need::Nothing);
        let is_sent = leaves(&strict) || leaves(&self.agreed());
        let applies = |need| need == Need::Nothing || (need == Need::WhereSent && !is_sent);
        let layers = if is_sent { strict } else { self.below_user(&applies) };
        Arranged { layers, waiting: self.those(&|need| !applies(need)) }
    }

    /// The keys of the repository's file that an agreement is about.
    pub(super) fn asks(&self) -> Vec<Asked> {
        self.those(&|need| need != Need::Nothing)
    }

    /// The entries of the repository's file with such a need, in the file's order.
    fn those(&self, is_meant: &dyn Fn(Need) -> bool) -> Vec<Asked> {
        let entries = self.repository.iter().flat_map(|layer| &layer.entries);
        let mut found: Vec<_> = entries.filter(|entry| is_meant(need(entry))).map(asked).collect();
        found.sort_by_key(|asked| asked.place);
        found
    }

    fn below_user(&self, applies: &dyn Fn(Need) -> bool) -> Vec<Layer> {
        let part = |is_identity: bool| {
            let belongs = |entry: &&Entry| IDENTITY.contains(&entry.key.name) == is_identity && applies(need(entry));
            let sorted = |layer: &Layer| Layer {
                origin: layer.origin.clone(),
                entries: layer.entries.iter().filter(belongs).cloned().collect(),
            };
            self.repository.as_ref().map(sorted)
        };
        let below = [Some(self.defaults.clone()), part(false), self.user.clone(), part(true)].into_iter().flatten();
        below.chain(self.above.iter().cloned()).map(Layer::with_axes).collect()
    }
}

fn asked(entry: &Entry) -> Asked {
    let value = match (entry.key.kind, entry.checked.shown.as_str()) {
        (Kind::Url, Some(url)) => without_secrets(url).into(),
        _ => entry.checked.shown.clone(),
    };
    Asked { key: entry.key.name, value, place: entry.place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::read_layer;
    use crate::config::keys::{KEYS, Key};
    use crate::config::origin::Origin;

    fn stack(user: &str, repository: &str) -> Stack {
        let layer = |text: &str, origin| {
            let mut problems = Vec::new();
            let layer = read_layer(text, origin, &mut problems);
            assert_eq!(problems, [], "{text}");
            layer
        };
        Stack {
            defaults: Layer { origin: Origin::Default, entries: Vec::new() },
            user: Some(layer(user, Origin::UserFile("u.toml".into()))),
            repository: Some(layer(repository, Origin::RepositoryFile("r.toml".into()))),
            above: Vec::new(),
        }
    }

    fn waiting(user: &str, repository: &str) -> Vec<&'static str> {
        stack(user, repository).guarded().waiting.into_iter().map(|asked| asked.key).collect()
    }

    #[test]
    fn every_row_names_a_key() {
        for (name, _) in FREE {
            assert!(Key::named(name).is_some(), "{name}");
        }
        assert!(IDENTITY.iter().all(|name| FREE.iter().any(|(free, _)| free == name)));
    }

    /// The defaults themselves, written into the file, ask for nothing.
    #[test]
    fn what_the_default_says_waits_for_nobody() {
        for key in KEYS {
            let Some(default) = key.default else { continue };
            assert_eq!(waiting("", &format!("{} = {default}", key.name)), [""; 0], "{}", key.name);
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
            ("project.uuid = '7e57ab1e-0000-4000-8000-000000000001'", false),
            ("teamspace.server_url = 'http://127.0.0.1:1'", true),
            ("teamspace.team_slug = 't'", true),
            ("teamspace.team_slug = ''", false),
            ("teamspace.user_email = 'a@example.org'", true),
            ("external_receiver.url = 'https://h.example'", true),
            ("external_receiver.headers = { X = { env = 'SK_SYNC_SECRET_A' } }", true),
            ("external_receiver.ack = 'status'", true),
            ("artifacts.surfaces = ['spec.md']", false),
            ("artifacts.formats = ['md']", false),
            ("artifacts.max_bytes = '1 KiB'", false),
            ("artifacts.max_bytes = '1 MiB'", true),
            ("artifacts.exclude = ['**/private/**']", false),
            ("artifacts.git_ignored = 'skip'", false),
            ("artifacts.git_ignored = 'send'", true),
            ("bodies.parallel = 32", true),
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

    #[test]
    fn what_is_indexed_may_be_wider_where_nothing_leaves() {
        for wide in ["artifacts.root = 'docs'", "artifacts.surfaces = ['**']", "artifacts.formats = ['pem']"] {
            for (user, more, is_free) in [
                ("", "", true),
                ("preset = 'stub'", "", true),
                ("", "preset = 'stub'", true),
                ("preset = 'teamspace'", "", false),
                ("", "preset = 'teamspace'", false),
                ("preset = 'stub'", "delivery = 'external-receiver'", false),
            ] {
                let text = format!("{more}\n{wide}");
                let waits = waiting(user, &text).iter().any(|key| key.starts_with("artifacts."));
                assert_eq!(waits, !is_free, "{user} | {text}");
                assert!(!stack(user, &text).asks().is_empty(), "an agreement is about it: {text}");
            }
        }
    }

    #[test]
    fn a_file_that_nobody_agreed_to_lies_below_the_users() {
        let stack = stack("drain.max_events = 500", "drain.max_events = 10\nproject.slug = 's'");
        let origins = |layers: Vec<Layer>, key: &str| {
            let found = layers.into_iter().rev().find(|layer| layer.entry(key).is_some());
            found.map(|layer| layer.origin.to_string())
        };
        let key = "drain.max_events";
        assert_eq!(origins(stack.guarded().layers, key).as_deref(), Some("u.toml"));
        assert_eq!(origins(stack.agreed(), key).as_deref(), Some("r.toml"));
        assert_eq!(origins(stack.guarded().layers, "project.slug").as_deref(), Some("r.toml"));
    }
}
