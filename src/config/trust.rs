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
use super::key::{Free, Key, Kind};
use super::keys::key_named;
use super::layer::{Entry, Layer};
use super::loaded::Asked;
use super::origin::{Origin, without_secrets};
use super::toml_value::parse_value;

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
    let is_free = match entry.key.free {
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
                .then(|| key_named(key).and_then(default_of))
                .flatten();
            let now = said(key.as_str()).map(|entry| &entry.checked.stored);
            !takes_as_much(key, was, now.or(default.as_ref()))
        };
        let entry = |(key, was): (&String, &Json)| {
            let key = key_named(key).filter(|key| NARROWING.contains(&key.name))?;
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
#[path = "trust_tests.rs"]
mod tests;
