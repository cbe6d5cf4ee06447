//! `sk-sync events`: the journal, looked at.

use clap::Subcommand;

use crate::cli::{Context, Exit, Failure};

/// Inspect the events in the journal.
///
/// As the journal and the ledger know them. Creates nothing and changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Events,
}

/// What to show.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    List(ListArgs),
    Show(ShowArgs),
}

/// List events in the order of the journal.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Print one JSON object for each event
    #[arg(long)]
    pub(crate) jsonl: bool,

    /// Only events of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) event_type: Option<String>,

    /// Only events with this status at the target (delivered, untried, undeliverable, …)
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,

    /// Statuses at the target with this id, instead of the configured one
    #[arg(long, value_name = "ID")]
    pub(crate) target: Option<String>,

    /// Add each envelope, byte for byte
    #[arg(long, requires = "jsonl")]
    pub(crate) envelope: bool,
}

/// Show one event: its envelope, and what became of it at each target.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The event's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    pub(super) const fn is_json(&self) -> bool {
        match &self.command {
            Events::List(args) => args.jsonl,
            Events::Show(args) => args.json,
        }
    }
}

pub(super) fn run(_context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Events::List(_) => Err(Failure::not_wired("events list")),
        Events::Show(_) => Err(Failure::not_wired("events show")),
    }
}
