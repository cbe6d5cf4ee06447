//! `sk-sync index`: what the feature directories hold, captured, without bodies and without the network.

use crate::cli::{Context, Exit, Failure};

/// Index the feature directories and capture what changed; send nothing.
///
/// Reads every feature directory and captures an event for each fact that changed. Opens no socket and queues no
/// body. With --dry-run it captures nothing and lists each artifact with what would become of its body.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these missions (names of feature directories)
    #[arg(long, value_name = "SLUG", num_args = 1..)]
    pub(crate) mission: Vec<String>,

    /// Also require what the mission type's manifest asks for at STEP (specify, plan, …)
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,

    /// List each artifact and its body's eligibility; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(_context: &Context, _args: &Args) -> Result<Exit, Failure> {
    Err(Failure::not_wired("index"))
}
