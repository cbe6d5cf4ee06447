//! Git hooks: putting them where git looks, taking them away again, and deciding what one does when git runs it.
//!
//! What is there is gathered by `survey`, what to do about it is decided by `plan` (pure), and `apply` does it. A hook
//! file holds no logic: it calls `sk-sync hook run`, so that a newer program needs no new hook files.
//!
//! **Invariant:** a hook that is not ours, byte for byte, is never overwritten, edited, chained or removed; nor is any
//! file written that the repository could track. Taking away leaves what was there before.

mod apply;
mod detach;
mod event;
mod log;
mod manager;
mod occasion;
mod plan;
mod script;
mod stamp;
mod survey;

pub(crate) use apply::apply;
pub(crate) use detach::{leave_behind, leave_session};
pub(crate) use event::Hook;
pub(crate) use log::{last_line, log_path, note};
pub(crate) use manager::Manager;
pub(crate) use occasion::{Duty, Occasion, duty};
pub(crate) use plan::{Method, Plan, Refusal, Step, install, uninstall};
pub(crate) use script::Standing;
pub(crate) use stamp::{Changed, Stamp, View, place_of, state_of};
pub(crate) use survey::{Survey, survey};

/// Why hooks cannot be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Hooks belong to a repository.
    #[error("{path} is in no git repository, so there is nothing to hook into")]
    NoRepository {
        /// The directory.
        path: String,
    },
    /// Git did not do what it was asked.
    #[error("`git {asked}` failed: {said}")]
    Git {
        /// The arguments.
        asked: String,
        /// What it said.
        said: String,
    },
    /// A hook file cannot be read, written or removed; the text names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
