//! `sk-sync capture`: envelopes from stdin into the journal.

use std::num::NonZeroUsize;

use crate::cli::{Context, Exit, Failure};

/// Make event envelopes from stdin durable, one JSON object a line.
///
/// Reads one JSON object a line from stdin and writes each to the journal, byte for byte, before anything else is
/// looked at: no gate, no target and no rule of the envelope stops a capture. When the command ends with exit 0,
/// every line is on disk.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[command(after_help = "\
Examples:
  sk-sync capture < events.jsonl              all lines, in a few large transactions
  producer | sk-sync capture --each --json    each line durable before its answer is printed")]
pub(crate) struct Args {
    /// Print one JSON object for each line of input: what became of it
    #[arg(long)]
    pub(crate) json: bool,

    /// Refuse lines that break the envelope's rules, instead of warning
    #[arg(long)]
    pub(crate) strict_envelope: bool,

    /// Refuse lines once the journal holds `journal.capacity` events
    #[arg(long)]
    pub(crate) strict_capacity: bool,

    /// Lines in one transaction
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) batch: NonZeroUsize,

    /// Each line in its own transaction, answered before the next is read
    #[arg(long, conflicts_with = "batch")]
    pub(crate) each: bool,
}

pub(super) fn run(_context: &Context, _args: &Args) -> Result<Exit, Failure> {
    Err(Failure::not_wired("capture"))
}
