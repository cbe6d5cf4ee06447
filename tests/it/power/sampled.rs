//! A sample of what is left after the power is cut.
//!
//! Of the changes that no sync has covered, each write may be there, missing, or torn at a sector;
//! and of the changes of a directory the first ones, up to any of them.

use std::collections::BTreeMap;

use super::disk::{Disk, Op, SECTOR, directory, durable};
use crate::support::chance::Chance;

/// Ways in which unsynced changes are lost, in turn.
const LOSSES: [Loss; 4] = [Loss::Nothing, Loss::All, Loss::Some, Loss::Torn];

/// The way of this seed.
pub(super) fn loss(seed: u64) -> Loss {
    LOSSES[usize::try_from(seed % 4).unwrap()]
}

/// How much of what was not synced is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing is lost: the process was killed and the system went on.
    Nothing,
    /// Everything is lost.
    All,
    /// Each change is lost or not.
    Some,
    /// The same, and writes may be torn.
    Torn,
}

/// What is left when the power is cut after the first `count` operations.
pub(super) fn cut(disk: &Disk, ops: &[Op], count: usize, loss: Loss, chance: &mut Chance) -> Disk {
    let ops = &ops[..count];
    let is_safe = durable(ops);
    let mut left = disk.with_files_of(ops);
    // Directories that have lost a change lose all later ones.
    let mut over = BTreeMap::new();
    for (op, is_safe) in ops.iter().zip(is_safe) {
        let is_kept = is_safe || loss == Loss::Nothing || (loss != Loss::All && !chance.once_in(2));
        if let Some(dir) = directory(op) {
            let is_over = over.entry(dir).or_insert(false);
            *is_over |= !is_kept;
            assert!(
                !is_safe || !*is_over,
                "a sync of a directory covers all earlier changes"
            );
            if !*is_over {
                left.apply(op);
            }
        } else if is_kept && (is_safe || loss != Loss::Torn || !chance.once_in(4)) {
            left.apply(op);
        } else if loss == Loss::Torn || loss == Loss::Some {
            tear(&mut left, op, loss, chance);
        }
    }
    left
}

/// A write of which only some sectors are there; or none, and yet the file is as long as after
/// it.
fn tear(disk: &mut Disk, op: &Op, loss: Loss, chance: &mut Chance) {
    let Op::Write { node, at, bytes } = op else {
        return;
    };
    if chance.once_in(3) {
        let end = at + bytes.len() as u64;
        if disk.length(*node) < end {
            disk.apply(&Op::Cut {
                node: *node,
                length: end,
            });
        }
    }
    if loss != Loss::Torn {
        return;
    }
    let mut from = 0;
    while from < bytes.len() {
        let sector_end = (at + from as u64) / SECTOR * SECTOR + SECTOR - at;
        let to = usize::try_from(sector_end).unwrap().min(bytes.len());
        if chance.once_in(2) {
            disk.write(*node, at + from as u64, &bytes[from..to]);
        }
        from = to;
    }
}

#[path = "sampled_tests.rs"]
mod tests;
