//! `sk-sync events retry`: requeues events that failed.

use crate::cli::again::{AmongArgs, put_back};
use crate::cli::project::{resolved, workspace};
use crate::cli::{Context, Exit, Failure};
use crate::delivery::Settled;

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
    /// IDs of events
    #[arg(value_name = "ID")]
    pub(crate) named: Vec<String>,

    /// Every event that failed; the default
    #[arg(long, conflicts_with_all = ["named", "ids"])]
    pub(crate) all: bool,

    /// Only events whose last error contains this text
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,

    /// At the target with this ID, instead of the configured one
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

pub(super) fn run(context: &Context, args: &RetryArgs) -> Result<Exit, Failure> {
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
