//! `hook deliver`: the background process that a hook starts. It prints nothing; its result is in
//! the log.

use crate::books::{LastRun, Runner};
use crate::cli::project::{with_choice, with_flags, world};
use crate::cli::receiver::start_stub;
use crate::cli::steps::note_end;
use crate::cli::{Context, Exit, Failure};
use crate::config::Flag;
use crate::endpoint::Choice;
use crate::hook;
use crate::ops::report::Report;
use crate::ops::{self, Request, Scope, Workspace};

/// Deliver in the background what hooks captured (hooks start this).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Index first: the hook had no time left for it
    #[arg(long)]
    pub(crate) index: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    // Without waiting: the running drain selects again before it ends, and so sends these events
    // too.
    let no_wait = Flag {
        key: "drain.lock_wait",
        value: "0",
        name: "hook deliver",
    };
    let workspace = with_flags(context, Some(no_wait), |setup| {
        Ok(Workspace::open_to_write(&world(context), setup)?)
    })?;
    let outcome = with_choice(context, &workspace, |choice| {
        let request = Request {
            max_time: Some(workspace.loaded.config.hook.max_time),
            choice: Choice { ..choice },
            ..Request::of(Scope {
                command: "hook deliver",
                migrates: false,
                indexes: args.index,
                offers_bodies: false,
                drains: true,
            })
        };
        ops::run(&world(context), &workspace, &request, &start_stub, &|_| ())
    });
    let (said, exit) = match &outcome {
        Ok(Ok(report)) => (words(report), Exit::of_report(report, false)),
        Ok(Err(error)) => (error.to_string(), Exit::Internal),
        Err(failure) => (failure.message.clone(), failure.exit),
    };
    let stopped = match &outcome {
        Ok(Ok(report)) => report
            .drain
            .as_ref()
            .map(|d| (d.halted.clone(), d.cause.map(str::to_owned))),
        _ => Some((Some(said.clone()), None)),
    };
    let (halted, cause) = stopped.unwrap_or_default();
    let (when, command, exit_code) = (
        context.clock.now().to_string(),
        "hook deliver".to_owned(),
        exit.code(),
    );
    // Another process was delivering: there is nothing to report.
    if exit != Exit::Busy {
        let last = LastRun {
            when,
            command,
            exit_code,
            halted,
            cause,
            fix: None,
        };
        note_end(&workspace, Runner::Background, &last);
    }
    let log = hook::log_path(&workspace.place.store());
    if let Err(error) = hook::note(&log, context.clock.now(), &format!("drain: {said}")) {
        log::debug!("cannot write {}: {error}", log.display());
    }
    Ok(exit)
}

/// The result of a drain, as one line.
fn words(report: &Report) -> String {
    let mut parts = Vec::new();
    if let Some(capture) = &report.capture {
        parts.push(format!("captured {}", capture.captured));
    }
    if report.standing.is_locked_out {
        parts.push("skipped, another drain is running".to_owned());
    }
    if let Some(drain) = &report.drain {
        parts.push(format!(
            "delivered {} in {} requests",
            drain.success + drain.duplicate,
            drain.requests
        ));
        parts.extend(drain.halted.clone());
    }
    if let Some(bodies) = &report.bodies
        && bodies.uploaded + bodies.already_exists > 0
    {
        parts.push(format!(
            "{} bodies",
            bodies.uploaded + bodies.already_exists
        ));
    }
    parts.extend(
        report
            .gates
            .iter()
            .filter(|gate| !gate.open)
            .map(|gate| format!("blocked: {}", gate.name)),
    );
    if parts.is_empty() {
        "nothing to do".to_owned()
    } else {
        parts.join(", ")
    }
}
