//! SIGKILL at random moments of every command that writes, and of the receiver: nothing captured is
//! lost, nothing is stored twice, the books balance, and an acknowledged event is posted again only
//! if the process was killed before it had recorded the answer.
//!
//! `SK_SYNC_KILLS` is the number of kills; a few without it. The figures are printed.

mod client;
pub(crate) mod receiver;

use std::ops::AddAssign;

use crate::support::{tell, wanted};

/// Kills in the ordinary suite.
const FEW: u64 = 30;
/// Kills of one world: a journal that grows for ever makes every check slow.
const WORLD: u64 = 200;

/// Figures of a storm.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Figures {
    /// Processes that were ended by SIGKILL.
    kills: u64,
    /// Processes that ended before their SIGKILL.
    late: u64,
    /// Events that were acknowledged or seen in the journal, and were not there later.
    lost: u64,
    /// Events stored twice, or facts stated twice in a row.
    doubled: u64,
    /// Stores whose books, hashes or references do not hold.
    unbalanced: u64,
    /// Events posted again that the ledger had recorded as delivered.
    reposted: u64,
    /// Events posted again because the process was killed between the server's answer and its
    /// record.
    unrecorded: u64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.late += other.late;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.unbalanced += other.unbalanced;
        self.reposted += other.reposted;
        self.unrecorded += other.unrecorded;
    }
}

impl Figures {
    /// Nothing went wrong in the world of this seed.
    fn assert_clean(&self, seed: u64, log: &[String]) {
        let wrong = [self.lost, self.doubled, self.unbalanced, self.reposted];
        assert_eq!(wrong, [0; 4], "seed {seed}: {self:?}\n{}", log.join("\n"));
    }
}

/// Runs worlds until there were enough kills.
fn storm(kind: &str, kills: u64, world: impl Fn(u64, u64) -> Figures) {
    let first = wanted("SK_SYNC_SEED").unwrap_or(1);
    let mut figures = Figures::default();
    for seed in first.. {
        figures += world(seed, WORLD.min(kills - figures.kills));
        if figures.kills >= kills {
            break;
        }
        tell(&format!("{kind}, up to seed {seed}: {figures:?}"));
    }
    tell(&format!("{kind}: {figures:?}"));
    assert!(figures.kills >= kills);
}

#[test]
fn kills_of_any_command_lose_nothing_and_double_nothing() {
    storm(
        "commands",
        wanted("SK_SYNC_KILLS").unwrap_or(FEW),
        client::world,
    );
}

#[test]
fn kills_of_the_receiver_lose_nothing_that_it_acknowledged() {
    storm(
        "receiver",
        wanted("SK_SYNC_KILLS").unwrap_or(FEW) / 4,
        receiver::world,
    );
}
