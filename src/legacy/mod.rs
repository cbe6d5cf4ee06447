//! Older stores: queues and journals that earlier versions of Spec Kitty left behind, taken over.
//!
//! * `discover` finds files by name; `source` opens one (`queue` for databases, on a private copy; `lines` for overflow
//!   files) and shows its rows; `share` sorts them by the store they belong to; `import` writes one share in one
//!   transaction, with its mark; `take_over` does all that is new. `catalog` remembers what need not be read again,
//!   `ledger` what an older version delivered, `scopes` whose queue a file was, `odd` explains rows. `conflicts` shows ids
//!   with two contents, `decide` is what a person says to them, `cleanup` renames files that are done with.
//!
//! **Invariant:** a source is never changed, and never opened where it lies.
//! **Invariant:** ids and bytes are kept as they are. The first of two contents of one id stays; the other is kept apart,
//! whole. Nothing is made up: what is not known is said to be unknown.
//! **Invariant:** a share and the mark that it is done are one transaction, so that a run that was killed anywhere is
//! completed by the next one; one store is locked at a time.

mod audit;
mod catalog;
mod claim;
mod cleanup;
mod conflicts;
mod decide;
mod discover;
mod entries;
mod examine;
mod import;
mod ledger;
mod lines;
mod marks;
mod odd;
mod older_rows;
mod preview;
mod queue;
mod release;
mod report;
mod route;
mod scopes;
mod share;
mod source;
mod tables;
mod take_over;
mod targets;
mod unassigned;

pub(crate) use catalog::{Catalog, Known};
pub(crate) use claim::taker;
pub(crate) use cleanup::{lock_sources, plan_cleanup, set_away};
pub(crate) use conflicts::{Conflict, conflicts, stores};
pub(crate) use decide::{Decided, Decision, Keep, Refused, decide_everywhere};
pub(crate) use discover::discover;
use discover::{Found, Kind};
pub(crate) use marks::{Giver, forget_all, givers};
pub(crate) use older_rows::{OlderRows, older_rows};
pub(crate) use preview::preview;
pub(crate) use release::{count_held, open_conflicts, release};
pub(crate) use report::{ShareReport, SourceReport, Taken, Waiting};
pub(crate) use route::Destination;
pub(crate) use scopes::Names;
pub(crate) use take_over::{Request, take_over};
pub(crate) use unassigned::{Given, Unassigned, give, unassigned};

use crate::event::{Disposition, FamilyTable, disposition};

/// Why an imported event is held until `migrate release`.
pub(crate) const IMPORTED: &str = "imported";

/// What happens to imported events.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// Which families never leave.
    pub(crate) families: FamilyTable,
    /// The project opted out.
    pub(crate) is_opted_out: bool,
    /// Imported events wait for `migrate release`.
    pub(crate) is_held: bool,
}

impl Policy {
    /// Why an event of this type is held. Nothing that is imported is discarded.
    fn hold(&self, event_type: &str) -> Option<&'static str> {
        match disposition(self.families.classify(event_type), self.is_opted_out, false) {
            Disposition::Keep | Disposition::AuditAndDiscard => self.is_held.then_some(IMPORTED),
            Disposition::Hold(reason) => Some(reason),
            Disposition::Discard => Some("local_only"),
        }
    }
}

/// Why taking over ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A store of ours.
    #[error(transparent)]
    Books(#[from] crate::books::Error),
    /// The state directory.
    #[error(transparent)]
    Io(std::io::Error),
    /// Where a store lies.
    #[error(transparent)]
    Config(crate::config::Error),
    /// The lock of the one process that takes over.
    #[error(transparent)]
    Lock(crate::base::lock::Error),
}

macro_rules! from_below {
    ($($error:ty),*) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::Books(error.into())
            }
        })*
    };
}

from_below!(crate::store::Error, crate::journal::Error, crate::delivery::Error, crate::bodies::Error, rusqlite::Error);
