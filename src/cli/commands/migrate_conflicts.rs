//! `sk-sync migrate conflicts` and `sk-sync migrate cleanup`: what is left to decide after an import.

use clap::Subcommand;
use serde::Serialize;

use crate::base::text::{path, printable};
use crate::cli::journey::{workspace, world};
use crate::cli::render::plural;
use crate::cli::{Context, Exit, Failure};
use crate::legacy::Conflict;
use crate::ops::{clean_up, import_conflicts, keep_journal};

/// List ids that came with two contents, and where the two differ.
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

/// Decide conflicts: the journal's content is kept, the other stays set aside; each decision is audited.
#[derive(Debug, clap::Args)]
pub(crate) struct ResolveArgs {
    /// The ids to decide on
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub(crate) ids: Vec<String>,

    /// Decide on all of them
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,

    /// Which content is kept
    #[arg(long, value_name = "WHICH", value_parser = ["journal"])]
    pub(crate) keep: String,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Rename older files that are wholly taken over to NAME.imported-DATE.
///
/// Only when every row of a file is accounted for: nothing refused, nothing in conflict, no side file. Nothing is deleted.
#[derive(Debug, clap::Args)]
pub(crate) struct CleanupArgs {
    /// Show which files would be renamed, and why not the others
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl ConflictsArgs {
    pub(super) const fn is_json(&self) -> bool {
        match &self.command {
            None => self.json,
            Some(Conflicts::Resolve(args)) => args.json,
        }
    }
}

pub(super) fn run(context: &Context, args: &ConflictsArgs) -> Result<Exit, Failure> {
    match &args.command {
        None => list(context),
        Some(Conflicts::Resolve(args)) => resolve(context, args),
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let conflicts = import_conflicts(&workspace(context)?)?;
    let exit = if conflicts.is_empty() { Exit::Success } else { Exit::Undeliverable };
    let printer = &context.printer;
    if printer.is_json() {
        let (command, exit_code) = ("migrate conflicts", exit.code());
        printer.document(&Listed { schema_version: 1, command, ok: conflicts.is_empty(), exit_code, conflicts });
        return Ok(exit);
    }
    for conflict in &conflicts {
        printer.result(&format!(
            "{} in {}, from {}",
            printable(&conflict.event_id),
            conflict.store,
            printable(&conflict.source)
        ));
        for difference in &conflict.differences {
            let at = if difference.at.is_empty() { "(all of it)" } else { &difference.at };
            let words = format!("  {at}: journal {}, source {}", difference.journal, difference.source);
            printer.result(&printable(&words));
        }
    }
    if conflicts.is_empty() {
        printer.note("no id came with two contents, or each was decided on");
    } else {
        printer.note("decide with `sk-sync migrate conflicts resolve --keep journal ID…` (or --all)");
    }
    Ok(exit)
}

fn resolve(context: &Context, args: &ResolveArgs) -> Result<Exit, Failure> {
    let ids = (!args.all).then_some(args.ids.as_slice());
    let resolved = keep_journal(&world(context), &workspace(context)?, ids)?;
    if resolved == 0 && !args.all {
        let message = format!("no open conflict about {}", printable(&args.ids.join(", ")));
        return Err(Failure::usage(message).with_hint("`sk-sync migrate conflicts` names them"));
    }
    if context.printer.is_json() {
        let command = "migrate conflicts resolve";
        context.printer.document(&Resolved { schema_version: 1, command, ok: true, exit_code: 0, resolved });
    } else if !context.globals.quiet {
        context.printer.result(&format!("{} decided: the journal's content is kept", plural(resolved, "conflict")));
    }
    Ok(Exit::Success)
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
        let command = "migrate cleanup";
        printer.document(&Cleaned { schema_version: 1, command, ok: true, exit_code: 0, dry_run: args.dry_run, files });
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
        printer.note("there is no older store");
    }
    Ok(Exit::Success)
}

#[derive(Debug, Serialize)]
struct Listed {
    schema_version: u32,
    command: &'static str,
    ok: bool,
    exit_code: u8,
    conflicts: Vec<Conflict>,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are a contract")]
struct Resolved {
    schema_version: u32,
    command: &'static str,
    ok: bool,
    exit_code: u8,
    resolved: u64,
}

#[derive(Debug, Serialize)]
struct Cleaned {
    schema_version: u32,
    command: &'static str,
    ok: bool,
    exit_code: u8,
    dry_run: bool,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    path: String,
    renamed_to: Option<String>,
    kept_because: Option<String>,
}
