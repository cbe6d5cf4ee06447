//! `sk-sync replay` and `sk-sync events retry`: requeue settled events.

use std::path::Path;

use serde::Serialize;

use super::target_name::target_id;
use crate::base::text::printable;
use crate::cli::journey::{open_store, resolved, workspace};
use crate::cli::when::{When, when};
use crate::cli::{Context, Exit, Failure};
use crate::delivery::{Among, Settled};
use crate::ops::{Workspace, dismiss_offer, owe_again, pending_offer};
use crate::upkeep::known_targets;

/// Send delivered events again, for example to a server that lost its data
///
/// The next `drain` to that target sends them. A server that still has them answers `duplicate`.
/// Changes no event, and sends nothing itself.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Target: ID, URL, `current`, `stub`, or a unique prefix
    #[arg(long, value_name = "TARGET")]
    pub(crate) to: String,

    #[command(flatten)]
    pub(crate) among: AmongArgs,

    /// Dismiss the offer to replay; change nothing else
    #[arg(long, conflicts_with_all = ["since", "types", "ids"])]
    pub(crate) dismiss: bool,

    /// Show how many events would be sent again; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which events.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct AmongArgs {
    /// Only events captured at TIME or later (2d, 90m, 2026-11-29)
    #[arg(long, value_name = "TIME", value_parser = when)]
    pub(crate) since: Option<When>,

    /// Only events of these types
    #[arg(long = "type", value_name = "TYPE", num_args = 1..)]
    pub(crate) types: Vec<String>,

    /// Only the events with these ids
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(crate) ids: Vec<String>,
}

/// Retry failed events.
///
/// Resets events that the target rejected too often or that were too large for it: all of them, or
/// the named ones. The next `drain` sends them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync events retry --all                     every event that failed
  sk-sync events retry --reason 'no such team' --since 2d
  sk-sync events retry 01KQXA0Q7W3M5D8F1GZ2H4J6K8 01KQXA1C2E4R6T8Y0V1B3N5M7P")]
pub(crate) struct RetryArgs {
    /// The ids of events
    #[arg(value_name = "ID")]
    pub(crate) named: Vec<String>,

    /// Every event that failed; the default
    #[arg(long, conflicts_with_all = ["named", "ids"])]
    pub(crate) all: bool,

    /// Only events whose last error contains this text
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,

    /// At the target with this id, instead of the configured one
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,

    #[command(flatten)]
    pub(crate) among: AmongArgs,

    /// Show how many events would be tried again; change nothing
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
    owed_again: u64,
}

impl AmongArgs {
    fn of(&self, context: &Context) -> Among {
        let since = self.since.map(|since| since.resolve(context.clock.now()));
        Among {
            since,
            types: self.types.clone(),
            ids: self.ids.clone(),
            reason: None,
        }
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let to = target_id(context, &workspace, &args.to)?;
    if args.dismiss {
        return dismiss(context, &workspace, args, &to);
    }
    put_back(
        context,
        &workspace,
        "replay",
        &to,
        Settled::Delivered,
        &args.among.of(context),
        args.dry_run,
    )
}

pub(super) fn retry(context: &Context, args: &RetryArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let configured = resolved(context, &workspace)?
        .identity
        .map(|identity| identity.target_id);
    let Some(target) = args.target.clone().or(configured) else {
        return Err(Failure::usage("no target is configured".to_owned())
            .with_hint("name one with --target"));
    };
    let mut among = args.among.of(context);
    among.ids.extend(args.named.iter().cloned());
    among.reason.clone_from(&args.reason);
    put_back(
        context,
        &workspace,
        "events",
        &target,
        Settled::GivenUp,
        &among,
        args.dry_run,
    )
}

/// Dismisses an offer to replay.
fn dismiss(
    context: &Context,
    workspace: &Workspace,
    args: &Args,
    to: &str,
) -> Result<Exit, Failure> {
    let path = workspace.place.store();
    must_be_known(&path, to)?;
    let offered = pending_offer(&path, to)?;
    let is_done = offered && !args.dry_run;
    if is_done {
        dismiss_offer(&mut open_store(context, workspace)?, to)?;
    }
    if context.printer.is_json() {
        context.printer.reply(
            "replay",
            Exit::Success,
            &Answer {
                dry_run: args.dry_run,
                target_id: to,
                dismissed: is_done,
            },
        );
    } else if !context.globals.quiet {
        let did = match (offered, args.dry_run) {
            (false, _) => "no replay is offered for",
            (true, true) => "would take back the offer to replay to",
            (true, false) => "took back the offer to replay to",
        };
        context.printer.result(&format!("{did} {}", printable(to)));
    }
    Ok(Exit::Success)
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    dry_run: bool,
    target_id: &'a str,
    dismissed: bool,
}

fn must_be_known(store: &Path, target_id: &str) -> Result<(), Failure> {
    let known = known_targets(store)?;
    if known.iter().any(|known| known == target_id) {
        return Ok(());
    }
    let known = if known.is_empty() {
        "none yet".to_owned()
    } else {
        known.join(", ")
    };
    let message = format!("nothing was ever sent to a target {}", printable(target_id));
    Err(Failure::usage(message).with_hint(format!("known: {known}")))
}

fn put_back(
    context: &Context,
    workspace: &Workspace,
    command: &'static str,
    target_id: &str,
    which: Settled,
    among: &Among,
    is_dry: bool,
) -> Result<Exit, Failure> {
    let path = workspace.place.store();
    must_be_known(&path, target_id)?;
    let mut store = open_store(context, workspace)?;
    let done = owe_again(
        &mut store,
        target_id,
        which,
        among,
        context.clock.now(),
        is_dry,
    )?;
    let Some((target, owed_again)) = done else {
        return Ok(Exit::Success);
    };
    if context.printer.is_json() {
        context.printer.reply(
            command,
            Exit::Success,
            &Document {
                dry_run: is_dry,
                target_id,
                owed_again,
            },
        );
        return Ok(Exit::Success);
    }
    let events = if owed_again == 1 {
        "event".to_owned()
    } else {
        "events".to_owned()
    };
    let would = if is_dry { "would be" } else { "will be" };
    let what = printable(&target.identity.canonical_url);
    context.printer.result(&format!(
        "{owed_again} {events} {would} sent to {what} again"
    ));
    if !is_dry && owed_again > 0 {
        context
            .printer
            .note("`sk-sync drain` sends them, when that is the target");
    }
    Ok(Exit::Success)
}
