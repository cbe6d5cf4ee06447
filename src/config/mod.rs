//! The configuration: layered settings, each with its origin, checked before use.
//!
//! ```text
//! defaults < user file < repository file < project settings < environment < flags
//! ```
//!
//! A repository's file without consent is overridden by the user's file, and only some of its keys
//! apply: `trust`.
//!
//! **Invariant:** a value in [`EventSyncConfig`] has passed the check of its key (`keys`); every
//! problem of every source is reported at once with its file and line, or its variable. URLs are
//! not layered: [`Loaded::urls`] keeps each source separate, for `endpoint` to compare. It never
//! contains values of secrets, only names of variables.
//!
//! Independent of domain types. Only `layers` uses figment.

mod check;
mod checked;
mod file;
mod home;
mod key;
mod keys;
mod layer;
mod layers;
mod load;
#[cfg(test)]
mod load_tests;
mod loaded;
mod origin;
mod places;
mod preset;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod receiver;
mod schema;
mod settings;
mod source;
mod state;
mod toml_value;
mod trust;
mod units;
mod variables;
mod words;

pub(crate) use home::{Home, Place};
pub(crate) use keys::{Artifacts, EventSyncConfig, ExternalReceiver, KEYS, Teamspace};
pub(crate) use load::{Flag, Inputs, Pins, load, load_with};
pub(crate) use loaded::{Asked, Loaded, RepositoryFile, Setting, UrlSource};
pub(crate) use origin::{Origin, Problem, without_secrets};
pub(crate) use places::Listed;
pub(crate) use preset::Retention;
pub(crate) use receiver::{Access, Delivery, PRESETS, Preset, ReceiverKind};
pub(crate) use schema::{
    Ack, BoundFamilies, Compression, Format, GitIgnoredFiles, Header, HookDrain, Imported,
    KeepTexts, Parity, PersonalData, Resubmit, WireNames,
};
pub(crate) use settings::{Change, Changed, Edit, Refusal, Settings, plan_settings};
pub(crate) use source::{ArtifactSource, LAYOUTS};
pub(crate) use units::milliseconds;

use std::path::PathBuf;

/// Why the configuration could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file cannot be read; the error names it.
    #[error("{0}")]
    Unreadable(std::io::Error),
    /// Sources contain invalid values: every problem that was found.
    #[error("{}", problems(.0))]
    Invalid(Vec<Problem>),
    /// Neither the variables for a directory nor the home directory are set.
    #[error("no place for {what}: HOME is not set; set HOME or {variable}")]
    Homeless {
        /// The directory.
        what: &'static str,
        /// The variable that sets it.
        variable: &'static str,
    },
    /// The state directory would be inside the work tree.
    #[error(
        "the state directory {} lies inside the work tree {}; set SK_SYNC_HOME to a directory outside it",
        crate::base::text::path(.state), crate::base::text::path(.work_tree)
    )]
    StateInWorkTree {
        /// The state directory.
        state: PathBuf,
        /// The work tree around it.
        work_tree: PathBuf,
    },
    /// The state directory belongs to another user, is writable by others, or contains an
    /// unexpected entry.
    #[error("cannot use the state directory: {} {what}", crate::base::text::path(.path))]
    Planted {
        /// The rejected path.
        path: PathBuf,
        /// The reason.
        what: &'static str,
    },
    /// A project identity that is not a UUID: it would become the name of a directory.
    #[error("the project identity `{}` is not a UUID", crate::base::text::printable(.0))]
    ProjectUuid(String),
}

fn problems(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
