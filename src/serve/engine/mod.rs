//! What a receiver asks of its engine: the trait that every engine implements, and the values that
//! it takes and gives.
//!
//! ```text
//!  reply     later, or trouble                      outcome    a request to keep something, and its outcome
//!  content   events, artifacts, texts               count      numbers of the report     sample  of operators
//!  token     what a bearer token allows             inventory  what clients ask before they send
//!  removal   what an operator deletes               webhook    where events are sent on
//!  arrivals  the feed of what was kept
//! ```
//!
//! **Invariant:** nothing here knows an engine, a request of HTTP, or a running receiver.

pub(super) mod arrivals;
pub(super) mod content;
pub(super) mod count;
pub(super) mod inventory;
mod outcome;
pub(super) mod removal;
mod reply;
pub(super) mod sample;
pub(super) mod token;
pub(super) mod webhook;

pub(super) use outcome::{Content, FORGOTTEN, Outcome, Request, Results, Verdict};
pub(super) use reply::{Reply, Trouble};

use std::fmt::Debug;

use arrivals::{Arrival, Heads};
use count::Counts;
use inventory::Inventory;
use removal::Removals;
use sample::Sample;
use token::Tokens;
use webhook::Webhooks;

use crate::base::Sha256;

/// Keeps what requests bring. Any number of receivers may share what is behind it.
pub(super) trait Engine:
    Tokens + Inventory + Removals + Webhooks + Debug + Send + Sync
{
    /// Keeps what is acceptable of a request. It is durable once the outcome is there, and the
    /// whole work is done even when no request waits for the outcome any more.
    fn keep(&self, request: Request) -> Reply<'_, Result<Outcome, Trouble>>;
    /// The numbers of the report.
    fn counts(&self) -> Reply<'_, Result<Counts, Trouble>>;
    /// `Err` with the reason while this engine cannot promise to keep anything.
    fn ready(&self) -> Reply<'_, Result<(), String>>;
    /// Numbers of the engine itself, those of one name together.
    fn samples(&self) -> Vec<Sample> {
        Vec::new()
    }
    /// The feeds, with how far each goes.
    fn heads(&self) -> Reply<'_, Result<Heads, Trouble>>;
    /// The rows of a feed after this position, in order; a bounded number of them, none at its end.
    fn feed(&self, stream: &str, after: i64) -> Reply<'_, Result<Vec<Arrival>, Trouble>>;
    /// A text that a document of this project of a team has; `None` if it is not kept.
    fn text(
        &self,
        team: i32,
        project_uuid: &str,
        sha256: Sha256,
    ) -> Reply<'_, Result<Option<String>, Trouble>>;
    /// The id of what is kept, the same for its whole life and for every receiver in front of it.
    fn instance_id(&self) -> &str;
}
