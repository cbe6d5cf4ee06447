//! The content of the disk: missions, their artifacts, and the facts derived from them.
//!
//! A mission is a feature directory below the artifact root; an artifact is a file in one. Files
//! are read once, hashed as raw bytes, in parallel, and sorted by path bytes, so the result does
//! not depend on the number of threads. Keys, classes, manifests and parity equal those of Spec
//! Kitty.
//!
//! A [`Cache`] contains the files that need not be read again: an input and an output, stored by
//! the caller.
//!
//! **Invariant:** reads only and stores nothing; independent of journal, queue and SQL. Nothing is
//! opened through a link that leaves its feature directory. A problem with a file, directory or
//! mission affects only that entry, and is reported with a [`Reason`].

mod artifact;
mod baseline;
mod beneath;
#[cfg(not(unix))]
mod beneath_std;
#[cfg(unix)]
mod beneath_unix;
mod body;
mod cache;
mod cache_file;
mod class;
mod detect;
mod digest;
mod discover;
mod draft;
mod entry;
mod facts;
mod globs;
mod identity;
mod identity_yaml;
mod index;
mod key;
mod layouts;
mod locate;
mod log;
mod manifest;
mod manifest_tables;
mod meta;
mod mission;
mod parity;
mod places;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod reason;
mod request;
mod slugs;
mod source;
mod sources;
mod stat;
mod unwanted;
mod walk;
mod wanted;

pub(crate) use artifact::Artifact;
pub(crate) use baseline::Owner;
pub(crate) use body::{ReadError, read_body};
pub(crate) use cache::Cache;
pub(crate) use cache_file::LONGEST as LONGEST_CACHE;
pub(crate) use detect::{Detected, detect, projects_below, recipes};
pub(crate) use facts::{Fact, count as count_facts, facts};
pub(crate) use identity::{
    Identity, IdentityError, ProjectOverride, build_id, derived_uuid, identity,
};
pub(crate) use index::{Index, index};
pub(crate) use key::suffix;
pub(crate) use locate::{count_units, slugs};
pub(crate) use log::{MissionLog, mission_logs, read_mission_log};
pub(crate) use manifest_tables::Edition;
pub(crate) use mission::{MISSION_LOG, Mission};
pub(crate) use parity::ParityForm;
pub(crate) use reason::Reason;
pub(crate) use request::{Project, Request};
pub(crate) use source::Source;
pub(crate) use sources::Sources;

/// Why no index could be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The directory is not in a repository and has no artifact root.
    #[error(
        "{root} is neither in a git repository nor a directory with {artifacts_root}/; \
         run in a checkout, or name one with --repo"
    )]
    NothingToIndex {
        /// The directory.
        root: String,
        /// `artifacts.root`.
        artifacts_root: String,
    },
    /// The configured sources cannot be read.
    #[error("[artifacts]: {0}")]
    Sources(String),
    /// A selected mission does not exist.
    #[error("there is no mission {}", crate::base::text::printable(.asked))]
    NoMission {
        /// The selection.
        asked: String,
        /// Similar slugs, or all slugs with this beginning.
        near: Vec<String>,
    },
    /// A configured directory does not exist.
    #[error("{} is configured, and there is no {}", crate::base::text::printable(.what), either(.places))]
    NoPlace {
        /// The configuration's text.
        what: String,
        /// Directories, one of which must exist.
        places: Vec<String>,
    },
    /// `artifacts.root` is absolute, empty, or has `..` in it.
    #[error("artifacts.root {artifacts_root:?} must be a relative path without `..`")]
    BadArtifactsRoot {
        /// `artifacts.root`.
        artifacts_root: String,
    },
    /// The artifact root is a link out of the work tree.
    #[error(
        "{artifacts_root} leads to {resolved}, which is not part of this work tree; nothing is read through it"
    )]
    RootLeavesTree {
        /// `artifacts.root`.
        artifacts_root: String,
        /// The target of the link.
        resolved: String,
    },
    /// A required directory cannot be read.
    #[error("cannot read directory {path}: {source}")]
    Unreadable {
        /// The directory.
        path: String,
        /// The system's message.
        source: std::io::Error,
    },
    /// A stop was requested.
    #[error("interrupted")]
    Interrupted,
}

/// Directories as alternatives, for a message.
fn either(places: &[String]) -> String {
    let mut seen = std::collections::BTreeSet::new();
    let places: Vec<_> = places
        .iter()
        .filter(|place| seen.insert(*place))
        .map(|place| format!("{}/", crate::base::text::printable(place)))
        .collect();
    match places.split_last() {
        Some((last, [])) => format!("directory {last}"),
        Some((last, others)) => format!("directory {} or {last}", others.join(", ")),
        None => "such directory".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::either;

    #[test]
    fn each_directory_is_named_once() {
        let places = ["specs", ".specify", "specs"].map(str::to_owned);
        assert_eq!(either(&places), "directory specs/ or .specify/");
        assert_eq!(either(&places[..1]), "directory specs/");
    }
}
