//! `sk-sync replay`: requeues delivered events.

use serde::Serialize;

use crate::base::text::printable;
use crate::cli::again::{AmongArgs, must_be_known, put_back};
use crate::cli::project::workspace;
use crate::cli::store::open_store;
use crate::cli::target_name::target_id;
use crate::cli::{Context, Exit, Failure};
use crate::delivery::Settled;
use crate::ops::{Workspace, dismiss_offer, pending_offer};

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
