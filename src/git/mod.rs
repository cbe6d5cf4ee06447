//! Git: finds the checkout, and collects the facts that events carry.
//!
//! Finding the checkout and reading `HEAD` and the remote need no child process. If files are not
//! enough (reftable, a branch named like a tag, `insteadOf`), `git` is run.
//!
//! Ignore rules are read from pattern files, and tracked files from the index, also without a child
//! process.
//!
//! **Invariant:** independent of feature directories. A child runs without `GIT_*` variables,
//! hooks, prompts and file-system monitors, and is killed after a time limit. A missing repository,
//! or a missing `git`, is a value, never an error.

mod checkout;
mod child;
mod default_branch;
mod facts;
mod first_commit;
mod head;
mod id_file;
mod ignored;
mod operation;
mod origin;
mod ownership;
mod plain;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod reflog;
mod repository;
mod slug;
mod tracked;
mod vouch;
mod work_trees;

pub(crate) use checkout::{Checkout, discover};
pub(crate) use child::Git;
pub(crate) use default_branch::default_branch;
pub(crate) use facts::{Facts, facts};
pub(crate) use first_commit::first_commit;
pub(crate) use ignored::{GitIgnored, PATTERN_FILE, Rules};
pub(crate) use operation::{Operation, branch_file, operation};
pub(crate) use ownership::refuse_foreign;
pub(crate) use reflog::{arrived_after, count_changing};
pub(crate) use repository::{Known, claim_id, id_in, known_id, repository};
pub(crate) use slug::is_repo_slug;
pub(crate) use work_trees::work_trees;

use crate::base::text;

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The directory to start from cannot be read.
    #[error("cannot use directory {path}: {source}")]
    Start {
        /// The directory.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// There is a repository, but no work tree.
    #[error(
        "{path} has no work tree (a bare repository, or the inside of a .git directory); run in a checkout of it"
    )]
    NoWorkTree {
        /// The repository directory.
        path: String,
    },
    /// Git would block on a pipe there, or read a device without end.
    #[error("cannot use {path}: {what}; git would wait for it, or read it without end")]
    UnusableFile {
        /// The file.
        path: String,
        /// The reason.
        what: &'static str,
    },
    /// A `.git` file does not refer to a repository.
    #[error(
        "{path} does not lead to a git repository ({what}); if the repository was moved, run `git worktree repair` in it"
    )]
    BrokenPointer {
        /// The `.git` file.
        path: String,
        /// The reason.
        what: String,
    },
    /// This directory or one of its files belongs to another user.
    #[error("cannot work in {}: {path} belongs to another user", text::path(.root))]
    ForeignOwner {
        /// The path that belongs to another user.
        path: String,
        /// The top of the work tree.
        root: std::path::PathBuf,
    },
    /// The file with the repository's id was not written by this program.
    #[error("cannot use {path} as the id of this repository: {what}")]
    RepositoryId {
        /// The file.
        path: String,
        /// The reason.
        what: String,
    },
}
