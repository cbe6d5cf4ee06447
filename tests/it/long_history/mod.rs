//! Long random histories: three clones with linked work trees, two hubs on ways that break,
//! processes, receivers and databases that are killed, full disks and clocks that jump. One hub is
//! a receiver with a SQLite file; the other is two receivers on one PostgreSQL, where there is one.
//! In the end everything heals: each run succeeds, each store is whole, and each hub has every
//! event of every clone once, byte for byte, and every document.
//!
//! A short one in the ordinary tests. `SK_SYNC_LONG_HISTORY=STEPS` makes as many steps, in
//! histories of at most [`MOST_STEPS`]. Of a history that fails, the fewest first steps that fail
//! are looked for; `SK_SYNC_LONG_HISTORY_SEED=N` repeats it.

mod clones;
mod heal;
mod store;
mod way;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use self::world::World;
use crate::support::{tell, wanted};

/// Steps of one history.
const MOST_STEPS: u64 = 200;
/// Steps of the history in the ordinary tests.
const FEW_STEPS: u64 = 30;

/// Plays the first steps of the history of a seed, to its end.
fn play(seed: u64, steps: u64) -> World {
    let mut world = World::new(seed);
    for step in 1..=steps {
        world.step();
        if step.is_multiple_of(15) {
            world.compare();
        }
    }
    world.heal();
    world.settle();
    world
}

/// The fewest steps, up to `steps`, that fail; those fail, and of fewer it is not known.
fn fewest(steps: u64, fails: impl Fn(u64) -> bool) -> u64 {
    let (mut holds, mut fewest) = (0, steps);
    while holds + 1 < fewest {
        let middle = holds.midpoint(fewest);
        if fails(middle) {
            fewest = middle;
        } else {
            holds = middle;
        }
    }
    fewest
}

#[test]
fn any_long_history_heals() {
    let all = wanted("SK_SYNC_LONG_HISTORY").unwrap_or(FEW_STEPS);
    let first = wanted("SK_SYNC_LONG_HISTORY_SEED").unwrap_or(1);
    for (seed, before) in (first..).zip((0..all).step_by(usize::try_from(MOST_STEPS).unwrap())) {
        let (begun, steps) = (Instant::now(), MOST_STEPS.min(all - before));
        let played = |steps| catch_unwind(AssertUnwindSafe(|| play(seed, steps)));
        match played(steps) {
            Ok(world) => tell(&format!("seed {seed}: {world}; {:?}", begun.elapsed())),
            Err(failure) => {
                let fewest = fewest(steps, |steps| played(steps).is_err());
                tell(&format!("seed {seed}: the first {fewest} steps fail"));
                resume_unwind(failure);
            }
        }
    }
}

#[test]
fn the_fewest_steps_that_fail_are_found() {
    for first in 1..=MOST_STEPS {
        assert_eq!(fewest(MOST_STEPS, |steps| steps >= first), first);
    }
    assert_eq!(fewest(7, |_| false), 7, "a failure that does not return");
}
