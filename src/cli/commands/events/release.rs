//! `sk-sync events release`: releases events on hold, by id or by filter.

use clap::ArgGroup;
use serde::Serialize;

use crate::base::text::printable;
use crate::cli::project::workspace;
use crate::cli::render::plural;
use crate::cli::store::open_store;
use crate::cli::when::{When, when};
use crate::cli::{Context, Exit, Failure};
use crate::journal::HeldFilter;
use crate::ops::{Lifted, count_held, release_held};
use crate::upkeep::{View, show};

use crate::cli::event_view::no_event;

/// Release events that are on hold, so that they are sent.
///
/// Events are on hold when they were captured under the preset opt-out (`opted_out`), belong to a
/// family that stays on this machine (`local_only`), are lane changes that the contract refuses
/// (`transition`), or were captured before an `allow --from-now` (`before_consent`). A released
/// event is sent like any other. Each release is audited.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("which").multiple(true).required(true),
    after_help = "\
Examples:
  sk-sync events release 01KQXA0Q7W3M5D8F1GZ2H4J6K8     these events
  sk-sync events release --reason opted_out             all that opting out held
  sk-sync events release --type WPStatusChanged --since 2d --dry-run"
)]
pub(crate) struct ReleaseArgs {
    /// IDs of events
    #[arg(value_name = "ID", group = "which")]
    pub(crate) ids: Vec<String>,

    /// Every event on hold
    #[arg(long, group = "which")]
    pub(crate) all: bool,

    /// Only events of these types
    #[arg(long = "type", value_name = "TYPE", num_args = 1.., group = "which")]
    pub(crate) types: Vec<String>,

    /// Only events on hold for this reason (`opted_out`, `transition`, …)
    #[arg(long, value_name = "REASON", group = "which")]
    pub(crate) reason: Option<String>,

    /// Only events captured at TIME or later (2d, 90m, 2026-11-29)
    #[arg(long, value_name = "TIME", value_parser = when, group = "which")]
    pub(crate) since: Option<When>,

    /// Show how many would be released; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    dry_run: bool,
    /// The event, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    /// True if an event was released.
    released: bool,
    /// Number of events that were, or would be, released.
    events: u64,
    /// Number of those that are left to send; the others were superseded or given up since.
    owed: u64,
}

pub(super) fn run(context: &Context, args: &ReleaseArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let store = workspace.place.store();
    for id in &args.ids {
        if show(&store, id, &View::default())?.is_none() {
            return Err(no_event(id, &store));
        }
    }
    let filter = HeldFilter {
        ids: args.ids.clone(),
        types: args.types.clone(),
        reason: args.reason.clone(),
        since: args.since.map(|since| since.resolve(context.clock.now())),
    };
    let mut lifted = count_held(&store, &filter)?;
    if !args.dry_run && lifted.events > 0 {
        lifted = release_held(
            &mut open_store(context, &workspace)?,
            &filter,
            context.clock.now(),
        )?;
    }
    if context.printer.is_json() {
        context.printer.reply(
            "events",
            Exit::Success,
            &Document {
                dry_run: args.dry_run,
                event_id: args
                    .ids
                    .first()
                    .filter(|_| args.ids.len() == 1)
                    .map(String::as_str),
                released: lifted.events > 0 && !args.dry_run,
                events: lifted.events,
                owed: lifted.owed,
            },
        );
    } else if !context.globals.quiet {
        context.printer.result(&words(args, lifted));
    }
    Ok(Exit::Success)
}

fn words(args: &ReleaseArgs, lifted: Lifted) -> String {
    let did = if args.dry_run {
        "would be released"
    } else {
        "released"
    };
    let stale = lifted.events - lifted.owed;
    let stale = if stale > 0 {
        format!(", {stale} of them superseded or failed meanwhile")
    } else {
        String::new()
    };
    match (args.ids.as_slice(), lifted.events) {
        ([id], 0) => format!("{} is not on hold; nothing to release", printable(id)),
        ([id], _) => format!("{} {did}{stale}", printable(id)),
        (_, 0) => "no event is on hold that matches".to_owned(),
        (_, events) => format!("{} {did}{stale}", plural(events, "event")),
    }
}
