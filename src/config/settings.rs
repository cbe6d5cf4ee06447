//! The project's settings in the state directory: the layer that commands write, so that users need
//! not edit a file.
//!
//! Planning is pure; applying replaces the file atomically, under a lock held since it was read.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;

use super::Error;
use super::check::check_text;
use super::file::read_layer;
use super::key::{Key, Kind};
use super::keys::{KEYS, hint};
use super::origin::{Origin, Problem, without_secrets};
use crate::base::files::{self, named};
use crate::base::lock::{self, Lock};
use crate::base::{Clock, Interrupt};

/// How long to wait for another process that changes the file; a change takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

const HEAD: &str = "# The settings of one project, above its event-sync.toml. Written by `sk-sync target set` and `sk-sync config set`;\n\
                    # they keep every value, and no comment.\n";

/// A requested change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change<'a> {
    /// The dotted key.
    pub(crate) key: &'a str,
    /// The new value; `None` removes the key.
    pub(crate) value: Option<&'a str>,
    /// The flag that requests it.
    pub(crate) from: &'static str,
}

/// A changed key.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Changed {
    /// The dotted key.
    pub(crate) key: &'static str,
    /// The earlier value; null if unset.
    pub(crate) before: Json,
    /// The new value; null if unset.
    pub(crate) after: Json,
}

/// The changed settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Edit {
    /// The file's text; empty if nothing is set.
    pub(crate) text: String,
    /// The differences.
    pub(crate) changes: Vec<Changed>,
}

/// The settings file of a project, locked from reading to writing.
#[derive(Debug)]
pub(crate) struct Settings {
    path: PathBuf,
    text: String,
    _alone: Lock,
}

/// Why settings cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The present or new settings are invalid.
    #[error(transparent)]
    Config(#[from] Error),
    /// Another process holds the lock.
    #[error(transparent)]
    Lock(#[from] lock::Error),
    /// Their file cannot be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Settings {
    /// Locks and reads the file at `path`, which need not exist; its directory is created.
    pub(crate) fn take(
        path: &Path,
        clock: &dyn Clock,
        interrupt: &Interrupt,
    ) -> Result<Self, Refusal> {
        files::create_private_dir(path.parent().unwrap_or(path))?;
        let alone = Lock::take(
            &path.with_extension("lock"),
            "changing settings",
            PATIENCE,
            clock,
            interrupt,
        )?;
        Ok(Self {
            path: path.to_owned(),
            text: read(path)?,
            _alone: alone,
        })
    }

    /// The result of `changes`; writes nothing.
    pub(crate) fn plan(&self, changes: &[Change<'_>]) -> Result<Edit, Error> {
        plan(&self.text, &self.path, changes)
    }

    /// Writes the result.
    pub(crate) fn apply(self, edit: &Edit) -> std::io::Result<()> {
        if edit.text.is_empty() {
            return match std::fs::remove_file(&self.path) {
                Err(e) if e.kind() != ErrorKind::NotFound => {
                    Err(named(&e, "cannot remove", &self.path))
                }
                _ => Ok(()),
            };
        }
        files::replace(&self.path, edit.text.as_bytes())
    }
}

/// The result of `changes` to the file at `path`; nothing is locked or written.
pub(crate) fn plan_settings(path: &Path, changes: &[Change<'_>]) -> Result<Edit, Error> {
    plan(&read(path)?, path, changes)
}

fn read(path: &Path) -> Result<String, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(Error::Unreadable(named(&e, "cannot read", path))),
    }
}

fn plan(text: &str, path: &Path, changes: &[Change<'_>]) -> Result<Edit, Error> {
    let mut problems = Vec::new();
    let layer = read_layer(text, Origin::ProjectFile(path.to_owned()), &mut problems);
    let before: BTreeMap<_, _> = layer
        .entries
        .into_iter()
        .map(|e| (e.key.name, e.checked.shown))
        .collect();
    let mut after = before.clone();
    for change in changes {
        let Some(key) = KEYS.iter().find(|key| key.name == change.key) else {
            let message = format!(
                "unknown key `{}`{}",
                crate::base::text::printable(change.key),
                hint(change.key)
            );
            problems.push(flaw(change, message));
            continue;
        };
        match change.value.map(|value| check_text(key.kind, value)) {
            None => drop(after.remove(key.name)),
            Some(Ok(checked)) => drop(after.insert(key.name, checked.shown)),
            Some(Err(message)) => problems.push(flaw(change, message)),
        }
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let differs = |key: &&Key| before.get(key.name) != after.get(key.name);
    let shown = |key: &Key, from: &BTreeMap<&str, Json>| match (key.kind, from.get(key.name)) {
        (Kind::Url, Some(Json::String(url))) => without_secrets(url).into(),
        (_, value) => value.cloned().unwrap_or_default(),
    };
    let told = |key: &Key| Changed {
        key: key.name,
        before: shown(key, &before),
        after: shown(key, &after),
    };
    let lines = KEYS.iter().filter_map(|key| {
        Some(format!(
            "{} = {}\n",
            key.name,
            literal(after.get(key.name)?)
        ))
    });
    let lines: String = lines.collect();
    Ok(Edit {
        text: if lines.is_empty() {
            lines
        } else {
            format!("{HEAD}{lines}")
        },
        changes: KEYS.iter().filter(differs).map(told).collect(),
    })
}

fn flaw(change: &Change<'_>, message: String) -> Problem {
    Problem::of(Origin::Flag(change.from), message)
}

/// A value in TOML.
fn literal(value: &Json) -> String {
    match value {
        Json::Array(items) => format!(
            "[{}]",
            items.iter().map(literal).collect::<Vec<_>>().join(", ")
        ),
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{} = {}", Json::from(name.as_str()), literal(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        // JSON's escapes are valid TOML, except for this character.
        other => other.to_string().replace('\u{7f}', "\\u007f"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;

    fn set<'a>(key: &'a str, value: &'a str) -> Change<'a> {
        Change {
            key,
            value: Some(value),
            from: "--flag",
        }
    }

    fn planned(text: &str, changes: &[Change<'_>]) -> Result<Edit, String> {
        plan(text, Path::new("s.toml"), changes).map_err(|e| e.to_string())
    }

    #[test]
    fn every_value_is_kept_and_only_what_was_asked_for_changes() {
        let text = "# mine\n[teamspace]\nteam_slug = 'a\"b\\'\n[external_receiver.headers]\nX-A = { env = 'SK_SYNC_SECRET_A' }\n\
                    [artifacts]\nsurfaces = [\"spec.md\"] # some\n[drain]\nmax_events = 0x10\n";
        let edit = planned(
            text,
            &[set("delivery", "Teamspace"), set("drain.max_events", "7")],
        )
        .unwrap();
        insta::assert_snapshot!(edit.text, @r#"
        # The settings of one project, above its event-sync.toml. Written by `sk-sync target set` and `sk-sync config set`;
        # they keep every value, and no comment.
        delivery = "teamspace"
        teamspace.team_slug = "a\"b\\"
        external_receiver.headers = { "X-A" = { "env" = "SK_SYNC_SECRET_A" } }
        artifacts.surfaces = ["spec.md"]
        drain.max_events = 7
        "#);
        let one = |key, before: Json, after: Json| Changed { key, before, after };
        let changes = [
            one("delivery", Json::Null, "teamspace".into()),
            one("drain.max_events", 16.into(), 7.into()),
        ];
        assert_eq!(edit.changes, changes);
        assert_eq!(
            planned(&edit.text, &[]).unwrap(),
            Edit {
                text: edit.text,
                changes: Vec::new()
            },
            "read as written"
        );
    }

    #[test]
    fn what_is_taken_out_is_gone_and_nothing_leaves_no_file() {
        let out = [Change {
            key: "delivery",
            value: None,
            from: "--unset",
        }];
        let edit = planned("delivery = 'stub'\n", &out).unwrap();
        assert_eq!((edit.text.as_str(), edit.changes.len()), ("", 1));
        assert_eq!(planned("", &out).unwrap(), Edit::default());
    }

    #[test]
    fn what_cannot_be_is_named_by_its_flag_or_line() {
        for (text, change, said) in [
            (
                "",
                set("delivery", "cloud"),
                "--flag: expected one of none, ",
            ),
            (
                "",
                set("teamspace.teamslug", "x"),
                "--flag: unknown key `teamspace.teamslug`; did you mean ",
            ),
            (
                "",
                set("teamspace.token_file", "here"),
                "--flag: must be an absolute path",
            ),
            (
                "deliver = 1\n",
                set("delivery", "stub"),
                "s.toml:1:1: unknown key `deliver`",
            ),
        ] {
            let error = planned(text, &[change]).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn the_file_is_private_and_removed_when_it_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p/settings.toml");
        let change = |changes: &[Change<'_>]| {
            let settings = Settings::take(&path, &SystemClock, &Interrupt::default()).unwrap();
            let edit = settings.plan(changes).unwrap();
            settings.apply(&edit).unwrap();
        };
        change(&[set("delivery", "stub")]);
        assert!(
            std::fs::read_to_string(&path)
                .unwrap()
                .ends_with("delivery = \"stub\"\n")
        );
        change(&[Change {
            key: "delivery",
            value: None,
            from: "--unset",
        }]);
        assert!(!path.exists());
        change(&[]);
    }
}
