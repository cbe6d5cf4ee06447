//! The present hooks of a repository; changes nothing.

use std::path::{Path, PathBuf};

use super::{Error, Hook, Manager, Standing, manager, script};
use crate::base::{files, text};
use crate::git::{Checkout, Git};

/// The first version of git that runs hooks from its configuration: 2.54.
const CONFIG_HOOKS_SINCE: (u32, u32) = (2, 54);

/// A section of git's configuration for one hook, under our name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The hook of the section.
    pub(crate) hook: Hook,
    /// True if the section equals what this program writes.
    pub(crate) is_current: bool,
}

/// Why no file may be written to git's hook directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// `core.hooksPath` names a directory that is not the repository's own.
    HooksPath(PathBuf),
    /// The repository's own directory is a link, to files that are shared or tracked.
    Link(PathBuf),
}

/// The present state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Git's version, as `2.47.3`.
    pub(crate) git_version: String,
    /// True when this git runs hooks from its configuration.
    pub(crate) has_config_hooks: bool,
    /// Our sections in the repository's configuration.
    pub(crate) entries: Vec<Entry>,
    /// The repository's own directory for hook files; all work trees share it. It need not exist.
    pub(crate) own_dir: PathBuf,
    /// State of each hook file in it.
    pub(crate) own: Vec<(Hook, Standing)>,
    /// Why no file may be written there; `None` if it may.
    pub(crate) obstacle: Option<Obstacle>,
    /// State of each hook file where git looks: in `own_dir`, or in the directory of the obstacle.
    pub(crate) active: Vec<(Hook, Standing)>,
    /// The absolute path of this program, for hooks that do not find it by name; `None` if it is
    /// not UTF-8.
    pub(crate) program: Option<String>,
    /// The hook manager, its file, and the hooks for which it calls this program.
    pub(crate) manager: Option<(Manager, &'static str, Vec<Hook>)>,
}

impl Survey {
    /// The directory where git looks for hook files.
    pub(crate) fn active_dir(&self) -> &Path {
        match &self.obstacle {
            Some(Obstacle::HooksPath(dir) | Obstacle::Link(dir)) => dir,
            None => &self.own_dir,
        }
    }

    /// True if a foreign hook, or a hook manager, calls this program for `hook`.
    pub(crate) fn calls_by_hand(&self, hook: Hook) -> bool {
        self.active.contains(&(hook, Standing::ByHand))
            || self
                .manager
                .as_ref()
                .is_some_and(|(_, _, called)| called.contains(&hook))
    }
}

/// Reads the hooks in the repository of `checkout`. `program` is the absolute path of this program.
pub(crate) fn survey(
    git: &Git,
    checkout: &Checkout,
    program: Option<&Path>,
) -> Result<Survey, Error> {
    let Some(common) = &checkout.common_dir else {
        return Err(Error::NoRepository {
            path: text::path(&checkout.root),
        });
    };
    let said = asked(git, checkout, &["version"])?;
    let git_version = said
        .split_whitespace()
        .nth(2)
        .unwrap_or_default()
        .to_owned();
    let program = program
        .and_then(Path::to_str)
        .filter(|path| !path.contains('\n'))
        .map(str::to_owned);
    let own_dir = common.join("hooks");
    let obstacle = obstacle(git, checkout, &own_dir)?;
    let manager = manager::detect(&checkout.root).map(|(manager, file)| {
        (
            manager,
            file,
            manager::called(&checkout.root, manager, file),
        )
    });
    let mut survey = Survey {
        has_config_hooks: version(&git_version) >= Some(CONFIG_HOOKS_SINCE),
        git_version,
        entries: entries(git, checkout, program.as_deref())?,
        own: if matches!(obstacle, Some(Obstacle::Link(_))) {
            Vec::new()
        } else {
            standings(&own_dir, program.as_deref())?
        },
        own_dir,
        obstacle,
        active: Vec::new(),
        program,
        manager,
    };
    survey.active = standings(survey.active_dir(), survey.program.as_deref())?;
    Ok(survey)
}

/// Major and minor of `2.47.3` or `2.55.0.rc1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// Why files cannot be written to the repository's own hook directory; `None` if they can.
fn obstacle(git: &Git, checkout: &Checkout, own_dir: &Path) -> Result<Option<Obstacle>, Error> {
    // Child processes run with hooks disabled, by a value of this same key; its scope distinguishes
    // it.
    let args = [
        "config",
        "-z",
        "--show-scope",
        "--type=path",
        "--get-all",
        "core.hooksPath",
    ];
    let answer = git
        .ask(checkout, &args)
        .map_err(|e| failed(&args, &e.to_string()))?;
    let said = String::from_utf8_lossy(&answer.stdout).into_owned();
    let fields: Vec<&str> = said.split('\0').collect();
    let mut configured = fields.chunks(2).filter_map(|pair| match pair {
        [scope, value] if *scope != "command" => Some(*value),
        _ => None,
    });
    if let Some(value) = configured.next_back() {
        let dir = checkout.root.join(value);
        if !is_same(&dir, own_dir) {
            return Ok(Some(Obstacle::HooksPath(dir)));
        }
    }
    match std::fs::symlink_metadata(own_dir) {
        Ok(meta) if meta.is_symlink() => Ok(Some(Obstacle::Link(
            own_dir
                .canonicalize()
                .unwrap_or_else(|_| own_dir.to_owned()),
        ))),
        _ => Ok(None),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other
        || one
            .canonicalize()
            .ok()
            .is_some_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// State of each hook file in `dir`.
fn standings(dir: &Path, program: Option<&str>) -> Result<Vec<(Hook, Standing)>, Error> {
    let standing = |hook: Hook| {
        let path = dir.join(hook.name());
        match std::fs::symlink_metadata(&path) {
            Err(_) => Ok((hook, Standing::Absent)),
            // A link, even a broken one, was not written by this program; its target may still call
            // it.
            Ok(meta) if !meta.is_file() => {
                let behind = files::read_beginning(&path).unwrap_or_default();
                let is_called = script::recognise(hook, &behind, program) != Standing::Foreign;
                Ok((
                    hook,
                    if is_called {
                        Standing::ByHand
                    } else {
                        Standing::Foreign
                    },
                ))
            }
            Ok(_) => {
                let bytes = files::read_beginning(&path)
                    .map_err(|e| files::named(&e, "cannot read", &path))?;
                Ok((hook, script::recognise(hook, &bytes, program)))
            }
        }
    };
    Hook::ALL.into_iter().map(standing).collect()
}

/// Our sections in the repository's own configuration.
fn entries(git: &Git, checkout: &Checkout, program: Option<&str>) -> Result<Vec<Entry>, Error> {
    let mut found = Vec::new();
    for hook in Hook::ALL {
        let pattern = format!("^{}\\.", script::section(hook).replace('.', "\\."));
        let args = ["config", "--local", "-z", "--get-regexp", &pattern];
        let answer = git
            .ask(checkout, &args)
            .map_err(|e| failed(&args, &e.to_string()))?;
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        let values: Vec<&str> = said.split('\0').filter(|value| !value.is_empty()).collect();
        if values.is_empty() {
            continue;
        }
        let wanted = wanted(hook, program).map(|(key, value)| format!("{key}\n{value}"));
        found.push(Entry {
            hook,
            is_current: values == wanted,
        });
    }
    Ok(found)
}

/// The keys and values that our section of a hook must have.
pub(super) fn wanted(hook: Hook, program: Option<&str>) -> [(String, String); 2] {
    let section = script::section(hook);
    [
        (format!("{section}.command"), script::command(hook, program)),
        (format!("{section}.event"), hook.name().to_owned()),
    ]
}

/// Runs git; a failure is an error.
pub(super) fn asked(git: &Git, checkout: &Checkout, args: &[&str]) -> Result<String, Error> {
    let answer = git
        .ask(checkout, args)
        .map_err(|e| failed(args, &e.to_string()))?;
    if !answer.is_success {
        return Err(failed(args, &answer.stderr));
    }
    Ok(String::from_utf8_lossy(&answer.stdout)
        .trim_end()
        .to_owned())
}

fn failed(args: &[&str], said: &str) -> Error {
    Error::Git {
        asked: args.join(" "),
        said: said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (text, has) in [
            ("2.39.5", false),
            ("2.53.9", false),
            ("2.54.0", true),
            ("2.54.0.rc0", true),
            ("2.55.0", true),
            ("3.0.1", true),
            ("2", false),
            ("", false),
        ] {
            assert_eq!(version(text) >= Some(CONFIG_HOOKS_SINCE), has, "{text}");
        }
    }
}
