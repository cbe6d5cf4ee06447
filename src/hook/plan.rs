//! Decides what to change and what to leave alone: from a survey to a list of steps.

use std::path::PathBuf;

use super::survey::{Obstacle, wanted};
use super::{Hook, Manager, Standing, Survey, script};
use crate::base::text;

/// How git calls this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Sections of the repository's configuration.
    Config,
    /// Files in the repository's hook directory.
    Files,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Sets a key of the repository's configuration.
    Set {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// Removes a section of the repository's configuration.
    RemoveSection(String),
    /// Writes this text as a hook file that does not exist yet.
    Write(PathBuf, String),
    /// Removes a file whose bytes this program wrote.
    Remove(Hook, PathBuf),
    /// Removes the hook directory if it is empty.
    RemoveEmptyDir(PathBuf),
}

/// Something that is left alone, and what the user can do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Refusal {
    /// A stable word for scripts.
    pub(crate) reason: &'static str,
    /// Description of what was found.
    pub(crate) what: String,
    /// The fix.
    pub(crate) fix: String,
}

/// The text to add to the file of a hook manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stanza {
    /// The manager.
    pub(crate) manager: Manager,
    /// Its file or directory, relative to the work tree.
    pub(crate) file: &'static str,
    /// The text.
    pub(crate) text: String,
    /// The command that makes the manager read its file; `None` if it needs none.
    pub(crate) activation: Option<&'static str>,
}

/// The changes to make.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    /// How git will call this program; `None` if this program cannot arrange it.
    pub(crate) method: Option<Method>,
    /// The changes, in order; empty if something is refused.
    pub(crate) steps: Vec<Step>,
    /// The reasons why nothing is changed.
    pub(crate) refusals: Vec<Refusal>,
    /// The text that the user adds to another file.
    pub(crate) stanza: Option<Stanza>,
}

/// The changes that make git call this program after commits. `method` is the user's choice; `None`
/// selects the best one.
pub(crate) fn install(survey: &Survey, method: Option<Method>) -> Plan {
    match method {
        Some(Method::Config) if !survey.has_config_hooks => Plan {
            refusals: vec![too_old(survey)],
            ..Plan::default()
        },
        Some(Method::Config) => by_config(survey),
        None if survey.has_config_hooks => by_config(survey),
        None if survey.manager.is_some() => by_manager(survey),
        Some(Method::Files) | None => by_files(survey),
    }
}

/// The changes that remove everything that this program installed.
pub(crate) fn uninstall(survey: &Survey) -> Plan {
    let mut steps: Vec<_> = remove_sections(survey).collect();
    let files: Vec<_> = remove_files(survey).collect();
    if !files.is_empty() {
        steps.extend(files);
        steps.push(Step::RemoveEmptyDir(survey.own_dir.clone()));
    }
    let by_hand = |hook: Hook, place: String| Refusal {
        reason: "by_hand",
        what: format!("{place} calls `{}`", script::call(hook)),
        fix: format!("take that line out of {place}"),
    };
    let hooks = survey
        .active
        .iter()
        .filter(|(_, standing)| *standing == Standing::ByHand);
    let mut refusals: Vec<_> = hooks
        .map(|(hook, _)| by_hand(*hook, text::path(&survey.active_dir().join(hook.name()))))
        .collect();
    if let Some((manager, file, called)) = &survey.manager {
        let first = called
            .first()
            .filter(|_| refusals.is_empty() || *manager != Manager::Husky);
        refusals.extend(first.map(|hook| by_hand(*hook, (*file).to_owned())));
    }
    Plan {
        method: None,
        steps,
        refusals,
        stanza: None,
    }
}

fn by_config(survey: &Survey) -> Plan {
    let mut steps = Vec::new();
    for hook in Hook::ALL {
        let entry = survey.entries.iter().find(|entry| entry.hook == hook);
        let is_called = survey.calls_by_hand(hook);
        if entry.is_some_and(|entry| !entry.is_current || is_called) {
            steps.push(Step::RemoveSection(script::section(hook)));
        }
        // If it is called already, a second call would find nothing to do.
        if !is_called && entry.is_none_or(|entry| !entry.is_current) {
            steps.extend(
                wanted(hook, survey.program.as_deref())
                    .map(|(key, value)| Step::Set { key, value }),
            );
        }
    }
    steps.extend(remove_files(survey));
    Plan {
        method: Some(Method::Config),
        steps,
        ..Plan::default()
    }
}

fn by_files(survey: &Survey) -> Plan {
    let missing: Vec<_> = Hook::ALL
        .into_iter()
        .filter(|hook| !survey.calls_by_hand(*hook))
        .collect();
    let refusals: Vec<_> = match &survey.obstacle {
        Some(_) if missing.is_empty() => Vec::new(),
        Some(obstacle) => vec![refusal_of(obstacle, &missing)],
        None => survey
            .own
            .iter()
            .filter(|(_, standing)| *standing == Standing::Foreign)
            .map(|(hook, _)| foreign(survey, *hook))
            .collect(),
    };
    if !refusals.is_empty() {
        return Plan {
            refusals,
            ..Plan::default()
        };
    }
    let steps = if survey.obstacle.is_some() {
        Vec::new()
    } else {
        write_files(survey, &missing).collect()
    };
    let steps = remove_sections(survey).chain(steps).collect();
    Plan {
        method: Some(Method::Files),
        steps,
        ..Plan::default()
    }
}

fn by_manager(survey: &Survey) -> Plan {
    let Some((manager, file, called)) = &survey.manager else {
        return Plan::default();
    };
    let is_in_place = Hook::ALL.iter().all(|hook| called.contains(hook));
    let stanza = (!is_in_place).then(|| Stanza {
        manager: *manager,
        file,
        text: manager.stanza(),
        activation: manager.activation(),
    });
    Plan {
        stanza,
        ..Plan::default()
    }
}

fn remove_sections(survey: &Survey) -> impl Iterator<Item = Step> {
    survey
        .entries
        .iter()
        .map(|entry| Step::RemoveSection(script::section(entry.hook)))
}

/// Writes the files of these hooks that are missing or outdated.
fn write_files(survey: &Survey, hooks: &[Hook]) -> impl Iterator<Item = Step> {
    let wanted = survey.own.iter().filter(|(hook, _)| hooks.contains(hook));
    wanted.flat_map(|(hook, standing)| {
        let file = survey.own_dir.join(hook.name());
        let remove = (*standing == Standing::Outdated).then(|| Step::Remove(*hook, file.clone()));
        let is_missing = matches!(standing, Standing::Absent | Standing::Outdated);
        let text = || script::text(*hook, survey.program.as_deref());
        remove
            .into_iter()
            .chain(is_missing.then(|| Step::Write(file, text())))
    })
}

fn remove_files(survey: &Survey) -> impl Iterator<Item = Step> {
    let ours = survey
        .own
        .iter()
        .filter(|(_, standing)| matches!(standing, Standing::Ours | Standing::Outdated));
    ours.map(|(hook, _)| Step::Remove(*hook, survey.own_dir.join(hook.name())))
}

fn foreign(survey: &Survey, hook: Hook) -> Refusal {
    let path = text::path(&survey.own_dir.join(hook.name()));
    Refusal {
        reason: "foreign_hook",
        what: format!("{path} is not from sk-sync; it was not changed, and nothing was installed"),
        fix: format!(
            "add this line to it, then run the command again: {}",
            script::line(hook)
        ),
    }
}

fn refusal_of(obstacle: &Obstacle, missing: &[Hook]) -> Refusal {
    let names = missing
        .iter()
        .map(|hook| hook.name())
        .collect::<Vec<_>>()
        .join(", ");
    let (reason, what) = match obstacle {
        Obstacle::HooksPath(dir) => (
            "hooks_path",
            format!("core.hooksPath sends git to {}", text::path(dir)),
        ),
        Obstacle::Link(dir) => (
            "linked_directory",
            format!("the hook directory is a link to {}", text::path(dir)),
        ),
    };
    let fix = format!(
        "in that directory, add to each of {names} its line, as `{}`; or use git 2.54 or newer, which takes hooks from \
         its configuration",
        script::line(*missing.first().unwrap_or(&Hook::Commit))
    );
    Refusal {
        reason,
        what: format!(
            "{what}, where others may own the hooks or git may track them; nothing was installed"
        ),
        fix,
    }
}

fn too_old(survey: &Survey) -> Refusal {
    Refusal {
        reason: "git_too_old",
        what: format!(
            "git {} does not take hooks from its configuration",
            text::printable(&survey.git_version)
        ),
        fix: "leave --method out, or use git 2.54 or newer".to_owned(),
    }
}
