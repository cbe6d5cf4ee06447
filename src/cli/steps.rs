//! Runs the steps of a request with progress, shows their report, and records how they ended.

use super::project::{
    resolved, with_choice, workspace, workspace_as_allowed, workspace_to_write, world,
};
use super::receiver::start_stub;
use crate::books::{LastRun, Runner, write_last_run};
use crate::cli::render::conclude;
use crate::cli::{Context, Exit, Failure};
use crate::ops::report::Report;
use crate::ops::{self, Request, Step, Workspace};

/// The workspace of a request, and what to tell about it. `index --dry-run` captures nothing, so it
/// shows what the repository's file asks for before it is allowed.
fn workspace_for(
    context: &Context,
    request: &Request<'_>,
) -> Result<(Workspace, Option<String>), Failure> {
    if !request.dry_run || request.scope.command != "index" {
        return Ok((workspace_to_write(context, request.dry_run)?, None));
    }
    let strict = workspace(context)?;
    let Some(words) = resolved(context, &strict)?.not_used() else {
        return Ok((strict, None));
    };
    Ok((
        workspace_as_allowed(context)?,
        Some(format!("listed as if the file were allowed: {words}")),
    ))
}

/// Runs the steps of a request, and ends with its report.
pub(crate) fn run_steps(
    context: &Context,
    request: Request<'_>,
    is_strict: bool,
) -> Result<Exit, Failure> {
    run_steps_and(context, request, is_strict, &|_, _| Ok(()))
}

/// The same; calls `then` with the report before it is shown.
pub(crate) fn run_steps_and(
    context: &Context,
    request: Request<'_>,
    is_strict: bool,
    then: &dyn Fn(&Workspace, &Report) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let (workspace, notice) = workspace_for(context, &request)?;
    let progress = context.progress();
    let show = |step: Step| match step {
        Step::Indexing { done, total } => progress.report("indexing", done, Some(total)),
        Step::Delivering { done, total } => progress.report("delivering events", done, Some(total)),
        Step::Uploading { done, total } => {
            progress.report("uploading documents", done, Some(total));
        }
    };
    let outcome = with_choice(context, &workspace, |choice| {
        ops::run(
            &world(context),
            &workspace,
            &Request { choice, ..request },
            &start_stub,
            &show,
        )
    })?;
    drop(progress);
    let mut report = outcome?;
    report.warnings.splice(..0, notice);
    then(&workspace, &report)?;
    let (command, is_dry) = (report.command, report.dry_run);
    let stopped = report
        .drain
        .as_ref()
        .map(|d| (d.halted.clone(), d.cause.map(str::to_owned), d.fix.clone()));
    let (halted, cause, fix) = stopped.unwrap_or_default();
    let exit = conclude(context, report, is_strict);
    if !is_dry {
        let when = context.clock.now().to_string();
        let last = LastRun {
            when,
            command: command.to_owned(),
            exit_code: exit.code(),
            halted,
            cause,
            fix,
        };
        note_end(&workspace, Runner::Command, &last);
    }
    Ok(exit)
}

/// Records how a command ended. Errors are ignored: only `status` reads the record.
pub(crate) fn note_end(workspace: &Workspace, runner: Runner, last: &LastRun) {
    if let Err(error) = write_last_run(&workspace.place.store(), runner, last) {
        log::warn!("cannot note how this run ended: {error}");
    }
}
