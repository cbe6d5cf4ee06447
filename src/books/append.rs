//! Changes of the journal together with their postings to every target.

use super::Error;
use crate::base::Timestamp;
use crate::delivery::Class;
use crate::event::Coalesce;
use crate::journal::Left;
use crate::journal::{self, Appended, Appender, Document, Entry, Kind, Mark, Receipt, Release};
use crate::store::WriteTx;
use crate::{delivery, store};

/// Adds events within a transaction; posts what `work` appended to the journal and to every live
/// target.
pub(crate) fn append<T, E: From<Error>>(
    tx: &WriteTx<'_>,
    now: Timestamp,
    work: impl FnOnce(&mut Appending<'_>) -> Result<T, E>,
) -> Result<(T, Receipt), E> {
    let appender = Appender::new(tx, now).map_err(Error::from)?;
    let mut appending = Appending {
        appender,
        documents: Vec::new(),
    };
    let value = work(&mut appending)?;
    let receipt = appending.appender.finish().map_err(Error::from)?;
    delivery::post_appended(tx, &receipt).map_err(Error::from)?;
    // An event of this transaction is delivered nowhere yet; a document announced by an older event
    // may be due at once.
    for document in appending.documents {
        delivery::enter_everywhere(tx, document).map_err(Error::from)?;
    }
    Ok((value, receipt))
}

/// An open append; see [`append`].
#[derive(Debug)]
pub(crate) struct Appending<'a> {
    appender: Appender<'a>,
    /// New documents whose event may already be delivered.
    documents: Vec<i64>,
}

impl Appending<'_> {
    /// From here on, refuses events that would raise the number of live events above `capacity`.
    pub(crate) fn refuse_beyond(&mut self, capacity: i64) -> Result<(), Error> {
        Ok(self.appender.refuse_beyond(capacity)?)
    }

    /// From here on, `at` is the capture time of the rows.
    pub(super) fn captured_at(&mut self, at: Timestamp) {
        self.appender.captured_at(at);
    }

    /// From here on, every event becomes a separate row, without coalescing.
    pub(super) fn verbatim(&mut self) {
        self.appender.verbatim();
    }

    /// Adds one event; the result says if and why it was not added.
    pub(crate) fn append(&mut self, entry: &Entry<'_>) -> Result<Appended, Error> {
        Ok(self.appender.append(entry)?)
    }

    /// Adds a version of a document under `id`, announced by the event in row `announced_by`; on
    /// hold if that event is.
    pub(crate) fn append_document(
        &mut self,
        id: &str,
        document: &Document,
        announced_by: Option<i64>,
        held: Option<&str>,
        origin: &str,
    ) -> Result<Appended, Error> {
        let appended = self
            .appender
            .append_document(id, document, announced_by, held, origin)?;
        if let Appended::Captured { seq, .. } = appended {
            self.documents.push(seq);
        }
        Ok(appended)
    }

    /// The row that already states these facts, counted as unchanged; `None` if they are new.
    pub(crate) fn stated(&mut self, coalesce: Coalesce) -> Result<Option<i64>, Error> {
        Ok(self.appender.stated(coalesce)?)
    }
}

/// Releases an event or a document that is on hold and queues it for every live target.
pub(crate) fn release(tx: &WriteTx<'_>, now: Timestamp, seq: i64) -> Result<Release, Error> {
    let released = journal::release(tx, now, seq)?;
    if let Release::Released(kind) = released {
        delivery::post_released(tx, seq, kind)?;
        for document in journal::announced(tx, seq)? {
            if let Release::Released(kind) = journal::release(tx, now, document)? {
                delivery::post_released(tx, document, kind)?;
            }
        }
    }
    Ok(released)
}

/// Puts a live row on hold at every target; false if it is not live, already on hold, or in flight
/// somewhere.
pub(crate) fn hold(tx: &WriteTx<'_>, seq: i64, reason: &str) -> Result<bool, Error> {
    if delivery::is_in_flight(tx, seq)? {
        return Ok(false);
    }
    let Some(kind) = journal::hold(tx, seq, reason)? else {
        return Ok(false);
    };
    delivery::post_held(tx, seq, kind)?;
    Ok(true)
}

/// Releases a row for a user: it is superseded if its key has a newer statement, which may have
/// been sent already. Sent after it, the older statement would become the server's last one.
pub(crate) fn release_late(tx: &WriteTx<'_>, now: Timestamp, seq: i64) -> Result<Release, Error> {
    let Some(by) = journal::newer(tx, seq)? else {
        return release(tx, now, seq);
    };
    let Some(kind) = journal::supersede_held(tx, seq, by)? else {
        return Ok(Release::NotHeld);
    };
    // The documents that it announces are superseded with it: no server would receive their event.
    for document in journal::announced(tx, seq)? {
        if let Some(kind) = journal::supersede_held(tx, document, by)? {
            delivery::post_left(tx, (document, kind), true, Class::Superseded)?;
        }
    }
    delivery::post_left(tx, (seq, kind), true, Class::Superseded)?;
    Ok(Release::NotOwed)
}

/// Removes a live row from the live ones at every target as `to`, and with an event the documents
/// that it announces, since no server would receive their event. `None` if the row is not live. The
/// caller guarantees that it is in flight nowhere.
pub(super) fn leave(
    tx: &WriteTx<'_>,
    now: Timestamp,
    seq: i64,
    mark: Mark<'_>,
    to: Class,
) -> Result<Option<Left>, Error> {
    let Some(left) = journal::let_go(tx, now, seq, mark)? else {
        return Ok(None);
    };
    delivery::post_left(tx, (seq, left.kind), left.was_held, to)?;
    if left.kind == Kind::Event && !matches!(mark, Mark::Gone(_)) {
        // An archive contains the documents with their event; their rows say enough to restore
        // them.
        let mark = if mark == Mark::Archived {
            Mark::Discarded("archived")
        } else {
            mark
        };
        for document in journal::announced(tx, seq)? {
            if let Some(left) = journal::let_go(tx, now, document, mark)? {
                delivery::post_left(tx, (document, left.kind), left.was_held, to)?;
            }
        }
    }
    Ok(Some(left))
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(store::Error::from(error))
    }
}
