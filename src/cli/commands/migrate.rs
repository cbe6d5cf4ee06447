//! `sk-sync migrate`: imports the stores of older versions.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::Subcommand;
use serde::Serialize;

use super::migrate_conflicts::{self, CleanupArgs, ConflictsArgs};
use super::migrate_store;
use crate::base::text::printable;
use crate::cli::journey::{resolved, workspace, workspace_to_write, world};
use crate::cli::render::{conclude, plural};
use crate::cli::{Context, Exit, Failure};
use crate::endpoint::Resolved;
use crate::legacy::Waiting;
use crate::ops::{self, adopt_older, migrate, release_imported, waiting_older};

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

/// Import what older stores hold for this project.
///
/// A project's ID is a claim that any clone can make, so what older queues hold for it stays there
/// until you say that it belongs to this repository. Shows first how much there is, where it is,
/// and where it would be sent.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct AdoptArgs {
    /// Also import events that name no project: they become this project's
    #[arg(long)]
    pub(crate) unassigned: bool,

    /// Instead import the store of a deleted repository: the beginning of its id in `status --all`
    #[arg(long, value_name = "ID", conflicts_with = "unassigned")]
    pub(crate) store: Option<String>,

    /// Do not prompt
    #[arg(long)]
    pub(crate) yes: bool,

    /// Show what would be imported; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
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
        None => import(context, args.dry_run),
        Some(Migrate::Adopt(args)) => adopt(context, args),
        Some(Migrate::Release(args)) => release(context, args),
        Some(Migrate::Conflicts(args)) => migrate_conflicts::run(context, args),
        Some(Migrate::Cleanup(args)) => migrate_conflicts::cleanup(context, args),
    }
}

fn import(context: &Context, dry_run: bool) -> Result<Exit, Failure> {
    let workspace = workspace_to_write(context, dry_run)?;
    let resolved = resolved(context, &workspace)?;
    let report = migrate(&world(context), &workspace, &resolved, (dry_run, false))?;
    Ok(conclude(context, report, false))
}

/// Imports older stores of the project, after the user's confirmation.
fn adopt(context: &Context, args: &AdoptArgs) -> Result<Exit, Failure> {
    if let Some(prefix) = &args.store {
        return migrate_store::adopt(context, args, prefix);
    }
    let workspace = workspace_to_write(context, args.dry_run)?;
    let _uuid = workspace.project_uuid()?;
    let resolved = resolved(context, &workspace)?;
    let world = world(context);
    let waiting = Offered::of(&world, &workspace, &resolved, args.unassigned)?;
    if !context.printer.is_json() && !context.globals.quiet {
        waiting.show(context, &resolved.origins());
    }
    if !args.dry_run {
        if !waiting.is_empty() && !args.yes {
            let line = if args.unassigned {
                "adopt --unassigned --yes"
            } else {
                "adopt --yes"
            };
            confirm(context, &format!("sk-sync migrate {line}"))?;
        }
        adopt_older(&world, &workspace)?;
    }
    let mut report = migrate(&world, &workspace, &resolved, (args.dry_run, true))?;
    if args.unassigned && !args.dry_run {
        ops::adopt_unassigned(&world, &workspace, &mut report)?;
    }
    Ok(conclude(context, report, false))
}

/// Rows that `migrate adopt` would import.
struct Offered {
    /// Rows of the project.
    own: Waiting,
    /// Number of events that name no project.
    unassigned: u64,
    /// True if those are requested.
    takes_unassigned: bool,
    /// Files with any of them.
    files: Vec<String>,
}

impl Offered {
    fn of(
        world: &ops::World<'_>,
        workspace: &ops::Workspace,
        resolved: &Resolved,
        takes_unassigned: bool,
    ) -> Result<Self, Failure> {
        let (own, ahead) = waiting_older(world, workspace, resolved)?;
        let here = ops::unassigned(workspace);
        let mut files = own.files.clone();
        if takes_unassigned {
            files.extend(here.files.iter().chain(&ahead.files).cloned());
        }
        files.sort();
        files.dedup();
        Ok(Self {
            own,
            unassigned: here.events + ahead.events,
            takes_unassigned,
            files,
        })
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty() && (self.unassigned == 0 || !self.takes_unassigned)
    }

    fn show(&self, context: &Context, origins: &[String]) {
        let line = |name: &str, words: &str| {
            context
                .printer
                .result(&printable(&format!("{name:<10}{words}")));
        };
        let nameless = plural(self.unassigned, "event");
        if self.unassigned > 0 && !self.takes_unassigned {
            context.printer.note(&format!(
                "{nameless} of older stores name no project; to take them over as well: sk-sync migrate adopt --unassigned"
            ));
        }
        if self.is_empty() {
            context
                .printer
                .note("older stores have nothing of this project left to import");
            return;
        }
        let (events, bodies) = (
            plural(self.own.events, "event"),
            plural(self.own.bodies, "document"),
        );
        line(
            "Waiting",
            &format!("{events} and {bodies} of this project in older stores"),
        );
        if self.unassigned > 0 && self.takes_unassigned {
            line(
                "",
                &format!("{nameless} that name no project, which become this one's"),
            );
        }
        self.files.iter().for_each(|file| line("From", file));
        let to = if origins.is_empty() {
            "nowhere as configured now".to_owned()
        } else {
            origins.join(" and ")
        };
        line("Goes to", &to);
    }
}

/// Asks on a terminal; otherwise `--yes` is required.
pub(super) fn confirm(context: &Context, agreeing: &str) -> Result<(), Failure> {
    if context.globals.no_input || !std::io::stdin().is_terminal() || context.printer.is_json() {
        return Err(Failure::usage(
            "cannot ask whether to take this over: stdin is not a terminal",
        )
        .with_hint(format!("to agree: {agreeing}")));
    }
    let failed = |e: std::io::Error| Failure::new(Exit::Internal, "io", format!("cannot ask: {e}"));
    let mut err = std::io::stderr();
    write!(
        err,
        "Take this over into the store of this repository? [y/N] "
    )
    .and_then(|()| err.flush())
    .map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(failed)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::usage("not agreed; nothing was imported")),
    }
}

fn release(context: &Context, args: &ReleaseArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let known = ops::imported_sources(&workspace)?;
    let is_known = |name: &String| known.iter().any(|source| source.is_called(name));
    if let Some(unknown) = args.sources.iter().find(|name| !is_known(name)) {
        let message = format!("nothing was imported from {}", printable(unknown));
        let labels: Vec<_> = known.iter().map(|source| source.label.as_str()).collect();
        let known = if labels.is_empty() {
            "no older store yet".to_owned()
        } else {
            labels.join(", ")
        };
        return Err(
            Failure::usage(message).with_hint(format!("this project has events of {known}"))
        );
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
