//! The checked configuration.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::documents::{Documents, Resubmit};
use super::network::NetworkSettings;
use super::preset::{Delivery, Preset, Retention};
use super::source::ArtifactSource;

/// Everything a person can set, but for addresses, which `endpoint` compares source by source.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventSyncConfig {
    /// The preset that was named last; `retention` and `delivery` are what counts.
    pub(crate) preset: Preset,
    /// Whether payloads stay after delivery.
    pub(crate) retention: Retention,
    /// Where events and bodies go.
    pub(crate) delivery: Delivery,
    /// The project's identity where the repository states none.
    pub(crate) project: Project,
    /// The hosted receiver.
    pub(crate) teamspace: Teamspace,
    /// The operator's own receiver.
    pub(crate) external_receiver: ExternalReceiver,
    /// What is indexed and sent.
    pub(crate) artifacts: Artifacts,
    /// How bodies are sent.
    pub(crate) bodies: Bodies,
    /// What is kept of documents.
    pub(crate) documents: Documents,
    /// Bounds of the journal.
    pub(crate) journal: Journal,
    /// Bounds of a drain.
    pub(crate) drain: Drain,
    /// What a git hook does.
    pub(crate) hook: Hook,
    /// Forms of dossier events.
    pub(crate) dossier: Dossier,
    /// The logs that missions keep of themselves.
    pub(crate) mission_log: MissionLog,
    /// What opting out does.
    pub(crate) opt_out: OptOut,
    /// What an import does.
    pub(crate) migrate: Migrate,
    /// The way to servers.
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
    /// The team; `None` shuts the gate `missing_team`.
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
    /// The variable that holds the query of the URL of events.
    pub(crate) events_query: Option<String>,
    /// The variable that holds the query of the URL of bodies.
    pub(crate) bodies_query: Option<String>,
    /// Own headers, in name order.
    pub(crate) headers: Vec<Header>,
    /// The form of a request.
    pub(crate) format: Format,
    /// What acknowledges an event.
    pub(crate) ack: Ack,
    /// Compression of requests.
    pub(crate) compression: Compression,
    /// The variable that holds the Standard Webhooks secret.
    pub(crate) signing_secret: Option<String>,
}

/// A header whose value an environment variable holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// The header's name.
    pub(crate) name: String,
    /// The variable that holds its value.
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

/// What acknowledges an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ack {
    /// A result that names its id.
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
    /// Bytes as they are.
    None,
}

/// `[artifacts]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Artifacts {
    /// Built-in layouts that are indexed, in order.
    pub(crate) layouts: Vec<String>,
    /// The directory of mission directories: relative, without `..` and without a `/` at its end.
    pub(crate) root: String,
    /// Files whose bodies are sent: globs on the whole relative path.
    pub(crate) surfaces: Vec<String>,
    /// Suffixes that are sent: lower-case, without their dot.
    pub(crate) formats: Vec<String>,
    /// The largest body that is sent, in bytes.
    pub(crate) max_bytes: u64,
    /// What is not indexed: globs on paths from the top of the project.
    pub(crate) exclude: Vec<String>,
    /// Whether files that git ignores are indexed.
    pub(crate) git_ignored: GitIgnoredFiles,
    /// Sources of one's own, and settings of built-in layouts, in order.
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
    /// Uploads at a time, 1 to 32.
    pub(crate) parallel: usize,
    /// The most bytes that wait for upload.
    pub(crate) max_queue_bytes: u64,
    /// What a run offers again.
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
    /// The most live events where retention is off.
    pub(crate) capacity: u64,
    /// Live events above which status warns.
    pub(crate) warn_rows: u64,
}

/// `[drain]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drain {
    /// The most events in a request, 1 to 1000.
    pub(crate) max_events: usize,
    /// The most uncompressed bytes in a request.
    pub(crate) max_bytes: u64,
    /// How long a drain may take.
    #[serde(deserialize_with = "from_milliseconds")]
    pub(crate) max_time: Duration,
    /// Rejections after which an event is undeliverable.
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
    /// How long git waits for a hook, at most.
    #[serde(deserialize_with = "from_milliseconds")]
    pub(crate) budget: Duration,
    /// How long the drain that a hook starts may take.
    #[serde(deserialize_with = "from_milliseconds")]
    pub(crate) max_time: Duration,
}

/// What a git hook does after capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HookDrain {
    /// Starts a drain of its own process.
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
    /// What opting out does to events meant for a Teamspace.
    pub(crate) teamspace_bound: BoundFamilies,
}

/// What opting out does to events meant for a Teamspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BoundFamilies {
    /// Keeps and holds them.
    Keep,
    /// Drops them after an audit row.
    Audit,
}

/// `[migrate]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Migrate {
    /// Whether imported events go by themselves.
    pub(crate) imported: Imported,
    /// Whether members that name a person or a machine leave with imported events.
    pub(crate) personal_data: PersonalData,
}

/// What happens to the members of imported events that name a person or a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PersonalData {
    /// They stay in the journal and are left out of what is sent.
    #[default]
    Strip,
    /// They are sent.
    Send,
}

/// What becomes of imported events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Imported {
    /// They are owed like captured ones.
    Owed,
    /// They wait for `migrate release`.
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
pub(super) fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(text).filter(|t| !t.is_empty()))
}

#[cfg(test)]
impl Default for EventSyncConfig {
    /// What nothing but the table of keys gives.
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
        super::load(&inputs).expect("the defaults pass their own checks").config
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
