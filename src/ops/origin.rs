//! The origin of a run's events: project, user, machine.

use super::{Workspace, World};
use crate::base::Env;
use crate::base::env::{LNAME, LOGNAME, USER, USERNAME};
use crate::dossier;
use crate::event::{Origin, node_id};
use crate::git::Facts;

/// The origin of this run's events.
pub(super) fn origin(
    world: &World<'_>,
    workspace: &Workspace,
    project_uuid: &str,
    facts: &Facts,
) -> Origin {
    let identity = &workspace.identity;
    let node_id = node_id(&host(), &user(world.env));
    let build_id = identity
        .build_id
        .clone()
        .unwrap_or_else(|| dossier::build_id(project_uuid, &node_id));
    Origin {
        project_uuid: project_uuid.to_owned(),
        project_slug: Some(project_slug(workspace, facts)).filter(|s| !s.is_empty()),
        build_id,
        node_id,
        team_slug: workspace.loaded.config.teamspace.team_slug.clone(),
        git_branch: facts.branch.clone(),
        head_commit_sha: facts.head.clone(),
        repo_slug: identity
            .repo_slug
            .clone()
            .or_else(|| facts.repo_slug.clone()),
    }
}

/// The project's name: from its identity, else from the remote or the directory.
pub(super) fn project_slug(workspace: &Workspace, facts: &Facts) -> String {
    workspace
        .identity
        .project_slug
        .clone()
        .unwrap_or_else(|| facts.project_slug.clone())
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    String::new()
}

/// The first set variable of those that the reference uses, else the name in the password file.
fn user(env: &Env) -> String {
    let named = [LOGNAME, USER, LNAME, USERNAME]
        .iter()
        .find_map(|name| env.text(name));
    named
        .map(str::to_owned)
        .or_else(of_password_file)
        .unwrap_or_default()
}

#[cfg(unix)]
fn of_password_file() -> Option<String> {
    let uid = rustix::process::getuid().as_raw().to_string();
    let file = std::fs::read_to_string("/etc/passwd").ok()?;
    let entry = file
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&uid))?;
    entry.split(':').next().map(str::to_owned)
}

#[cfg(not(unix))]
fn of_password_file() -> Option<String> {
    None
}
