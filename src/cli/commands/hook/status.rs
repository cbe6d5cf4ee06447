//! `hook status`: which hooks call this program, and by what.

use serde::Serialize;

use crate::base::env::PATH;
use crate::base::text::{path, printable};
use crate::cli::journey::workspace;
use crate::cli::{Context, Exit, Failure};
use crate::git::Git;
use crate::hook::{self, Hook, Standing, Survey};
use crate::ops;

/// Show which hooks call sk-sync, and by what.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a hook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// By a section of the repository's configuration.
    Config,
    /// By a hook file of ours.
    File,
    /// By a hook of somebody else.
    ByHand,
    /// By a hook manager.
    Manager,
    /// Our section is not what this version writes.
    Outdated,
    /// Somebody else's hook, which does not call this program.
    Foreign,
    /// Nothing calls this program.
    Absent,
}

impl State {
    /// True when git calls this program by it.
    pub(super) const fn is_called(self) -> bool {
        !matches!(self, Self::Foreign | Self::Absent)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Config => "installed in git's configuration",
            Self::File => "installed as a file",
            Self::ByHand => "called from a hook of yours",
            Self::Manager => "called by a hook manager",
            Self::Outdated => "installed by another version; `sk-sync hook install` brings it up to date",
            Self::Foreign => "not installed: there is a hook of yours that does not call sk-sync",
            Self::Absent => "not installed",
        }
    }
}

/// One hook.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) hook: &'static str,
    pub(super) state: State,
}

/// How each hook stands.
pub(super) fn lines(survey: &Survey) -> Vec<Line> {
    Hook::ALL.map(|hook| Line { hook: hook.name(), state: state(survey, hook) }).into()
}

fn state(survey: &Survey, hook: Hook) -> State {
    let standing = survey.active.iter().find(|(of, _)| *of == hook).map_or(Standing::Absent, |(_, standing)| *standing);
    // An older git does not look at these sections.
    let entry = survey.entries.iter().find(|entry| entry.hook == hook).filter(|_| survey.has_config_hooks);
    let is_managed = survey.manager.as_ref().is_some_and(|(_, _, called)| called.contains(&hook));
    match (entry, standing) {
        (Some(entry), _) if entry.is_current => State::Config,
        (Some(_), _) => State::Outdated,
        (None, Standing::Ours) => State::File,
        (None, Standing::ByHand) => State::ByHand,
        (None, Standing::Foreign | Standing::Absent) if is_managed => State::Manager,
        (None, Standing::Foreign) => State::Foreign,
        (None, Standing::Absent) => State::Absent,
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "a document states facts")]
struct Document<'a> {
    schema_version: u32,
    command: &'static str,
    ok: bool,
    exit_code: u8,
    installed: bool,
    git_version: &'a str,
    config_hooks: bool,
    hooks_dir: String,
    hooks: Vec<Line>,
    manager: Option<&'static str>,
    on_path: bool,
    log: Option<String>,
    last_entry: Option<String>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let survey = hook::survey(&Git::new(&context.env), &context.checkout()?)?;
    let lines = lines(&survey);
    let installed = lines.iter().all(|line| line.state.is_called());
    let on_path = is_on_path(context);
    // Hooks can be looked at where the configuration is broken.
    let log = workspace(context).ok().map(|workspace| hook::log_path(&workspace.place.store()));
    let last_entry = log.as_deref().and_then(hook::last_line);
    if args.json {
        context.printer.document(&Document {
            schema_version: ops::report::SCHEMA_VERSION,
            command: "hook status",
            ok: true,
            exit_code: Exit::Success.code(),
            installed,
            git_version: &survey.git_version,
            config_hooks: survey.has_config_hooks,
            hooks_dir: path(survey.active_dir()),
            hooks: lines,
            manager: survey.manager.as_ref().map(|(manager, ..)| manager.name()),
            on_path,
            log: log.as_deref().map(path),
            last_entry,
        });
        return Ok(Exit::Success);
    }
    for line in &lines {
        context.printer.result(&format!("{:<13}  {}", line.hook, line.state.words()));
    }
    let takes = if survey.has_config_hooks { "takes" } else { "does not take" };
    context.printer.note(&format!(
        "git {} {takes} hooks from its configuration; hook files are in {}",
        printable(&survey.git_version),
        path(survey.active_dir())
    ));
    if let Some(entry) = last_entry {
        context.printer.note(&format!("last entry of the log: {entry}"));
    }
    if !on_path {
        context.printer.warning("sk-sync is not on the PATH of this shell, where the hooks look for it");
    }
    if !installed {
        context.printer.note("Next: `sk-sync hook install`");
    }
    Ok(Exit::Success)
}

/// True when a hook started from this environment finds the program.
fn is_on_path(context: &Context) -> bool {
    let Some(path) = context.env.path(PATH) else { return false };
    let name = format!("sk-sync{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).any(|dir| dir.join(&name).is_file())
}
