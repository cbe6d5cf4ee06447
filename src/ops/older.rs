//! Older stores of the project: where they are looked for, and under which rules their rows are
//! imported.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Workspace, World};
use crate::base::text::os_path;
use crate::config::{Delivery, Imported, Retention};
use crate::endpoint::Resolved;
use crate::event::FamilyTable;
use crate::git;
use crate::legacy::{self, Names, Policy};

/// Directory below the top of a project in which older versions wrote what did not fit into a
/// queue.
const OVERFLOW: &str = ".kittify/sync";

/// The tops of the project below which an older version wrote overflow files.
pub(super) fn roots(workspace: &Workspace) -> Vec<&Path> {
    let mut roots = vec![workspace.main_root.as_path()];
    if workspace.root != workspace.main_root {
        roots.push(&workspace.root);
    }
    roots
}

/// What happens to imported events of the current project.
pub(super) fn policy(workspace: &Workspace) -> Policy {
    let config = &workspace.loaded.config;
    Policy {
        families: FamilyTable::with_local_only(config.families.local_only.iter().cloned()),
        is_opted_out: config.retention == Retention::Off && config.delivery == Delivery::None,
        is_held: config.migrate.imported == Imported::Held,
    }
}

/// The request to look into them. `roots` and `tracked` are those of this project.
pub(super) fn request<'a>(
    world: &'a World<'_>,
    workspace: &'a Workspace,
    resolved: &'a Resolved,
    (roots, tracked): (&'a [&'a Path], &'a [PathBuf]),
    patience: Duration,
) -> legacy::Request<'a> {
    let config = &workspace.loaded.config;
    let authority = &resolved.authority;
    let some =
        |names: &[&Option<String>]| names.iter().filter_map(|name| (*name).clone()).collect();
    let mut users: Vec<String> = some(&[&authority.user_id]);
    users.push(config.teamspace.user_email.clone());
    legacy::Request {
        home: &workspace.home,
        repository: &workspace.repository_id,
        roots,
        is_adopted: workspace.place.adopted().is_file(),
        tracked,
        project: workspace.identity.project_uuid.as_deref(),
        target: resolved.identity.as_ref(),
        policy: policy(workspace),
        names: Names {
            servers: some(&[
                &authority.configured_server_url,
                &authority.env_server_url,
                &authority.resolved_server_url,
            ]),
            users,
            teams: some(&[&authority.team_slug]),
        },
        retries: false,
        patience,
        clock: world.clock,
        interrupt: world.interrupt,
    }
}

/// Overflow files that git tracks, so they came with a clone; all of them if git cannot be run.
pub(super) fn tracked(world: &World<'_>, workspace: &Workspace) -> Vec<PathBuf> {
    if !workspace.checkout.is_repository() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for root in roots(workspace) {
        let dir = root.join(OVERFLOW);
        let files: Vec<_> = std::fs::read_dir(&dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        if files.is_empty() {
            continue;
        }
        match tracked_in(world, &dir) {
            Some(names) => all.extend(names),
            None => all.extend(files),
        }
    }
    all
}

/// The tracked files below a directory; `None` if git cannot be run, or the directory is a link to
/// another.
fn tracked_in(world: &World<'_>, dir: &Path) -> Option<Vec<PathBuf>> {
    let checkout = git::discover(dir).ok()?;
    let dir = Some(dir).filter(|dir| dir.canonicalize().is_ok_and(|real| real == **dir))?;
    let below = dir.strip_prefix(&checkout.root).ok()?.to_str()?;
    let names = ["ls-files", "-z", "--", &format!(":(top,literal){below}")];
    let answer = Workspace::git(world)
        .ask(&checkout, &names)
        .ok()
        .filter(|answer| answer.is_success)?;
    let names = answer
        .stdout
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    Some(
        names
            .map(|name| checkout.root.join(os_path(name)))
            .collect(),
    )
}
