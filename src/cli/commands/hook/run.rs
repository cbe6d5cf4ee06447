//! `hook run`: called by git. Captures what changed, and starts a separate process that delivers
//! it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::watchdog::Watchdog;
use crate::base::{Clock as _, clock::SystemClock};
use crate::cli::args::Globals;
use crate::cli::journey::{workspace, workspace_to_write, world};
use crate::cli::{Context, Exit, Failure};
use crate::config::{Delivery, HookDrain};
use crate::dossier::Sources;
use crate::git;
use crate::hook::{self, Changed, Duty, Hook, Occasion, Stamp, View};
use crate::ops::{self, Workspace};

/// How long git waits until the configuration is read: before that nothing can be handed to another
/// process.
const UNREAD: Duration = Duration::from_secs(1);

/// The longest `hook.budget` that a repository's file may set: another person may have written it.
const MAX_REPOSITORY_BUDGET: Duration = Duration::from_secs(5);

/// The longest time that git waits for this hook.
fn budget(workspace: &Workspace) -> Duration {
    let loaded = &workspace.loaded;
    let is_of_repository = loaded
        .values
        .iter()
        .any(|setting| setting.key == "hook.budget" && setting.origin.is_repository());
    let most = if is_of_repository {
        MAX_REPOSITORY_BUDGET
    } else {
        Duration::MAX
    };
    loaded.config.hook.budget.min(most)
}

/// Up to this many files and directories, a thread pool costs more than it saves.
const FEW: usize = 256;

/// Run as a git hook (git calls this).
///
/// Captures the spec directories that changed since the last hook, within `hook.budget`. Always
/// exits 0. Arguments from git follow the hook's name.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which hook
    #[arg(value_name = "HOOK", value_parser = Hook::ALL.map(Hook::name))]
    pub(crate) hook: String,

    /// What git gave the hook
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) args: Vec<String>,
}

/// Input of the watchdog's handover, once it is known.
#[derive(Debug, Default)]
struct Handover {
    log: Option<PathBuf>,
    delivers: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Exit {
    serve(context, args);
    // Git starts a hook at the top of the work tree; a repository may contain projects below it.
    if context.globals.repo.is_none()
        && let Ok(checkout) = context.checkout()
    {
        for project in ops::projects_below(&checkout.root) {
            let globals = Globals {
                repo: Some(project),
                ..context.globals.clone()
            };
            if let Ok(below) = Context::new(context.env.clone(), globals, context.printer.clone()) {
                serve(&below, args);
            }
        }
    }
    Exit::Success
}

/// Handles the project of the context. A failure in one project does not affect the others.
fn serve(context: &Context, args: &Args) {
    let handover = Arc::new(Mutex::new(Handover::default()));
    let words = leave_words(context);
    let watchdog = Watchdog::start(UNREAD, {
        let (handover, words) = (Arc::clone(&handover), words.clone());
        move || hand_over(&handover, words)
    });
    let outcome = attend(context, args, &watchdog, &handover);
    drop(watchdog);
    match outcome {
        Ok(None) => {}
        Ok(Some(log)) => {
            if let Err(error) = leave(&words) {
                tell(
                    &log,
                    &format!("cannot start the drain in the background: {error}"),
                );
            }
        }
        Err(failure) => {
            let message = failure.message.lines().next().unwrap_or_default();
            context.printer.warning(&format!(
                "what changed is not captured yet: {message}; see: sk-sync index"
            ));
            if let Some(log) = handover.lock().ok().and_then(|known| known.log.clone()) {
                tell(&log, &format!("{}: {message}", args.hook));
            }
        }
    }
}

/// Captures; returns the path of the log if a delivery must follow.
fn attend(
    context: &Context,
    args: &Args,
    watchdog: &Watchdog,
    handover: &Mutex<Handover>,
) -> Result<Option<PathBuf>, Failure> {
    let workspace = workspace(context)?;
    let sources = workspace.sources()?;
    if !sources.has_a_place(&workspace.root) {
        return Ok(None);
    }
    let known = Stamp::read(&stamp_path(&workspace));
    let occasion = Occasion {
        hook: Hook::ALL
            .into_iter()
            .find(|hook| hook.name() == args.hook)
            .unwrap_or(Hook::Commit),
        args: &args.args,
        is_known: known.is_some(),
        operation: git::operation(&workspace.checkout),
    };
    let duty = hook::duty(&occasion);
    if duty == Duty::Nothing {
        return Ok(None);
    }
    // Before the first capture the repository has no id, and therefore no stamp.
    let workspace = if known.is_some() {
        workspace
    } else {
        workspace_to_write(context, false)?
    };
    let path = stamp_path(&workspace);
    let delivers = duty == Duty::CaptureAndDeliver && delivers(&workspace);
    let log = hook::log_path(&workspace.place.store());
    if let Ok(mut shared) = handover.lock() {
        *shared = Handover {
            log: Some(log.clone()),
            delivers,
        };
    }
    watchdog.allow(budget(&workspace));
    let (captured, documents) = capture(context, &workspace, &sources, known.as_ref(), &path)?;
    let is_news = captured + documents > 0;
    if is_news {
        tell(&log, &format!("{}: captured {captured}", args.hook));
    }
    let owed = OwedDrain::of(&workspace);
    if duty == Duty::Capture && is_news {
        owed.note();
    }
    let is_due = delivers && (owed.settle() || is_news);
    Ok(is_due.then_some(log))
}

/// Captures the missions that changed since `known`, or all if they are in several places and one
/// of those changed; returns the numbers of new events and new documents.
fn capture(
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

/// A marker that something was captured during a git operation, so that no drain was started for
/// it.
struct OwedDrain(PathBuf);

impl OwedDrain {
    fn of(workspace: &Workspace) -> Self {
        Self(workspace.place.store().with_file_name("hook.owed"))
    }

    fn note(&self) {
        // Without the marker the next capture's drain, or the next run, sends it.
        if let Err(error) = std::fs::write(&self.0, "") {
            log::debug!("cannot write {}: {error}", self.0.display());
        }
    }

    /// Removes the marker; true if it existed.
    fn settle(&self) -> bool {
        std::fs::remove_file(&self.0).is_ok()
    }
}

/// Path of the stamp of this checkout.
pub(super) fn stamp_path(workspace: &Workspace) -> PathBuf {
    let mut name =
        crate::base::Sha256::of(workspace.root.as_os_str().as_encoded_bytes()).to_string();
    name.truncate(16);
    workspace
        .place
        .store()
        .with_file_name(format!("hook-{name}.stamp"))
}

/// True if there is a target, and hooks may start a drain.
fn delivers(workspace: &Workspace) -> bool {
    let config = &workspace.loaded.config;
    config.hook.drain == HookDrain::Detached && config.delivery != Delivery::None
}

/// The arguments of the background process: those of this process up to its command, with another
/// command.
fn leave_words(context: &Context) -> Vec<OsString> {
    let own: Vec<_> = std::env::args_os()
        .skip(1)
        .take_while(|word| word != "hook")
        .collect();
    let names_repo = own
        .iter()
        .any(|word| word.to_string_lossy().starts_with("--repo"));
    let below = context.globals.repo.clone().filter(|_| !names_repo);
    let repo = below
        .into_iter()
        .flat_map(|dir| [OsString::from("--repo"), dir.into_os_string()]);
    own.into_iter()
        .chain(repo)
        .chain(["hook", "deliver"].map(OsString::from))
        .collect()
}

fn leave(words: &[OsString]) -> std::io::Result<()> {
    hook::leave_behind(&std::env::current_exe()?, words)
}

/// The watchdog's last act: hands the capture to a background process, or logs that it was not
/// made.
fn hand_over(handover: &Mutex<Handover>, mut words: Vec<OsString>) {
    let Ok(known) = handover.lock() else { return };
    let Some(log) = &known.log else { return };
    if known.delivers {
        words.push("--index".into());
        let said = leave(&words).map_or_else(
            |e| format!(", nor can it be left to another process: {e}"),
            |()| String::new(),
        );
        tell(
            log,
            &format!("the time of this hook is over (hook.budget){said}"),
        );
    } else {
        tell(
            log,
            "the time of this hook is over (hook.budget); the next hook or run captures what changed",
        );
    }
}

/// Writes a line to the log, because a hook has no other output.
fn tell(log: &Path, said: &str) {
    if let Err(error) = hook::note(log, SystemClock.now(), said) {
        log::debug!("cannot write {}: {error}", log.display());
    }
}
