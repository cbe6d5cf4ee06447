//! Acts on the journal together with what they mean for every target.

use super::Error;
use crate::base::Timestamp;
use crate::delivery::Class;
use crate::event::Coalesce;
use crate::journal::Left;
use crate::journal::{self, Appended, Appender, Document, Entry, Kind, Mark, Receipt, Release};
use crate::store::WriteTx;
use crate::{delivery, store};

/// Adds events within a transaction; what `work` appended is posted to the journal and to every live target.
pub(crate) fn append<T, E: From<Error>>(
    tx: &WriteTx<'_>,
    now: Timestamp,
    work: impl FnOnce(&mut Appending<'_>) -> Result<T, E>,
) -> Result<(T, Receipt), E> {
    let appender = Appender::new(tx, now).map_err(Error::from)?;
    let mut appending = Appending { appender, documents: Vec::new() };
    let value = work(&mut appending)?;
    let receipt = appending.appender.finish().map_err(Error::from)?;
    delivery::post_appended(tx, &receipt).map_err(Error::from)?;
    // An event of this transaction is delivered nowhere; what an older one announces may be owed at once.
    for document in appending.documents {
        delivery::enter_everywhere(tx, document).map_err(Error::from)?;
    }
    Ok((value, receipt))
}

/// An open append; see [`append`].
#[derive(Debug)]
pub(crate) struct Appending<'a> {
    appender: Appender<'a>,
    /// New documents whose event may be delivered already.
    documents: Vec<i64>,
}

impl Appending<'_> {
    /// From here on, refuses what would make more live events than `capacity`.
    pub(crate) fn refuse_beyond(&mut self, capacity: i64) -> Result<(), Error> {
        Ok(self.appender.refuse_beyond(capacity)?)
    }

    /// From here on, `at` is the rows' capture time.
    pub(super) fn captured_at(&mut self, at: Timestamp) {
        self.appender.captured_at(at);
    }

    /// From here on, every event becomes a row of its own.
    pub(super) fn verbatim(&mut self) {
        self.appender.verbatim();
    }

    /// Adds one event, or says why nothing was added.
    pub(crate) fn append(&mut self, entry: &Entry<'_>) -> Result<Appended, Error> {
        Ok(self.appender.append(entry)?)
    }

    /// Adds a version of a document under `id`, announced by the event in row `announced_by`; held as that is.
    pub(crate) fn append_document(
        &mut self,
        id: &str,
        document: &Document,
        announced_by: Option<i64>,
        held: Option<&str>,
        origin: &str,
    ) -> Result<Appended, Error> {
        let appended = self.appender.append_document(id, document, announced_by, held, origin)?;
        if let Appended::Captured { seq, .. } = appended {
            self.documents.push(seq);
        }
        Ok(appended)
    }

    /// The row that already states these facts, counted as unchanged; `None` when they are news.
    pub(crate) fn stated(&mut self, coalesce: Coalesce) -> Result<Option<i64>, Error> {
        Ok(self.appender.stated(coalesce)?)
    }
}

/// Lifts the hold of an event or a document and makes it owed at every live target.
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

/// Puts a live row on hold at every target; false where it is not live, on hold already, or in flight somewhere.
pub(crate) fn hold(tx: &WriteTx<'_>, seq: i64, reason: &str) -> Result<bool, Error> {
    if delivery::is_in_flight(tx, seq)? {
        return Ok(false);
    }
    let Some(kind) = journal::hold(tx, seq, reason)? else { return Ok(false) };
    delivery::post_held(tx, seq, kind)?;
    Ok(true)
}

/// Lifts a hold as people do: a row gives way to what was stated of its key since, which may have been sent already. Sent
/// after it, the older word would be the last one.
pub(crate) fn release_late(tx: &WriteTx<'_>, now: Timestamp, seq: i64) -> Result<Release, Error> {
    let Some(by) = journal::newer(tx, seq)? else { return release(tx, now, seq) };
    let Some(kind) = journal::supersede_held(tx, seq, by)? else { return Ok(Release::NotHeld) };
    // What it announces goes with it: no server would ever hear of it.
    for document in journal::announced(tx, seq)? {
        if let Some(kind) = journal::supersede_held(tx, document, by)? {
            delivery::post_left(tx, (document, kind), true, Class::Superseded)?;
        }
    }
    delivery::post_left(tx, (seq, kind), true, Class::Superseded)?;
    Ok(Release::NotOwed)
}

/// Takes a live row out of the live ones at every target as `to`, and with an event the documents that it announces:
/// no server would ever hear of them. `None` when the row is not live. It is in flight nowhere.
pub(super) fn leave(
    tx: &WriteTx<'_>,
    now: Timestamp,
    seq: i64,
    mark: Mark<'_>,
    to: Class,
) -> Result<Option<Left>, Error> {
    let Some(left) = journal::let_go(tx, now, seq, mark)? else { return Ok(None) };
    delivery::post_left(tx, (seq, left.kind), left.was_held, to)?;
    if left.kind == Kind::Event && !matches!(mark, Mark::Gone(_)) {
        // An archive has the documents with their event; their rows say as much as is needed to bring them back.
        let mark = if mark == Mark::Archived { Mark::Discarded("archived") } else { mark };
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
