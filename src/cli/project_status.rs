//! What is known of a project without its store, and its status without changing anything.

use std::path::Path;

use super::store::with_spool;
use crate::base::text::path;
use crate::cli::{Context, Failure};
use crate::endpoint::{Credentials, Gate, Resolved};
use crate::ops::report::FoundLayout;
use crate::ops::{self, Workspace};
use crate::upkeep::{Document, Facts, Surroundings, status};

/// What is known of a project, and nothing of it changed.
pub(crate) fn look(
    context: &Context,
    workspace: &Workspace,
    resolved: &Resolved,
) -> Result<Document, Failure> {
    let store = workspace.place.store();
    let unassigned = workspace.home.unassigned_imports().store();
    let around = surroundings(context, workspace, resolved, (&store, &unassigned));
    let document = status(around, context.clock.now());
    document.map_err(|error| with_spool(error.into(), &store))
}

/// What is known without the store.
pub(crate) fn surroundings<'a>(
    context: &Context,
    workspace: &'a Workspace,
    resolved: &'a Resolved,
    (store, unassigned): (&'a Path, &'a Path),
) -> Surroundings<'a> {
    let config = &workspace.loaded.config;
    let found: Vec<_> = ops::found(workspace, &context.interrupt)
        .iter()
        .map(FoundLayout::words)
        .collect();
    // Where something is sent, a gate says it.
    let not_used: Vec<_> = resolved
        .not_used()
        .filter(|_| !resolved.is_server())
        .into_iter()
        .collect();
    Surroundings {
        store,
        facts: Facts {
            project_uuid: workspace.identity.project_uuid.clone(),
            project_slug: workspace.identity.project_slug.clone(),
            repo: path(&workspace.root),
            store: path(store),
            store_exists: store.exists(),
        },
        resolved,
        gates: gates(context, workspace, resolved),
        state: &workspace.home.state,
        legacy_home: workspace.home.legacy.as_deref(),
        unassigned,
        root: &workspace.root,
        warn_rows: config.journal.warn_rows,
        warnings: [
            workspace.loaded.warnings.as_slice(),
            resolved.warnings.as_slice(),
            &not_used,
            &found,
        ]
        .concat(),
    }
}

/// The gates of the target, behind that of the project's identity where it is shut.
fn gates(context: &Context, workspace: &Workspace, resolved: &Resolved) -> Vec<Gate> {
    let identity = Gate::of_identity(workspace.identity.project_uuid.is_some());
    let target = Credentials::new(resolved, &workspace.loaded.config, &context.env).gates();
    [identity]
        .into_iter()
        .filter(|gate| !gate.is_open)
        .chain(target)
        .collect()
}
