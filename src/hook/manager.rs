//! Programs that already manage a repository's hooks: which one, and what to add to its file.

use std::path::Path;

use super::{Hook, script};
use crate::base::files;

/// A hook manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    /// lefthook.
    Lefthook,
    /// pre-commit.
    PreCommit,
    /// husky.
    Husky,
}

/// The files that identify each manager, relative to the work tree. A stanza is added to the one
/// that exists.
const FILES: [(Manager, &[&str]); 3] = [
    (
        Manager::Lefthook,
        &[
            "lefthook.yml",
            "lefthook.yaml",
            ".lefthook.yml",
            ".lefthook.yaml",
            "lefthook.toml",
        ],
    ),
    (
        Manager::PreCommit,
        &[".pre-commit-config.yaml", ".pre-commit-config.yml"],
    ),
    (Manager::Husky, &[".husky"]),
];

impl Manager {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lefthook => "lefthook",
            Self::PreCommit => "pre-commit",
            Self::Husky => "husky",
        }
    }

    /// The text to add to its file so that it calls this program.
    pub(super) fn stanza(self) -> String {
        let each = |write: fn(Hook) -> String| Hook::ALL.map(write).concat();
        match self {
            Self::Lefthook => each(|hook| {
                format!(
                    "{}:\n  commands:\n    sk-sync:\n      run: {} {{0}}\n",
                    hook.name(),
                    script::call(hook)
                )
            }),
            Self::PreCommit => {
                let names = Hook::ALL.map(Hook::name).join(", ");
                let hooks = each(|hook| {
                    format!(
                        "      - id: sk-sync-{name}\n        name: sk-sync\n        entry: {}\n        language: system\n        \
                         stages: [{name}]\n        always_run: true\n        pass_filenames: false\n",
                        script::call(hook),
                        name = hook.name(),
                    )
                });
                format!(
                    "default_install_hook_types: [pre-commit, {names}]\nrepos:\n  - repo: local\n    hooks:\n{hooks}"
                )
            }
            Self::Husky => {
                each(|hook| format!("# .husky/{}\n{}\n", hook.name(), script::line(hook)))
            }
        }
    }

    /// The command that makes it read its changed file; `None` if it needs none.
    pub(super) const fn activation(self) -> Option<&'static str> {
        match self {
            Self::Lefthook => Some("lefthook install"),
            Self::PreCommit => Some("pre-commit install"),
            Self::Husky => None,
        }
    }
}

/// The manager in use in a work tree, and its file or directory; `None` without one.
pub(super) fn detect(root: &Path) -> Option<(Manager, &'static str)> {
    let present =
        |names: &&[&'static str]| names.iter().find(|name| root.join(name).exists()).copied();
    FILES
        .iter()
        .find_map(|(manager, names)| Some((*manager, present(names)?)))
}

/// The hooks for which the manager's file already calls this program.
pub(super) fn called(root: &Path, manager: Manager, file: &str) -> Vec<Hook> {
    let read = |path: &Path| files::read_beginning(path).unwrap_or_default();
    let calls = |hook: &Hook| {
        let text = match manager {
            Manager::Husky => read(&root.join(file).join(hook.name())),
            Manager::Lefthook | Manager::PreCommit => read(&root.join(file)),
        };
        script::recognise(*hook, &text, None) == super::Standing::ByHand
    };
    Hook::ALL.into_iter().filter(calls).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_without_an_end_calls_nothing() {
        let temp = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/zero", temp.path().join("lefthook.yml")).unwrap();
        assert_eq!(called(temp.path(), Manager::Lefthook, "lefthook.yml"), []);
    }

    #[test]
    fn a_stanza_in_place_is_seen() {
        for (manager, file) in [
            (Manager::Lefthook, "lefthook.yml"),
            (Manager::PreCommit, ".pre-commit-config.yaml"),
        ] {
            let temp = tempfile::tempdir().unwrap();
            assert_eq!(detect(temp.path()), None);
            std::fs::write(temp.path().join(file), "pre-commit: {}\n").unwrap();
            assert_eq!(detect(temp.path()), Some((manager, file)));
            assert_eq!(called(temp.path(), manager, file), []);
            std::fs::write(temp.path().join(file), manager.stanza()).unwrap();
            assert_eq!(
                called(temp.path(), manager, file),
                Hook::ALL,
                "{}",
                manager.stanza()
            );
        }
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join(".husky")).unwrap();
        std::fs::write(
            temp.path().join(".husky/post-merge"),
            script::line(Hook::Merge),
        )
        .unwrap();
        assert_eq!(detect(temp.path()), Some((Manager::Husky, ".husky")));
        assert_eq!(called(temp.path(), Manager::Husky, ".husky"), [Hook::Merge]);
    }
}
