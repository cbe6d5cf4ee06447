//! Every work tree of a repository, read from its files.

use std::path::{Path, PathBuf};

use super::Checkout;

/// The main work tree, if there is one, and every registered linked one, sorted by name. For a
/// plain directory only that directory.
pub(crate) fn work_trees(checkout: &Checkout) -> Vec<PathBuf> {
    let Some(common) = &checkout.common_dir else {
        return vec![checkout.root.clone()];
    };
    let mut linked: Vec<_> = std::fs::read_dir(common.join("worktrees"))
        .into_iter()
        .flatten()
        .filter_map(|entry| linked(&entry.ok()?.path()))
        .filter(|tree| *tree != checkout.main_root)
        .collect();
    linked.sort();
    let mut all = vec![checkout.main_root.clone()];
    all.append(&mut linked);
    all
}

/// The work tree whose `.git` file is named in `gitdir` of its administrative directory.
fn linked(admin: &Path) -> Option<PathBuf> {
    let named = super::plain::bytes(&admin.join("gitdir")).ok()?;
    let dot_git = super::checkout::path_of(&named)?;
    std::fs::canonicalize(admin.join(dot_git))
        .ok()?
        .parent()
        .map(Path::to_owned)
}
