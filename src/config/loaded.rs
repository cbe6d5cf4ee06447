//! The combined configuration, and the origin of every value.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::Sha256;

use super::key::{Key, Kind};
use super::keys::{EventSyncConfig, KEYS};
use super::layer::{Entry, Layer};
use super::origin::{Origin, Problem, without_secrets};
use super::schema::{Ack, Compression, Format};

/// The configuration and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// The checked configuration.
    pub(crate) config: EventSyncConfig,
    /// Every key in the order of the example file.
    pub(crate) values: Vec<Setting>,
    /// Every URL with its source, lowest layer first.
    pub(crate) urls: Vec<UrlSource>,
    /// Warnings that need no action.
    pub(crate) warnings: Vec<String>,
    /// The repository's file, if it exists.
    pub(crate) repo_file: Option<RepositoryFile>,
    /// Its settings that wait for consent; `None` if there are none.
    pub(crate) waiting: Option<Waiting>,
}

/// The keys of a repository's file that wait for consent, and the configuration with them.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// The keys, in the file's order; at least one.
    pub(crate) keys: Vec<Asked>,
    /// The configuration with them.
    pub(crate) config: EventSyncConfig,
    /// The URLs with them, lowest layer first.
    pub(crate) urls: Vec<UrlSource>,
}

/// A key of a repository's file that needs consent.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Asked {
    /// The dotted name.
    pub(crate) key: &'static str,
    /// The value as written; URLs without name and password. Contains no secret.
    pub(crate) value: serde_json::Value,
    /// Line and column in the file, from 1.
    pub(crate) place: Option<(usize, usize)>,
}

/// A key's value and its source, as `config show --origin --json` prints it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Setting {
    /// The dotted name.
    pub(crate) key: &'static str,
    /// The value as written, names and words in canonical form; null if unset. Contains no secret.
    pub(crate) value: serde_json::Value,
    /// The source.
    pub(crate) origin: Origin,
}

/// A URL from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UrlSource {
    /// `teamspace.server_url`, `external_receiver.url`, `.events_url` or `.bodies_url`.
    pub(crate) key: &'static str,
    /// The URL as written, which may contain a secret.
    pub(crate) value: String,
    /// The source.
    pub(crate) origin: Origin,
}

/// The repository's file as read: a consent may depend on its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepositoryFile {
    /// Its path.
    pub(crate) path: PathBuf,
    /// Digest of its bytes.
    pub(crate) sha256: Sha256,
    /// Its keys that need consent, whether given or not.
    pub(crate) asks: Vec<Asked>,
    /// Its keys that narrow what is sent, which need no consent, with their checked values.
    pub(crate) narrows: BTreeMap<String, serde_json::Value>,
}

/// Every key with the value and origin of the layer that won it.
pub(super) fn shown(layers: &[Layer], winners: &[Option<usize>]) -> Vec<Setting> {
    let value = |(key, winner): (&'static Key, &Option<usize>)| {
        let found = winner
            .and_then(|n| layers.get(n))
            .and_then(|l| Some((l.entry(key.name)?, &l.origin)));
        let Some((entry, origin)) = found else {
            return Setting {
                key: key.name,
                value: serde_json::Value::Null,
                origin: Origin::Default,
            };
        };
        let value = match (key.kind, entry.checked.shown.as_str()) {
            (Kind::Url, Some(url)) => without_secrets(url).into(),
            _ => entry.checked.shown.clone(),
        };
        Setting {
            key: key.name,
            value,
            origin: origin.clone(),
        }
    };
    KEYS.iter().zip(winners).map(value).collect()
}

/// Every URL of every layer.
pub(super) fn urls(layers: &[Layer]) -> Vec<UrlSource> {
    let entries = layers
        .iter()
        .flat_map(|l| l.entries.iter().map(|e| (e, &l.origin)));
    let source = |(entry, origin): (&Entry, &Origin)| {
        let value = entry
            .checked
            .stored
            .as_str()
            .filter(|v| matches!(entry.key.kind, Kind::Url) && !v.is_empty())?;
        Some(UrlSource {
            key: entry.key.name,
            value: value.to_owned(),
            origin: origin.clone(),
        })
    };
    entries.filter_map(source).collect()
}

/// Rules between the keys of `[external_receiver]`: a signature covers the sent bytes, so it turns
/// off a default compression; and only the status can acknowledge a CloudEvents batch.
pub(super) fn settle_external_receiver(
    config: &mut EventSyncConfig,
    values: &mut [Setting],
    layers: &[Layer],
) -> Result<(), Problem> {
    let external = &mut config.external_receiver;
    let is_cloudevents = external.format == Format::Cloudevents;
    if is_cloudevents && external.ack != Ack::Status {
        let key = "external_receiver.format";
        let layer = layers.iter().rfind(|l| l.entry(key).is_some());
        return Err(Problem {
            origin: layer.map_or(Origin::Default, |l| l.origin.clone()),
            place: layer.and_then(|l| l.entry(key)).and_then(|e| e.place),
            excerpt: None,
            message: format!(
                "`{key}` = \"cloudevents\" needs `external_receiver.ack` = \"status\""
            ),
        });
    }
    let compression = values
        .iter_mut()
        .find(|v| v.key == "external_receiver.compression");
    if let Some(value) = compression.filter(|v| v.origin == Origin::Default)
        && (is_cloudevents || external.signing_secret.is_some())
    {
        external.compression = Compression::None;
        value.value = "none".into();
    }
    Ok(())
}
