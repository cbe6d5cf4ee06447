//! `sk-sync migrate`: what older versions left behind, taken over.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::Subcommand;
use serde::Serialize;

use super::migrate_conflicts::{self, CleanupArgs, ConflictsArgs};
use crate::base::text::printable;
use crate::cli::journey::{resolved, workspace, workspace_to_write, world};
use crate::cli::render::{conclude, plural};
use crate::cli::{Context, Exit, Failure};
use crate::legacy::Waiting;
use crate::ops::{self, adopt_older, migrate, release_imported, waiting_older};

/// Take over what older versions of Spec Kitty left in their queues.
///
/// Finds every older queue, journal and overflow file, reads a private copy of each, and puts each event and body into
/// the store of its own project. The files themselves are never changed. Safe to repeat: what was taken over is not
/// taken again, and a file that did not change is not even read. Exits 5 while ids are open that came with two contents.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  sk-sync migrate --dry-run            what is there, and what would come over
  sk-sync migrate adopt                take over what is of this project, from now on
  sk-sync migrate                      take over what is new since
  sk-sync migrate conflicts            ids that came with two contents, and what differs
  sk-sync migrate cleanup --dry-run    which files are wholly taken over
  sk-sync migrate release 00ff12ab     with migrate.imported = \"held\": let the events of one queue go"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Migrate>,

    /// Show what would be taken over; write nothing
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

/// Take over what older stores hold of this project, from now on.
///
/// The id of a project is a claim that any clone can make, so what older queues hold of it stays there until a person
/// says that it belongs to this repository. Shows first how much there is, where, and where it would be sent.
#[derive(Debug, clap::Args)]
pub(crate) struct AdoptArgs {
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,

    /// Show what waits; take nothing over
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Lift the holds of this project's imported events: they are owed from now on.
///
/// Events are held on import with migrate.imported = "held". Each release is audited.
#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArgs {
    /// Only events that came from these older stores (the digest or the name of the file, or its path)
    #[arg(value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,

    /// Show how many would be released; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    pub(super) const fn is_json(&self) -> bool {
        match &self.command {
            None => self.json,
            Some(Migrate::Adopt(args)) => args.json,
            Some(Migrate::Release(args)) => args.json,
            Some(Migrate::Conflicts(args)) => args.is_json(),
            Some(Migrate::Cleanup(args)) => args.json,
        }
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        None => import(context, args.dry_run, false),
        Some(Migrate::Adopt(args)) => adopt(context, args),
        Some(Migrate::Release(args)) => release(context, args),
        Some(Migrate::Conflicts(args)) => migrate_conflicts::run(context, args),
        Some(Migrate::Cleanup(args)) => migrate_conflicts::cleanup(context, args),
    }
}

fn import(context: &Context, dry_run: bool, adopts: bool) -> Result<Exit, Failure> {
    let workspace = workspace_to_write(context, dry_run)?;
    let resolved = resolved(context, &workspace)?;
    let report = migrate(&world(context), &workspace, &resolved, (dry_run, adopts))?;
    Ok(conclude(context, report, false))
}

/// Takes over what older stores hold of the project, once a person has said so.
fn adopt(context: &Context, args: &AdoptArgs) -> Result<Exit, Failure> {
    let workspace = workspace_to_write(context, args.dry_run)?;
    let _uuid = workspace.project_uuid()?;
    let resolved = resolved(context, &workspace)?;
    let waiting = waiting_older(&world(context), &workspace, &resolved)?;
    if !context.printer.is_json() && !context.globals.quiet {
        show_waiting(context, &waiting, &resolved.origins());
    }
    if args.dry_run {
        return import(context, true, true);
    }
    if !waiting.is_empty() && !args.yes {
        confirm(context)?;
    }
    adopt_older(&world(context), &workspace)?;
    import(context, false, true)
}

fn show_waiting(context: &Context, waiting: &Waiting, origins: &[String]) {
    let line = |name: &str, words: &str| context.printer.result(&format!("{name:<10}{words}"));
    if waiting.is_empty() {
        context.printer.note("older stores hold nothing of this project that is not taken over");
        return;
    }
    let (events, bodies) = (plural(waiting.events, "event"), plural(waiting.bodies, "document"));
    line("Waiting", &format!("{events} and {bodies} of this project in older stores"));
    waiting.files.iter().for_each(|file| line("From", &printable(file)));
    let to = if origins.is_empty() { "nowhere as configured now".to_owned() } else { origins.join(" and ") };
    line("Goes to", &printable(&to));
}

/// Asks on a terminal; anywhere else `--yes` has to be there.
fn confirm(context: &Context) -> Result<(), Failure> {
    if context.globals.no_input || !std::io::stdin().is_terminal() || context.printer.is_json() {
        return Err(Failure::usage("cannot ask whether to take this over: stdin is not a terminal")
            .with_hint("to agree: sk-sync migrate adopt --yes"));
    }
    let failed = |e: std::io::Error| Failure::new(Exit::Internal, "io", format!("cannot ask: {e}"));
    let mut err = std::io::stderr();
    write!(err, "Take this over into the store of this repository? [y/N] ")
        .and_then(|()| err.flush())
        .map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::usage("not agreed; nothing was taken over")),
    }
}

fn release(context: &Context, args: &ReleaseArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let known = ops::imported_sources(&workspace)?;
    let is_known = |name: &String| known.iter().any(|source| source.is_called(name));
    if let Some(unknown) = args.sources.iter().find(|name| !is_known(name)) {
        let message = format!("nothing was imported from {}", printable(unknown));
        let labels: Vec<_> = known.iter().map(|source| source.label.as_str()).collect();
        let known = if labels.is_empty() { "no older store yet".to_owned() } else { labels.join(", ") };
        return Err(Failure::usage(message).with_hint(format!("this project has events of {known}")));
    }
    let released = release_imported(&world(context), &workspace, &args.sources, args.dry_run)?;
    let exit = if released.was_interrupted { Exit::Interrupted } else { Exit::Success };
    let printer = &context.printer;
    if printer.is_json() {
        printer.document(&Document {
            schema_version: 1,
            command: "migrate release",
            ok: exit == Exit::Success,
            exit_code: exit.code(),
            dry_run: args.dry_run,
            released: released.events,
        });
    } else if !context.globals.quiet {
        let did = if args.dry_run { "would be released" } else { "released: owed to the target from now on" };
        printer.result(&format!("{} {did}", plural(released.events, "imported event")));
    }
    Ok(exit)
}

#[derive(Debug, Serialize)]
struct Document {
    schema_version: u32,
    command: &'static str,
    ok: bool,
    exit_code: u8,
    dry_run: bool,
    released: u64,
}
