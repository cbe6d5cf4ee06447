//! Plans the file that `init` writes: a new one, or the missing parts of an existing one. Pure.

use crate::base::text;
use crate::cli::{Exit, Failure};

/// The file to write.
pub(super) const FILE: &str = "event-sync.toml";
/// The file with Spec Kitty's project identity, below the project's root.
pub(super) const KITTIFY: &str = ".kittify/config.yaml";

/// The present files.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The text of `event-sync.toml`.
    pub(super) file: Option<String>,
    /// The uuid in Spec Kitty's configuration.
    pub(super) kittify_uuid: Option<String>,
}

/// A project's identity.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) uuid: String,
    pub(super) slug: String,
}

/// Layouts by name.
#[derive(Debug, Default)]
pub(super) struct Layouts {
    /// Layouts to index.
    pub(super) sure: Vec<String>,
    /// Layouts named in a comment.
    pub(super) likely: Vec<String>,
}

/// The request.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    pub(super) preset: Option<&'a str>,
    /// Identity for a project without one.
    pub(super) identity: &'a Identity,
    /// True if an existing identity is an error.
    pub(super) must_be_new: bool,
    pub(super) layouts: &'a Layouts,
    /// True if the user named the layouts.
    pub(super) layouts_asked: bool,
}

/// Change of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Create it with this text.
    Create(String),
    /// Append this text to it.
    Append(String),
    /// Nothing is missing.
    Keep,
}

impl Act {
    /// The word in the document.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Create(_) => "created",
            Self::Append(_) => "appended",
            Self::Keep => "kept",
        }
    }

    /// The text to write.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Create(text) | Self::Append(text) => text,
            Self::Keep => "",
        }
    }
}

/// The change, and notes about the rest.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) act: Act,
    /// True if it adds a new identity.
    pub(super) mints: bool,
    /// Steps that the user must take manually.
    pub(super) notes: Vec<String>,
}

/// Decides what to write; the error says why nothing can be written.
pub(super) fn plan(found: &Found, wish: &Wish<'_>) -> Result<Plan, Failure> {
    if let (true, Some(uuid)) = (wish.must_be_new, &found.kittify_uuid) {
        let message = format!(
            "this project has an identity already: {} in {KITTIFY}",
            text::printable(uuid)
        );
        return Err(Failure::new(Exit::Usage, "exists", message)
            .with_hint("run `sk-sync init` without --project"));
    }
    match &found.file {
        None => {
            let mints = found.kittify_uuid.is_none();
            let parts = [
                artifacts_table(wish.layouts),
                mints.then(|| project_table(wish.identity)),
            ];
            let text = template(
                wish.preset,
                &parts.into_iter().flatten().collect::<Vec<_>>(),
            );
            Ok(Plan {
                act: Act::Create(text),
                mints,
                notes: Vec::new(),
            })
        }
        Some(existing) => complete(existing, found, wish),
    }
}

/// Adds what an existing file lacks.
fn complete(existing: &str, found: &Found, wish: &Wish<'_>) -> Result<Plan, Failure> {
    let parsed: toml::Table = existing.parse().map_err(|error: toml::de::Error| {
        Failure::new(
            Exit::Usage,
            "configuration",
            format!("{FILE} is not valid TOML\n{error}"),
        )
        .with_hint("fix the file, then run the same command again")
    })?;
    let has_project = parsed.contains_key("project");
    if wish.must_be_new && has_project {
        let message = format!("{FILE} has a [project] table already; not changed");
        return Err(Failure::new(Exit::Usage, "exists", message));
    }
    let (mut parts, mut notes) = (Vec::new(), Vec::new());
    let is_usual = wish.layouts.sure == ["kitty"] && !wish.layouts_asked;
    match (parsed.get("artifacts"), artifacts_table(wish.layouts)) {
        (None, Some(table)) if !is_usual => parts.push(table),
        (Some(artifacts), Some(table)) => {
            let has_layouts = artifacts.get("layouts").is_some();
            let line = table.lines().nth(1).unwrap_or_default();
            if wish.layouts_asked {
                let message = format!("{FILE} has an [artifacts] table already; not changed");
                let hint = format!("write `{line}` below [artifacts] in it");
                return Err(Failure::new(Exit::Usage, "exists", message).with_hint(hint));
            }
            if !has_layouts && !is_usual && !wish.layouts.sure.is_empty() {
                notes.push(format!(
                    "To index what was found, write `{line}` below [artifacts] in {FILE}"
                ));
            }
        }
        _ => {}
    }
    let mints = found.kittify_uuid.is_none() && !has_project;
    if mints {
        parts.push(project_table(wish.identity));
    }
    if let Some(preset) = wish.preset.filter(|_| !parsed.contains_key("preset")) {
        notes.push(format!(
            "The preset was not changed; `sk-sync target set {preset}` sets it for this machine"
        ));
    }
    let act = if parts.is_empty() {
        Act::Keep
    } else {
        Act::Append(format!("{}{}", gap(existing), parts.join("\n")))
    };
    Ok(Plan { act, mints, notes })
}

/// The separator between the existing text and an addition.
fn gap(existing: &str) -> &'static str {
    if existing.is_empty() || existing.ends_with("\n\n") {
        ""
    } else if existing.ends_with('\n') {
        "\n"
    } else {
        "\n\n"
    }
}

fn project_table(identity: &Identity) -> String {
    format!(
        "[project]\nuuid = \"{}\"\nslug = \"{}\"\n",
        identity.uuid, identity.slug
    )
}

/// `[artifacts]` with the layouts; `None` without any.
fn artifacts_table(layouts: &Layouts) -> Option<String> {
    let list = |names: &[String]| {
        format!(
            "[{}]",
            names
                .iter()
                .map(|n| format!("{n:?}"))
                .collect::<Vec<_>>()
                .join(", ")
        )
    };
    let all: Vec<String> = layouts
        .sure
        .iter()
        .chain(&layouts.likely)
        .cloned()
        .collect();
    match (layouts.sure.is_empty(), layouts.likely.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!(
            "[artifacts]\n# layouts = {}\n",
            list(&layouts.likely)
        )),
        (false, true) => Some(format!("[artifacts]\nlayouts = {}\n", list(&layouts.sure))),
        (false, false) => Some(format!(
            "[artifacts]\nlayouts = {}\n# layouts = {}\n",
            list(&layouts.sure),
            list(&all)
        )),
    }
}

fn template(preset: Option<&str>, tables: &[String]) -> String {
    let preset = match preset {
        Some(name) => format!("preset = \"{name}\"\n"),
        None => "\
# preset = \"stub\"               # a receiver inside sk-sync: try everything without a server
# preset = \"external-receiver\"  # your own endpoint; also set `url` in [external_receiver]
# preset = \"teamspace\"          # a Teamspace; also set `server_url` and `team_slug` in [teamspace]
"
        .to_owned(),
    };
    let tables = tables
        .iter()
        .fold(String::new(), |all, table| all + "\n" + table);
    format!(
        "\
# What sk-sync does in this repository. Every key is optional; `sk-sync config show --origin` prints all of them.

# Where events go. Without a preset everything is kept on this machine and nothing is sent.
{preset}{tables}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            uuid: "8a4a7da6-a97c-4bb4-893a-b31664abfee4".into(),
            slug: "acme".into(),
        }
    }

    fn existing(text: &str) -> Found {
        Found {
            file: Some(text.to_owned()),
            kittify_uuid: None,
        }
    }

    fn planned(
        found: &Found,
        preset: Option<&str>,
        sure: &[&str],
        must_be_new: bool,
    ) -> Result<Plan, Failure> {
        let layouts = Layouts {
            sure: sure.iter().map(|l| (*l).to_owned()).collect(),
            likely: vec!["bmad".to_owned()],
        };
        let identity = identity();
        plan(
            found,
            &Wish {
                preset,
                identity: &identity,
                must_be_new,
                layouts: &layouts,
                layouts_asked: false,
            },
        )
    }

    #[test]
    fn a_new_file_is_valid_and_holds_the_identity_and_the_layouts() {
        for preset in [None, Some("stub")] {
            let plan = planned(&Found::default(), preset, &["kiro", "gsd"], true).unwrap();
            let table: toml::Table = plan.act.text().parse().unwrap();
            assert_eq!(table.get("preset").and_then(|v| v.as_str()), preset);
            assert_eq!(
                table["project"]["uuid"].as_str(),
                Some(identity().uuid.as_str())
            );
            assert_eq!(
                table["artifacts"]["layouts"],
                toml::Value::from(vec!["kiro", "gsd"])
            );
            assert!(
                plan.act
                    .text()
                    .contains("# layouts = [\"kiro\", \"gsd\", \"bmad\"]"),
                "{}",
                plan.act.text()
            );
        }
        let kittify = Found {
            kittify_uuid: Some("u".into()),
            ..Found::default()
        };
        let plan = planned(&kittify, None, &[], false).unwrap();
        assert!(
            !plan.mints
                && !plan.act.text().contains("[project]")
                && plan.act.text().contains("\n# layouts = [\"bmad\"]")
        );
    }

    #[test]
    fn what_is_missing_is_added_after_what_is_there() {
        for text in [
            "",
            "preset = \"stub\"",
            "preset = \"stub\"\n",
            "[drain]\nmax_events = 5\n\n",
            "# note",
        ] {
            let plan = planned(&existing(text), None, &["kiro"], true).unwrap();
            assert!(matches!(plan.act, Act::Append(_)) && plan.mints);
            let mut both: toml::Table = format!("{text}{}", plan.act.text()).parse().unwrap();
            let (project, artifacts) = (
                both.remove("project").unwrap(),
                both.remove("artifacts").unwrap(),
            );
            assert_eq!(project.get("slug").and_then(|v| v.as_str()), Some("acme"));
            assert_eq!(artifacts["layouts"], toml::Value::from(vec!["kiro"]));
            assert_eq!(both, text.parse().unwrap(), "{text:?}");
        }
    }

    #[test]
    fn a_complete_file_is_left_as_it_is() {
        let project = "[project]\nuuid = \"u\"\n";
        for (text, notes) in [
            (format!("{project}[artifacts]\nlayouts = [\"gsd\"]\n"), 0),
            (format!("{project}[artifacts]\nroot = \"x\"\n"), 1),
        ] {
            let plan = planned(&existing(&text), None, &["kiro"], false).unwrap();
            assert_eq!((plan.act, plan.notes.len()), (Act::Keep, notes), "{text}");
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        for (name, found, kind) in [
            (
                "an identity in the file",
                existing("[project]\nuuid = \"u\""),
                "exists",
            ),
            (
                "an identity written otherwise",
                existing("project.uuid = \"u\""),
                "exists",
            ),
            ("a broken file", existing("x = "), "configuration"),
            (
                "an identity of Spec Kitty",
                Found {
                    kittify_uuid: Some("u".into()),
                    ..Found::default()
                },
                "exists",
            ),
        ] {
            let failure = planned(&found, None, &[], true).unwrap_err();
            assert_eq!((failure.exit, failure.kind), (Exit::Usage, kind), "{name}");
        }
    }
}
