//! The keys of one source.

use super::checked::{Checked, same};
use super::key::{Key, Kind};
use super::keys::{KEYS, key_named};
use super::origin::Origin;
use super::preset::axes;

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
        let Some(preset) = self.entry("preset").cloned() else {
            return self;
        };
        let words = preset.checked.stored.as_str().and_then(axes);
        for (axis, word) in words
            .into_iter()
            .flat_map(|(r, d)| [("retention", r), ("delivery", d)])
        {
            if let Some(key) = key_named(axis).filter(|_| self.entry(axis).is_none()) {
                let checked = same(word);
                self.entries.push(Entry {
                    key,
                    checked,
                    place: preset.place,
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
            entry.checked = same(all.clone());
        }
    }
    layers
}
