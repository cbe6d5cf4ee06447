//! `sk-sync verify`: recounts and rehashes everything.

use crate::cli::{Context, Exit, Failure};

/// Check every hash, count and reference in the store.
///
/// Checks the database itself, the hash chain, the hash of every payload, every counter against its rows, every
/// reference, and the balance of every target. Creates nothing and changes nothing; exits 6 when something is wrong.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the findings as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(_context: &Context, _args: &Args) -> Result<Exit, Failure> {
    Err(Failure::not_wired("verify"))
}
