//! `hook status`: which hooks call this program, and how.

use std::path::Path;

use serde::Serialize;

use super::called::{Line, is_on_path, lines, program};
use crate::base::text::{path, printable};
use crate::cli::project::workspace;
use crate::cli::render::plural;
use crate::cli::{Context, Exit, Failure};
use crate::git::{self, Git};
use crate::hook::{self, Hook, Survey};
use crate::ops::Workspace;

/// Show which hooks call sk-sync.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "a document states facts")]
struct Document<'a> {
    installed: bool,
    git_version: &'a str,
    config_hooks: bool,
    hooks_dir: String,
    hooks: Vec<Line>,
    manager: Option<&'static str>,
    on_path: bool,
    log: Option<String>,
    last_entry: Option<String>,
    /// Number of commits that changed missions after the last check by a hook.
    not_captured: usize,
    /// Jujutsu is used in this checkout; it runs no git hooks.
    jj: bool,
    /// The next steps; may be empty.
    next: Vec<String>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let (git, checkout) = (Git::new(&context.env), context.checkout()?);
    let survey = hook::survey(&git, &checkout, program(context).as_deref())?;
    let lines = lines(&survey);
    let installed = lines.iter().all(|line| line.state.is_called());
    let on_path = is_on_path(context);
    // Hooks can be shown even if the configuration is broken.
    let workspace = workspace(context).ok();
    let log = workspace
        .as_ref()
        .map(|workspace| hook::log_path(&workspace.place.store()));
    let last_entry = log.as_deref().and_then(hook::last_line);
    let missed = match &workspace {
        Some(workspace) if installed => not_captured(&git, workspace, &survey),
        _ => 0,
    };
    let jj = checkout.root.join(".jj").is_dir();
    let next = next_steps(&survey, installed, missed);
    if args.json {
        context.printer.reply(
            "hook status",
            Exit::Success,
            &Document {
                installed,
                git_version: &survey.git_version,
                config_hooks: survey.has_config_hooks,
                hooks_dir: path(survey.active_dir()),
                hooks: lines,
                manager: survey.manager.as_ref().map(|(manager, ..)| manager.name()),
                on_path,
                log: log.as_deref().map(path),
                last_entry,
                not_captured: missed,
                jj,
                next,
            },
        );
        return Ok(Exit::Success);
    }
    for line in &lines {
        context
            .printer
            .result(&format!("{:<13}  {}", line.hook, line.state.words()));
    }
    let takes = if survey.has_config_hooks {
        "takes"
    } else {
        "does not take"
    };
    context.printer.note(&format!(
        "git {} {takes} hooks from its configuration; hook files are in {}",
        printable(&survey.git_version),
        path(survey.active_dir())
    ));
    if let Some(entry) = last_entry {
        context
            .printer
            .note(&format!("last entry of the log: {entry}"));
    }
    if !on_path {
        context
            .printer
            .warning("sk-sync is not on the PATH of this shell, where the hooks look for it first");
    }
    if missed > 0 {
        context.printer.warning(&format!(
            "{} changed missions after a hook last looked: what made them did not run the hooks, or the hooks did not \
             find sk-sync",
            plural(missed as u64, "commit")
        ));
    }
    if jj {
        context.printer.warning(
            "jj runs no git hooks: commits made with jj are captured by the next `sk-sync run` or the next git hook",
        );
    }
    for step in next {
        context.printer.note(&format!("Next: {step}"));
    }
    Ok(Exit::Success)
}

/// Number of commits that changed missions after the last check by a hook, or since the hooks were
/// installed.
fn not_captured(git: &Git, workspace: &Workspace, survey: &Survey) -> usize {
    let seconds = |path: &Path| {
        let time = std::fs::metadata(path)
            .and_then(|meta| meta.modified())
            .ok()?;
        i64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
    };
    let checkout = &workspace.checkout;
    let config = checkout.common_dir.as_ref().map(|dir| dir.join("config"));
    let installed = survey.active_dir().join(Hook::Commit.name());
    let since = [
        Some(hook::stamp_path(&workspace.place.store(), &workspace.root)),
        Some(installed),
        config,
    ]
    .into_iter()
    .flatten()
    .find_map(|file| seconds(&file));
    let Some(arrived) = since.and_then(|since| git::arrived_after(checkout, since)) else {
        return 0;
    };
    let artifacts = workspace.root.join(&workspace.loaded.config.artifacts.root);
    let below = artifacts.strip_prefix(&checkout.root).unwrap_or(&artifacts);
    below.to_str().map_or(0, |below| {
        git::count_changing(git, checkout, &arrived, below)
    })
}

/// The next steps; never a command that would only fail.
fn next_steps(survey: &Survey, installed: bool, missed: usize) -> Vec<String> {
    let mut steps = Vec::new();
    let plan = hook::install(survey, None);
    if !installed {
        match (&plan.refusals[..], &plan.stanza) {
            ([], Some(stanza)) => {
                steps.push(format!(
                    "`sk-sync hook install` prints what to add to {}",
                    stanza.file
                ));
            }
            ([], None) => steps.push("`sk-sync hook install`".to_owned()),
            (refusals, _) => steps.extend(refusals.iter().map(|refusal| refusal.fix.clone())),
        }
    }
    if missed > 0 {
        steps.push("`sk-sync run` captures what the hooks did not".to_owned());
    }
    steps
}
