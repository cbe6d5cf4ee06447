//! `sk-sync status`: what is kept, left to send, failed or blocked.

use std::path::PathBuf;

use super::status_all;
use crate::base::files;
use crate::base::text::printable;
use crate::cli::project::{resolved, workspace, world};
use crate::cli::project_status::surroundings;
use crate::cli::render::status::{View, lines};
use crate::cli::store::with_spool;
use crate::cli::{Context, Exit, Failure, Reply};
use crate::ops;
use crate::upkeep::{
    Document, History, MissionHere, MissionLanes, STATUS_SCHEMA, lanes, next_steps, page, status,
    status_with_history,
};

/// Show what is delivered, what is left to send, and the next step.
///
/// Shows the journal, the target, the state of every event and document, older stores, failing
/// checks with a fix for each, and the next step. Changes nothing.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct Args {
    /// Set the exit code; failures count until they are waived
    #[arg(long)]
    pub(crate) check: bool,

    /// Also read the files, and show documents and work packages by mission
    #[arg(long)]
    pub(crate) missions: bool,

    /// List every store of this machine and what waits in it
    #[arg(long, conflicts_with_all = ["check", "missions", "html", "schema"])]
    pub(crate) all: bool,

    /// Print the status as one JSON document
    #[arg(long)]
    pub(crate) json: bool,

    /// Also write a self-contained HTML report to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Print the JSON Schema of that document instead
    #[arg(long)]
    pub(crate) schema: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    if args.schema {
        context.printer.result(STATUS_SCHEMA.trim_end());
        return Ok(Exit::Success);
    }
    if args.all {
        return status_all::run(context);
    }
    let workspace = workspace(context)?;
    let resolved = resolved(context, &workspace)?;
    let store = workspace.place.store();
    let unassigned = workspace.home.unassigned_imports().store();
    let around = surroundings(context, &workspace, &resolved, (&store, &unassigned));
    let now = context.clock.now();
    let seen = match &args.html {
        Some(_) => status_with_history(around, now),
        None => status(around, now).map(|document| (document, History::default())),
    };
    let (mut document, history) = seen.map_err(|error| with_spool(error.into(), &store))?;
    if args.check || args.missions || args.html.is_some() {
        let here = ops::documents_here(&world(context), &workspace, &resolved)?;
        add_missions(&mut document, here);
    }
    let exit = if args.check {
        exit_of(&document)
    } else {
        Exit::Success
    };
    if args.missions || args.html.is_some() {
        document.work_packages = Some(lanes(&store)?);
    }
    if let Some(file) = &args.html {
        let html = page(&document, &history, now);
        files::replace(&context.cwd.join(file), html.as_bytes())
            .map_err(|error| Failure::io(&error))?;
        // The page needs them, the output was not asked for them.
        document.missions = document.missions.filter(|_| args.check || args.missions);
        document.work_packages = document.work_packages.filter(|_| args.missions);
    }
    if context.printer.is_json() {
        context
            .printer
            .print(&Reply::new("status", exit, &document).judged(document.ok));
    } else if !context.globals.quiet {
        let view = View {
            now,
            is_verbose: context.globals.verbose > 0,
            paint: context.printer.paint(),
        };
        context.printer.results(lines(&document, view));
        for mission in document.work_packages.iter().flatten() {
            context.printer.result(&printable(&lane_words(mission)));
        }
    }
    Ok(exit)
}

/// The work packages of a mission, by lane.
fn lane_words(mission: &MissionLanes) -> String {
    let lanes: Vec<_> = mission
        .lanes
        .iter()
        .map(|(lane, packages)| format!("{packages} {lane}"))
        .collect();
    let held = mission.on_hold.join(", ");
    let held = if held.is_empty() {
        held
    } else {
        format!("; last lane change on hold: {held}")
    };
    format!(
        "Mission   {}: {}{held}",
        mission.mission_slug,
        lanes.join(", ")
    )
}

/// Adds what a look at the files says.
fn add_missions(document: &mut Document, here: Vec<ops::MissionHere>) {
    let missions = here.into_iter().map(|m| MissionHere {
        mission_slug: m.mission_slug,
        target_branch: m.target_branch,
        documents: m.documents,
        delivered: m.delivered,
        newer_here: m.newer_here,
        waiting: m.waiting,
        reason: m.reason,
    });
    let missions: Vec<_> = missions.collect();
    document.ok &= missions.iter().all(|m| m.newer_here == 0);
    document.missions = Some(missions);
    document.next_steps = next_steps(document);
}

/// What `--check` says.
fn exit_of(d: &Document) -> Exit {
    let has_target = d.delivery_targets.current.is_some();
    let facts = [
        (
            !d.balance.holds || !d.documents.balance.holds || d.spool.damaged > 0,
            Exit::Damage,
        ),
        (
            d.terminal_failures.count > d.terminal_failures.waived
                || d.migration_conflicts.count > 0
                || d.bodies.failures > 0,
            Exit::Undeliverable,
        ),
        (d.gates.iter().any(|gate| !gate.is_open), Exit::Gate),
        (d.spool.lines > 0, Exit::Retryable),
        (
            has_target
                && (d.active_queue.event_count > 0 || d.bodies.ready + d.bodies.in_backoff > 0),
            Exit::Retryable,
        ),
        (
            has_target && d.missions.iter().flatten().any(|m| m.newer_here > 0),
            Exit::Retryable,
        ),
        (
            d.last_background
                .as_ref()
                .is_some_and(|last| !matches!(last.exit_code, 0 | 75 | 130)),
            Exit::Retryable,
        ),
    ];
    Exit::worst(
        facts
            .into_iter()
            .filter_map(|(applies, exit)| applies.then_some(exit)),
    )
}
