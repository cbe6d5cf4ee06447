//! Merges the layers: the only file that uses figment.

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::check::Checked;
use super::keys::{KEYS, Key, Kind};
use super::origin::{Origin, Problem};
use super::preset;
use super::schema::EventSyncConfig;

/// One key with its value in one source.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: &'static Key,
    /// Its value.
    pub(super) checked: Checked,
    /// Line and column in a file, from 1.
    pub(super) place: Option<(usize, usize)>,
}

/// All keys of one source.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// The source.
    pub(super) origin: Origin,
    /// Its keys; each once.
    pub(super) entries: Vec<Entry>,
}

impl Layer {
    /// The entry of a key; `None` if the layer does not set it.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.key.name == key)
    }

    /// This layer with its preset, if it has one, expanded to the axes that it does not set. So an
    /// axis overrides the preset of its own and lower layers, and a preset overrides the axes of
    /// lower layers.
    pub(super) fn with_axes(mut self) -> Self {
        let Some(named) = self.entry("preset").cloned() else {
            return self;
        };
        let axes = named.checked.stored.as_str().and_then(preset::axes);
        for (axis, word) in axes
            .into_iter()
            .flat_map(|(r, d)| [("retention", r), ("delivery", d)])
        {
            if let Some(key) = Key::named(axis).filter(|_| self.entry(axis).is_none()) {
                let checked = Checked {
                    shown: word.into(),
                    stored: word.into(),
                };
                self.entries.push(Entry {
                    key,
                    checked,
                    place: named.place,
                });
            }
        }
        self
    }
}

/// The layers, where every list that is joined is extended by those of the layers below.
pub(super) fn united(mut layers: Vec<Layer>) -> Vec<Layer> {
    for key in KEYS.iter().filter(|key| matches!(key.kind, Kind::AllGlobs)) {
        let mut all: Vec<serde_json::Value> = Vec::new();
        let entries = layers
            .iter_mut()
            .flat_map(|layer| &mut layer.entries)
            .filter(|e| e.key.name == key.name);
        for entry in entries {
            let own = entry.checked.stored.as_array().cloned().unwrap_or_default();
            all.extend(
                own.into_iter()
                    .filter(|glob| !all.contains(glob))
                    .collect::<Vec<_>>(),
            );
            entry.checked = Checked {
                shown: all.clone().into(),
                stored: all.clone().into(),
            };
        }
    }
    layers
}

/// A layer with its number, which identifies the layer that won a key.
struct Numbered<'a>(usize, &'a Layer);

impl Provider for Numbered<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut data = Dict::new();
        for entry in self
            .1
            .entries
            .iter()
            .filter(|e| !matches!(e.key.kind, Kind::Url))
        {
            let value = Value::serialize(&entry.checked.stored)?;
            match entry.key.name.split_once('.') {
                None => drop(data.insert(entry.key.name.to_owned(), value)),
                Some((section, leaf)) => {
                    let section = data
                        .entry(section.to_owned())
                        .or_insert_with(|| Value::from(Dict::new()));
                    if let Value::Dict(_, keys) = section {
                        keys.insert(leaf.to_owned(), value);
                    }
                }
            }
        }
        Ok(Profile::Default.collect(data))
    }
}

/// The merged configuration, and for every key in the order of [`KEYS`] the number of the layer
/// that won; `None` if no layer sets it. For URLs, which are not merged, the last layer that sets
/// one.
pub(super) fn merge(layers: &[Layer]) -> Result<(EventSyncConfig, Vec<Option<usize>>), Problem> {
    // The schema needs every section, even one whose keys have no defaults.
    let empty = super::keys::sections()
        .map(|s| (s.to_owned(), Value::from(Dict::new())))
        .collect::<Dict>();
    let figment = layers
        .iter()
        .enumerate()
        .fold(Figment::from(Sections(empty)), |f, (i, l)| {
            f.merge(Numbered(i, l))
        });
    let config = figment.extract().map_err(|e| refusal(&e, layers))?;
    // One copy of the merged tree: `find_metadata` makes one for each key.
    let merged = figment.find_value("").ok();
    let number = |name: &str| {
        let value = merged.as_ref()?.find_ref(name)?;
        figment.get_metadata(value.tag())?.name.parse().ok()
    };
    let winners = KEYS
        .iter()
        .map(|key| match key.kind {
            Kind::Url => layers.iter().rposition(|l| l.entry(key.name).is_some()),
            _ => number(key.name),
        })
        .collect();
    Ok((config, winners))
}

/// Empty sections, below every layer.
struct Sections(Dict);

impl Provider for Sections {
    fn metadata(&self) -> Metadata {
        Metadata::named("sections")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// The problem when the schema rejects values that passed the checks: globs too large to compile
/// together.
fn refusal(error: &figment::Error, layers: &[Layer]) -> Problem {
    let number = error
        .metadata
        .as_ref()
        .and_then(|m| m.name.parse::<usize>().ok());
    let layer = number.and_then(|n| layers.get(n));
    let key = error.path.join(".");
    Problem {
        origin: layer.map_or(Origin::Default, |l| l.origin.clone()),
        place: layer.and_then(|l| l.entry(&key)).and_then(|e| e.place),
        excerpt: None,
        message: format!("`{key}`: {}", error.kind),
    }
}
