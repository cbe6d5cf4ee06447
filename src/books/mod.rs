//! The project's store: one file that holds journal, ledger and body queue, and the acts that touch
//! more than one.
//!
//! The journal must not depend on delivery, and delivery must not write the journal, yet an
//! appended event and the counters of every target change in one transaction. That transaction is
//! composed here, one layer above both.
//!
//! **Invariant:** every append to the journal and every release goes through this module, so that
//! both legs of the double entry are always posted.

mod absorb;
#[cfg(test)]
mod answering;
mod append;
mod balance;
#[cfg(test)]
mod capacity_tests;
mod check;
mod collect;
#[cfg(test)]
mod collect_tests;
#[cfg(test)]
mod counter_commit_tests;
#[cfg(test)]
mod counter_tests;
mod counters;
mod documents;
#[cfg(test)]
mod fixture;
mod last_run;
#[cfg(test)]
mod lasting_tests;
mod lost;
mod mend;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod posting_tests;
mod removal;
mod replace;
mod restore;
mod retention;

pub(crate) use absorb::{Absorbed, absorb};
#[cfg(test)]
pub(crate) use append::release;
pub(crate) use append::{Appending, append, hold, release_late};
pub(crate) use balance::Balance;
pub(crate) use check::{Finding, Severity, check};
pub(crate) use collect::{Collected, GcPlan, GcRule, Tally, WhyNot, collect, plan_collection};
pub(crate) use counters::{Correction, Part};
pub(crate) use documents::{Inherited, inherit_document, sweep_texts, without_text};
pub(crate) use last_run::{LastRun, Runner, read as last_run, write as write_last_run};
pub(crate) use lost::start_anew;
pub(crate) use mend::{mend, plan_mending};
pub(crate) use removal::{Removed, clear, drain_to_file, hand_over, remove_project};
pub(crate) use replace::{Obstacle, obstacle, replace};
pub(crate) use restore::{
    Restorable, RestorableDocument, Restored, mark_archived, restore, restore_documents,
};
pub(crate) use retention::{NO_ARRIVALS, acknowledge, evict, note_retention};

use std::path::Path;
use std::time::Duration;

use crate::store::{ReadStore, Schema, Store};
use crate::{bodies, delivery, journal};

/// SQLite's `application_id` of a project store: "sksy".
const APPLICATION_ID: i32 = 0x736b_7379;

/// Contents of a project store. Steps are only ever appended.
pub(crate) const SCHEMA: Schema = Schema {
    application_id: APPLICATION_ID,
    steps: &[&[journal::SCHEMA, delivery::SCHEMA, bodies::SCHEMA, IMPORTS]],
};

/// Tables of a higher module, in the same file because they change in the same transactions.
const IMPORTS: &str = include_str!("../legacy/schema.sql");

/// How long a command waits for another writer; long, because transactions are short.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Why reading or writing the books failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The store underneath failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The ledger failed.
    #[error(transparent)]
    Delivery(#[from] delivery::Error),
    /// The body queue failed.
    #[error(transparent)]
    Bodies(#[from] bodies::Error),
}

impl Error {
    /// The store's error, if the store failed; else `None`.
    pub(crate) fn of_store(&self) -> Option<&crate::store::Error> {
        match self {
            Self::Store(error)
            | Self::Journal(journal::Error::Store(error))
            | Self::Delivery(
                delivery::Error::Store(error)
                | delivery::Error::Journal(journal::Error::Store(error)),
            )
            | Self::Bodies(
                bodies::Error::Store(error)
                | bodies::Error::Journal(journal::Error::Store(error))
                | bodies::Error::Delivery(
                    delivery::Error::Store(error)
                    | delivery::Error::Journal(journal::Error::Store(error)),
                ),
            ) => Some(error),
            Self::Journal(_) | Self::Delivery(_) | Self::Bodies(_) => None,
        }
    }

    /// True if stored data is damaged.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Journal(journal::Error::Damaged { .. })
            | Self::Delivery(
                delivery::Error::Damaged(_)
                | delivery::Error::Journal(journal::Error::Damaged { .. }),
            )
            | Self::Bodies(
                bodies::Error::Journal(journal::Error::Damaged { .. })
                | bodies::Error::Delivery(
                    delivery::Error::Damaged(_)
                    | delivery::Error::Journal(journal::Error::Damaged { .. }),
                ),
            ) => true,
            error => error.of_store().is_some_and(crate::store::Error::is_damage),
        }
    }
}

/// Opens a project's store for writing, creating it if it does not exist.
pub(crate) fn open(path: &Path) -> Result<Store, crate::store::Error> {
    open_within(path, PATIENCE)
}

/// The same, waiting at most `patience` for another writer. A lost store is an error; it is not
/// created again.
fn open_within(path: &Path, patience: Duration) -> Result<Store, crate::store::Error> {
    let is_new = lost::check(path)?;
    let store = Store::open(path, &SCHEMA, patience)?;
    if is_new {
        lost::mark(path)?;
    }
    Ok(store)
}

/// True if the store can be opened and written now, without waiting.
pub(crate) fn is_open_to(path: &Path) -> bool {
    let tried = open_within(path, Duration::ZERO).and_then(|mut store| store.write(|_| Ok(())));
    tried.is_ok()
}

/// A project's store for reading only; `None` if it does not exist yet. A lost store is an error.
pub(crate) fn open_read(path: &Path) -> Result<Option<ReadStore>, crate::store::Error> {
    if lost::check(path)? {
        return Ok(None);
    }
    ReadStore::at(path, &SCHEMA)
}
