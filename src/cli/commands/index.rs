//! `sk-sync index`: captures the content of the feature directories, without the network.

use crate::cli::steps::run_steps;
use crate::cli::{Context, Exit, Failure};
use crate::dossier::Edition;
use crate::ops::{Request, Scope};

/// Index spec directories and capture changes; send nothing.
///
/// Reads every spec directory and captures an event for each changed fact, and the documents. Opens
/// no socket. With --dry-run it captures nothing and lists each unit with what would be sent.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct Args {
    /// Only these missions (names of feature directories)
    #[arg(long, value_name = "SLUG", num_args = 1.., conflicts_with_all = ["all", "changed"])]
    pub(crate) mission: Vec<String>,

    /// Only missions whose files changed since the last successful index of this checkout
    #[arg(long, conflicts_with = "all")]
    pub(crate) changed: bool,

    /// Every mission; the default
    #[arg(long)]
    pub(crate) all: bool,

    /// Also require what the mission type's manifest lists for STEP (specify, plan, …)
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,

    /// Use the manifests of this Spec Kitty edition (seed: 3.2.4, newest: 3.2.7)
    #[arg(long, value_name = "EDITION", default_value = "seed", value_parser = ["seed", "newest"])]
    pub(crate) manifests: String,

    /// Ignore the cache: read every file
    #[arg(long)]
    pub(crate) no_cache: bool,

    /// List what would be sent and what not; write nothing
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
        step: args.step.as_deref(),
        edition: if args.manifests == "newest" {
            Edition::Newest
        } else {
            Edition::Seed
        },
        lists_lines: context.globals.verbose > 0,
        dry_run: args.dry_run,
        ..Request::of(Scope {
            command: "index",
            migrates: false,
            indexes: true,
            offers_bodies: false,
            drains: false,
        })
    };
    run_steps(context, request, false)
}
