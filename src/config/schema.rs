//! The checked configuration.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::documents::{Documents, Resubmit};
use super::network::NetworkSettings;
use super::preset::{Delivery, Preset, Retention};
use super::source::ArtifactSource;

/// Every setting, except URLs, which `endpoint` compares source by source.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventSyncConfig {
    /// The last preset; `retention` and `delivery` are the effective values.
    pub(crate) preset: Preset,
    /// Whether payloads stay after delivery.
    pub(crate) retention: Retention,
    /// Where events and documents are sent.
    pub(crate) delivery: Delivery,
    /// The project's identity if the repository states none.
    pub(crate) project: Project,
    /// The hosted receiver.
    pub(crate) teamspace: Teamspace,
    /// The operator's own receiver.
    pub(crate) external_receiver: ExternalReceiver,
    /// What is indexed and sent.
    pub(crate) artifacts: Artifacts,
    /// How documents are sent.
    pub(crate) bodies: Bodies,
    /// How long texts of documents are kept.
    pub(crate) documents: Documents,
    /// Limits of the journal.
    pub(crate) journal: Journal,
    /// Limits of a drain.
    pub(crate) drain: Drain,
    /// Behaviour of a git hook.
    pub(crate) hook: Hook,
    /// Forms of dossier events.
    pub(crate) dossier: Dossier,
    /// Mission logs.
    pub(crate) mission_log: MissionLog,
    /// Behaviour of opting out.
    pub(crate) opt_out: OptOut,
    /// Behaviour of an import.
    pub(crate) migrate: Migrate,
    /// Connections to servers.
    #[serde(default)]
    pub(crate) network: NetworkSettings,
    /// Event types beyond the built-in table.
    pub(crate) families: Families,
}

/// `[project]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    /// A UUID, lower-case and hyphenated.
    pub(crate) uuid: Option<String>,
    /// A name.
    #[serde(default, deserialize_with = "unless_empty")]
    pub(crate) slug: Option<String>,
}

/// `[teamspace]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Teamspace {
    /// The team; without it the check `missing_team` fails.
    #[serde(default, deserialize_with = "unless_empty")]
    pub(crate) team_slug: Option<String>,
    /// Part of the target's identity; empty unless configured.
    #[serde(default)]
    pub(crate) user_email: String,
    /// A private file with the token; absolute, or below `~/`.
    pub(crate) token_file: Option<String>,
    /// A program that prints the token, and its arguments.
    pub(crate) token_command: Option<Vec<String>>,
}

/// `[external_receiver]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExternalReceiver {
    /// The variable with the query of the events URL.
    pub(crate) events_query: Option<String>,
    /// The variable with the query of the documents URL.
    pub(crate) bodies_query: Option<String>,
    /// Custom headers, in name order.
    pub(crate) headers: Vec<Header>,
    /// The form of a request.
    pub(crate) format: Format,
    /// What counts as acknowledgement of an event.
    pub(crate) ack: Ack,
    /// Compression of requests.
    pub(crate) compression: Compression,
    /// The variable with the Standard Webhooks secret.
    pub(crate) signing_secret: Option<String>,
}

/// A header whose value is in an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// The header's name.
    pub(crate) name: String,
    /// The variable with its value.
    pub(crate) variable: String,
}

/// The form of a request to an external receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// `{"events": […]}`.
    Batch,
    /// A CloudEvents 1.0 JSON batch.
    Cloudevents,
}

/// What counts as acknowledgement of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ack {
    /// A result with its id.
    Results,
    /// A 2xx answer to the request.
    Status,
}

/// Compression of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Compression {
    /// gzip.
    Gzip,
    /// No compression.
    None,
}

/// `[artifacts]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Artifacts {
    /// Indexed built-in layouts, in order.
    pub(crate) layouts: Vec<String>,
    /// The directory of mission directories: relative, without `..` and without a trailing `/`.
    pub(crate) root: String,
    /// Files whose text is sent: globs on the whole relative path.
    pub(crate) surfaces: Vec<String>,
    /// Suffixes that are sent: lower-case, without a dot.
    pub(crate) formats: Vec<String>,
    /// Largest document that is sent, in bytes.
    pub(crate) max_bytes: u64,
    /// Paths that are not indexed: globs from the top of the project.
    pub(crate) exclude: Vec<String>,
    /// Whether files that git ignores are indexed.
    pub(crate) git_ignored: GitIgnoredFiles,
    /// Custom sources, and settings of built-in layouts, in order.
    pub(crate) source: Vec<ArtifactSource>,
}

/// Files that git ignores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GitIgnoredFiles {
    /// They are not indexed.
    Skip,
    /// They are indexed like others.
    Send,
}

/// `[bodies]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bodies {
    /// Field names on the wire.
    pub(crate) wire_names: WireNames,
    /// Concurrent uploads, 1 to 32.
    pub(crate) parallel: usize,
    /// Most bytes of documents that wait for upload.
    pub(crate) max_queue_bytes: u64,
    /// Which documents a run sends again.
    pub(crate) resubmit: Resubmit,
}

/// Field names of document uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum WireNames {
    /// `mission_slug`, `mission_type`.
    #[serde(rename = "current")]
    Current,
    /// `feature_slug`, `mission_key`.
    #[serde(rename = "2026-03")]
    March2026,
}

/// `[journal]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Journal {
    /// Most live events while retention is off.
    pub(crate) capacity: u64,
    /// Number of live events above which `status` warns.
    pub(crate) warn_rows: u64,
}

/// `[drain]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drain {
    /// Most events in a request, 1 to 1000.
    pub(crate) max_events: usize,
    /// Most uncompressed bytes in a request.
    pub(crate) max_bytes: u64,
    /// Time limit of a drain.
    #[serde(deserialize_with = "from_milliseconds")]
    pub(crate) max_time: Duration,
    /// Number of rejections after which an event is given up.
    pub(crate) max_rejections: u32,
    /// How long to wait for another drain.
    #[serde(deserialize_with = "from_milliseconds")]
    pub(crate) lock_wait: Duration,
}

/// `[hook]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hook {
    /// Whether a git hook starts a drain.
    pub(crate) drain: HookDrain,
    /// Longest time that git waits for a hook.
    #[serde(deserialize_with = "from_milliseconds")]
    pub(crate) budget: Duration,
    /// Time limit of a drain started by a hook.
    #[serde(deserialize_with = "from_milliseconds")]
    pub(crate) max_time: Duration,
}

/// What a git hook does after capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HookDrain {
    /// Starts a drain in a separate process.
    Detached,
    /// Nothing.
    None,
}

/// `[dossier]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dossier {
    /// The form of the parity hash.
    pub(crate) parity: Parity,
}

/// Forms of the parity hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Parity {
    /// Over paths and contents.
    Path,
    /// Over contents: the older form.
    Content,
}

/// `[mission_log]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MissionLog {
    /// Whether the lines of `status.events.jsonl` become events.
    pub(crate) capture: bool,
}

/// `[opt_out]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptOut {
    /// What opting out does with events for a Teamspace.
    pub(crate) teamspace_bound: BoundFamilies,
}

/// What opting out does with events for a Teamspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BoundFamilies {
    /// Captures them on hold.
    Keep,
    /// Discards them with an audit row.
    Audit,
}

/// `[migrate]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Migrate {
    /// Whether imported events are sent without `migrate release`.
    pub(crate) imported: Imported,
    /// Whether fields of imported events that name a person or a machine are sent.
    pub(crate) personal_data: PersonalData,
}

/// What happens to fields of imported events that name a person or a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PersonalData {
    /// They stay in the journal and are removed from what is sent.
    #[default]
    Strip,
    /// They are sent.
    Send,
}

/// What happens to imported events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Imported {
    /// They are sent like captured ones.
    Owed,
    /// They are on hold until `migrate release`.
    Held,
}

/// `[families]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Families {
    /// Event types that are never sent, in addition to the built-in ones.
    pub(crate) local_only: Vec<String>,
}

fn from_milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

/// Empty text unsets a key that a lower layer sets.
pub(super) fn unless_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(text).filter(|t| !t.is_empty()))
}

#[cfg(test)]
impl Default for EventSyncConfig {
    /// The defaults of the table of keys.
    fn default() -> Self {
        let inputs = super::Inputs {
            env: &crate::base::Env::of(&[]),
            user_file: None,
            repo_file: None,
            is_explicit: false,
            project_file: None,
            flags: &[],
            pins: super::Pins::Any,
        };
        super::load(&inputs)
            .expect("the defaults pass their own checks")
            .config
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
