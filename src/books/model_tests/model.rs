//! The expected state in plain maps, without SQL and independent of the implementation.

use std::collections::{BTreeMap, BTreeSet};

use super::acts::Appended;
use super::event::Event;
use super::ledger::{Ledger, Line, Open};
use super::receiver::Posted;
use crate::delivery::{self, Class};
use crate::journal::{self, Release, Totals};
use crate::store::ReadTx;

/// The expected state of everything.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) events: BTreeMap<i64, Event>,
    newest: BTreeMap<u8, i64>,
    /// Open conflicts.
    pub(super) conflicts: BTreeSet<(String, Vec<u8>)>,
    /// Contents that are kept apart and were decided.
    decided: BTreeSet<(String, Vec<u8>)>,
    pub(super) ledgers: BTreeMap<String, Ledger>,
    /// The last row that a target had before it was captured.
    pub(super) sealed: i64,
}

/// Options of an append.
pub(super) struct Appending {
    pub(super) sealed: i64,
    pub(super) capacity: Option<i64>,
    /// As a separate row, whatever it states.
    pub(super) is_verbatim: bool,
}

impl Model {
    /// One of the captured events.
    pub(super) fn pick(&self, pick: usize) -> Option<&Event> {
        self.events.values().nth(pick % self.events.len().max(1))
    }

    /// True if it is the newest statement about its key.
    pub(super) fn is_newest(&self, key: u8, seq: i64) -> bool {
        self.newest.get(&key) == Some(&seq)
    }

    pub(super) fn is_registered(&self, target: &str) -> bool {
        self.ledgers.contains_key(target)
    }

    /// Records an append, entry by entry.
    pub(super) fn appended(&mut self, appended: Appended) {
        let before = self.totals();
        let (mut unchanged, mut purged) = (0, 0);
        for (event, result) in appended.results {
            let expected = self.append(
                event,
                &Appending {
                    sealed: appended.sealed,
                    capacity: appended.capacity,
                    is_verbatim: false,
                },
            );
            assert_eq!(result, expected);
            unchanged += i64::from(matches!(result, journal::Appended::Unchanged { .. }));
            purged += i64::from(matches!(result, journal::Appended::Purged { .. }));
        }
        let (now, receipt) = (self.totals(), appended.receipt);
        assert_eq!(receipt.captured, now.captured - before.captured);
        assert_eq!(receipt.held, now.held - before.held);
        assert_eq!(receipt.superseded, now.superseded - before.superseded);
        assert_eq!((receipt.unchanged, receipt.purged), (unchanged, purged));
    }

    pub(super) fn append(&mut self, mut event: Event, how: &Appending) -> journal::Appended {
        let Appending {
            sealed,
            capacity,
            is_verbatim,
        } = *how;
        if let Some(known) = self
            .events
            .values()
            .find(|e| e.id == event.id && !e.is_replaced)
        {
            let seq = known.seq;
            if known.is_purged {
                return journal::Appended::Purged { seq };
            }
            let [old, new] = [&known.envelope, &event.envelope]
                .map(|bytes| std::str::from_utf8(bytes).unwrap().replace("{ ", "{"));
            // Without the payload only its digest can be compared.
            if known.envelope == event.envelope || (old == new && known.has_bytes) {
                return journal::Appended::Unchanged { seq };
            }
            let content = (event.id, event.envelope);
            self.dispute(content);
            return journal::Appended::Conflict { seq };
        }
        let newest = event
            .key
            .and_then(|key| self.newest.get(&key))
            .map(|seq| &self.events[seq]);
        let newest = newest.filter(|n| n.left != Some(Class::Discarded));
        if let Some(newest) = newest.filter(|n| n.facts == event.facts && !is_verbatim) {
            return journal::Appended::Unchanged { seq: newest.seq };
        }
        let is_replaced = |n: &&Event| {
            !is_verbatim && n.seq > sealed && n.left.is_none() && !n.is_held && !event.is_held
        };
        let superseded = newest.filter(is_replaced).map(|n| n.seq);
        let live = self.totals().live;
        if let (None, Some(capacity)) = (superseded, capacity.filter(|capacity| live >= *capacity))
        {
            return journal::Appended::Full { capacity, live };
        }
        event.follows = match newest {
            Some(newest) if superseded.is_some() => newest.follows,
            newest => newest.map(|n| n.seq),
        };
        event.seq = i64::try_from(self.events.len()).unwrap() + 1;
        let seq = event.seq;
        if let Some(old) = superseded {
            for ledger in self.ledgers.values() {
                assert!(
                    !ledger.lines.contains_key(&old),
                    "row {old} was superseded after a target saw it"
                );
            }
            self.events.get_mut(&old).unwrap().superseded_by = Some(seq);
        }
        if let Some(key) = event.key {
            self.newest.insert(key, seq);
        }
        self.events.insert(seq, event);
        journal::Appended::Captured { seq, superseded }
    }

    /// Content is kept apart until a decision, unless one was made before.
    pub(super) fn dispute(&mut self, content: (String, Vec<u8>)) {
        if !self.decided.contains(&content) {
            self.conflicts.insert(content);
        }
    }

    /// Content is kept apart, and no decision is needed.
    pub(super) fn set_aside(&mut self, content: (String, Vec<u8>)) {
        if !self.conflicts.contains(&content) {
            self.decided.insert(content);
        }
    }

    pub(super) fn release(&mut self, seq: i64, released: Release) {
        let event = self.events.get_mut(&seq).unwrap();
        let expected = match (event.is_held, event.is_live()) {
            (true, true) => Release::Released(journal::Kind::Event),
            (true, false) => Release::NotOwed,
            (false, _) => Release::NotHeld,
        };
        assert_eq!(released, expected);
        event.is_held = false;
    }

    /// A drain used this target, and ended these events without sending them.
    pub(super) fn registered(&mut self, target: &str, not_sendable: Vec<i64>) {
        let ledger = self.ledgers.entry(target.to_owned()).or_default();
        for seq in not_sendable {
            ledger.lines.insert(
                seq,
                Line {
                    class: Some(Class::Undeliverable),
                    rejections: 0,
                },
            );
        }
    }

    /// The events that no request can carry and that ended at a target; after a quiet drain, all
    /// such events that were left to send there.
    pub(super) fn ended_unsent(&self, tx: &ReadTx<'_>, target: &str, is_quiet: bool) -> Vec<i64> {
        let target = delivery::current(tx, target).unwrap().unwrap();
        let is_free = self
            .ledgers
            .get(&target.identity.target_id)
            .is_none_or(|ledger| ledger.open.is_empty());
        let until = target.not_before;
        let broken = self
            .events
            .values()
            .filter(|e| e.wire.is_none() && !e.is_held && e.is_live());
        broken
            .map(|event| event.seq)
            .filter(|seq| {
                let row = delivery::row_of(tx, target.id, *seq).unwrap();
                let has_ended =
                    row.is_some_and(|row| row.status == delivery::Status::TerminalFailed);
                assert!(
                    has_ended || !is_quiet || !is_free || until.is_some(),
                    "row {seq} was left"
                );
                has_ended
            })
            .collect()
    }

    /// Records a request and its result.
    pub(super) fn posted(&mut self, target: &str, posted: &Posted) {
        let ledger = self.ledgers.entry(target.to_owned()).or_default();
        let wires: Vec<&[u8]> = posted
            .seqs
            .iter()
            .map(|seq| self.events[seq].wire.as_deref().unwrap())
            .collect();
        let expected = [&b"{\"events\":["[..], &wires.join(&b','), b"]}"].concat();
        assert_eq!(
            posted.body, expected,
            "the bytes sent are not the bytes kept"
        );
        for seq in &posted.seqs {
            let event = &self.events[seq];
            assert!(!event.is_held, "row {seq} was sent although it is held");
            assert_eq!(
                event.superseded_by, None,
                "row {seq} was sent although it is superseded"
            );
            assert_eq!(
                event.left, None,
                "row {seq} was sent although its payload left"
            );
        }
        let aggregates = |seq: i64| self.events[&seq].aggregate;
        ledger.posted(posted, &aggregates);
    }

    /// After a drain that ended without a stop nothing waits for its first sending, unless an open
    /// attempt goes first.
    pub(super) fn check_nothing_is_left(&self, target: &str) {
        let ledger = &self.ledgers[target];
        if ledger.open.values().all(Open::is_parked) {
            let aggregates = |seq: i64| self.events[&seq].aggregate;
            let is_left = |e: &&Event| {
                Self::class(ledger, e) == Class::Untried && !ledger.is_behind(e.seq, &aggregates)
            };
            let left = self.events.values().find(is_left);
            assert!(left.is_none(), "{left:?} was left at {target}");
        }
    }

    /// The expected totals of the journal.
    pub(super) fn totals(&self) -> Totals {
        let all = || self.events.values();
        let count =
            |is: &dyn Fn(&Event) -> bool| i64::try_from(all().filter(|e| is(e)).count()).unwrap();
        Totals {
            captured: count(&|_| true),
            live: count(&Event::is_live),
            held: count(&|e| e.is_live() && e.is_held),
            superseded: count(&|e| e.superseded_by.is_some()),
            discarded: count(&|e| e.left == Some(Class::Discarded)),
            gone: count(&|e| e.left == Some(Class::Purged)),
            live_bytes: all()
                .filter(|e| e.is_live())
                .map(|e| i64::try_from(e.envelope.len()).unwrap())
                .sum(),
            archived: count(&|e| e.is_live() && e.is_archived),
            conflicts: i64::try_from(self.conflicts.len()).unwrap(),
        }
    }

    /// The expected class of an event at a target.
    pub(super) fn class(ledger: &Ledger, event: &Event) -> Class {
        match ledger.lines.get(&event.seq).and_then(|line| line.class) {
            Some(class) => class,
            None if event.superseded_by.is_some() => Class::Superseded,
            None if event.left.is_some() => event.left.unwrap(),
            None if event.is_held => Class::Blocked,
            None => Class::Untried,
        }
    }
}
