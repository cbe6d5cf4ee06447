//! Merges the layers: the only file that uses figment.

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::key::Kind;
use super::keys::{EventSyncConfig, KEYS};
use super::layer::Layer;
use super::origin::{Origin, Problem};

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
