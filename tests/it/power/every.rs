//! Everything that may be left after the power is cut, up to bounds.
//!
//! After each operation, each change that no sync has covered may be there or lost, whatever
//! happens to the others: of few changes all combinations, of more each one and each pair. A write
//! may be torn. Changes of names are kept or lost one by one, within a directory and across them.

use std::collections::{BTreeMap, BTreeSet};

use super::disk::{Disk, Node, Op, SECTOR, directory, durable, is_memory};

/// Bytes of a page, which disks write as a whole more often than not.
const PAGE: u64 = 4096;

/// What happens to a change that is not simply there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Lost,
    /// Of a write only this many bytes at its beginning are there.
    Head(usize),
    /// Of a write only what follows this many bytes is there, and the length of the file. With all
    /// bytes of it, the length alone.
    Tail(usize),
}

/// A cut after `count` operations. Changes that are not named here are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) count: usize,
    pub(super) fates: Fates,
}

/// What happens to changes, by their place among the operations.
type Fates = BTreeMap<usize, Fate>;

/// How much is tried, by the number of changes that are open: that no sync has covered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Of up to this many all combinations; so of changes of names too, where more are open.
    pub(super) subsets: usize,
    /// Of up to this many each pair, lost alone and kept alone.
    pub(super) pairs: usize,
    /// Of up to this many each write is torn at each sector, otherwise at each page.
    pub(super) sectors: usize,
}

/// The changes that no sync has covered.
struct Open {
    all: Vec<usize>,
    /// Those of names.
    names: Vec<usize>,
}

/// Every cut of these operations, up to the bounds.
pub(super) fn cuts(base: &Disk, ops: &[Op], bounds: &Bounds) -> Vec<Cut> {
    let memory = memory(base, ops);
    let mut found = Vec::new();
    for count in 0..=ops.len() {
        let open = Open::after(&ops[..count], &memory);
        let mut fates = losses(&open, bounds, is_barrier(ops, count));
        fates.extend(torn(ops, count, &open, bounds));
        found.extend(fates.into_iter().map(|fates| Cut { count, fates }));
    }
    found
}

/// The files after a cut.
pub(super) fn left(base: &Disk, ops: &[Op], cut: &Cut) -> Disk {
    let ops = &ops[..cut.count];
    let mut disk = base.with_files_of(ops);
    for (at, op) in ops.iter().enumerate() {
        match (op, cut.fates.get(&at)) {
            (_, None) => disk.apply(op),
            (Op::Write { node, at, bytes }, Some(Fate::Head(kept))) => {
                disk.write(*node, *at, &bytes[..*kept]);
            }
            (Op::Write { node, at, bytes }, Some(Fate::Tail(lost))) => {
                let end = at + bytes.len() as u64;
                if disk.length(*node) < end {
                    let (node, length) = (*node, end);
                    disk.apply(&Op::Cut { node, length });
                }
                disk.write(*node, at + *lost as u64, &bytes[*lost..]);
            }
            _ => {}
        }
    }
    disk
}

/// The files that are mapped into memory.
fn memory(base: &Disk, ops: &[Op]) -> BTreeSet<Node> {
    let made = ops.iter().filter_map(|op| match op {
        Op::Make { name, node, .. } if is_memory(name) => Some(*node),
        _ => None,
    });
    base.memory().into_iter().chain(made).collect()
}

impl Open {
    fn after(ops: &[Op], memory: &BTreeSet<Node>) -> Self {
        let is_open = |op: &Op| match op {
            Op::Make { name, .. } | Op::Link { name, .. } | Op::Remove { name, .. } => {
                !is_memory(name)
            }
            Op::Move { .. } => true,
            Op::Write { node, .. } | Op::Cut { node, .. } => !memory.contains(node),
            Op::Sync { .. } | Op::Sent | Op::Answered | Op::Said(_) => false,
        };
        let safe = durable(ops);
        let all: Vec<_> = (0..ops.len())
            .filter(|at| !safe[*at] && is_open(&ops[*at]))
            .collect();
        let names = all.iter().copied();
        let names = names.filter(|at| directory(&ops[*at]).is_some()).collect();
        Self { all, names }
    }
}

/// True where most is open: before a sync or a mark, or after one, and at the end.
fn is_barrier(ops: &[Op], count: usize) -> bool {
    let is_mark = |op: &Op| matches!(op, Op::Sync { .. } | Op::Sent | Op::Answered | Op::Said(_));
    ops.get(count).is_none_or(is_mark) || count > 0 && is_mark(&ops[count - 1])
}

/// The changes that are lost together.
fn losses(open: &Open, bounds: &Bounds, is_barrier: bool) -> Vec<Fates> {
    let all = &open.all;
    if all.len() <= bounds.subsets {
        return subsets(all).iter().map(|lost| fates(lost)).collect();
    }
    let mut found = vec![Fates::new(), fates(all)];
    if !is_barrier {
        return found;
    }
    let few = all.iter().map(|one| vec![*one]);
    let pairs = all
        .iter()
        .enumerate()
        .flat_map(|(at, one)| all[..at].iter().map(move |other| vec![*one, *other]))
        .filter(|_| all.len() <= bounds.pairs);
    let names = subsets(&open.names).into_iter();
    let names = names.filter(|_| open.names.len() <= bounds.subsets);
    for some in few.chain(pairs).chain(names) {
        let others: Vec<_> = all
            .iter()
            .copied()
            .filter(|at| !some.contains(at))
            .collect();
        found.extend([fates(&some), fates(&others)]);
    }
    found
}

/// All of these are lost.
fn fates(lost: &[usize]) -> Fates {
    lost.iter().map(|at| (*at, Fate::Lost)).collect()
}

/// Every choice of some of these; of very many nothing.
fn subsets(of: &[usize]) -> Vec<Vec<usize>> {
    if of.len() > 16 {
        return Vec::new();
    }
    let chosen = |mask: usize| {
        let places = (0..of.len()).filter(|bit| mask & (1 << bit) != 0);
        places.map(|bit| of[bit]).collect()
    };
    (0..1 << of.len()).map(chosen).collect()
}

/// One write is torn, everything else is there: at a barrier each, otherwise the last.
fn torn(ops: &[Op], count: usize, open: &Open, bounds: &Bounds) -> Vec<Fates> {
    let is_barrier = is_barrier(ops, count);
    let step = if open.all.len() <= bounds.sectors {
        SECTOR
    } else {
        PAGE
    };
    let mut found = Vec::new();
    for place in open.all.iter().copied() {
        let Op::Write { at, bytes, .. } = &ops[place] else {
            continue;
        };
        if !is_barrier && place + 1 != count {
            continue;
        }
        let first = at / step * step + step - at;
        let inner = (first..bytes.len() as u64).step_by(usize::try_from(step).unwrap());
        let inner: Vec<_> = inner.map(|bytes| usize::try_from(bytes).unwrap()).collect();
        let tails = inner.iter().copied().chain([bytes.len()]).map(Fate::Tail);
        let heads = inner.iter().copied().map(Fate::Head);
        found.extend(heads.chain(tails).map(|fate| Fates::from([(place, fate)])));
    }
    found
}

#[path = "every_tests.rs"]
mod tests;
