//! Git: where a checkout is, and the few facts about it that events carry.
//!
//! Finding the checkout, reading `HEAD` and the origin take no child process. Whatever cannot be read plainly from files
//! (reftable, a branch named like a tag, `insteadOf`) is asked of `git` itself.
//!
//! What git ignores is read from its files of patterns, and what it tracks from its index, without a child as well.
//!
//! **Invariant:** knows nothing of feature directories. A child runs without `GIT_*` variables, hooks, prompts and
//! file-system monitors, and is killed after a bound. That there is no repository, or no `git`, is a value, never an
//! error.

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

/// Why a directory cannot be worked in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The directory to start from cannot be read.
    #[error("cannot use directory {path}: {source}")]
    Start {
        /// The directory.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is a repository, but no work tree.
    #[error("{path} has no work tree (a bare repository, or the inside of a .git directory); run in a checkout of it")]
    NoWorkTree {
        /// The repository directory.
        path: String,
    },
    /// git would wait for a pipe in there, or read a device without end.
    #[error("cannot use {path}: {what}; git would wait for it, or read it without end")]
    UnusableFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A `.git` file does not lead to a repository.
    #[error(
        "{path} does not lead to a git repository ({what}); if the repository was moved, run `git worktree repair` in it"
    )]
    BrokenPointer {
        /// The `.git` file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// Another user put this directory or one of its files there.
    #[error("cannot work in {}: {path} belongs to another user", text::path(.root))]
    ForeignOwner {
        /// What belongs to another user.
        path: String,
        /// The top of the work tree.
        root: std::path::PathBuf,
    },
    /// The file that keeps the repository's id is not one that this program wrote.
    #[error("cannot use {path} as the id of this repository: {what}")]
    RepositoryId {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
}
