//! The commands, one file each: what it takes, and how its result is shown.

mod capture;
mod completions;
mod config;
mod drain;
mod events;
mod index;
mod init;
mod run;
mod serve;
mod status;
mod verify;

use clap::Subcommand;

use crate::cli::{Context, Exit, Failure};

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Index, capture, and deliver: the main job
    Run(run::Args),
    /// Index the feature directories and capture what changed; send nothing
    Index(index::Args),
    /// Read event envelopes, one JSON object a line, from stdin and make them durable
    Capture(capture::Args),
    /// Deliver what is owed, events first, then bodies
    #[command(visible_alias = "now")]
    Drain(drain::Args),
    /// Show what is kept, what is owed, what is stuck, and the next step
    Status(status::Args),
    /// Inspect the events in the journal
    Events(events::Args),
    /// Check every hash, count and reference in the store
    Verify(verify::Args),
    /// Write an event-sync.toml
    Init(init::Args),
    /// Show the configuration
    Config(config::Args),
    /// Run a receiver: the server side, for tests and self-hosters
    Serve(serve::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
}

impl Command {
    /// Its name, as documents carry it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Index(_) => "index",
            Self::Capture(_) => "capture",
            Self::Drain(_) => "drain",
            Self::Status(_) => "status",
            Self::Events(_) => "events",
            Self::Verify(_) => "verify",
            Self::Init(_) => "init",
            Self::Config(_) => "config",
            Self::Serve(_) => "serve",
            Self::Completions(_) => "completions",
        }
    }

    /// True when stdout carries exactly one JSON document, or for `capture` one for each line of input.
    pub(crate) const fn is_json(&self) -> bool {
        match self {
            Self::Run(args) => args.json,
            Self::Index(args) => args.json,
            Self::Capture(args) => args.json,
            Self::Drain(args) => args.json,
            Self::Status(args) => args.json,
            Self::Events(args) => args.is_json(),
            Self::Verify(args) => args.json,
            Self::Init(args) => args.json,
            Self::Config(args) => args.is_json(),
            Self::Serve(_) | Self::Completions(_) => false,
        }
    }

    /// Does it.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Run(args) => run::run(context, args),
            Self::Index(args) => index::run(context, args),
            Self::Capture(args) => capture::run(context, args),
            Self::Drain(args) => drain::run(context, args),
            Self::Status(args) => status::run(context, args),
            Self::Events(args) => events::run(context, args),
            Self::Verify(args) => verify::run(context, args),
            Self::Init(args) => init::run(context, args),
            Self::Config(args) => config::run(context, args),
            Self::Serve(args) => serve::run(context, args),
            Self::Completions(args) => completions::run(context, args),
        }
    }
}
