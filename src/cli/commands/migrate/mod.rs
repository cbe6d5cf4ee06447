//! `sk-sync migrate`: imports the stores of older versions.

mod adopt;
mod adopt_store;
mod conflicts;

use clap::Subcommand;
use serde::Serialize;

use self::adopt::AdoptArgs;
use self::conflicts::{CleanupArgs, ConflictsArgs};
use crate::base::text::printable;
use crate::cli::project::{resolved, workspace, workspace_to_write, world};
use crate::cli::render::{conclude, plural};
use crate::cli::{Context, Exit, Failure};
use crate::ops::{self, migrate, release_imported};

/// Import what older versions of Spec Kitty left in their queues.
///
/// Finds every older queue, journal and overflow file, reads a private copy of each, and imports
/// each event and document into the store of its project. Never changes the files, and can be
/// repeated: a file that did not change is not read again. Exits 5 while an ID with two contents is
/// not resolved.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  sk-sync migrate --dry-run            what is there, and what would be imported
  sk-sync migrate adopt                import what belongs to this project, from now on
  sk-sync migrate adopt --unassigned   also import what names no project
  sk-sync migrate adopt --store 08ae12  import the store of a deleted repository
  sk-sync migrate                      import what is new since
  sk-sync migrate conflicts            event IDs with two contents, and the differences
  sk-sync migrate cleanup --dry-run    which files are fully imported
  sk-sync migrate release 00ff12ab     with migrate.imported = \"held\": let the events of one queue go"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Migrate>,

    /// Show what would be imported; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// What else to do with imported events.
#[derive(Debug, Subcommand)]
pub(crate) enum Migrate {
    Adopt(AdoptArgs),
    Release(ReleaseArgs),
    Conflicts(ConflictsArgs),
    Cleanup(CleanupArgs),
}

/// Release this project's imported events from hold.
///
/// Events are on hold after an import with migrate.imported = "held". Each release is audited.
#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArgs {
    /// Only events from these older stores (name, path or digest of the file)
    #[arg(value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,

    /// Show how many would be released; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        None => import(context, args.dry_run),
        Some(Migrate::Adopt(args)) => adopt::run(context, args),
        Some(Migrate::Release(args)) => release(context, args),
        Some(Migrate::Conflicts(args)) => conflicts::run(context, args),
        Some(Migrate::Cleanup(args)) => conflicts::cleanup(context, args),
    }
}

fn import(context: &Context, dry_run: bool) -> Result<Exit, Failure> {
    let workspace = workspace_to_write(context, dry_run)?;
    let resolved = resolved(context, &workspace)?;
    let report = migrate(&world(context), &workspace, &resolved, (dry_run, false))?;
    Ok(conclude(context, report, false))
}

fn release(context: &Context, args: &ReleaseArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let known = ops::imported_sources(&workspace)?;
    let is_known = |name: &String| known.iter().any(|source| source.is_called(name));
    if let Some(unknown) = args.sources.iter().find(|name| !is_known(name)) {
        let message = format!("nothing was imported from {}", printable(unknown));
        let labels: Vec<_> = known.iter().map(|source| source.label.as_str()).collect();
        let failure = Failure::usage(message);
        return Err(if labels.is_empty() {
            failure.with_hint("`sk-sync migrate` imports what older stores hold")
        } else {
            failure.with_hint(format!("name an older store: {}", labels.join(", ")))
        });
    }
    let released = release_imported(&world(context), &workspace, &args.sources, args.dry_run)?;
    let exit = if released.was_interrupted {
        Exit::Interrupted
    } else {
        Exit::Success
    };
    let printer = &context.printer;
    if printer.is_json() {
        printer.reply(
            "migrate release",
            exit,
            &Document {
                dry_run: args.dry_run,
                released: released.events,
            },
        );
    } else if !context.globals.quiet {
        let did = if args.dry_run {
            "would be released"
        } else {
            "released; the next run sends it"
        };
        printer.result(&format!(
            "{} {did}",
            plural(released.events, "imported event")
        ));
    }
    Ok(exit)
}

#[derive(Debug, Serialize)]
struct Document {
    dry_run: bool,
    released: u64,
}
