//! Adding events: one transaction, any number of events, in order.
//!
//! An event of a family with a key is compared with the newest of its key: the same facts add
//! nothing; other facts supersede an event that was never selected for a target, and follow one
//! that may have been sent.

use std::collections::HashMap;

use super::entry::{Added, Appended, Entry, Receipt};
use super::insert::{Cargo, insert, size_of};
use super::known::{Known, again, known};
use super::newest::{Newest, is_discarded, is_plain, newest, still_stated};
use super::state::{counter_of, name};
use super::{Document, Error, Kind, chain};
use crate::base::{Sha256, Timestamp};
use crate::event::{Coalesce, WireForm};
use crate::store::{WriteTx, add_to_counter};

/// Adds entries within one write transaction. [`Appender::finish`] must be called before the
/// transaction commits: it posts the counters.
#[derive(Debug)]
pub(crate) struct Appender<'a> {
    tx: &'a WriteTx<'a>,
    now: Timestamp,
    last_seq: i64,
    chain: [u8; 32],
    sealed: i64,
    newest: HashMap<[u8; 16], Newest>,
    receipt: Receipt,
    events: Added,
    documents: Added,
    bound: Option<Bound>,
    is_verbatim: bool,
}

/// Limit of live events.
#[derive(Debug, Clone, Copy)]
struct Bound {
    capacity: i64,
    /// Live events at the start.
    live: i64,
}

impl<'a> Appender<'a> {
    /// Starts adding; `now` is the rows' capture time.
    pub(crate) fn new(tx: &'a WriteTx<'a>, now: Timestamp) -> Result<Self, Error> {
        let head = tx.first(
            "SELECT seq, chain FROM journal_events WHERE seq = (SELECT MAX(seq) FROM journal_events)",
            [],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
        let (last_seq, chain) = head.unwrap_or((0, chain::START));
        let sealed = super::sealed_through(tx)?;
        let (newest, receipt) = (HashMap::new(), Receipt::default());
        let (events, documents) = (Added::default(), Added::default());
        Ok(Self {
            tx,
            now,
            last_seq,
            chain,
            sealed,
            newest,
            receipt,
            events,
            documents,
            bound: None,
            is_verbatim: false,
        })
    }

    /// From here on, refuses events that would raise the number of live events above `capacity`.
    /// Entries that add none are not refused.
    pub(crate) fn refuse_beyond(&mut self, capacity: i64) -> Result<(), Error> {
        self.bound = Some(Bound {
            capacity,
            live: super::size(self.tx)?,
        });
        Ok(())
    }

    /// From here on, `at` is the rows' capture time, for events that were captured before they
    /// could be added.
    pub(crate) fn captured_at(&mut self, at: Timestamp) {
        self.now = at;
    }

    /// From here on, every event becomes a separate row: one that states the facts of an earlier
    /// one is still added, and supersedes nothing. For events that were separate rows before.
    pub(crate) fn verbatim(&mut self) {
        self.is_verbatim = true;
    }

    /// Adds one event; the result says if and why it was not added.
    pub(crate) fn append(&mut self, entry: &Entry<'_>) -> Result<Appended, Error> {
        self.add(
            entry,
            Cargo {
                kind: Kind::Event,
                announced_by: None,
            },
        )
    }

    /// Adds a version of a document under `id`, which the event in row `announced_by` announces;
    /// adds nothing if the newest version of it is the same.
    pub(crate) fn append_document(
        &mut self,
        id: &str,
        document: &Document,
        announced_by: Option<i64>,
        held: Option<&str>,
        origin: &str,
    ) -> Result<Appended, Error> {
        let entry = Entry {
            event_id: id,
            event_type: super::DOCUMENT_TYPE,
            occurred_at: None,
            envelope: &document.to_bytes(),
            wire: WireForm::AsIs,
            coalesce: Some(Coalesce {
                key: document.key(),
                facts: document.sha256,
                rival: None,
            }),
            held,
            origin,
        };
        self.add(
            &entry,
            Cargo {
                kind: Kind::Document,
                announced_by,
            },
        )
    }

    fn add(&mut self, entry: &Entry<'_>, cargo: Cargo) -> Result<Appended, Error> {
        let digest = Sha256::of(entry.envelope);
        let newest = if let Some(c) = entry.coalesce {
            self.newest_of(c.key)?
        } else {
            None
        };
        if let (Some(newest), Some(c)) = (newest, entry.coalesce)
            && !self.is_verbatim
            && still_stated(self.tx, c, |key| self.newest_of(key))?.is_some()
        {
            if let Some(known) = known(self.tx, entry.event_id)? {
                return self.again(entry, digest, known);
            }
            self.added(cargo.kind).unchanged += 1;
            return Ok(Appended::Unchanged { seq: newest.seq });
        }
        let may_supersede = newest.filter(|_| entry.held.is_none() && !self.is_verbatim);
        let may_supersede = match may_supersede {
            Some(old) if self.is_unsent(cargo.kind, old.seq)? => Some(old),
            _ => None,
        };
        if let Some(full) = self.full().filter(|_| cargo.kind == Kind::Event)
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
        if cargo.kind == Kind::Document {
            // Even if that version is not live: the versions of a document are a chain.
            follows = newest.map(|newest| newest.seq);
        }
        let seq = self.last_seq + 1;
        let link = chain::link(&self.chain, seq, entry.event_id, &digest);
        if !insert(
            self.tx,
            self.now,
            entry,
            cargo,
            (seq, follows),
            (&digest, &link),
        )? {
            return match known(self.tx, entry.event_id)? {
                Some(known) => self.again(entry, digest, known),
                None => Err(Error::Damaged {
                    seq,
                    what: "its place is taken by a row without an id",
                }),
            };
        }
        (self.last_seq, self.chain) = (seq, *link.as_bytes());
        self.count_captured(entry, cargo.kind);
        let superseded = match may_supersede {
            Some(old) => self.supersede_or_follow(old, seq, cargo.kind)?,
            None => None,
        };
        if let Some(c) = entry.coalesce {
            self.remember(
                c,
                Newest {
                    seq,
                    facts: c.facts,
                    size: size_of(entry),
                },
            )?;
        }
        Ok(Appended::Captured { seq, superseded })
    }

    /// The row that already states these facts, if there is one; then an event with the same facts
    /// need not even be built.
    pub(crate) fn stated(&mut self, c: Coalesce) -> Result<Option<i64>, Error> {
        let stated = still_stated(self.tx, c, |key| self.newest_of(key))?;
        self.events.unchanged += i64::from(stated.is_some());
        Ok(stated)
    }

    /// Posts the counters and returns what was added.
    pub(crate) fn finish(self) -> Result<Receipt, Error> {
        for (kind, r) in [(Kind::Event, self.events), (Kind::Document, self.documents)] {
            for (name, by) in [
                (name::CAPTURED, r.captured),
                (name::LIVE, r.captured - r.superseded),
                (name::HELD, r.held),
                (name::SUPERSEDED, r.superseded),
                (name::LIVE_BYTES, r.bytes - r.superseded_bytes),
                (name::ARCHIVED, -r.superseded_archived),
            ] {
                add_to_counter(self.tx, counter_of(kind, name), by)?;
            }
        }
        let Added {
            captured,
            held,
            superseded,
            unchanged,
            ..
        } = self.events;
        Ok(Receipt {
            captured,
            held,
            superseded,
            unchanged,
            documents: self.documents,
            ..self.receipt
        })
    }

    fn added(&mut self, kind: Kind) -> &mut Added {
        match kind {
            Kind::Event => &mut self.events,
            Kind::Document => &mut self.documents,
        }
    }

    /// True if no target can have received the row: an event above the seal, or a document whose
    /// event is above it.
    fn is_unsent(&self, kind: Kind, seq: i64) -> Result<bool, Error> {
        match kind {
            Kind::Event => Ok(seq > self.sealed),
            Kind::Document => {
                let sql = "SELECT announced_by > ?2 FROM journal_events WHERE seq = ?1";
                let above: Option<bool> = self.tx.one(sql, [seq, self.sealed], |r| r.get(0))?;
                Ok(above.unwrap_or(false))
            }
        }
    }

    /// The refusal, if the limit of live events is reached; else `None`.
    fn full(&self) -> Option<Appended> {
        let Bound { capacity, live } = self.bound?;
        let live = live + self.events.captured - self.events.superseded;
        (live >= capacity).then_some(Appended::Full { capacity, live })
    }

    fn count_captured(&mut self, entry: &Entry<'_>, kind: Kind) {
        let added = self.added(kind);
        added.captured += 1;
        added.held += i64::from(entry.held.is_some());
        added.bytes += size_of(entry);
    }

    /// Marks the older row of a key, which was never selected, as superseded by row `by`, and
    /// returns it. A row with other marks (on hold, given up, payload deleted) is unchanged, and
    /// `by` follows it. Documents that the event announces are superseded with it, since no server
    /// would receive their event.
    fn supersede_or_follow(
        &mut self,
        old: Newest,
        by: i64,
        kind: Kind,
    ) -> Result<Option<i64>, Error> {
        if !self.supersede("seq", old.seq, by, kind)? {
            if kind == Kind::Event && !is_discarded(self.tx, old.seq)? {
                self.tx
                    .prepare("UPDATE journal_events SET follows = ?1 WHERE seq = ?2")?
                    .execute([old.seq, by])?;
            }
            return Ok(None);
        }
        if kind == Kind::Event {
            self.supersede("announced_by", old.seq, by, Kind::Document)?;
            // A target may have the event that the superseded one followed: the new one follows it
            // instead.
            let sql = "UPDATE journal_events SET follows = (SELECT follows FROM journal_events WHERE seq = ?1)
                       WHERE seq = ?2";
            self.tx.prepare(sql)?.execute([old.seq, by])?;
        }
        Ok(Some(old.seq))
    }

    /// Marks the rows whose `column` is `of`; false if each of them has other marks.
    fn supersede(&mut self, column: &str, of: i64, by: i64, kind: Kind) -> Result<bool, Error> {
        let mut statement = self.tx.prepare(&format!(
            "UPDATE journal_events SET superseded_by = ?2
             WHERE {column} = ?1 AND held IS NULL AND discarded IS NULL AND gone IS NULL AND superseded_by IS NULL
             RETURNING archived_at IS NOT NULL, size"
        ))?;
        let mut rows = statement.query([of, by])?;
        let mut is_any = false;
        while let Some(row) = rows.next()? {
            let (was_archived, size): (bool, i64) = (row.get(0)?, row.get(1)?);
            let added = match kind {
                Kind::Event => &mut self.events,
                Kind::Document => &mut self.documents,
            };
            added.superseded_archived += i64::from(was_archived);
            added.superseded += 1;
            added.superseded_bytes += size;
            is_any = true;
        }
        Ok(is_any)
    }

    fn remember(&mut self, c: Coalesce, newest: Newest) -> Result<(), Error> {
        self.tx
            .prepare(
                "INSERT OR REPLACE INTO journal_keys (coalesce_key, seq, facts_hash, size) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(rusqlite::params![&c.key[..], newest.seq, &newest.facts.as_bytes()[..], newest.size])?;
        // Bounded, so that a long stream does not grow this map without limit.
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

    /// The result for a known id: unchanged if the payload has the same meaning, else a conflict;
    /// nothing if it was purged.
    fn again(
        &mut self,
        entry: &Entry<'_>,
        digest: Sha256,
        known: Known,
    ) -> Result<Appended, Error> {
        let appended = again(self.tx, self.now, entry, digest, known)?;
        match appended {
            Appended::Purged { .. } => self.receipt.purged += 1,
            Appended::Conflict { .. } => self.receipt.conflicts += 1,
            _ => self.events.unchanged += 1,
        }
        Ok(appended)
    }
}
