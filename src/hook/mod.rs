//! Git hooks: installing and removing them, and deciding what one does when git runs it.
//!
//! `survey` collects the present state, `plan` decides what to change (pure), and `apply` changes
//! it. A hook file contains no logic: it calls `sk-sync hook run`, so a newer program needs no new
//! hook files.
//!
//! **Invariant:** a hook whose bytes this program did not write is never overwritten, edited,
//! chained or removed, and no file that the repository could track is written. Uninstalling
//! restores the earlier state.

mod apply;
mod detach;
mod event;
mod file_state;
mod log;
mod manager;
mod occasion;
mod plan;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod script;
mod stamp;
mod survey;

pub(crate) use apply::apply;
pub(crate) use detach::{leave_behind, leave_session};
pub(crate) use event::Hook;
pub(crate) use file_state::{place_of, state_of};
pub(crate) use log::{last_line, log_path, note};
pub(crate) use manager::Manager;
pub(crate) use occasion::{Duty, Occasion, duty};
pub(crate) use plan::{Method, Plan, Refusal, Step, install, uninstall};
pub(crate) use script::Standing;
pub(crate) use stamp::{Changed, Stamp, View, stamp_path};
pub(crate) use survey::{Survey, survey};

/// Why hooks cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The directory is not in a repository.
    #[error("{path} is in no git repository, so there is nothing to hook into")]
    NoRepository {
        /// The directory.
        path: String,
    },
    /// Git failed.
    #[error("`git {asked}` failed: {said}")]
    Git {
        /// The arguments.
        asked: String,
        /// Its message.
        said: String,
    },
    /// A hook file cannot be read, written or removed; the error names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
