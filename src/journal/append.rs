//! Adding events: one transaction, any number of events, in order.
//!
//! An event of a family with a key is compared with the newest of its key (design section 6): the same facts add
//! nothing; other facts supersede an event that no target ever saw, and follow one that some target may have seen.

use std::collections::HashMap;

use rusqlite::OptionalExtension as _;

use super::known::{Known, again, known};
use super::newest::{Newest, is_discarded, is_plain, newest, still_stated};
use super::state::{counter, name};
use super::{Error, chain};
use crate::base::{Sha256, Timestamp};
use crate::event::{Coalesce, WireForm};
use crate::store::{WriteTx, add_to_counter};

/// One event to add.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// The id, verbatim.
    pub(crate) event_id: &'a str,
    /// The type.
    pub(crate) event_type: &'a str,
    /// The envelope's own time, verbatim.
    pub(crate) occurred_at: Option<&'a str>,
    /// The bytes to keep.
    pub(crate) envelope: &'a [u8],
    /// What sending it takes.
    pub(crate) wire: WireForm,
    /// Key and facts, for the families that coalesce.
    pub(crate) coalesce: Option<Coalesce>,
    /// Why it is held, if it is.
    pub(crate) held: Option<&'a str>,
    /// Which producer.
    pub(crate) origin: &'a str,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is a new row.
    Captured {
        /// Its place.
        seq: i64,
        /// The older event of its key that will now never be sent.
        superseded: Option<i64>,
    },
    /// It says nothing new: the id is known with an equal payload, or the newest event of its key states the same.
    Unchanged {
        /// The row that says so already.
        seq: i64,
    },
    /// The id is known with another content. The known one stays; this one is kept apart, whole, and audited.
    Conflict {
        /// The row that has the id.
        seq: i64,
    },
    /// The event was removed with its project: it does not come back, and nothing of this entry is kept.
    Purged {
        /// The row that has the id.
        seq: i64,
    },
    /// One more live event would be one too many.
    Full {
        /// How many there may be.
        capacity: i64,
        /// How many there are.
        live: i64,
    },
}

/// What one transaction added, for those who keep books of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// New rows, held ones included.
    pub(crate) captured: i64,
    /// New rows that are held.
    pub(crate) held: i64,
    /// Rows that were superseded; each was live, not held, and never selected.
    pub(crate) superseded: i64,
    /// Entries that said nothing new.
    pub(crate) unchanged: i64,
    /// Entries whose id is known with another content.
    pub(crate) conflicts: i64,
    /// Entries whose id was purged.
    pub(crate) purged: i64,
    bytes: i64,
    superseded_bytes: i64,
    /// Of those that were superseded: a verified archive has them.
    superseded_archived: i64,
}

/// Adds entries within one write transaction. [`Appender::finish`] must be called before the transaction commits: it
/// posts the counters.
#[derive(Debug)]
pub(crate) struct Appender<'a> {
    tx: &'a WriteTx<'a>,
    now: Timestamp,
    last_seq: i64,
    chain: [u8; 32],
    sealed: i64,
    newest: HashMap<[u8; 16], Newest>,
    receipt: Receipt,
    bound: Option<Bound>,
    is_verbatim: bool,
}

/// How many live events there may be.
#[derive(Debug, Clone, Copy)]
struct Bound {
    capacity: i64,
    /// How many there were at the start.
    live: i64,
}

impl<'a> Appender<'a> {
    /// Starts adding; `now` becomes the rows' capture time.
    pub(crate) fn new(tx: &'a WriteTx<'a>, now: Timestamp) -> Result<Self, Error> {
        let head = tx
            .prepare("SELECT seq, chain FROM journal_events WHERE seq = (SELECT MAX(seq) FROM journal_events)")?
            .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let (last_seq, chain) = head.unwrap_or((0, chain::START));
        let sealed = super::sealed_through(tx)?;
        let (newest, receipt) = (HashMap::new(), Receipt::default());
        Ok(Self { tx, now, last_seq, chain, sealed, newest, receipt, bound: None, is_verbatim: false })
    }

    /// From here on, refuses what would make more live events than `capacity`. What adds none is not refused.
    pub(crate) fn refuse_beyond(&mut self, capacity: i64) -> Result<(), Error> {
        self.bound = Some(Bound { capacity, live: super::size(self.tx)? });
        Ok(())
    }

    /// From here on, `at` is the rows' capture time: for events that were captured before they could be added.
    pub(crate) fn captured_at(&mut self, at: Timestamp) {
        self.now = at;
    }

    /// From here on, every event becomes a row of its own: what states the facts of an earlier one is added all the same,
    /// and supersedes nothing. For events that were kept beside each other before.
    pub(crate) fn verbatim(&mut self) {
        self.is_verbatim = true;
    }

    /// Adds one event, or says why nothing was added.
    pub(crate) fn append(&mut self, entry: &Entry<'_>) -> Result<Appended, Error> {
        let digest = Sha256::of(entry.envelope);
        let newest = if let Some(c) = entry.coalesce { self.newest_of(c.key)? } else { None };
        if let (Some(newest), Some(c)) = (newest, entry.coalesce)
            && !self.is_verbatim
            && still_stated(self.tx, c, |key| self.newest_of(key))?.is_some()
        {
            if let Some(known) = known(self.tx, entry.event_id)? {
                return self.again(entry, digest, known);
            }
            self.receipt.unchanged += 1;
            return Ok(Appended::Unchanged { seq: newest.seq });
        }
        let may_supersede = newest.filter(|n| n.seq > self.sealed && entry.held.is_none() && !self.is_verbatim);
        if let Some(full) = self.full()
            && !may_supersede.map_or(Ok(false), |n| is_plain(self.tx, n.seq))?
        {
            return match known(self.tx, entry.event_id)? {
                Some(known) => self.again(entry, digest, known),
                None => Ok(full),
            };
        }
        let mut follows = None;
        if let (Some(newest), None) = (newest, may_supersede)
            && !is_discarded(self.tx, newest.seq)?
        {
            follows = Some(newest.seq);
        }
        let seq = self.last_seq + 1;
        let link = chain::link(&self.chain, seq, entry.event_id, &digest);
        if !self.insert(entry, seq, follows, &digest, &link)? {
            return match known(self.tx, entry.event_id)? {
                Some(known) => self.again(entry, digest, known),
                None => Err(Error::Damaged { seq, what: "its place is taken by a row without an id" }),
            };
        }
        (self.last_seq, self.chain) = (seq, *link.as_bytes());
        self.count_captured(entry);
        let superseded = match may_supersede {
            Some(old) => self.supersede_or_follow(old, seq)?,
            None => None,
        };
        if let Some(c) = entry.coalesce {
            self.remember(c, Newest { seq, facts: c.facts, size: size_of(entry) })?;
        }
        Ok(Appended::Captured { seq, superseded })
    }

    /// The row that already states these facts, if one does; then an event that says the same need not even be made.
    pub(crate) fn stated(&mut self, c: Coalesce) -> Result<Option<i64>, Error> {
        let stated = still_stated(self.tx, c, |key| self.newest_of(key))?;
        self.receipt.unchanged += i64::from(stated.is_some());
        Ok(stated)
    }

    /// Posts the counters and says what was added.
    pub(crate) fn finish(self) -> Result<Receipt, Error> {
        let r = self.receipt;
        for (name, by) in [
            (name::CAPTURED, r.captured),
            (name::LIVE, r.captured - r.superseded),
            (name::HELD, r.held),
            (name::SUPERSEDED, r.superseded),
            (name::LIVE_BYTES, r.bytes - r.superseded_bytes),
            (name::ARCHIVED, -r.superseded_archived),
        ] {
            add_to_counter(self.tx, counter(name), by)?;
        }
        Ok(r)
    }

    /// The refusal, when there may be no more live events.
    fn full(&self) -> Option<Appended> {
        let Bound { capacity, live } = self.bound?;
        let live = live + self.receipt.captured - self.receipt.superseded;
        (live >= capacity).then_some(Appended::Full { capacity, live })
    }

    fn count_captured(&mut self, entry: &Entry<'_>) {
        self.receipt.captured += 1;
        self.receipt.held += i64::from(entry.held.is_some());
        self.receipt.bytes += size_of(entry);
    }

    /// Writes row and payload; false when the id is taken.
    fn insert(
        &self,
        e: &Entry<'_>,
        seq: i64,
        follows: Option<i64>,
        digest: &Sha256,
        link: &Sha256,
    ) -> Result<bool, Error> {
        let written = self
            .tx
            .prepare(
                "INSERT INTO journal_events (seq, event_id, event_type, occurred_at, captured_at, origin, coalesce_key,
                   facts_hash, payload_sha256, size, chain, wire, held, follows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
                 ON CONFLICT (event_id) WHERE discarded IS NOT 'replaced' DO NOTHING",
            )?
            .execute(rusqlite::params![
                seq,
                e.event_id,
                e.event_type,
                e.occurred_at,
                self.now.as_micros(),
                e.origin,
                e.coalesce.as_ref().map(|c| &c.key[..]),
                e.coalesce.as_ref().map(|c| &c.facts.as_bytes()[..]),
                &digest.as_bytes()[..],
                size_of(e),
                &link.as_bytes()[..],
                e.wire.code(),
                e.held,
                follows,
            ])?;
        if written == 0 {
            return Ok(false);
        }
        self.tx
            .prepare("INSERT INTO journal_payloads (seq, envelope) VALUES (?1, ?2)")?
            .execute(rusqlite::params![seq, e.envelope])?;
        Ok(true)
    }

    /// Marks the older event of a key, which no target ever saw, as superseded by row `by`; returns it then. One that
    /// has marks of its own (held, given up, payload gone) stays as it is, and is followed.
    fn supersede_or_follow(&mut self, old: Newest, by: i64) -> Result<Option<i64>, Error> {
        let marked = self
            .tx
            .prepare(
                "UPDATE journal_events SET superseded_by = ?2
                 WHERE seq = ?1 AND held IS NULL AND discarded IS NULL AND gone IS NULL
                 RETURNING archived_at IS NOT NULL",
            )?
            .query_row([old.seq, by], |r| r.get::<_, bool>(0))
            .optional()?;
        let Some(was_archived) = marked else {
            if !is_discarded(self.tx, old.seq)? {
                self.tx.prepare("UPDATE journal_events SET follows = ?1 WHERE seq = ?2")?.execute([old.seq, by])?;
            }
            return Ok(None);
        };
        self.receipt.superseded_archived += i64::from(was_archived);
        self.receipt.superseded += 1;
        self.receipt.superseded_bytes += old.size;
        Ok(Some(old.seq))
    }

    fn remember(&mut self, c: Coalesce, newest: Newest) -> Result<(), Error> {
        self.tx
            .prepare(
                "INSERT OR REPLACE INTO journal_keys (coalesce_key, seq, facts_hash, size) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(rusqlite::params![&c.key[..], newest.seq, &newest.facts.as_bytes()[..], newest.size])?;
        // Bounded: a stream of any length must not grow this map without end.
        if self.newest.len() >= 4096 {
            self.newest.clear();
        }
        self.newest.insert(c.key, newest);
        Ok(())
    }

    fn newest_of(&self, key: [u8; 16]) -> Result<Option<Newest>, Error> {
        match self.newest.get(&key) {
            Some(newest) => Ok(Some(*newest)),
            None => newest(self.tx, key),
        }
    }

    /// An id that is known: unchanged when the payload means the same, else a conflict; nothing when it was purged.
    fn again(&mut self, entry: &Entry<'_>, digest: Sha256, known: Known) -> Result<Appended, Error> {
        let appended = again(self.tx, self.now, entry, digest, known)?;
        match appended {
            Appended::Purged { .. } => self.receipt.purged += 1,
            Appended::Conflict { .. } => self.receipt.conflicts += 1,
            _ => self.receipt.unchanged += 1,
        }
        Ok(appended)
    }
}

fn size_of(entry: &Entry<'_>) -> i64 {
    i64::try_from(entry.envelope.len()).unwrap_or(i64::MAX)
}
