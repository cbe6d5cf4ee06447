//! Acts on the journal together with what they mean for every target.

use super::Error;
use crate::base::Timestamp;
use crate::event::Coalesce;
use crate::journal::{self, Appended, Appender, Entry, Receipt, Release};
use crate::store::WriteTx;
use crate::{delivery, store};

/// Adds events within a transaction; what `work` appended is posted to the journal and to every live target.
pub(crate) fn append<T, E: From<Error>>(
    tx: &WriteTx<'_>,
    now: Timestamp,
    work: impl FnOnce(&mut Appending<'_>) -> Result<T, E>,
) -> Result<(T, Receipt), E> {
    let appender = Appender::new(tx, now).map_err(Error::from)?;
    let mut appending = Appending(appender);
    let value = work(&mut appending)?;
    let receipt = appending.0.finish().map_err(Error::from)?;
    delivery::post_appended(tx, &receipt).map_err(Error::from)?;
    Ok((value, receipt))
}

/// An open append; see [`append`].
#[derive(Debug)]
pub(crate) struct Appending<'a>(Appender<'a>);

impl Appending<'_> {
    /// From here on, refuses what would make more live events than `capacity`.
    pub(crate) fn refuse_beyond(&mut self, capacity: i64) -> Result<(), Error> {
        Ok(self.0.refuse_beyond(capacity)?)
    }

    /// From here on, `at` is the rows' capture time.
    pub(super) fn captured_at(&mut self, at: Timestamp) {
        self.0.captured_at(at);
    }

    /// From here on, every event becomes a row of its own.
    pub(super) fn verbatim(&mut self) {
        self.0.verbatim();
    }

    /// Adds one event, or says why nothing was added.
    pub(crate) fn append(&mut self, entry: &Entry<'_>) -> Result<Appended, Error> {
        Ok(self.0.append(entry)?)
    }

    /// The row that already states these facts, counted as unchanged; `None` when they are news.
    pub(crate) fn stated(&mut self, coalesce: Coalesce) -> Result<Option<i64>, Error> {
        Ok(self.0.stated(coalesce)?)
    }
}

/// Lifts the hold of an event and makes it owed at every live target.
pub(crate) fn release(tx: &WriteTx<'_>, now: Timestamp, seq: i64) -> Result<Release, Error> {
    let released = journal::release(tx, now, seq)?;
    if released == Release::Released {
        delivery::post_released(tx, seq)?;
    }
    Ok(released)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(store::Error::from(error))
    }
}
