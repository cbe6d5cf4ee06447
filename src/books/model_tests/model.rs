//! What must be so, kept in plain maps: no SQL, and no word of how it is done.

use std::collections::{BTreeMap, BTreeSet};

use super::receiver::{Fate, Posted, Told};
use super::world::{Appended, POLICY};
use crate::delivery::{self, Class};
use crate::journal::{self, Release, Totals};
use crate::store::ReadTx;

/// After so many sendings without a known end a batch is halved.
const PATIENCE: u32 = 3;

/// One captured event.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) seq: i64,
    pub(super) envelope: Vec<u8>,
    /// The bytes sent for it; `None`: nothing can be.
    pub(super) wire: Option<Vec<u8>>,
    pub(super) key: Option<u8>,
    pub(super) facts: u8,
    pub(super) is_held: bool,
    pub(super) superseded_by: Option<i64>,
    pub(super) follows: Option<i64>,
    /// As what its payload left.
    pub(super) left: Option<Class>,
}

impl Event {
    fn is_live(&self) -> bool {
        self.superseded_by.is_none() && self.left.is_none()
    }
}

/// Where an event stands at a target, where that is not "untried".
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    pub(super) class: Option<Class>,
    rejections: i64,
}

/// Something on the wire, or last seen there.
#[derive(Debug, Clone)]
struct Open {
    seqs: Vec<i64>,
    /// Key and bytes, once it was sent.
    sent: Option<(String, Vec<u8>)>,
    unknown_ends: u32,
    /// The receiver may have its events from an earlier sending.
    is_in_doubt: bool,
}

impl Open {
    fn is_parked(&self) -> bool {
        self.seqs.len() == 1 && self.unknown_ends >= PATIENCE
    }
}

/// One target's books.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) lines: BTreeMap<i64, Line>,
    /// By their first event.
    open: BTreeMap<i64, Open>,
    keys: BTreeSet<String>,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) events: BTreeMap<i64, Event>,
    newest: BTreeMap<u8, i64>,
    conflicts: BTreeSet<(String, Vec<u8>)>,
    pub(super) ledgers: BTreeMap<String, Ledger>,
}

impl Model {
    /// One of the captured events.
    pub(super) fn pick(&self, pick: usize) -> Option<&Event> {
        self.events.values().nth(pick % self.events.len().max(1))
    }

    pub(super) fn is_registered(&self, target: &str) -> bool {
        self.ledgers.contains_key(target)
    }

    /// What was appended, one entry after another.
    pub(super) fn appended(&mut self, appended: Appended) {
        let before = self.totals();
        let mut unchanged = 0;
        for (event, result) in appended.results {
            let expected = self.append(event, appended.sealed);
            assert_eq!(result, expected);
            unchanged += i64::from(matches!(result, journal::Appended::Unchanged { .. }));
        }
        let (now, receipt) = (self.totals(), appended.receipt);
        assert_eq!(receipt.captured, now.captured - before.captured);
        assert_eq!(receipt.held, now.held - before.held);
        assert_eq!(receipt.superseded, now.superseded - before.superseded);
        assert_eq!(receipt.unchanged, unchanged);
    }

    fn append(&mut self, mut event: Event, sealed: i64) -> journal::Appended {
        if let Some(known) = self.events.values().find(|e| e.id == event.id) {
            let seq = known.seq;
            let [old, new] =
                [&known.envelope, &event.envelope].map(|bytes| std::str::from_utf8(bytes).unwrap().replace("{ ", "{"));
            // Without the payload there is only its digest to compare with.
            if known.envelope == event.envelope || (old == new && known.left.is_none()) {
                return journal::Appended::Unchanged { seq };
            }
            self.conflicts.insert((event.id, event.envelope));
            return journal::Appended::Conflict { seq };
        }
        let newest = event.key.and_then(|key| self.newest.get(&key)).map(|seq| &self.events[seq]);
        let newest = newest.filter(|n| n.left != Some(Class::Discarded));
        if let Some(newest) = newest.filter(|n| n.facts == event.facts) {
            return journal::Appended::Unchanged { seq: newest.seq };
        }
        let is_replaced = |n: &&Event| n.seq > sealed && n.left.is_none() && !n.is_held && !event.is_held;
        let superseded = newest.filter(is_replaced).map(|n| n.seq);
        event.follows = newest.map(|n| n.seq).filter(|_| superseded.is_none());
        event.seq = i64::try_from(self.events.len()).unwrap() + 1;
        let seq = event.seq;
        if let Some(old) = superseded {
            for ledger in self.ledgers.values() {
                assert!(!ledger.lines.contains_key(&old), "row {old} was superseded after a target saw it");
            }
            self.events.get_mut(&old).unwrap().superseded_by = Some(seq);
        }
        if let Some(key) = event.key {
            self.newest.insert(key, seq);
        }
        self.events.insert(seq, event);
        journal::Appended::Captured { seq, superseded }
    }

    pub(super) fn release(&mut self, seq: i64, released: Release) {
        let event = self.events.get_mut(&seq).unwrap();
        assert_eq!(released, if event.is_held { Release::Released } else { Release::NotHeld });
        event.is_held = false;
    }

    /// The oldest went until `capacity` were left, but none that is held or may be on the wire.
    pub(super) fn evicted(&mut self, capacity: i64, evicted: i64) {
        let over = self.totals().live - capacity;
        let oldest = self.events.values().filter(|e| e.is_live() && !e.is_held && !self.is_in_flight(e.seq));
        let gone: Vec<i64> = oldest.take(usize::try_from(over).unwrap_or(0)).map(|e| e.seq).collect();
        assert_eq!(evicted, i64::try_from(gone.len()).unwrap());
        self.leave(&gone, Class::Discarded);
    }

    /// What a target has went, but nothing that may be on the wire to another.
    pub(super) fn acknowledged(&mut self, target: &str, gone: i64) {
        let Some(ledger) = self.ledgers.get(target) else { return };
        let is_there = |seq: &i64| ledger.lines.get(seq).is_some_and(|line| line.class == Some(Class::Delivered));
        let live = self.events.values().filter(|e| e.is_live()).map(|e| e.seq);
        let seqs: Vec<i64> = live.filter(is_there).filter(|seq| !self.is_in_flight(*seq)).collect();
        assert_eq!(gone, i64::try_from(seqs.len()).unwrap());
        self.leave(&seqs, Class::Purged);
    }

    fn is_in_flight(&self, seq: i64) -> bool {
        let line = |ledger: &Ledger| ledger.lines.get(&seq).and_then(|line| line.class);
        self.ledgers.values().any(|ledger| line(ledger) == Some(Class::InFlight))
    }

    fn leave(&mut self, seqs: &[i64], class: Class) {
        for seq in seqs {
            self.events.get_mut(seq).unwrap().left = Some(class);
            for line in self.ledgers.values_mut().filter_map(|ledger| ledger.lines.get_mut(seq)) {
                line.class = line.class.filter(|class| *class != Class::Retryable);
            }
        }
    }

    /// A drain touched this target, and ended these events without sending them.
    pub(super) fn registered(&mut self, target: &str, not_sendable: Vec<i64>) {
        let ledger = self.ledgers.entry(target.to_owned()).or_default();
        for seq in not_sendable {
            ledger.lines.insert(seq, Line { class: Some(Class::Undeliverable), rejections: 0 });
        }
    }

    /// The events that no request can carry and that ended at a target; after a quiet drain, all that are owed there.
    pub(super) fn ended_unsent(&self, tx: &ReadTx<'_>, target: &str, is_quiet: bool) -> Vec<i64> {
        let target = delivery::current(tx, target).unwrap().unwrap();
        let is_free = self.ledgers.get(&target.identity.target_id).is_none_or(|ledger| ledger.open.is_empty());
        let until = target.not_before;
        let broken = self.events.values().filter(|e| e.wire.is_none() && !e.is_held && e.is_live());
        broken
            .map(|event| event.seq)
            .filter(|seq| {
                let row = delivery::row_of(tx, target.id, *seq).unwrap();
                let has_ended = row.is_some_and(|row| row.status == delivery::Status::TerminalFailed);
                assert!(has_ended || !is_quiet || !is_free || until.is_some(), "row {seq} was left");
                has_ended
            })
            .collect()
    }

    /// Something was on the wire.
    pub(super) fn posted(&mut self, target: &str, posted: &Posted) {
        let ledger = self.ledgers.entry(target.to_owned()).or_default();
        let wires: Vec<&[u8]> = posted.seqs.iter().map(|seq| self.events[seq].wire.as_deref().unwrap()).collect();
        let expected = [&b"{\"events\":["[..], &wires.join(&b','), b"]}"].concat();
        assert_eq!(posted.body, expected, "the bytes sent are not the bytes kept");
        for seq in &posted.seqs {
            let event = &self.events[seq];
            assert!(!event.is_held, "row {seq} was sent although it is held");
            assert_eq!(event.superseded_by, None, "row {seq} was sent although it is superseded");
            assert_eq!(event.left, None, "row {seq} was sent although its payload left");
        }
        ledger.posted(posted);
    }

    /// After a drain that ended by itself nothing waits for its first sending, unless something on the wire goes before.
    pub(super) fn check_nothing_is_left(&self, target: &str) {
        let ledger = &self.ledgers[target];
        if ledger.open.values().all(Open::is_parked) {
            let left = self.events.values().find(|event| Self::class(ledger, event) == Class::Untried);
            assert!(left.is_none(), "{left:?} was left at {target}");
        }
    }

    /// The journal's totals as they must be.
    pub(super) fn totals(&self) -> Totals {
        let all = || self.events.values();
        let count = |is: &dyn Fn(&Event) -> bool| i64::try_from(all().filter(|e| is(e)).count()).unwrap();
        Totals {
            captured: count(&|_| true),
            live: count(&Event::is_live),
            held: count(&|e| e.is_live() && e.is_held),
            superseded: count(&|e| e.superseded_by.is_some()),
            discarded: count(&|e| e.left == Some(Class::Discarded)),
            gone: count(&|e| e.left == Some(Class::Purged)),
            live_bytes: all().filter(|e| e.is_live()).map(|e| i64::try_from(e.envelope.len()).unwrap()).sum(),
            conflicts: i64::try_from(self.conflicts.len()).unwrap(),
        }
    }

    /// The class of an event at a target as it must be.
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

impl Ledger {
    fn posted(&mut self, posted: &Posted) {
        let first = posted.seqs[0];
        let is_again = self.open.get(&first).is_some_and(|open| open.seqs == posted.seqs);
        let ahead = self.open.values().find(|open| !open.is_parked());
        if is_again {
            let is_next = ahead.is_none_or(|open| open.seqs[0] == first);
            assert!(is_next, "rows {:?} went before rows {:?}", posted.seqs, ahead);
        } else {
            self.check_new(posted, ahead);
            let open = Open { seqs: posted.seqs.clone(), sent: None, unknown_ends: 0, is_in_doubt: false };
            self.open.insert(first, open);
        }
        let mut open = self.open.remove(&first).unwrap();
        match &open.sent {
            Some((key, body)) => {
                assert_eq!((key, body), (&posted.key, &posted.body), "not the same request again");
                open.is_in_doubt = true;
            }
            None => assert!(self.keys.insert(posted.key.clone()), "a key was used twice"),
        }
        open.sent = Some((posted.key.clone(), posted.body.clone()));
        for seq in &posted.seqs {
            self.lines.entry(*seq).or_default().class = Some(Class::InFlight);
        }
        self.told(open, &posted.told);
    }

    fn check_new(&self, posted: &Posted, ahead: Option<&Open>) {
        assert!(ahead.is_none(), "rows {:?} went before rows {:?}, in flight", posted.seqs, ahead);
        assert!(posted.seqs.is_sorted_by(|a, b| a < b) && posted.seqs.len() <= POLICY.max_events);
        assert!(posted.seqs.len() == 1 || posted.body.len() <= POLICY.max_bytes);
        for seq in &posted.seqs {
            assert!(!self.open.contains_key(seq), "row {seq} was sent twice at once");
            let class = self.lines.get(seq).and_then(|line| line.class);
            // `InFlight` without an open attempt is `pending`.
            assert!(matches!(class, None | Some(Class::Retryable | Class::InFlight)), "row {seq} was {class:?}");
        }
    }

    fn told(&mut self, open: Open, told: &Told) {
        match told {
            Told::Each(words) => {
                for (seq, word) in open.seqs.iter().zip(words) {
                    match word {
                        Fate::Stored => self.set(*seq, Some(Class::Delivered)),
                        Fate::Pending => self.set(*seq, Some(Class::InFlight)),
                        Fate::Nothing => self.set(*seq, Some(Class::Retryable)),
                        Fate::Rejected => self.reject(*seq),
                    }
                }
            }
            Told::Blamed(guilty) => {
                for (seq, is_guilty) in open.seqs.iter().zip(guilty) {
                    if *is_guilty { self.reject(*seq) } else { self.set(*seq, None) }
                }
            }
            Told::Refused if open.seqs.len() == 1 => self.reject(open.seqs[0]),
            Told::TooLarge if open.seqs.len() == 1 => self.set(open.seqs[0], Some(Class::Undeliverable)),
            Told::Refused | Told::TooLarge => self.halve(&open),
            Told::Stop if open.is_in_doubt => self.keep(open),
            Told::Stop => {
                open.seqs.iter().for_each(|seq| self.set(*seq, None));
                self.give_back_untouched();
            }
            Told::Unknown => {
                let open = Open { unknown_ends: open.unknown_ends + 1, is_in_doubt: true, ..open };
                if open.unknown_ends >= PATIENCE && open.seqs.len() > 1 { self.halve(&open) } else { self.keep(open) }
            }
            Told::Crash => self.keep(Open { is_in_doubt: true, ..open }),
        }
    }

    fn set(&mut self, seq: i64, class: Option<Class>) {
        self.lines.entry(seq).or_default().class = class;
    }

    fn reject(&mut self, seq: i64) {
        let line = self.lines.entry(seq).or_default();
        line.rejections += 1;
        let is_given_up = line.rejections >= POLICY.max_rejections;
        line.class = Some(if is_given_up { Class::Undeliverable } else { Class::Retryable });
    }

    fn keep(&mut self, open: Open) {
        self.open.insert(open.seqs[0], open);
    }

    /// Halves that never went out are owed as if they had never been chosen.
    fn give_back_untouched(&mut self) {
        let (untouched, open) =
            std::mem::take(&mut self.open).into_iter().partition(|(_, o)| o.sent.is_none() && !o.is_in_doubt);
        self.open = open;
        let untouched: BTreeMap<i64, Open> = untouched;
        untouched.values().flat_map(|open| &open.seqs).for_each(|seq| self.set(*seq, None));
    }

    fn halve(&mut self, open: &Open) {
        let (left, right) = open.seqs.split_at(open.seqs.len() / 2);
        for half in [left, right] {
            self.keep(Open { seqs: half.to_vec(), sent: None, unknown_ends: 0, is_in_doubt: open.is_in_doubt });
        }
    }
}
