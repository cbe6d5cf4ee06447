//! `sk-sync purge`: discards what waits, or deletes everything of a project.

use serde::Serialize;

use crate::base::lock::Lock;
use crate::base::text::{path, printable};
use crate::cli::project::workspace;
use crate::cli::render::plural;
use crate::cli::store::open_store;
use crate::cli::table::size;
use crate::cli::{Context, Exit, Failure};
use crate::legacy::lock_sources;
use crate::ops::{self, Workspace};
use crate::upkeep::{Confirmed, PurgePlan, PurgeReport, PurgeScope, apply_purge, plan_purge};

/// Discard what waits, or delete everything of a project.
///
/// Lists what would be deleted and the phrase that confirms it; without the phrase nothing changes.
/// IDs and hashes stay, so that no later capture, import or restore brings a purged event back.
/// Events in flight stay until their outcome is known. `sk-sync archive` makes a copy first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync purge --queue                     what would be deleted, and the phrase to confirm
  sk-sync purge --project                   what would be deleted, and the phrase to confirm
  sk-sync purge --unassigned                the same for events that name no project")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct Args {
    /// Discard every event and document that waits
    #[arg(long, conflicts_with_all = ["project", "unassigned"], required_unless_present_any = ["project", "unassigned"])]
    pub(crate) queue: bool,

    /// Delete every payload and document of the project, and its files next to the store
    #[arg(long)]
    pub(crate) project: bool,

    /// Remove every event that came from older stores and names no project
    #[arg(long, conflicts_with = "project")]
    pub(crate) unassigned: bool,

    /// Confirm with the phrase that the command shows
    #[arg(long, value_name = "PHRASE")]
    pub(crate) confirm: Option<String>,

    /// Show what would be deleted; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the plan and the result as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let (scope, store) = match (args.unassigned, args.project) {
        (true, _) => (
            PurgeScope::Unassigned,
            workspace.home.unassigned_imports().store(),
        ),
        (false, true) => (PurgeScope::Project, workspace.place.store()),
        (false, false) => (PurgeScope::Queue, workspace.place.store()),
    };
    let phrase = phrase(scope, &workspace);
    let plan = plan_purge(&store, scope)?;
    let leave = Confirmed::by(args.confirm.as_deref(), &phrase);
    if args.confirm.is_some() && leave.is_none() {
        let message = format!(
            "--confirm: that is not the phrase; nothing was changed. The phrase is: {phrase}"
        );
        return Err(Failure::usage(message));
    }
    let done = match leave.filter(|_| !args.dry_run) {
        Some(leave) if store.exists() || !plan.files.is_empty() => {
            let _alone = alone(context, &workspace, scope)?;
            // Spooled lines are absorbed first, so that they are purged as well.
            if scope != PurgeScope::Unassigned {
                drop(open_store(context, &workspace)?);
            }
            Some(apply_purge(
                &store,
                &plan,
                &leave,
                context.clock.as_ref(),
                &context.interrupt,
            )?)
        }
        _ => None,
    };
    let exit = exit_of(done.as_ref());
    if context.printer.is_json() {
        context
            .printer
            .reply("purge", exit, &document(&plan, done.as_ref(), &phrase));
    } else if !context.globals.quiet {
        context.printer.results(
            lines(&plan, done.as_ref(), &phrase)
                .iter()
                .map(|line| printable(line)),
        );
    }
    Ok(exit)
}

/// Prevents other processes from writing to what is purged: drains of the project, or imports.
fn alone(context: &Context, workspace: &Workspace, scope: PurgeScope) -> Result<Lock, Failure> {
    let (patience, clock) = (
        workspace.loaded.config.drain.lock_wait,
        context.clock.as_ref(),
    );
    let taken = match scope {
        PurgeScope::Unassigned => lock_sources(
            &workspace.home,
            "purge",
            patience,
            clock,
            &context.interrupt,
        )
        .map_err(ops::Error::from)?,
        PurgeScope::Queue | PurgeScope::Project => {
            let lock = workspace.place.drain_lock();
            Lock::take(&lock, "purge", patience, clock, &context.interrupt)
                .map_err(ops::Error::from)?
        }
    };
    Ok(taken)
}

/// The phrase that confirms a purge.
fn phrase(scope: PurgeScope, workspace: &Workspace) -> String {
    let identity = &workspace.identity;
    let name = identity
        .project_slug
        .as_deref()
        .or(identity.project_uuid.as_deref())
        .unwrap_or("without identity");
    match scope {
        PurgeScope::Queue => format!("purge queue of {name}"),
        PurgeScope::Project => format!("purge project {name}"),
        PurgeScope::Unassigned => "purge what names no project".to_owned(),
    }
}

fn exit_of(done: Option<&PurgeReport>) -> Exit {
    Exit::worst(done.into_iter().flat_map(|done| {
        [
            if done.was_interrupted {
                Exit::Interrupted
            } else {
                Exit::Success
            },
            if done.in_flight > 0 {
                Exit::Retryable
            } else {
                Exit::Success
            },
        ]
    }))
}

fn lines(plan: &PurgePlan, done: Option<&PurgeReport>, phrase: &str) -> Vec<String> {
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    let Some(done) = done else {
        let all = if plan.scope == PurgeScope::Queue {
            ""
        } else {
            "every payload, live or not: "
        };
        let events = format!(
            "{all}{} kept, {}",
            plural(unsigned(plan.events), "event"),
            size(unsigned(plan.bytes))
        );
        let mut lines = vec![
            format!("Would go: {events}"),
            format!(
                "Bodies:   {} waiting, {}",
                plan.bodies.rows,
                size(plan.bodies.bytes)
            ),
        ];
        let file = |(file, bytes): &(std::path::PathBuf, u64)| {
            format!("File:     {}, {}", path(file), size(*bytes))
        };
        lines.extend(plan.files.iter().map(file));
        if plan.in_flight > 0 {
            lines.push(format!(
                "Stays:    {} in flight",
                plural(unsigned(plan.in_flight), "event")
            ));
        }
        lines.push(format!(
            "Confirm:  --confirm '{}'",
            phrase.replace('\'', "'\\''")
        ));
        return lines;
    };
    let (before, after) = (size(done.file_before), size(done.file_after));
    let events = plural(unsigned(done.events), "event");
    let bodies = format!("{} waiting documents", done.bodies.rows);
    let files = if done.files > 0 {
        format!(", {}", plural(done.files as u64, "file"))
    } else {
        String::new()
    };
    let mut lines = vec![format!(
        "Deleted: {events}, {bodies}{files}; the store shrank from {before} to {after}"
    )];
    if done.in_flight > 0 {
        lines.push(format!(
            "Stays: {} in flight. Purge again once a drain knows their end, or after `sk-sync target forget`",
            plural(unsigned(done.in_flight), "event")
        ));
    }
    if done.was_interrupted {
        lines.push("Interrupted: run it again for the rest".to_owned());
    }
    lines
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    dry_run: bool,
    scope: &'static str,
    confirm: &'a str,
    events: i64,
    bytes: i64,
    in_flight: i64,
    bodies: u64,
    files: Vec<String>,
    /// The result; null if nothing was done.
    purged: Option<Done>,
}

#[derive(Debug, Serialize)]
struct Done {
    events: i64,
    in_flight: i64,
    bodies: u64,
    files: usize,
    interrupted: bool,
    file_bytes_before: u64,
    file_bytes_after: u64,
}

fn document<'a>(plan: &PurgePlan, done: Option<&PurgeReport>, confirm: &'a str) -> Document<'a> {
    Document {
        dry_run: done.is_none(),
        scope: match plan.scope {
            PurgeScope::Queue => "queue",
            PurgeScope::Project => "project",
            PurgeScope::Unassigned => "unassigned",
        },
        confirm,
        events: plan.events,
        bytes: plan.bytes,
        in_flight: plan.in_flight,
        bodies: plan.bodies.rows,
        files: plan.files.iter().map(|(file, _)| path(file)).collect(),
        purged: done.map(|done| Done {
            events: done.events,
            in_flight: done.in_flight,
            bodies: done.bodies.rows,
            files: done.files,
            interrupted: done.was_interrupted,
            file_bytes_before: done.file_before,
            file_bytes_after: done.file_after,
        }),
    }
}
