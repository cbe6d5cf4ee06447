//! `sk-sync drain`: delivers what is left to send.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::steps::run_steps_and;
use crate::cli::{Context, Exit, Failure, values};
use crate::ops::{Request, Scope, write_report};

/// Deliver what is left to send: events, then documents.
///
/// Sends what the target does not have, until nothing is left or the time is up. Does not index.
/// Only one drain works on a store at a time.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stop after DURATION (30s, 2m)
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) max_time: Option<Duration>,

    /// Write a report with every failure to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Show what would be sent; send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let request = Request {
        max_time: args.max_time,
        lists_lines: context.globals.verbose > 0,
        dry_run: args.dry_run,
        ..Request::of(Scope {
            command: "drain",
            migrates: false,
            indexes: false,
            offers_bodies: false,
            drains: true,
        })
    };
    let begun = context.clock.now();
    run_steps_and(
        context,
        request,
        false,
        &|workspace, report| match &args.report {
            Some(file) => {
                let file = context.cwd.join(file);
                Ok(write_report(
                    &workspace.place.store(),
                    report,
                    &file,
                    begun,
                    context.clock.now(),
                )?)
            }
            None => Ok(()),
        },
    )
}
