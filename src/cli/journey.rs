//! Shared by the commands that work on a project: environment, workspace, and embedded receiver.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use crate::base::clock::SystemClock;
use crate::base::ids::SystemIds;
use crate::books::{LastRun, Runner, write_last_run};
use crate::cli::render::{conclude, plural};
use crate::cli::{Context, Exit, Failure};
use crate::config::Flag;
use crate::endpoint::{Choice, Consent, Resolved, active_scope, older, resolve};
use crate::ops::report::Report;
use crate::ops::{self, Absorbed, Request, Setup, Step, Stub, Workspace, World, evicted_words};
use crate::serve::{DEFAULT_MAX_BYTES, DEFAULT_MAX_EVENTS, Deployment, Options, Server, Storage};
use crate::spool::Spool;
use crate::store::Store;

/// The environment of a context, for `ops`.
pub(crate) fn world(context: &Context) -> World<'_> {
    World {
        env: &context.env,
        clock: context.clock.as_ref(),
        ids: context.ids.as_ref(),
        random: context.random,
        interrupt: &context.interrupt,
    }
}

/// The workspace that the context's directory and options name. Creates nothing.
pub(crate) fn workspace(context: &Context) -> Result<Workspace, Failure> {
    with_setup(context, |setup| {
        Ok(Workspace::open(&world(context), setup)?)
    })
}

/// The same for a command that writes, unless it `is_dry`: gives the repository an id.
pub(crate) fn workspace_to_write(context: &Context, is_dry: bool) -> Result<Workspace, Failure> {
    if is_dry {
        return workspace(context);
    }
    with_setup(context, |setup| {
        Ok(Workspace::open_to_write(&world(context), setup)?)
    })
}

/// Calls `work` with the command line's choice of the place to work in.
pub(crate) fn with_setup<T>(
    context: &Context,
    work: impl FnOnce(&Setup<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let globals = &context.globals;
    let start = context.start_dir()?;
    let flags: Vec<Flag<'_>> = globals
        .preset
        .iter()
        .map(|value| Flag {
            key: "preset",
            value,
            name: "--preset",
        })
        .collect();
    let config_file = globals.config.as_deref();
    let allows_file = !globals.allow_origin.is_empty();
    work(&Setup {
        cwd: &context.cwd,
        start: &start,
        config_file,
        flags: &flags,
        settings: None,
        allows_file,
    })
}

/// Calls `work` with the target options of the command line, the recorded consents and older
/// versions.
pub(crate) fn with_choice<T>(
    context: &Context,
    workspace: &Workspace,
    work: impl FnOnce(Choice<'_>) -> T,
) -> Result<T, Failure> {
    let scope = workspace.home.legacy.as_deref().and_then(active_scope);
    let older = workspace.home.legacy.as_deref().map(older);
    let allowed = &context.globals.allow_origin;
    let consent = Consent::of(&workspace.place.grants(), &workspace.loaded, allowed);
    let consent = consent.map_err(ops::Error::from)?;
    Ok(work(Choice {
        target_url: context.globals.target_url.as_deref(),
        is_environment_first: context.globals.override_target,
        legacy_home: workspace.home.legacy.as_deref(),
        active_scope: scope.as_deref(),
        older: older.as_ref(),
        consent: Some(&consent),
    }))
}

/// The target according to configuration, environment and command line.
pub(crate) fn resolved(context: &Context, workspace: &Workspace) -> Result<Resolved, Failure> {
    let resolved = with_choice(context, workspace, |choice| {
        resolve(&workspace.loaded, &context.env, &choice)
    })?;
    Ok(resolved.map_err(ops::Error::from)?)
}

/// Reports what was absorbed from the spool; returns the exit that follows from it.
pub(crate) fn tell_absorbed(context: &Context, absorbed: &Absorbed) -> Exit {
    let printer = &context.printer;
    if absorbed.lines() > 0 {
        printer.note(&format!(
            "Imported {} from the spool",
            plural(absorbed.lines(), "line")
        ));
    }
    absorbed
        .warnings
        .iter()
        .for_each(|words| printer.warning(words));
    if absorbed.evicted > 0 {
        printer.warning(&evicted_words(absorbed.evicted));
    }
    if absorbed.conflicts > 0 {
        Exit::Undeliverable
    } else {
        Exit::Success
    }
}

/// The same failure to read a store, with a note about lines that were spooled because of it.
pub(crate) fn with_spool(failure: Failure, store: &Path) -> Failure {
    let lines = Spool::beside(store)
        .look()
        .map_or(0, |waiting| waiting.lines);
    if lines == 0 {
        return failure;
    }
    let hint = failure
        .hint
        .as_deref()
        .map_or(String::new(), |hint| format!("{hint}; "));
    let lines = plural(lines, "spooled line");
    failure.with_hint(format!(
        "{hint}{lines} next to it are imported once the store can be opened"
    ))
}

/// Opens the project's store for writing.
pub(crate) fn open_store(context: &Context, workspace: &Workspace) -> Result<Store, Failure> {
    let (store, absorbed) = ops::open(&world(context), workspace)?;
    tell_absorbed(context, &absorbed);
    Ok(store)
}

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
    let allowing = |setup: &Setup<'_>| {
        Ok(Workspace::open(
            &world(context),
            &Setup {
                allows_file: true,
                ..*setup
            },
        )?)
    };
    Ok((
        with_setup(context, allowing)?,
        Some(format!("listed as if the file were allowed: {words}")),
    ))
}

/// Runs the steps of a request, and ends with its report.
pub(crate) fn travel(
    context: &Context,
    request: Request<'_>,
    is_strict: bool,
) -> Result<Exit, Failure> {
    travel_and(context, request, is_strict, &|_, _| Ok(()))
}

/// The same; calls `then` with the report before it is shown.
pub(crate) fn travel_and(
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

/// Starts the embedded receiver on a free loopback port.
pub(crate) fn start_stub(store: &Path) -> Result<Stub, String> {
    let options = Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        demo: false,
        pages: crate::serve::Pages::None,
        store: Storage::File(store.to_owned()),
        token: None,
        max_events: DEFAULT_MAX_EVENTS,
        max_bytes: DEFAULT_MAX_BYTES,
        deployment: Deployment::default(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds::default()),
        random: fastrand::f64,
        admin: None,
        requests: None,
    };
    let server = Server::start(options).map_err(|e| e.to_string())?;
    Ok(Stub {
        origin: server.origin().to_owned(),
        guard: Box::new(server),
    })
}
