//! `sk-sync status`: what is kept, owed, stuck or blocked.

use crate::cli::{Context, Exit, Failure};

/// Show what is kept, what is owed, what is stuck, and the next step.
///
/// Shows the journal, the target, where every event stands, the upload queue, older stores that were found, shut
/// gates with the line that opens each, and the next step. Creates nothing and changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Let the exit code say what is wrong; older failures count until they are waived
    #[arg(long)]
    pub(crate) check: bool,

    /// Print the status as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(_context: &Context, _args: &Args) -> Result<Exit, Failure> {
    Err(Failure::not_wired("status"))
}
