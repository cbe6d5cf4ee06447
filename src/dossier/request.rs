//! What an index is asked for.

use std::fmt;
use std::path::Path;

use super::baseline::Owner;
use super::cache::Cache;
use super::manifest_tables::Edition;
use super::parity::ParityForm;
use super::sources::Sources;
use crate::base::{Interrupt, Timestamp};
use crate::git::GitIgnored;

/// Where missions are looked for.
#[derive(Clone, Copy)]
pub(crate) struct Project<'a> {
    /// The top of the work tree, or a plain directory.
    pub(crate) root: &'a Path,
    /// In a repository, a missing artifact root means that there are no missions, not that the
    /// directory is wrong.
    pub(crate) is_repository: bool,
    /// The sources of units and documents.
    pub(crate) sources: &'a Sources,
    /// Git's ignore rules, if ignored files are not indexed.
    pub(crate) git_ignored: Option<&'a GitIgnored>,
    /// Checked between files.
    pub(crate) interrupt: &'a Interrupt,
}

/// Input of an index.
pub(crate) struct Request<'a> {
    /// Where missions are looked for.
    pub(crate) project: Project<'a>,
    /// The top of the main work tree, where `meta.json` is read; the project's root outside linked
    /// work trees.
    pub(crate) meta_root: &'a Path,
    /// Only these missions.
    pub(crate) missions: Option<&'a [String]>,
    /// Edition of the manifests.
    pub(crate) edition: Edition,
    /// The step whose missing artifacts are reported; `None` reports none.
    pub(crate) step: Option<&'a str>,
    /// Form of the parity hash.
    pub(crate) parity: ParityForm,
    /// The owner of parity baselines; `None` uses no baseline.
    pub(crate) baseline_owner: Option<Owner<'a>>,
    /// Start of this index, before any file is examined.
    pub(crate) begun: Timestamp,
    /// Cache of earlier indexes of the same artifact root.
    pub(crate) known: &'a Cache,
    /// The branch of missions that name none; called at most once, and only if there is such a
    /// mission.
    pub(crate) default_branch: &'a dyn Fn() -> String,
    /// Called after each file that had to be read, from any thread.
    pub(crate) progress: &'a (dyn Fn(Progress) + Sync),
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("root", &self.project.root)
            .field("missions", &self.missions)
            .finish_non_exhaustive()
    }
}

/// Progress of the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Files read.
    pub(crate) files: usize,
    /// Files to read.
    pub(crate) total: usize,
    /// Bytes read.
    pub(crate) bytes: u64,
}
