//! `hook run`: called by git. Captures what changed, and starts a separate process that delivers
//! it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::capture::capture;
use super::handover::{Handover, hand_over, leave, leave_words, tell};
use super::watchdog::Watchdog;
use crate::cli::globals::Globals;
use crate::cli::project::{workspace, workspace_to_write};
use crate::cli::{Context, Exit, Failure};
use crate::config::{Delivery, HookDrain};
use crate::git;
use crate::hook::{self, Duty, Hook, Occasion, Stamp};
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
    let known = Stamp::read(&hook::stamp_path(&workspace.place.store(), &workspace.root));
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
    let path = hook::stamp_path(&workspace.place.store(), &workspace.root);
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

/// True if there is a target, and hooks may start a drain.
fn delivers(workspace: &Workspace) -> bool {
    let config = &workspace.loaded.config;
    config.hook.drain == HookDrain::Detached && config.delivery != Delivery::None
}
