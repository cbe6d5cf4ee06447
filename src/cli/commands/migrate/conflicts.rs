//! `sk-sync migrate conflicts` and `sk-sync migrate cleanup`: decisions after an import.

use clap::Subcommand;
use serde::Serialize;

use crate::base::text::{path, printable};
use crate::cli::project::{workspace, world};
use crate::cli::render::plural;
use crate::cli::{Context, Exit, Failure};
use crate::legacy::{Conflict, Decided, Decision, Keep, Refused};
use crate::ops::{self, clean_up, import_conflicts};

/// List IDs with two contents, and the differences.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ConflictsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<Conflicts>,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to do about them.
#[derive(Debug, Subcommand)]
pub(crate) enum Conflicts {
    Resolve(ResolveArgs),
}

/// Choose which content of an ID is kept.
///
/// Both contents stay in the store, and each decision is audited. With `--keep journal` the other
/// content stays set aside. With `--keep source` the journal's event is discarded and the other one
/// is appended to the journal; this is refused if a target may already have the first. Exits 5 if a
/// conflict stays open.
#[derive(Debug, clap::Args)]
pub(crate) struct ResolveArgs {
    /// IDs to resolve
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub(crate) ids: Vec<String>,

    /// Resolve all conflicts
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,

    /// Content to keep
    #[arg(long, value_name = "WHICH")]
    pub(crate) keep: KeepArg,

    /// Only if the other content is from this older store, or has this SHA-256
    #[arg(long, value_name = "SOURCE")]
    pub(crate) from: Option<String>,

    /// Show what would be resolved; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which of two contents is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KeepArg {
    /// The one in the journal.
    Journal,
    /// The one from the older store.
    Source,
}

/// Rename fully imported files to NAME.imported-DATE.
///
/// Only if every row of a file is accounted for: no row rejected, none in conflict, no side file.
/// Nothing is deleted.
#[derive(Debug, clap::Args)]
pub(crate) struct CleanupArgs {
    /// Show which files would be renamed, and why others stay
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &ConflictsArgs) -> Result<Exit, Failure> {
    match &args.command {
        None => list(context),
        Some(Conflicts::Resolve(args)) => resolve(context, args),
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let (conflicts, troubles) = import_conflicts(&workspace(context)?)?;
    let exit = ending(conflicts.is_empty(), &troubles);
    let printer = &context.printer;
    if printer.is_json() {
        printer.reply(
            "migrate conflicts",
            exit,
            &Listed {
                conflicts,
                warnings: troubles,
            },
        );
        return Ok(exit);
    }
    for trouble in &troubles {
        printer.warning(&printable(trouble));
    }
    for conflict in &conflicts {
        printer.result(&format!(
            "{} in {}, from {}",
            printable(&conflict.event_id),
            conflict.store,
            printable(&conflict.source)
        ));
        for difference in &conflict.differences {
            let at = if difference.at.is_empty() {
                "(all of it)"
            } else {
                &difference.at
            };
            let words = format!(
                "  {at}: journal {}, source {}",
                difference.journal, difference.source
            );
            printer.result(&printable(&words));
        }
    }
    if conflicts.is_empty() {
        printer.note("no id came with two contents, or each was decided on");
    } else {
        printer.note(
            "decide with `sk-sync migrate conflicts resolve --keep journal|source ID…` (or --all)",
        );
    }
    Ok(exit)
}

fn resolve(context: &Context, args: &ResolveArgs) -> Result<Exit, Failure> {
    let decision = Decision {
        keep: if args.keep == KeepArg::Journal {
            Keep::Journal
        } else {
            Keep::Source
        },
        ids: (!args.all).then_some(args.ids.as_slice()),
        from: args.from.as_deref(),
        is_dry: args.dry_run,
    };
    let Decided {
        conflicts,
        refused,
        troubles,
    } = ops::decide(&world(context), &workspace(context)?, &decision)?;
    let exit = ending(refused.is_empty(), &troubles);
    if conflicts == 0 && exit == Exit::Success && !args.all {
        let message = format!("no open conflict about {}", printable(&args.ids.join(", ")));
        return Err(Failure::usage(message).with_hint("`sk-sync migrate conflicts` names them"));
    }
    let printer = &context.printer;
    if printer.is_json() {
        printer.reply(
            "migrate conflicts resolve",
            exit,
            &Resolved {
                dry_run: args.dry_run,
                resolved: conflicts,
                refused,
                warnings: troubles,
            },
        );
        return Ok(exit);
    }
    for trouble in &troubles {
        printer.warning(&printable(trouble));
    }
    for Refused {
        event_id,
        store,
        reason,
    } in &refused
    {
        printer.warning(&format!(
            "{} in {store} stays open: {reason}",
            printable(event_id)
        ));
    }
    if !context.globals.quiet {
        let which = if args.keep == KeepArg::Journal {
            "journal"
        } else {
            "source"
        };
        let did = if args.dry_run {
            "would be decided"
        } else {
            "decided"
        };
        printer.result(&format!(
            "{} {did}: the {which}'s content is kept",
            plural(conflicts, "conflict")
        ));
    }
    Ok(exit)
}

/// The exit code of a command about conflicts.
const fn ending(is_nothing_open: bool, troubles: &[String]) -> Exit {
    match (troubles.is_empty(), is_nothing_open) {
        (false, _) => Exit::Internal,
        (true, false) => Exit::Undeliverable,
        (true, true) => Exit::Success,
    }
}

pub(super) fn cleanup(context: &Context, args: &CleanupArgs) -> Result<Exit, Failure> {
    let cleaned = clean_up(&world(context), &workspace(context)?, args.dry_run)?;
    let files: Vec<_> = cleaned
        .into_iter()
        .map(|cleaned| File {
            path: path(&cleaned.path),
            renamed_to: cleaned.renamed_to.as_deref().map(path),
            kept_because: cleaned.kept_because,
        })
        .collect();
    let printer = &context.printer;
    if printer.is_json() {
        printer.reply(
            "migrate cleanup",
            Exit::Success,
            &Cleaned {
                dry_run: args.dry_run,
                files,
            },
        );
        return Ok(Exit::Success);
    }
    for file in &files {
        let what = match (&file.kept_because, &file.renamed_to) {
            (Some(why), _) => format!("stays: {}", printable(why)),
            (None, Some(renamed)) => format!("renamed to {renamed}"),
            (None, None) => "would be renamed".to_owned(),
        };
        printer.result(&format!("{} {what}", file.path));
    }
    if files.is_empty() {
        printer.note("no older stores");
    }
    Ok(Exit::Success)
}

#[derive(Debug, Serialize)]
struct Listed {
    conflicts: Vec<Conflict>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are a contract")]
struct Resolved {
    dry_run: bool,
    resolved: u64,
    refused: Vec<Refused>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Cleaned {
    dry_run: bool,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    path: String,
    renamed_to: Option<String>,
    kept_because: Option<String>,
}
