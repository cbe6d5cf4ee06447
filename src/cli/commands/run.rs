//! `sk-sync run`: the main job.

use std::time::Duration;

use crate::cli::steps::run_steps;
use crate::cli::{Context, Exit, Failure, values};
use crate::ops::{Request, Scope};

/// Index, capture and deliver: the main command.
///
/// Indexes the spec directories, captures what changed, imports older queues, and delivers to the
/// configured target, events before documents. Can be repeated at any time: unchanged files are not
/// captured again, and what the target has is not sent again.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
#[command(after_help = "\
Examples:
  sk-sync run                                    everything, to the configured target
  sk-sync run --preset stub                      everything, to a receiver inside sk-sync
  sk-sync run --mission 042-login 043-logout     only these missions
  sk-sync run --changed                          only missions whose files changed since the last run
  sk-sync run --no-drain                         index and capture; `sk-sync drain` delivers later
  sk-sync run --json --max-time 2m               for CI")]
pub(crate) struct Args {
    /// Only these missions (names of feature directories)
    #[arg(long, value_name = "SLUG", num_args = 1.., conflicts_with_all = ["all", "changed"])]
    pub(crate) mission: Vec<String>,

    /// Only missions whose files changed since the last successful run in this checkout
    #[arg(long, conflicts_with = "all")]
    pub(crate) changed: bool,

    /// Every mission; the default
    #[arg(long)]
    pub(crate) all: bool,

    /// Ignore the cache: read every file
    #[arg(long)]
    pub(crate) no_cache: bool,

    /// Send every document again, also delivered ones
    #[arg(long)]
    pub(crate) resubmit: bool,

    /// Do not deliver; only index and capture
    #[arg(long)]
    pub(crate) no_drain: bool,

    /// Stop delivering after DURATION (30s, 2m)
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) max_time: Option<Duration>,

    /// Exit 5 also for unreadable files and events that break the contract
    #[arg(long)]
    pub(crate) strict: bool,

    /// Show what would be done; write and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let request = Request {
        missions: (!args.mission.is_empty()).then_some(args.mission.as_slice()),
        only_changed: args.changed,
        uses_memory: !args.no_cache,
        max_time: args.max_time,
        resubmits: args.resubmit,
        lists_lines: context.globals.verbose > 0,
        dry_run: args.dry_run,
        ..Request::of(Scope {
            command: "run",
            migrates: true,
            indexes: true,
            offers_bodies: true,
            drains: !args.no_drain,
        })
    };
    run_steps(context, request, args.strict)
}
