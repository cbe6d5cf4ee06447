//! The model of one target's books.

use std::collections::{BTreeMap, BTreeSet};

use super::receiver::{Fate, Posted, Told};
use super::surroundings::POLICY;
use crate::delivery::Class;

/// A batch is halved after this many sendings without a known end.
const PATIENCE: u32 = 3;
/// This many single refusals with the same reason, and nothing accepted, mean that the server
/// refuses everything.
const ALIKE: usize = 3;

/// Class of an event at a target, if it is not "untried".
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    pub(super) class: Option<Class>,
    pub(super) rejections: i64,
}

/// An attempt that is or was last sent.
#[derive(Debug, Clone)]
pub(super) struct Open {
    seqs: Vec<i64>,
    /// Key and bytes, once it was sent.
    sent: Option<(String, Vec<u8>)>,
    unknown_ends: u32,
    /// The receiver may have its events from an earlier sending.
    is_in_doubt: bool,
}

impl Open {
    pub(super) fn is_parked(&self) -> bool {
        self.seqs.len() == 1 && self.unknown_ends >= PATIENCE
    }

    fn is_untouched(&self) -> bool {
        self.sent.is_none() && !self.is_in_doubt
    }
}

/// One target's books.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) lines: BTreeMap<i64, Line>,
    /// By their first event.
    pub(super) open: BTreeMap<i64, Open>,
    /// Its books are frozen until a drain takes it back.
    pub(super) is_forgotten: bool,
    keys: BTreeSet<String>,
    /// The events that the receiver may have, and those that it refused alone.
    tried: BTreeSet<i64>,
    /// In the present drain: the events refused alone, and whether anything was accepted.
    alone: Vec<i64>,
    has_accepted: bool,
}

/// The aggregate of an event, by its row.
type Aggregates<'a> = &'a dyn Fn(i64) -> Option<u8>;

impl Ledger {
    /// An earlier event of its aggregate is parked.
    pub(super) fn is_behind(&self, seq: i64, aggregates: Aggregates<'_>) -> bool {
        let is_ahead = |open: &Open| {
            open.is_parked() && open.seqs[0] < seq && aggregates(open.seqs[0]) == aggregates(seq)
        };
        aggregates(seq).is_some() && self.open.values().any(is_ahead)
    }

    pub(super) fn posted(&mut self, posted: &Posted, aggregates: Aggregates<'_>) {
        for seq in posted.seqs.iter().filter(|seq| !self.tried.contains(seq)) {
            assert!(
                !self.is_behind(*seq, aggregates),
                "row {seq} was first sent while one before it is in flight"
            );
        }
        let first = posted.seqs[0];
        let is_again = self
            .open
            .get(&first)
            .is_some_and(|open| open.seqs == posted.seqs);
        let ahead = self.open.values().find(|open| !open.is_parked());
        if is_again {
            let is_next = ahead.is_none_or(|open| open.seqs[0] == first);
            assert!(
                is_next,
                "rows {:?} went before rows {:?}",
                posted.seqs, ahead
            );
        } else {
            self.check_new(posted, ahead);
            let open = Open {
                seqs: posted.seqs.clone(),
                sent: None,
                unknown_ends: 0,
                is_in_doubt: false,
            };
            self.open.insert(first, open);
        }
        let mut open = self.open.remove(&first).unwrap();
        match &open.sent {
            Some((key, body)) => {
                assert_eq!(
                    (key, body),
                    (&posted.key, &posted.body),
                    "not the same request again"
                );
                open.is_in_doubt = true;
            }
            None => assert!(self.keys.insert(posted.key.clone()), "a key was used twice"),
        }
        open.sent = Some((posted.key.clone(), posted.body.clone()));
        for seq in &posted.seqs {
            self.lines.entry(*seq).or_default().class = Some(Class::InFlight);
        }
        if matches!(posted.told, Told::Each(_) | Told::Unknown | Told::Crash) {
            self.tried.extend(&posted.seqs);
        }
        self.told(open, &posted.told, aggregates);
        let untouched = self.open.values().filter(|open| open.is_untouched());
        if untouched
            .flat_map(|open| &open.seqs)
            .any(|seq| self.is_behind(*seq, aggregates))
        {
            self.give_back_untouched();
        }
    }

    /// The receiver had an event before it was captured: sending it again is not the first sending.
    pub(super) fn receiver_has(&mut self, seq: i64) {
        self.tried.insert(seq);
    }

    /// A drain begins.
    pub(super) fn begin(&mut self) {
        (self.is_forgotten, self.has_accepted) = (false, false);
        self.alone.clear();
    }

    /// The end of the events in flight will never be known.
    pub(super) fn forget(&mut self) -> i64 {
        if std::mem::replace(&mut self.is_forgotten, true) {
            return 0;
        }
        self.open.clear();
        let lines = self
            .lines
            .values_mut()
            .filter(|line| line.class == Some(Class::InFlight));
        lines
            .map(|line| line.class = None)
            .fold(0, |count, ()| count + 1)
    }

    fn check_new(&self, posted: &Posted, ahead: Option<&Open>) {
        assert!(
            ahead.is_none(),
            "rows {:?} went before rows {:?}, in flight",
            posted.seqs,
            ahead
        );
        assert!(posted.seqs.is_sorted_by(|a, b| a < b) && posted.seqs.len() <= POLICY.max_events);
        assert!(posted.seqs.len() == 1 || posted.body.len() <= POLICY.max_bytes);
        for seq in &posted.seqs {
            assert!(
                !self.open.contains_key(seq),
                "row {seq} was sent twice at once"
            );
            let class = self.lines.get(seq).and_then(|line| line.class);
            // `InFlight` without an open attempt means `pending`.
            assert!(
                matches!(class, None | Some(Class::Retryable | Class::InFlight)),
                "row {seq} was {class:?}"
            );
        }
    }

    fn told(&mut self, open: Open, told: &Told, aggregates: Aggregates<'_>) {
        match told {
            Told::Each(words) => {
                self.has_accepted |= words
                    .iter()
                    .any(|word| matches!(word, Fate::Stored | Fate::Pending));
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
                    if *is_guilty {
                        self.reject(*seq);
                    } else {
                        self.set(*seq, None);
                    }
                }
            }
            Told::Refused if open.seqs.len() == 1 => {
                self.alone.push(open.seqs[0]);
                if self.has_accepted || self.alone.len() < ALIKE {
                    return self.reject(open.seqs[0]);
                }
                for seq in &self.alone[..ALIKE - 1] {
                    let line = self.lines.entry(*seq).or_default();
                    (line.class, line.rejections) = (None, line.rejections - 1);
                }
                self.told(open, &Told::Stop, aggregates);
            }
            Told::TooLarge if open.seqs.len() == 1 => {
                // The receiver refused this event alone, so sending it again is not a first try.
                self.tried.insert(open.seqs[0]);
                self.set(open.seqs[0], Some(Class::Undeliverable));
            }
            Told::Refused | Told::TooLarge => self.halve(&open, aggregates),
            Told::Stop if open.is_in_doubt => self.keep(open),
            Told::Stop => {
                open.seqs.iter().for_each(|seq| self.set(*seq, None));
                self.give_back_untouched();
            }
            Told::Unknown => {
                let open = Open {
                    unknown_ends: open.unknown_ends + 1,
                    is_in_doubt: true,
                    ..open
                };
                if open.unknown_ends >= PATIENCE && open.seqs.len() > 1 {
                    self.halve(&open, aggregates);
                } else {
                    self.keep(open);
                }
            }
            Told::Crash => self.keep(Open {
                is_in_doubt: true,
                ..open
            }),
        }
    }

    fn set(&mut self, seq: i64, class: Option<Class>) {
        self.lines.entry(seq).or_default().class = class;
    }

    fn reject(&mut self, seq: i64) {
        self.tried.insert(seq);
        let line = self.lines.entry(seq).or_default();
        line.rejections += 1;
        let is_given_up = line.rejections >= POLICY.max_rejections;
        line.class = Some(if is_given_up {
            Class::Undeliverable
        } else {
            Class::Retryable
        });
    }

    fn keep(&mut self, open: Open) {
        self.open.insert(open.seqs[0], open);
    }

    /// Halves that were never sent are left to send as if they had never been selected.
    fn give_back_untouched(&mut self) {
        let (untouched, open) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|(_, o)| o.is_untouched());
        self.open = open;
        let untouched: BTreeMap<i64, Open> = untouched;
        untouched
            .values()
            .flat_map(|open| &open.seqs)
            .for_each(|seq| self.set(*seq, None));
    }

    fn halve(&mut self, open: &Open, aggregates: Aggregates<'_>) {
        let (count, mut middle) = (open.seqs.len(), open.seqs.len() / 2);
        let [before, after] = [middle - 1, middle].map(|n| aggregates(open.seqs[n]));
        if count > 2 && before.is_some() && before == after {
            middle += 1;
        }
        let (left, right) = open.seqs.split_at(if middle < count {
            middle
        } else {
            count / 2 - 1
        });
        for half in [left, right] {
            self.keep(Open {
                seqs: half.to_vec(),
                sent: None,
                unknown_ends: 0,
                is_in_doubt: open.is_in_doubt,
            });
        }
    }
}
