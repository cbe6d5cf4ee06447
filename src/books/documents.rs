//! Documents of older queues, and documents whose text is lost: acts that touch more than one
//! module.

use super::Error;
use super::append::{append, leave};
use crate::base::{Sha256, Timestamp};
use crate::delivery::{self, Class, Owed};
use crate::event;
use crate::journal::{self, Appended, Audit, Document, Mark};
use crate::store::WriteTx;

/// Mark of a version whose text was lost and that no newer one replaced. If the same text appears
/// again, it is a new version.
const TEXT_GONE: &str = "text_gone";

/// Ends a version whose text is neither stored nor on disk: a newer version supersedes it, if there
/// is one. False if it was no longer left to send.
pub(crate) fn without_text(tx: &WriteTx<'_>, now: Timestamp, owed: &Owed) -> Result<bool, Error> {
    if let Some((newest, _)) =
        journal::newest_version(tx, owed.document.key())?.filter(|(seq, _)| *seq != owed.seq)
    {
        return Ok(delivery::give_way(tx, owed.seq, newest)?);
    }
    let Some(left) = leave(
        tx,
        now,
        owed.seq,
        Mark::Discarded(TEXT_GONE),
        Class::Discarded,
    )?
    else {
        return Ok(false);
    };
    let audit = Audit {
        act: TEXT_GONE,
        event_id: &left.event_id,
        event_type: &left.event_type,
        sha256: owed.document.sha256,
        reason: "its text is neither kept nor on disk",
    };
    journal::audit(tx, now, &audit)?;
    Ok(true)
}

/// A document of an older queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inherited<'a> {
    /// Which document.
    pub(crate) document: &'a Document,
    /// Its text.
    pub(crate) text: &'a str,
    /// When it was queued.
    pub(crate) queued_at: Timestamp,
    /// Which queue.
    pub(crate) origin: &'a str,
}

/// Captures a document of an older queue, with its text; false if its newest version is the same.
/// It is announced by the newest event that states the artifact's existence; without one, by an
/// event of the older queue, which has no key, so it is due at once.
pub(crate) fn inherit_document(
    tx: &WriteTx<'_>,
    now: Timestamp,
    from: &Inherited<'_>,
) -> Result<bool, Error> {
    let Inherited {
        document,
        text,
        queued_at,
        origin,
    } = *from;
    let announced_by =
        journal::newest_event(tx, event::indexed_key(&document.namespace, &document.path))?;
    let id = Sha256::of_parts(&[
        &document.key(),
        document.sha256.as_bytes(),
        &queued_at.as_micros().to_be_bytes(),
    ]);
    let id = format!("doc:{}", &id.to_string()[..32]);
    let (appended, _) = append(tx, now, |appending| {
        appending.captured_at(queued_at);
        appending.append_document(&id, document, announced_by, None, origin)
    })?;
    let is_new = matches!(appended, Appended::Captured { .. });
    if is_new {
        journal::keep_text(tx, document.sha256, text.as_bytes())?;
    }
    Ok(is_new)
}

/// Deletes the texts that no target needs; returns how many. O(texts).
pub(crate) fn sweep_texts(tx: &WriteTx<'_>) -> Result<u64, Error> {
    let mut gone = 0;
    for sha256 in journal::kept_digests(tx)? {
        if !delivery::is_text_needed(tx, sha256)? {
            journal::drop_text(tx, sha256)?;
            gone += 1;
        }
    }
    Ok(gone)
}
