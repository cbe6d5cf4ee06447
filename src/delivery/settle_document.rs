//! Settles the answer to the upload of a document.

use rusqlite::OptionalExtension as _;

use super::documents::{close, is_text_needed};
use super::journal_changes::post_left;
use super::postings::Postings;
use super::rows::status;
use super::{Class, Error, Status};
use crate::base::{Sha256, Timestamp};
use crate::journal::{self, Kind};
use crate::store::WriteTx;

/// The result of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answered<'a> {
    /// The server has it.
    Stored {
        /// The server had it before this upload.
        before: bool,
    },
    /// To be sent again.
    Again {
        /// Why.
        reason: &'a str,
        /// When.
        due_at: Timestamp,
    },
    /// It was refused for good.
    Refused {
        /// Why.
        reason: &'a str,
    },
}

/// Settles the result of an upload. A document that is settled already, or that will not be sent
/// any more, is unchanged. The text is deleted once no live target lacks the document, unless
/// `keeps_text`.
pub(crate) fn settle_document(
    tx: &WriteTx<'_>,
    target: i64,
    (seq, sha256): (i64, Sha256),
    answered: &Answered<'_>,
    keeps_text: bool,
    now: Timestamp,
) -> Result<(), Error> {
    let (to, due_at, error) = match answered {
        Answered::Stored { before: false } => (Status::Success, None, None),
        Answered::Stored { before: true } => (Status::Duplicate, None, None),
        Answered::Again { reason, due_at } => (Status::Transient, Some(*due_at), Some(*reason)),
        Answered::Refused { reason } => (Status::TerminalFailed, None, Some(*reason)),
    };
    let sql = "SELECT status FROM delivery_rows
               WHERE target = ?1 AND seq = ?2 AND kind = 1 AND status IN ('queued', 'transient')";
    let word: Option<String> = tx
        .prepare(sql)?
        .query_row([target, seq], |r| r.get(0))
        .optional()?;
    let Some(from) = word.as_deref().map(status).transpose()? else {
        return Ok(());
    };
    tx.prepare(
        "UPDATE delivery_rows SET status = ?3, due_at = ?4, error = ?5, failures = failures + ?6, attempts = attempts + 1,
           first_attempted_at = COALESCE(first_attempted_at, ?7), last_attempted_at = ?7, settled_at = ?8
         WHERE target = ?1 AND seq = ?2",
    )?
    .execute(rusqlite::params![
        target,
        seq,
        to.word(),
        due_at.map(Timestamp::as_micros),
        error,
        i64::from(due_at.is_some()),
        now.as_micros(),
        due_at.is_none().then_some(now.as_micros()),
    ])?;
    let mut postings = Postings::default();
    postings.moved_of(Kind::Document, from.class(), to.class());
    postings.post(tx, target)?;
    if to.class() == Class::Delivered {
        overtake(tx, target, seq)?;
    }
    if to.class() == Class::Delivered && !keeps_text && !is_text_needed(tx, sha256)? {
        journal::drop_text(tx, sha256)?;
    }
    Ok(())
}

/// The target has a version now; older versions must not arrive after it, so those that it lacks
/// become superseded.
fn overtake(tx: &WriteTx<'_>, target: i64, seq: i64) -> Result<(), Error> {
    let mut version = journal::version_before(tx, seq)?;
    while let Some(older) = version {
        let sql = "SELECT status FROM delivery_rows WHERE target = ?1 AND seq = ?2";
        let word: Option<String> = tx
            .prepare(sql)?
            .query_row([target, older], |r| r.get(0))
            .optional()?;
        match word.as_deref().map(status).transpose()? {
            Some(status) if status.class() == Class::Delivered => return Ok(()),
            // A newer text ends the refusal of an older one.
            Some(Status::TerminalFailed) => {
                // Another target may have overtaken it before.
                let to = close(tx, target, older)?;
                let mut postings = Postings::default();
                postings.moved_of(Kind::Document, Class::Undeliverable, to);
                postings.post(tx, target)?;
            }
            _ => {}
        }
        give_way(tx, older, seq)?;
        version = journal::version_before(tx, older)?;
    }
    Ok(())
}

/// Marks a version whose text is lost as superseded by `by`; false if it was not live.
pub(crate) fn give_way(tx: &WriteTx<'_>, seq: i64, by: i64) -> Result<bool, Error> {
    if !journal::supersede_document(tx, seq, by)? {
        return Ok(false);
    }
    post_left(tx, (seq, Kind::Document), false, Class::Superseded)?;
    Ok(true)
}
