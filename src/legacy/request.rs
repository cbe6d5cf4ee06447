//! What an import is asked for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Names, Policy};
use crate::base::{Clock, Interrupt, RepositoryId};
use crate::config::Home;
use crate::endpoint::Identity;

/// Input of an import.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The state directory and the older home directory.
    pub(crate) home: &'a Home,
    /// The repository whose store imports the rows of the project.
    pub(crate) repository: &'a RepositoryId,
    /// True if a user assigned the older stores of the project to this repository. Until then they
    /// are not imported: the project's id is a claim that any clone can make.
    pub(crate) is_adopted: bool,
    /// Files below the tops of the project that git tracks, so they came with a clone.
    pub(crate) tracked: &'a [PathBuf],
    /// The tops of the project, which may contain overflow files.
    pub(crate) roots: &'a [&'a Path],
    /// The current project; `None` without an id.
    pub(crate) project: Option<&'a str>,
    /// Its target.
    pub(crate) target: Option<&'a Identity>,
    /// Treatment of its imported events.
    pub(crate) policy: Policy,
    /// Known servers, users and teams.
    pub(crate) names: Names,
    /// Reads unreadable stores again.
    pub(crate) retries: bool,
    /// How long to wait for another importing process.
    pub(crate) patience: Duration,
    /// The time.
    pub(crate) clock: &'a dyn Clock,
    /// A request to stop.
    pub(crate) interrupt: &'a Interrupt,
}
