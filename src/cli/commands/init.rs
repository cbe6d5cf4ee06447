//! `sk-sync init`: a first `event-sync.toml`, and a project identity.
//!
//! Deciding what to write is [`plan`], which touches nothing; a file that exists is never overwritten. The one thing
//! `--project` adds to an existing file is a `[project]` table after its last byte.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::base::{files, text};
use crate::cli::{Context, Exit, Failure};
use crate::dossier::{self, ProjectOverride};
use crate::ops;

/// The file this command writes.
const FILE: &str = "event-sync.toml";
/// Where Spec Kitty keeps a project's identity, below the work tree's root.
const KITTIFY: &str = ".kittify/config.yaml";

/// Write an event-sync.toml.
///
/// The file stands at the root of the work tree. An existing file is never overwritten; with --project, a
/// project identity is added to it when it has none.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync init --project            a file with a new project identity
  sk-sync init --preset stub        a file that sends to the receiver inside sk-sync
  sk-sync init --project --dry-run  only show what would be written")]
pub(crate) struct Args {
    /// Mint an identity: a `[project]` table with a new uuid and a slug
    #[arg(long)]
    pub(crate) project: bool,

    /// Show what would be written; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print what was done as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is there already.
#[derive(Debug, Default)]
struct Found {
    /// The text of `event-sync.toml`.
    file: Option<String>,
    /// The uuid in Spec Kitty's own configuration.
    kittify_uuid: Option<String>,
}

/// What to write.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    /// A new file with this text.
    Create(String),
    /// This text after the last byte of the existing file.
    Append(String),
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    command: &'static str,
    ok: bool,
    exit_code: u8,
    dry_run: bool,
    path: String,
    action: &'static str,
    project_uuid: Option<&'a str>,
    project_slug: Option<&'a str>,
}

/// A project's identity.
#[derive(Debug)]
struct Identity {
    uuid: String,
    slug: String,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let root = context.checkout()?.root;
    let path = root.join(FILE);
    let known = dossier::identity(&[&root], &ProjectOverride::default()).map_err(ops::Error::from)?;
    let found = Found { file: read(&path)?, kittify_uuid: known.project_uuid };
    let identity = args.project.then(|| Identity { uuid: context.ids.uuid(), slug: slug(&root) });
    let plan = plan(&found, context.globals.preset.as_deref(), identity.as_ref())?;
    if !args.dry_run {
        apply(&plan, &path)?;
    }
    let printer = &context.printer;
    if printer.is_json() {
        printer.document(&Document {
            schema_version: ops::report::SCHEMA_VERSION,
            command: "init",
            ok: true,
            exit_code: Exit::Success.code(),
            dry_run: args.dry_run,
            path: path.to_string_lossy().into_owned(),
            action: if matches!(plan, Plan::Create(_)) { "created" } else { "appended" },
            project_uuid: identity.as_ref().map(|i| i.uuid.as_str()),
            project_slug: identity.as_ref().map(|i| i.slug.as_str()),
        });
    } else if args.dry_run {
        let (Plan::Create(text) | Plan::Append(text)) = &plan;
        printer.result(text.trim_end());
    } else {
        let done = if matches!(plan, Plan::Create(_)) { "Wrote" } else { "Added a project identity to" };
        printer.note(&format!("{done} {}", text::path(&path)));
        printer.note("Next: `sk-sync run --no-drain` to index and capture; commit the file so that others share it");
    }
    Ok(Exit::Success)
}

/// Decides what to write, or why nothing can be.
fn plan(found: &Found, preset: Option<&str>, identity: Option<&Identity>) -> Result<Plan, Failure> {
    if let (Some(_), Some(uuid)) = (identity, &found.kittify_uuid) {
        let message = format!("this project has an identity already: {} in {KITTIFY}", text::printable(uuid));
        return Err(Failure::new(Exit::Usage, "exists", message).with_hint("run `sk-sync init` without --project"));
    }
    let table = identity.map(|i| format!("[project]\nuuid = \"{}\"\nslug = \"{}\"\n", i.uuid, i.slug));
    match (&found.file, table) {
        (None, table) => Ok(Plan::Create(template(preset, table.as_deref()))),
        (Some(existing), Some(table)) => {
            let parsed: toml::Table = existing.parse().map_err(|error: toml::de::Error| {
                Failure::new(Exit::Usage, "configuration", format!("{FILE} is not valid TOML\n{error}"))
                    .with_hint("mend the file, then run the same command again")
            })?;
            if parsed.contains_key("project") {
                let message = format!("{FILE} has a [project] table already; it was left as it is");
                return Err(Failure::new(Exit::Usage, "exists", message));
            }
            let gap = if existing.is_empty() || existing.ends_with("\n\n") {
                ""
            } else if existing.ends_with('\n') {
                "\n"
            } else {
                "\n\n"
            };
            Ok(Plan::Append(format!("{gap}{table}")))
        }
        (Some(_), None) => {
            Err(Failure::new(Exit::Usage, "exists", format!("{FILE} exists already; it was left as it is"))
                .with_hint("to add a project identity to it: `sk-sync init --project`"))
        }
    }
}

/// Writes. Creating fails when somebody else created the file in between.
fn apply(plan: &Plan, path: &Path) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let (options, text) = match plan {
        Plan::Create(text) => (options.write(true).create_new(true), text),
        Plan::Append(text) => (options.append(true), text),
    };
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::io(&files::named(&error, "cannot write", path)))
}

/// The text of a file; `None` when there is none.
fn read(path: &Path) -> Result<Option<String>, Failure> {
    let mut text = String::new();
    match std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io(&files::named(&error, "cannot read", path))),
    }
}

/// A slug from the name of the work tree's directory: lower-case ASCII letters, digits and single dashes.
fn slug(root: &Path) -> String {
    let name = root.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-");
    if slug.is_empty() { "project".to_owned() } else { slug }
}

fn template(preset: Option<&str>, project: Option<&str>) -> String {
    let preset = match preset {
        Some(name) => format!("preset = \"{name}\"\n"),
        None => "\
# preset = \"stub\"               # a receiver inside sk-sync: try everything without a server
# preset = \"external-receiver\"  # your own endpoint; also set `url` in [external_receiver]
# preset = \"teamspace\"          # a Teamspace; also set `server_url` and `team_slug` in [teamspace]
"
        .to_owned(),
    };
    let project = project.map(|table| format!("\n{table}")).unwrap_or_default();
    format!(
        "\
# What sk-sync does in this repository. Every key is optional; `sk-sync config show --origin` prints all of them.

# Where events go. Without a preset everything is kept on this machine and nothing is sent.
{preset}{project}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity { uuid: "8a4a7da6-a97c-4bb4-893a-b31664abfee4".into(), slug: "acme".into() }
    }

    fn existing(text: &str) -> Found {
        Found { file: Some(text.to_owned()), kittify_uuid: None }
    }

    #[test]
    fn a_new_file_is_valid_and_holds_the_identity() {
        for (preset, identity) in
            [(None, None), (Some("stub"), None), (None, Some(identity())), (Some("stub"), Some(identity()))]
        {
            let Plan::Create(text) = plan(&Found::default(), preset, identity.as_ref()).unwrap() else {
                panic!("created")
            };
            let table: toml::Table = text.parse().unwrap();
            assert_eq!(table.get("preset").and_then(|v| v.as_str()), preset);
            let uuid = table.get("project").and_then(|p| p.get("uuid")).and_then(|v| v.as_str());
            assert_eq!(uuid, identity.as_ref().map(|i| i.uuid.as_str()));
        }
    }

    #[test]
    fn an_identity_is_added_after_what_is_there() {
        for text in ["", "preset = \"stub\"", "preset = \"stub\"\n", "[drain]\nmax_events = 5\n\n", "# note"] {
            let Plan::Append(added) = plan(&existing(text), None, Some(&identity())).unwrap() else {
                panic!("appended")
            };
            let mut both: toml::Table = format!("{text}{added}").parse().unwrap();
            let project = both.remove("project").unwrap();
            assert_eq!(project.get("slug").and_then(|v| v.as_str()), Some("acme"));
            assert_eq!(both, text.parse().unwrap(), "{text:?}");
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        for (name, found, with_identity, kind) in [
            ("a file", existing("x = 1"), false, "exists"),
            ("an identity in the file", existing("[project]\nuuid = \"u\""), true, "exists"),
            ("an identity written otherwise", existing("project.uuid = \"u\""), true, "exists"),
            ("a broken file", existing("x = "), true, "configuration"),
            ("an identity of Spec Kitty", Found { kittify_uuid: Some("u".into()), ..Found::default() }, true, "exists"),
        ] {
            let identity = with_identity.then(identity);
            let failure = plan(&found, None, identity.as_ref()).unwrap_err();
            assert_eq!((failure.exit, failure.kind), (Exit::Usage, kind), "{name}");
        }
    }

    #[test]
    fn a_slug_comes_from_the_directory() {
        for (dir, expected) in
            [("/a/Acme App_2", "acme-app-2"), ("/a/--", "project"), ("/", "project"), ("/a/é", "project")]
        {
            assert_eq!(slug(Path::new(dir)), expected);
        }
    }
}
