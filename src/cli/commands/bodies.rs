//! `sk-sync bodies`: waiting and refused documents.

use clap::Subcommand;
use serde::Serialize;

use crate::base::text::printable;
use crate::cli::project::workspace;
use crate::cli::store::open_store;
use crate::cli::table::{Table, count};
use crate::cli::{Context, Exit, Failure};
use crate::upkeep::{BodyListing, Retried, list_bodies, retry_bodies};

/// List and retry documents that are not delivered.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Bodies,
}

/// What to do with them.
#[derive(Debug, Subcommand)]
pub(crate) enum Bodies {
    List(ListArgs),
    Retry(RetryArgs),
}

/// List waiting documents in sending order, and rejected ones.
///
/// Changes nothing. Lists at most 1,000 of each; `status` counts all of them.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only these missions (names of feature directories)
    #[arg(long, value_name = "SLUG", num_args = 1..)]
    pub(crate) mission: Vec<String>,

    /// List also the failures that were taken up again
    #[arg(long)]
    pub(crate) closed: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Retry waiting and rejected documents now.
#[derive(Debug, clap::Args)]
pub(crate) struct RetryArgs {
    /// Only these missions (names of feature directories)
    #[arg(long, value_name = "SLUG", num_args = 1..)]
    pub(crate) mission: Vec<String>,

    /// Show what would be tried again; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Bodies::List(args) => list(context, &args.mission, args.closed),
        Bodies::Retry(args) if args.dry_run => would_retry(context, &args.mission),
        Bodies::Retry(args) => retry(context, &args.mission),
    }
}

/// The listing of documents that a retry would requeue.
#[derive(Debug, Serialize)]
struct Wanted<'a> {
    dry_run: bool,
    #[serde(flatten)]
    listing: &'a BodyListing,
}

/// Result of a retry.
#[derive(Debug, Serialize)]
struct Done {
    dry_run: bool,
    #[serde(flatten)]
    retried: Retried,
}

fn listing(
    context: &Context,
    missions: &[String],
    with_closed: bool,
) -> Result<BodyListing, Failure> {
    let store = workspace(context)?.place.store();
    Ok(list_bodies(
        &store,
        selected(missions),
        with_closed,
        context.clock.now(),
    )?)
}

fn list(context: &Context, missions: &[String], with_closed: bool) -> Result<Exit, Failure> {
    let listing = listing(context, missions, with_closed)?;
    if context.printer.is_json() {
        context
            .printer
            .reply("bodies list", Exit::Success, &listing);
    } else {
        show(context, listing);
    }
    Ok(Exit::Success)
}

fn would_retry(context: &Context, missions: &[String]) -> Result<Exit, Failure> {
    let listing = listing(context, missions, false)?;
    if context.printer.is_json() {
        context.printer.reply(
            "bodies retry",
            Exit::Success,
            &Wanted {
                dry_run: true,
                listing: &listing,
            },
        );
    } else {
        show(context, listing);
    }
    Ok(Exit::Success)
}

fn show(context: &Context, listing: BodyListing) {
    let printer = &context.printer;
    // The totals include documents that are not listed.
    let shown = (listing.queued.len() + listing.failed.len()) as u64;
    if listing.missions.len() > 1
        || listing
            .missions
            .iter()
            .map(|m| m.queued + m.failures)
            .sum::<u64>()
            > shown
    {
        let mut table = Table::new(&[
            "MISSION", "BRANCH", "QUEUED", "READY", "WAITING", "FAILED", "BYTES",
        ]);
        for m in listing.missions {
            let numbers = [m.queued, m.ready, m.in_backoff, m.failures, m.bytes].map(count);
            let [queued, ready, waiting, failed, bytes] = numbers;
            table.row([
                printable(&m.mission_slug),
                printable(&m.target_branch),
                queued,
                ready,
                waiting,
                failed,
                bytes,
            ]);
        }
        table
            .lines()
            .iter()
            .chain([&String::new()])
            .for_each(|line| printer.result(line));
    }
    let mut table = Table::new(&["STATE", "MISSION", "PATH", "TRIES", "DUE OR LAST", "REASON"]);
    for row in listing.queued {
        let reason = row.last_error.unwrap_or_default();
        let due = if row.is_ready {
            "now".to_owned()
        } else {
            row.due_at
        };
        table.row(
            [
                "queued".to_owned(),
                row.mission_slug,
                row.path,
                count(row.retry_count.into()),
                due,
                reason,
            ]
            .map(|cell| printable(&cell)),
        );
    }
    for row in listing.failed {
        table.row(
            [
                "failed".to_owned(),
                row.mission_slug,
                row.path,
                count(row.count.into()),
                row.last_failed_at,
                row.reason,
            ]
            .map(|cell| printable(&cell)),
        );
    }
    printer.table(&table);
}

fn retry(context: &Context, missions: &[String]) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let retried = if workspace.place.store().exists() {
        retry_bodies(
            &mut open_store(context, &workspace)?,
            selected(missions),
            context.clock.now(),
        )?
    } else {
        Retried::default()
    };
    let printer = &context.printer;
    if printer.is_json() {
        printer.reply(
            "bodies retry",
            Exit::Success,
            &Done {
                dry_run: false,
                retried,
            },
        );
    } else {
        let (due, reopened) = (count(retried.due_now), count(retried.reopened));
        printer.result(&format!(
            "{due} waiting bodies are due now; {reopened} refused ones are offered again by the next run"
        ));
    }
    Ok(Exit::Success)
}

fn selected(missions: &[String]) -> Option<&[String]> {
    (!missions.is_empty()).then_some(missions)
}
