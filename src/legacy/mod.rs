//! Imports older stores: queues and journals of earlier versions of Spec Kitty.
//!
//! * `discover` finds files by name; `source` opens one (`queue` for databases, on a private copy;
//!   `lines` for overflow files) and visits its rows; `share` sorts them by destination store;
//!   `import` writes one share in one transaction, with its mark; `take_over` imports everything
//!   new. `catalog` caches which files need not be read again, `ledger` reads what an older version
//!   delivered, `scopes` recognises server, user and team of a queue, `odd` describes problems of
//!   rows. `conflicts` lists ids with two contents, `decide` applies the user's decision about
//!   them, `cleanup` renames fully imported files.
//!
//! **Invariant:** a source is never changed, and never opened in place. **Invariant:** ids and
//! bytes are kept as they are. The first of two contents of one id stays; the other is set aside.
//! Unknown values are stored as unknown, never guessed. **Invariant:** a share and the mark that it
//! is done are one transaction, so that the next run completes one that was killed; one store is
//! locked at a time.

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
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod queue;
mod queue_tables;
mod release;
mod report;
mod request;
mod route;
mod scopes;
mod share;
mod source;
mod source_rows;
mod tables;
mod take_over;
mod targets;
mod todo;
mod unassigned;

pub(crate) use catalog::{Catalog, Known, ShareReport};
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
pub(crate) use report::{SourceReport, Taken, Waiting};
pub(crate) use request::Request;
pub(crate) use route::Destination;
pub(crate) use scopes::Names;
pub(crate) use take_over::take_over;
pub(crate) use unassigned::{Given, Unassigned, give, unassigned};

use crate::event::{Disposition, FamilyTable, disposition};

/// Reason of the hold on imported events until `migrate release`.
pub(crate) const IMPORTED: &str = "imported";

/// What happens to imported events.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// Families that are never sent.
    pub(crate) families: FamilyTable,
    /// The project opted out.
    pub(crate) is_opted_out: bool,
    /// Imported events are on hold until `migrate release`.
    pub(crate) is_held: bool,
}

impl Policy {
    /// Why an event of this type is put on hold; `None` if it is not. No imported event is
    /// discarded.
    fn hold(&self, event_type: &str) -> Option<&'static str> {
        match disposition(self.families.classify(event_type), self.is_opted_out, false) {
            Disposition::Keep | Disposition::AuditAndDiscard => self.is_held.then_some(IMPORTED),
            Disposition::Hold(reason) => Some(reason),
            Disposition::Discard => Some("local_only"),
        }
    }
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A store of this program failed.
    #[error(transparent)]
    Books(#[from] crate::books::Error),
    /// The state directory failed.
    #[error(transparent)]
    Io(std::io::Error),
    /// A store has no valid place.
    #[error(transparent)]
    Config(crate::config::Error),
    /// Another process is importing.
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

from_below!(
    crate::store::Error,
    crate::journal::Error,
    crate::delivery::Error,
    crate::bodies::Error,
    rusqlite::Error
);
