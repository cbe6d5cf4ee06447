//! One database, with what a receiver remembers of it.

use std::collections::HashSet;
use std::sync::Mutex;

use uuid::Uuid;

use super::pool::Pool;
use super::turns::Turns;

/// How often a request begins again because something of its project was deleted meanwhile.
pub(super) const REMOVALS: usize = 5;

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) pool: Pool,
    pub(super) turns: Turns,
    /// Projects of which something was deleted once: what is refused is looked up for these alone.
    pub(super) with_removals: Mutex<HashSet<(i32, Uuid)>>,
}
