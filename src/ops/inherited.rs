//! After an import: conflicts to decide, and older files whose content is fully imported.

use std::path::PathBuf;

use super::older::{policy, roots};
use super::{Error, Workspace, World};
use crate::base::text;
use crate::books;
use crate::legacy::{self, Conflict, Decided, Decision};

/// The open conflicts of this project and of every store that received imports; and the stores that
/// cannot be read.
pub(crate) fn import_conflicts(
    workspace: &Workspace,
) -> Result<(Vec<Conflict>, Vec<String>), Error> {
    let (mut all, mut troubles) = (Vec::new(), Vec::new());
    for (name, path) in legacy::stores(
        &workspace.home,
        &workspace.repository_id,
        workspace.identity.project_uuid.as_deref(),
    )? {
        let read = || match books::open_read(&path).map_err(legacy::Error::from)? {
            Some(store) => store.read(|tx| legacy::conflicts(tx, &name)),
            None => Ok(Vec::new()),
        };
        match read() {
            Ok(found) => all.extend(found),
            Err(error) => troubles.push(format!(
                "the store of {name} ({}): {error}",
                text::path(&path)
            )),
        }
    }
    Ok((all, troubles))
}

/// Decides conflicts of imports, or reports what a decision would change.
pub(crate) fn decide(
    world: &World<'_>,
    workspace: &Workspace,
    decision: &Decision<'_>,
) -> Result<Decided, Error> {
    let project = workspace.identity.project_uuid.as_deref();
    let stores = legacy::stores(&workspace.home, &workspace.repository_id, project)?;
    Ok(legacy::decide_everywhere(
        &stores,
        world.clock.now(),
        decision,
        &policy(workspace),
        project,
    ))
}

/// Result for an older file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cleaned {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its new name.
    pub(crate) renamed_to: Option<PathBuf>,
    /// Why it is kept; `None` if it was renamed.
    pub(crate) kept_because: Option<String>,
}

/// Renames the older files whose rows are all accounted for.
pub(crate) fn clean_up(
    world: &World<'_>,
    workspace: &Workspace,
    dry_run: bool,
) -> Result<Vec<Cleaned>, Error> {
    let roots = roots(workspace);
    let now = world.clock.now().to_string();
    let date = now.get(..10).unwrap_or(&now);
    let mut plan = legacy::plan_cleanup(&workspace.home, &roots)?;
    let is_idle = dry_run || plan.iter().all(|candidate| candidate.obstacle.is_some());
    let _held = if is_idle {
        None
    } else {
        let patience = workspace.loaded.config.drain.lock_wait;
        let held = legacy::lock_sources(
            &workspace.home,
            "migrate cleanup",
            patience,
            world.clock,
            world.interrupt,
        )?;
        plan = legacy::plan_cleanup(&workspace.home, &roots)?;
        Some(held)
    };
    let cleaned = plan.into_iter().map(|candidate| {
        let mut kept_because = candidate.obstacle.clone();
        let mut renamed_to = None;
        if kept_because.is_none() && !dry_run {
            match legacy::set_away(&candidate, date) {
                Ok(path) => renamed_to = Some(path),
                Err(error) => kept_because = Some(error.to_string()),
            }
        }
        Cleaned {
            path: candidate.path,
            renamed_to,
            kept_because,
        }
    });
    Ok(cleaned.collect())
}
