//! `sk-sync events waive`: a person has seen what was given up.

use serde::Serialize;

use crate::base::text::printable;
use crate::cli::journey::{open_store, resolved, workspace};
use crate::cli::render::plural;
use crate::cli::{Context, Exit, Failure};
use crate::ops::{given_up, waive};

/// Record that you have seen a group of failures.
///
/// For events that the target refused for good and that nobody can or should change. They stay in the journal, in the
/// balance and in `events explain`, and `status --check` does not exit 5 for them any more. What is given up later for
/// the same reason counts again until it is waived too; `events retry` lifts a waiver. Each is audited.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync events explain                          what failed, with the name of each group
  sk-sync events waive 4f0c1b22aa --note 'guard added later; see the log of May'")]
pub(crate) struct WaiveArgs {
    /// The group, as `events explain` names it
    #[arg(value_name = "GROUP")]
    pub(crate) group: String,

    /// What to remember with it
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) note: String,

    /// At the target with this id, instead of the configured one
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
    schema_version: u32,
    command: &'static str,
    ok: bool,
    exit_code: u8,
    dry_run: bool,
    target_id: &'a str,
    group: &'a str,
    event_type: &'a str,
    reason: &'a str,
    waived: u64,
}

pub(super) fn run(context: &Context, args: &WaiveArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let configured = resolved(context, &workspace)?.identity.map(|identity| identity.target_id);
    let Some(target_id) = args.target.clone().or(configured) else {
        return Err(Failure::usage("no target is configured").with_hint("name one with --target"));
    };
    let Some(seen) = given_up(&workspace.place.store(), &target_id, &args.group)? else {
        let message =
            format!("no group {} of events that were given up at {}", printable(&args.group), printable(&target_id));
        return Err(Failure::usage(message).with_hint("`sk-sync events explain` names every group"));
    };
    let unseen = seen.unseen.len() as u64;
    let waived = if args.dry_run || unseen == 0 {
        unseen
    } else {
        waive(&mut open_store(context, &workspace)?, &target_id, &seen, &args.note, context.clock.now())?
    };
    if context.printer.is_json() {
        context.printer.document(&Document {
            schema_version: 1,
            command: "events",
            ok: true,
            exit_code: Exit::Success.code(),
            dry_run: args.dry_run,
            target_id: &target_id,
            group: &args.group,
            event_type: &seen.group.event_type,
            reason: &seen.group.reason,
            waived,
        });
    } else if !context.globals.quiet {
        let did = if args.dry_run { "would be waived" } else { "waived" };
        let of = format!("{}: {}", seen.group.event_type, seen.group.reason);
        context.printer.result(&format!("{} {did} ({})", plural(waived, "event"), printable(&of)));
    }
    Ok(Exit::Success)
}
