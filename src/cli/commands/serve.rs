//! `sk-sync serve`: the receiving side.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::{Context, Exit, Failure};

/// Run a receiver: the server side, for tests and self-hosters.
///
/// Takes events and bodies over HTTP, remembers every event id, and answers as the contract says. Prints
/// `listening on http://…` once it does; ends with Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync serve                                           on a free port, kept in memory
  sk-sync serve --listen 127.0.0.1:8400 --store got.db    on a fixed port, kept in a file")]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// Keep what is received in FILE, instead of in memory
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,

    /// Want the bearer token that the environment variable NAME holds
    #[arg(long, value_name = "NAME")]
    pub(crate) token_env: Option<String>,

    /// Write the port to FILE once it is open
    #[arg(long, value_name = "FILE")]
    pub(crate) port_file: Option<PathBuf>,
}

pub(super) fn run(_context: &Context, _args: &Args) -> Result<Exit, Failure> {
    Err(Failure::not_wired("serve"))
}
