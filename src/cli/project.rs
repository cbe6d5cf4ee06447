//! The project that a command works in, and its target: as the directory, the options and the
//! recorded consents have it.

use crate::cli::{Context, Failure};
use crate::config::Flag;
use crate::endpoint::{Choice, Consent, Resolved, active_scope, older, resolve};
use crate::ops::{self, Setup, Workspace, World};

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

/// The same as if the repository's file were allowed: to show what it asks for.
pub(crate) fn workspace_as_allowed(context: &Context) -> Result<Workspace, Failure> {
    with_setup(context, |setup| {
        let allowing = Setup {
            allows_file: true,
            ..*setup
        };
        Ok(Workspace::open(&world(context), &allowing)?)
    })
}

/// Calls `work` with the command line's choice of the place to work in.
pub(crate) fn with_setup<T>(
    context: &Context,
    work: impl FnOnce(&Setup<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    with_flags(context, None, work)
}

/// The same with one more setting that the command makes itself.
pub(crate) fn with_flags<T>(
    context: &Context,
    own: Option<Flag<'_>>,
    work: impl FnOnce(&Setup<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let globals = &context.globals;
    let start = context.start_dir()?;
    let preset = globals.preset.iter().map(|value| Flag {
        key: "preset",
        value,
        name: "--preset",
    });
    let flags: Vec<Flag<'_>> = preset.chain(own).collect();
    work(&Setup {
        cwd: &context.cwd,
        start: &start,
        config_file: globals.config.as_deref(),
        flags: &flags,
        settings: None,
        allows_file: !globals.allow_origin.is_empty(),
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
