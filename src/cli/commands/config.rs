//! `sk-sync config`: the configuration in force.

use clap::Subcommand;

use crate::cli::{Context, Exit, Failure};

/// Show the configuration in force.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Config,
}

/// What to show.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Show(ShowArgs),
}

/// Print every key and its value.
///
/// Secrets are named by where they come from, never shown.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Add where each value comes from: a default, a file, the environment or a flag
    #[arg(long)]
    pub(crate) origin: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    pub(super) const fn is_json(&self) -> bool {
        let Config::Show(args) = &self.command;
        args.json
    }
}

pub(super) fn run(_context: &Context, _args: &Args) -> Result<Exit, Failure> {
    Err(Failure::not_wired("config show"))
}
