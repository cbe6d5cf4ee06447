//! Which states of a recording are opened: a sample, or all up to bounds.
//!
//! States with the same files and the same requests received are opened once, as the one that the
//! most was acknowledged of.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Instant;

use super::disk::{Disk, Op, durable};
use super::every::{Bounds, Cut, Fate, cuts, left};
use super::record::Recording;
use super::sampled;
use crate::support::chance::Chance;
use crate::support::{tell, wanted};

/// One state of the files, and how far the process had come.
pub(super) struct Left {
    pub(super) disk: Disk,
    /// Operations that had returned.
    pub(super) count: usize,
    /// Requests that the server had received.
    pub(super) received: usize,
    pub(super) chance: Chance,
    /// How to build the state again.
    pub(super) words: String,
}

/// How many states of a recording are opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// States of a sample, in the ordinary suite.
    pub(super) few: u64,
    /// One of how many states of a wanted sample is opened.
    pub(super) share: u64,
    /// States of all, at most: more are thinned out evenly.
    pub(super) most: usize,
    pub(super) bounds: Bounds,
}

impl Plan {
    /// States after one loss.
    pub(super) const ONE: Self = Self {
        few: 10,
        share: 1,
        most: 10_000,
        bounds: Bounds {
            subsets: 8,
            pairs: 24,
            sectors: 16,
        },
    };

    /// States after a first of two losses.
    pub(super) const FIRST: Self = Self {
        few: 2,
        share: 20,
        most: 12,
        ..Self::ONE
    };

    /// States after the second.
    pub(super) const SECOND: Self = Self {
        few: 2,
        share: 20,
        most: 60,
        bounds: Bounds {
            subsets: 6,
            pairs: 0,
            sectors: 0,
        },
    };
}

/// True where all states are wanted: `SK_SYNC_POWER=all`.
#[expect(clippy::disallowed_methods, reason = "tests read their environment")]
pub(super) fn is_every() -> bool {
    std::env::var_os("SK_SYNC_POWER").is_some_and(|value| value == "all")
}

/// How many requests or lines a case of the receiver or of `capture` has: fewer where everything is
/// tried with each.
pub(super) fn number(of_sample: usize) -> usize {
    if is_every() { 2 } else { of_sample }
}

/// Looks at each state. `received` tells how many requests the server may have received after some
/// operations.
pub(super) fn each(
    name: &str,
    recording: &Recording,
    plan: &Plan,
    received: impl Fn(&[Op]) -> RangeInclusive<usize>,
    look: impl FnMut(Left),
) {
    if is_every() {
        every(name, recording, plan, received, look);
    } else {
        sample(name, recording, plan, received, look);
    }
}

fn sample(
    name: &str,
    Recording { base, ops, .. }: &Recording,
    plan: &Plan,
    received: impl Fn(&[Op]) -> RangeInclusive<usize>,
    mut look: impl FnMut(Left),
) {
    let first = wanted("SK_SYNC_SEED").unwrap_or(1);
    let states = wanted("SK_SYNC_POWER").map_or(plan.few, |states| states.div_ceil(plan.share));
    for seed in first..first + states {
        let mut chance = Chance::new(seed);
        let loss = sampled::loss(seed);
        // Now and then at the very end: the command has returned.
        let count = if chance.once_in(8) {
            ops.len()
        } else {
            chance.place(ops.len() + 1)
        };
        let disk = sampled::cut(base, ops, count, loss, &mut chance);
        let range = received(&ops[..count]);
        look(Left {
            disk,
            count,
            received: if chance.once_in(2) {
                *range.end()
            } else {
                *range.start()
            },
            chance,
            words: format!(
                "{name}: seed {seed}, cut after {count} of {}, {loss:?} lost",
                ops.len()
            ),
        });
    }
    tell(&format!("{name}: {states} states of {}", operations(ops)));
}

fn every(
    name: &str,
    Recording { base, ops, .. }: &Recording,
    plan: &Plan,
    received: impl Fn(&[Op]) -> RangeInclusive<usize>,
    mut look: impl FnMut(Left),
) {
    let begun = Instant::now();
    let (mut enumerated, mut distinct) = (0_usize, BTreeMap::<_, Cut>::new());
    for cut in cuts(base, ops, &plan.bounds) {
        let digest = left(base, ops, &cut).digest();
        for received in received(&ops[..cut.count]) {
            enumerated += 1;
            // Later cuts come later, and acknowledge no less.
            distinct.insert((digest, received), cut.clone());
        }
    }
    let (all, most) = (distinct.len(), most(plan));
    let mut opened = 0;
    for (at, ((_, received), cut)) in distinct.iter().enumerate() {
        // Of too many, evenly.
        if all > most && at * most / all == (at + 1) * most / all {
            continue;
        }
        opened += 1;
        look(Left {
            disk: left(base, ops, cut),
            count: cut.count,
            received: *received,
            chance: Chance::new(opened),
            words: format!(
                "{name}: cut after {} of {}, {received} requests received, {:?}",
                cut.count,
                ops.len(),
                cut.fates
            ),
        });
    }
    let Bounds {
        subsets,
        pairs,
        sectors,
    } = plan.bounds;
    tell(&format!(
        "{name}: {}: {enumerated} states enumerated, {all} distinct, {opened} opened, {} s (bounds: all subsets of \
         {subsets} open changes, pairs of {pairs}, sectors of {sectors}, {most} opened)",
        operations(ops),
        begun.elapsed().as_secs(),
    ));
}

/// Looks at the states in which one of the `wanted` changes is lost and all others are there, each
/// after as many operations as it can be lost of.
pub(super) fn losing(
    name: &str,
    Recording { base, ops, .. }: &Recording,
    wanted: impl Fn(&Op) -> bool,
    mut look: impl FnMut(Left),
) {
    let lost: Vec<_> = (0..ops.len()).filter(|at| wanted(&ops[*at])).collect();
    assert!(!lost.is_empty(), "{name}: no such change");
    for at in lost {
        let is_open = |count: &usize| !durable(&ops[..*count])[at];
        let count = (at + 1..=ops.len()).rev().find(is_open).unwrap();
        let cut = Cut {
            count,
            fates: BTreeMap::from([(at, Fate::Lost)]),
        };
        look(Left {
            disk: left(base, ops, &cut),
            count,
            received: 0,
            chance: Chance::new(1),
            words: format!("{name}: cut after {count} of {}, {at} lost", ops.len()),
        });
    }
}

/// The most states that are opened of all of one recording.
fn most(plan: &Plan) -> usize {
    let wanted = wanted("SK_SYNC_POWER_MOST").map(|most| usize::try_from(most).unwrap());
    wanted.map_or(plan.most, |most| most.min(plan.most))
}

fn operations(ops: &[Op]) -> String {
    let syncs = ops.iter().filter(|op| matches!(op, Op::Sync { .. }));
    format!("{} operations, {} of them syncs", ops.len(), syncs.count())
}
