//! Sends events to a target and records what it accepted.
//!
//! `registry` keeps the targets, `select` chooses the next batch in one transaction and writes the
//! attempt before anything leaves, `receiver` sends, `outcome` turns any answer into a verdict
//! (pure), `record` settles the verdict in one transaction, `dispatch` puts these together,
//! `balance` and `recount` prove the books. `running_drain` and `drive` run a drain of events or of
//! documents (`crate::bodies`).
//!
//! **Invariant:** nothing is sent before an open attempt for it is on disk; a lost answer leaves
//! the attempt open, and an open attempt is sent again before anything else, with the same bytes
//! and the same key. **Invariant:** `success` and `duplicate` are recorded only for an id that a
//! 2xx answer names, and only over a row that this attempt has in flight. Settled rows change only
//! by an operator's act. **Invariant:** every change of a row posts both legs: the class it leaves
//! and the class it enters, in the same transaction. The module's one write to the journal is
//! [`crate::journal::seal`].

mod advertised;
mod again;
mod attempt;
mod balance;
mod batch;
mod capabilities;
mod class;
mod collect;
#[cfg(test)]
mod counts_tests;
mod deployment;
mod dispatch;
#[cfg(test)]
mod dispatch_tests;
mod documents;
mod drive;
mod failures;
#[cfg(test)]
mod fixture;
mod forget;
mod gates;
mod health;
mod inherit;
mod inventory;
mod journal_changes;
mod last_balance;
#[cfg(test)]
mod limit_tests;
mod limits;
mod outcome;
#[cfg(test)]
mod outcome_tests;
mod pages;
mod parking;
#[cfg(test)]
mod parking_tests;
#[cfg(test)]
mod plan_tests;
mod postings;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod receiver;
#[cfg(test)]
mod receiver_tests;
mod record;
#[cfg(test)]
mod record_tests;
mod register;
mod registry;
mod report;
mod reset;
mod rows;
mod running_drain;
mod select;
#[cfg(test)]
mod select_tests;
mod settle_document;
mod split;
mod step;
mod summary;
mod target_check;
mod waiting;
mod waivers;
mod witness;

pub(crate) use again::{Again, Among, Settled, owe_again, owed_again};
pub(crate) use attempt::{LastAnswer, last_answer};
#[cfg(test)]
pub(crate) use balance::recount;
pub(crate) use balance::{Balance, balance, balance_of, counters_by_rows, unreferenced};
#[cfg(test)]
pub(crate) use batch::Batch;
pub(crate) use batch::Limits;
pub(crate) use class::{Class, Status};
pub(crate) use collect::{Standings, post_collected};
pub(crate) use dispatch::{Conditions, drain};
pub(crate) use documents::{
    Owed, due, enter_everywhere, is_text_needed, offer_again, older_due, waiting,
};
pub(crate) use drive::{Cargo, Pool, drive};
pub(crate) use failures::{FAILURES, Failed, failed, masked};
pub(crate) use forget::forget;
pub(crate) use gates::{Stopped, after_drain, has_passing, record_stopped, stopped};
pub(crate) use health::ask;
pub(crate) use inherit::{Inherited, advance, inherit};
pub(crate) use inventory::{HeldDocument, Inventory, NewestEvent};
pub(crate) use journal_changes::{
    is_in_flight, is_known_anywhere, post_appended, post_held, post_left, post_released,
    post_returned,
};
pub(crate) use last_balance::{Ended, keep_balance, last_balance, loss};
pub(crate) use limits::{Policy, capabilities, document_batch, pause};
pub(crate) use outcome::{Outcome, Verdict};
pub(crate) use pages::{last_pages, pages_path, project_page};
pub(crate) use postings::{scope, scope_of};
pub(crate) use receiver::{BatchReceiver, DeliveryReceiver};
pub(crate) use record::{end_pause, leave_alone};
#[cfg(test)]
pub(crate) use register::register as register_for_tests;
pub(crate) use registry::{Target, current, latest, of_row, targets};
pub(crate) use report::Report;
pub(crate) use reset::{Change, Reset, pending_reset, settle_reset};
pub(crate) use rows::{
    Row, has_new, in_flight_anywhere, in_open_attempts, next_due, owed, rejected, row_of, rows_of,
    unseen,
};
pub(crate) use running_drain::{Alike, Means, PATIENCE, RunningDrain, Stop};
pub(crate) use settle_document::{Answered, give_way, settle_document};
pub(crate) use summary::{delivered_per, reasons, retries};
pub(crate) use target_check::{
    AcknowledgedEvent, CheckCounts, TargetCheck, acknowledged_documents, acknowledged_events,
    keep_check, last_check,
};
pub(crate) use waiting::{
    RefusedDocument, document_retries, oldest_document, refused_documents, retry_documents,
    sendable,
};
pub(crate) use waivers::{Group, Waiver, waive, waived, waivers};
pub(crate) use witness::{contradictions, lost_attempts};

/// The ledger's tables.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// Why reading or writing the ledger failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] crate::journal::Error),
    /// The ledger contains data that no version of this program writes.
    #[error("the delivery ledger is damaged: {0}")]
    Damaged(String),
    /// A batch could not be put into its wire form.
    #[error("cannot compress a batch: {0}")]
    Compress(#[source] std::io::Error),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
