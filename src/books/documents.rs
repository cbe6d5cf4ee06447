//! Documents where more than one module is touched: those of older queues, and those whose text is nowhere any more.

use super::Error;
use super::append::{append, leave};
use crate::base::{Sha256, Timestamp};
use crate::delivery::{self, Class, Owed};
use crate::event;
use crate::journal::{self, Appended, Audit, Document, Mark};
use crate::store::WriteTx;

/// The mark of a version whose text was nowhere, and that no newer one replaced. Should the same text be there again, it
/// is a new version.
const TEXT_GONE: &str = "text_gone";

/// Lets a version go whose text is neither kept nor on disk: the newer one takes its place, where there is one. False when
/// it was not owed any more.
pub(crate) fn without_text(tx: &WriteTx<'_>, now: Timestamp, owed: &Owed) -> Result<bool, Error> {
    if let Some((newest, _)) = journal::newest_version(tx, owed.document.key())?.filter(|(seq, _)| *seq != owed.seq) {
        return Ok(delivery::give_way(tx, owed.seq, newest)?);
    }
    let Some(left) = leave(tx, now, owed.seq, Mark::Discarded(TEXT_GONE), Class::Discarded)? else {
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

/// Captures a document of an older queue, with its text; false when its newest version is the same. It is announced by
/// the newest event that says that the artifact is there; where there is none of ours, by the older queue's own, which
/// has no key: it is owed at once.
pub(crate) fn inherit_document(tx: &WriteTx<'_>, now: Timestamp, from: &Inherited<'_>) -> Result<bool, Error> {
    let Inherited { document, text, queued_at, origin } = *from;
    let announced_by = journal::newest_event(tx, event::indexed_key(&document.namespace, &document.path))?;
    let id = Sha256::of_parts(&[&document.key(), document.sha256.as_bytes(), &queued_at.as_micros().to_be_bytes()]);
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

/// Lets the texts go that no target needs; returns how many. O(texts).
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
