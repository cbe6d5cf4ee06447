//! The missions in a work tree, by name: none is read.

use super::{Workspace, World};
use crate::dossier::{self, Project};

/// The slugs of the missions that an index would find, sorted; none where it would find an error.
pub(crate) fn mission_slugs(world: &World<'_>, workspace: &Workspace) -> Vec<String> {
    let Ok(sources) = workspace.sources() else {
        return Vec::new();
    };
    let ignored = workspace.git_ignored();
    let project = Project {
        root: &workspace.root,
        is_repository: workspace.checkout.is_repository(),
        sources: &sources,
        git_ignored: ignored.as_ref(),
        interrupt: world.interrupt,
    };
    dossier::slugs(&project).unwrap_or_default()
}
