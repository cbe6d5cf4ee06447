//! `sk-sync events waive`: records that the user has seen events that failed for good.

use clap::ArgGroup;
use serde::Serialize;

use crate::base::text::printable;
use crate::cli::project::{resolved, workspace};
use crate::cli::render::plural;
use crate::cli::store::open_store;
use crate::cli::when::{When, when};
use crate::cli::{Context, Exit, Failure};
use crate::ops::{GivenUp, WaiveFilter, given_up, waive};

/// Record that you have seen failures.
///
/// For rejected events that need no change. They stay in the journal, the balance and `events
/// explain`, and `status --check` no longer exits 5 for them. Later failures for the same reason
/// count until they are waived too; `events retry` removes a waiver. Each one is audited.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("which").multiple(true).required(true),
    after_help = "\
Examples:
  sk-sync events explain                          what failed, with the name of each group
  sk-sync events waive 4f0c1b22aa --note 'guard added later; see the log of May'
  sk-sync events waive --type WPStatusChanged --since 2d
  sk-sync events waive --all"
)]
pub(crate) struct WaiveArgs {
    /// Groups, as `events explain` names them, or IDs of events
    #[arg(value_name = "GROUP|ID", group = "which")]
    pub(crate) names: Vec<String>,

    /// Every event that failed for good
    #[arg(long, group = "which")]
    pub(crate) all: bool,

    /// Only events of these types
    #[arg(long = "type", value_name = "TYPE", num_args = 1.., group = "which")]
    pub(crate) types: Vec<String>,

    /// Only events whose error contains this text
    #[arg(long, value_name = "REASON", group = "which")]
    pub(crate) reason: Option<String>,

    /// Only events tried at TIME or later (2d, 90m, 2026-11-29)
    #[arg(long, value_name = "TIME", value_parser = when, group = "which")]
    pub(crate) since: Option<When>,

    /// Note to store with the waiver
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) note: String,

    /// At the target with this ID, instead of the configured one
    #[arg(long, value_name = "ID")]
    pub(crate) target: Option<String>,

    /// Show how many events would be waived; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    dry_run: bool,
    target_id: &'a str,
    /// The group, if there is exactly one.
    #[serde(flatten)]
    only: Option<Group<'a>>,
    waived: u64,
    groups: Vec<Group<'a>>,
}

#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "`group` is the public name")]
struct Group<'a> {
    group: String,
    event_type: &'a str,
    reason: &'a str,
}

pub(super) fn run(context: &Context, args: &WaiveArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let configured = resolved(context, &workspace)?
        .identity
        .map(|identity| identity.target_id);
    let Some(target_id) = args.target.clone().or(configured) else {
        return Err(Failure::usage("no target is configured").with_hint("name one with --target"));
    };
    let filter = WaiveFilter {
        names: args.names.clone(),
        types: args.types.clone(),
        reason: args.reason.clone(),
        since: args.since.map(|since| since.resolve(context.clock.now())),
    };
    let seen = given_up(&workspace.place.store(), &target_id, &filter)?;
    if let Some(name) = args
        .names
        .iter()
        .find(|name| !seen.iter().any(|group| group.is_called(name)))
    {
        let message = format!(
            "no failed group or event {} at {}",
            printable(name),
            printable(&target_id)
        );
        return Err(Failure::usage(message).with_hint("`sk-sync events explain` names every group"));
    }
    let unseen: u64 = seen.iter().map(|group| group.unseen.len() as u64).sum();
    let waived = if args.dry_run || unseen == 0 {
        unseen
    } else {
        waive(
            &mut open_store(context, &workspace)?,
            &target_id,
            &seen,
            &args.note,
            context.clock.now(),
        )?
    };
    if context.printer.is_json() {
        let groups: Vec<_> = seen.iter().map(group).collect();
        context.printer.reply(
            "events",
            Exit::Success,
            &Document {
                dry_run: args.dry_run,
                target_id: &target_id,
                only: groups.first().filter(|_| groups.len() == 1).cloned(),
                waived,
                groups,
            },
        );
    } else if !context.globals.quiet {
        let did = if args.dry_run {
            "would be waived"
        } else {
            "waived"
        };
        let of: Vec<_> = seen
            .iter()
            .map(|seen| format!("{}: {}", seen.group.event_type, seen.group.reason))
            .collect();
        let of = if of.is_empty() {
            String::new()
        } else {
            format!(" ({})", printable(&of.join("; ")))
        };
        context
            .printer
            .result(&format!("{} {did}{of}", plural(waived, "event")));
    }
    Ok(Exit::Success)
}

fn group(seen: &GivenUp) -> Group<'_> {
    Group {
        group: seen.group.id(),
        event_type: &seen.group.event_type,
        reason: &seen.group.reason,
    }
}
