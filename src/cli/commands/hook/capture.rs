//! Captures what changed since the last hook: the stamp says what did.

use std::path::{Path, PathBuf};

use crate::cli::project::world;
use crate::cli::{Context, Failure};
use crate::dossier::Sources;
use crate::git;
use crate::hook::{self, Changed, Stamp, View};
use crate::ops::{self, Workspace};

/// Up to this many files and directories, a thread pool costs more than it saves.
const FEW: usize = 256;

/// Captures the missions that changed since `known`, or all if they are in several places and one
/// of those changed; returns the numbers of new events and new documents.
pub(super) fn capture(
    context: &Context,
    workspace: &Workspace,
    sources: &Sources,
    known: Option<&Stamp>,
    path: &Path,
) -> Result<(i64, i64), Failure> {
    // Git's index is compared only if the last capture depended on it: it changes with every
    // commit.
    let with_index = ground(workspace, sources, true);
    let hangs_on_index = known.is_some_and(|known| known.is_on(&with_index));
    let words = if hangs_on_index {
        with_index
    } else {
        ground(workspace, sources, false)
    };
    let (seen, is_known) = look(context, workspace, sources, &words)?;
    let missions = match seen.changed_since(known) {
        Changed::Nothing if is_known => {
            // The stamp's modification time is the time of the last check: `hook status` compares
            // it with the commits.
            Stamp::touch(path, context.clock.now());
            return Ok((0, 0));
        }
        Changed::Missions(missions) if sources.is_kitty_alone() => Some(missions),
        _ => None,
    };
    if is_known && seen.entries() <= FEW {
        stay_on_this_thread();
    }
    let done = ops::capture_quickly(&world(context), workspace, missions.as_deref())?;
    for warning in &done.warnings {
        log::info!("{warning}");
    }
    // The store may be new since then; the files are the captured ones. After a capture of some
    // missions the others are unknown.
    let hangs_on_index = done.hangs_on_index || (hangs_on_index && missions.is_some());
    let seen = seen.on_ground(&ground(workspace, sources, hangs_on_index));
    if let Err(error) = seen.write(path) {
        log::warn!("the next hook will look at everything again: {error}");
    }
    Ok((done.captured, done.documents))
}

/// Makes this thread alone read the files: idle threads would take processor time from git.
fn stay_on_this_thread() {
    if let Err(error) = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()
    {
        log::debug!("the files are read by several threads: {error}");
    }
}

/// Checks the places of units and what their capture depends on; the second value is false if they
/// may be anywhere, so that nothing could be checked.
fn look(
    context: &Context,
    workspace: &Workspace,
    sources: &Sources,
    words: &str,
) -> Result<(Stamp, bool), Failure> {
    let now = context.clock.now();
    let failed = |error: std::io::Error| {
        Failure::io(&crate::base::files::named(
            &error,
            "cannot look at the documents of",
            &workspace.root,
        ))
    };
    if sources.is_kitty_alone() {
        let root = &workspace.loaded.config.artifacts.root;
        let (artifacts, main_artifacts) =
            (&workspace.root.join(root), &workspace.main_root.join(root));
        return Ok((
            Stamp::look(&View {
                artifacts,
                main_artifacts,
                words,
                now,
            })
            .map_err(failed)?,
            true,
        ));
    }
    // A mission of `kitty` is described in the main work tree, which is not checked here.
    let is_own = workspace.root == workspace.main_root || sources.root().is_none();
    let places = sources.places().filter(|_| is_own);
    let seen = Stamp::look_at(
        &workspace.root,
        places.as_deref().unwrap_or_default(),
        words,
        now,
    )
    .map_err(failed)?;
    Ok((seen, places.is_some()))
}

/// A text that changes with everything that captures depend on besides the files of units: the
/// project, its store, the branch, the configuration and git's ignore rules; `with_index` also with
/// git's index.
fn ground(workspace: &Workspace, sources: &Sources, with_index: bool) -> String {
    let config = serde_json::to_string(&workspace.loaded.values).unwrap_or_default();
    let index = workspace
        .checkout
        .git_dir
        .iter()
        .filter(|_| with_index)
        .map(|dir| dir.join("index"));
    let ignored = workspace
        .git_ignored()
        .map(|_| pattern_files(workspace, sources))
        .unwrap_or_default();
    let states: Vec<_> = ignored
        .into_iter()
        .chain(index)
        .map(|file| hook::state_of(&file))
        .collect();
    [
        workspace
            .identity
            .project_uuid
            .as_deref()
            .unwrap_or_default(),
        &hook::place_of(&workspace.place.store()).unwrap_or_default(),
        &git::branch_file(&workspace.checkout),
        &config,
        &states.join("\n"),
    ]
    .join("\n")
}

/// The ignore files above the places of units; those inside are checked with the units.
fn pattern_files(workspace: &Workspace, sources: &Sources) -> Vec<PathBuf> {
    let root = &workspace.root;
    let places = sources.places().unwrap_or_default();
    let above = places
        .iter()
        .map(|place| root.join(place))
        .chain([root.clone()]);
    let mut dirs: Vec<PathBuf> = above
        .flat_map(|dir| dir.ancestors().map(Path::to_owned).collect::<Vec<_>>())
        .collect();
    dirs.retain(|dir| dir.starts_with(&workspace.checkout.root));
    dirs.sort_unstable();
    dirs.dedup();
    let exclude = workspace
        .checkout
        .common_dir
        .iter()
        .map(|dir| dir.join("info/exclude"));
    exclude
        .chain(dirs.into_iter().map(|dir| dir.join(git::PATTERN_FILE)))
        .collect()
}
