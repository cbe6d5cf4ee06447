//! By what each hook calls this program, and the path by which it does.

use std::path::PathBuf;

use serde::Serialize;

use crate::base::env::PATH;
use crate::cli::Context;
use crate::hook::{Hook, Standing, Survey};

/// State of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Called by a section of the repository's configuration.
    Config,
    /// Called by a hook file of this program.
    File,
    /// Called by another program's or the user's hook.
    ByHand,
    /// Called by a hook manager.
    Manager,
    /// Our section or file differs from what this version writes, or names another path of this
    /// program.
    Outdated,
    /// Another program's or the user's hook, which does not call this program.
    Foreign,
    /// Nothing calls this program.
    Absent,
}

impl State {
    /// True if git calls this program by it.
    pub(super) const fn is_called(self) -> bool {
        !matches!(self, Self::Foreign | Self::Absent)
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Config => "installed in git's configuration",
            Self::File => "installed as a file",
            Self::ByHand => "called from a hook of yours",
            Self::Manager => "called by a hook manager",
            Self::Outdated => {
                "installed by another version or from another place; `sk-sync hook install` updates it"
            }
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

/// The state of each hook.
pub(super) fn lines(survey: &Survey) -> Vec<Line> {
    Hook::ALL
        .map(|hook| Line {
            hook: hook.name(),
            state: state(survey, hook),
        })
        .into()
}

fn state(survey: &Survey, hook: Hook) -> State {
    let standing = survey
        .active
        .iter()
        .find(|(of, _)| *of == hook)
        .map_or(Standing::Absent, |(_, standing)| *standing);
    // An older git ignores these sections.
    let entry = survey
        .entries
        .iter()
        .find(|entry| entry.hook == hook)
        .filter(|_| survey.has_config_hooks);
    let is_managed = survey
        .manager
        .as_ref()
        .is_some_and(|(_, _, called)| called.contains(&hook));
    match (entry, standing) {
        (Some(entry), _) if entry.is_current => State::Config,
        (Some(_), _) | (None, Standing::Outdated) => State::Outdated,
        (None, Standing::Ours) => State::File,
        (None, Standing::ByHand) => State::ByHand,
        (None, Standing::Foreign | Standing::Absent) if is_managed => State::Manager,
        (None, Standing::Foreign) => State::Foreign,
        (None, Standing::Absent) => State::Absent,
    }
}

/// The absolute path by which this program is called: its path on the `PATH` if that leads to it,
/// because an update keeps that path and may replace the target; else the program file itself.
pub(super) fn program(context: &Context) -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let path = context.env.path(PATH).unwrap_or_default();
    let named = std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(file_name()));
    let is_own = |file: &PathBuf| {
        file.canonicalize()
            .is_ok_and(|file| own.canonicalize().is_ok_and(|own| own == file))
    };
    Some(named.into_iter().find(is_own).unwrap_or(own))
}

fn file_name() -> String {
    format!("sk-sync{}", std::env::consts::EXE_SUFFIX)
}

/// True if a hook started from this environment finds the program.
pub(super) fn is_on_path(context: &Context) -> bool {
    let Some(path) = context.env.path(PATH) else {
        return false;
    };
    std::env::split_paths(&path).any(|dir| dir.join(file_name()).is_file())
}
