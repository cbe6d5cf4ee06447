//! `sk-sync init`: writes a first `event-sync.toml` with a project identity.
//!
//! [`plan`] decides what to write and changes nothing; an existing file is never overwritten, only
//! appended to.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::init_plan::{Act, FILE, Found, Identity, KITTIFY, Layouts, Plan, Wish, plan};
use crate::base::{Sha256, files, text};
use crate::cli::project::{workspace, workspace_to_write};
use crate::cli::unit_list::UnitList;
use crate::cli::{Context, Exit, Failure};
use crate::config::LAYOUTS;
use crate::dossier::{self, ProjectOverride};
use crate::endpoint::{Consent, LOCAL, record};
use crate::git::GitIgnored;
use crate::ops;

/// The documentation page with the recipes; a test runs each of them.
const LAYOUTS_PAGE: &str = include_str!("../../../docs/layouts.md");

/// Find the specs of this repository and write event-sync.toml.
///
/// Writes to the root of the work tree, or of the project around the current directory. Never
/// overwrites: in an existing file, a missing ID or list of layouts is added after the last line.
/// Then prints what would be sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync init                      find the layouts, write a file with a new project ID
  sk-sync init --layout openspec    this layout, whatever is found
  sk-sync init --preset stub        a file that sends to the receiver inside sk-sync
  sk-sync init --dry-run            only show what would be written")]
pub(crate) struct Args {
    /// Index this layout (kitty, spec-kit, openspec, kiro, bmad, gsd; repeatable)
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(LAYOUTS))]
    pub(crate) layout: Vec<String>,

    /// Fail if the project already has an ID
    #[arg(long)]
    pub(crate) project: bool,

    /// Show what would be written; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the result as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    path: String,
    action: &'static str,
    project_uuid: Option<&'a str>,
    project_slug: Option<&'a str>,
    layouts: &'a [String],
    likely: &'a [String],
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let root = project_root(context)?;
    let path = root.join(FILE);
    let known =
        dossier::identity(&[&root], &ProjectOverride::default()).map_err(ops::Error::from)?;
    let found = Found {
        file: read(&path)?,
        kittify_uuid: known.project_uuid,
    };
    let identity = Identity {
        uuid: context.ids.uuid(),
        slug: slug(&root),
    };
    let ignored = GitIgnored::of(&context.checkout()?);
    let layouts = layouts(&root, &args.layout, ignored.as_ref());
    let wish = Wish {
        preset: context.globals.preset.as_deref(),
        identity: &identity,
        must_be_new: args.project,
        layouts: &layouts,
        layouts_asked: !args.layout.is_empty(),
    };
    let plan = plan(&found, &wish)?;
    if !args.dry_run {
        apply(&plan, &path)?;
        if matches!(plan.act, Act::Create(_)) {
            agree_or_warn(context, &plan.act);
        }
    }
    let printer = &context.printer;
    if printer.is_json() {
        let minted = plan.mints.then_some(&identity);
        printer.reply(
            "init",
            Exit::Success,
            &Document {
                dry_run: args.dry_run,
                path: path.to_string_lossy().into_owned(),
                action: plan.act.word(),
                project_uuid: minted.map(|i| i.uuid.as_str()),
                project_slug: minted.map(|i| i.slug.as_str()),
                layouts: &layouts.sure,
                likely: &layouts.likely,
            },
        );
    } else if args.dry_run {
        printer.result(plan.act.text().trim_end());
    } else {
        tell(context, &plan, &path);
        tell_places(context, &root, &layouts, ignored.as_ref());
        let is_new = matches!(plan.act, Act::Create(_));
        // A file that was there before is agreed to by this list, so that it names every document.
        match tell_listing(
            context,
            !is_new && workspace(context).is_ok_and(|there| there.loaded.waiting.is_some()),
        ) {
            // Only what was listed on the screen can be agreed to.
            Ok(()) if !is_new && !context.globals.quiet => agree_or_warn(context, &plan.act),
            Ok(()) => {}
            // The file is written; a problem of the index is a warning that the user must fix.
            Err(failure) => printer.warning(&failure.message),
        }
        let waiting = workspace(context).is_ok_and(|workspace| workspace.loaded.waiting.is_some());
        let first = if waiting {
            format!("`sk-sync allow local` to use what {FILE} sets, then ")
        } else {
            String::new()
        };
        printer.note(&format!(
            "Next: {first}`sk-sync run --no-drain` to index and capture; commit the file so that others share it"
        ));
    }
    Ok(Exit::Success)
}

/// The project to set up: the directory with a configuration, else the current directory if it
/// contains specs, else the work tree.
fn project_root(context: &Context) -> Result<PathBuf, Failure> {
    let checkout = context.checkout()?;
    let start = context
        .start_dir()?
        .canonicalize()
        .unwrap_or_else(|_| checkout.root.clone());
    let is_project = |dir: &Path| dir.join(FILE).is_file() || dir.join(KITTIFY).is_file();
    let within = start
        .ancestors()
        .take_while(|dir| dir.starts_with(&checkout.root));
    let said = within
        .into_iter()
        .find(|dir| is_project(dir))
        .map(Path::to_owned);
    let has_specs = start.starts_with(&checkout.root)
        && !dossier::detect(&start, GitIgnored::of(&checkout).as_ref()).is_empty();
    Ok(said
        .or_else(|| has_specs.then_some(start))
        .unwrap_or(checkout.root))
}

/// The requested layouts, else the detected ones.
fn layouts(root: &Path, asked: &[String], ignored: Option<&GitIgnored>) -> Layouts {
    if !asked.is_empty() {
        return Layouts {
            sure: asked.to_vec(),
            likely: Vec::new(),
        };
    }
    let (sure, likely): (Vec<_>, Vec<_>) = dossier::detect(root, ignored)
        .into_iter()
        .partition(|found| found.is_sure);
    let names =
        |found: Vec<dossier::Detected>| found.iter().map(|found| found.layout.to_owned()).collect();
    Layouts {
        sure: names(sure),
        likely: names(likely),
    }
}

fn tell(context: &Context, plan: &Plan, path: &Path) {
    let path = text::path(path);
    let words = match (&plan.act, plan.mints) {
        (Act::Create(_), _) => format!("Wrote {path}"),
        (Act::Append(_), true) => format!("Added a project ID to {path}"),
        (Act::Append(_), false) => format!("Added the layouts to {path}"),
        (Act::Keep, _) => format!("{path} is complete; not changed"),
    };
    context.printer.note(&words);
    plan.notes
        .iter()
        .for_each(|note| context.printer.note(note));
}

/// Reports other findings: likely layouts, tools with a recipe, projects below.
fn tell_places(context: &Context, root: &Path, layouts: &Layouts, ignored: Option<&GitIgnored>) {
    let printer = &context.printer;
    for layout in &layouts.likely {
        printer.note(&format!(
            "Likely: {layout}; if it is, take the `#` off its line in {FILE}"
        ));
    }
    for (tool, place) in dossier::recipes(root, ignored) {
        printer.note(&format!(
            "Found: {tool} ({place}); to index it, add to {FILE}:"
        ));
        recipe(tool, place)
            .lines()
            .for_each(|line| printer.note(&format!("    {line}")));
    }
    for (below, layout) in dossier::projects_below(root, ignored) {
        let below = text::printable(&below);
        printer.note(&format!(
            "Found: {layout} in {below}/; `sk-sync init --repo {below}` makes it a project"
        ));
    }
}

/// The lines of configuration for a tool, from docs/layouts.md; with `.agent-os` instead of
/// `agent-os` if `place` is below it.
fn recipe(tool: &str, place: &str) -> String {
    let block = LAYOUTS_PAGE
        .split_once(&format!("\n{tool}:\n\n```toml\n"))
        .and_then(|(_, rest)| rest.split_once("```"));
    let lines = block.map_or("", |(lines, _)| lines);
    if place.starts_with(".agent-os") {
        lines.replace("agent-os/specs", ".agent-os/specs")
    } else {
        lines.to_owned()
    }
}

/// Lists what would be sent, by unit.
fn tell_listing(context: &Context, is_whole: bool) -> Result<(), Failure> {
    let list = UnitList::of(context)?;
    list.lines(is_whole || context.globals.verbose > 0)
        .iter()
        .for_each(|line| context.printer.note(line));
    list.warnings
        .iter()
        .for_each(|words| context.printer.warning(words));
    context
        .printer
        .note(&format!("In all: {} that a run sends", list.total()));
    Ok(())
}

/// Writes the plan. Creating fails if another process created the file in between.
fn apply(plan: &Plan, path: &Path) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let (options, text) = match &plan.act {
        Act::Create(text) => (options.write(true).create_new(true), text),
        Act::Append(text) => (options.append(true), text),
        Act::Keep => return Ok(()),
    };
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::io(&files::named(&error, "cannot write", path)))
}

/// The keys of a file that was there before which `init` may agree to, after it has listed what
/// they reach: the built-in layouts reach specs only.
const PLACES: [&str; 1] = ["artifacts.layouts"];

/// The same; a failure is a warning, since the file is written.
fn agree_or_warn(context: &Context, act: &Act) {
    if let Err(failure) = agree(context, act) {
        context.printer.warning(&failure.message);
    }
}

/// Records consent to use the file, never to send anything. A file that this command wrote as a
/// whole has its user as author. In a file that was there before only built-in layouts may wait:
/// any other key needs `sk-sync allow`. Nothing is recorded where an earlier agreement kept files
/// back that this file does not name.
fn agree(context: &Context, act: &Act) -> Result<(), Failure> {
    let workspace = workspace_to_write(context, false)?;
    let grants = workspace.place.grants();
    let consent = Consent::of(&grants, &workspace.loaded, &[]).map_err(ops::Error::from)?;
    let keeps_back = consent
        .last_narrowing()
        .is_some_and(|narrowing| !narrowing.is_empty());
    let is_agreeable = match (act, consent.pinned()) {
        (_, None) => false,
        _ if keeps_back => false,
        (Act::Create(text), Some(file)) => file.sha256 == Sha256::of(text.as_bytes()),
        (Act::Append(_) | Act::Keep, Some(_)) => {
            let waiting = workspace.loaded.waiting.as_ref();
            waiting
                .is_some_and(|waiting| waiting.keys.iter().all(|asked| PLACES.contains(&asked.key)))
        }
    };
    if !is_agreeable {
        return Ok(());
    }
    let grant = consent.grant(LOCAL, &[], &context.clock.now().to_string());
    Ok(
        record(&grants, grant, context.clock.as_ref(), &context.interrupt)
            .map_err(ops::Error::from)?,
    )
}

/// The text of a file; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<String>, Failure> {
    let mut text = String::new();
    match std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io(&files::named(&error, "cannot read", path))),
    }
}

/// A slug from the name of the work tree's directory: lower-case ASCII letters, digits and single
/// dashes.
fn slug(root: &Path) -> String {
    let name = root
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let words = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-");
    if slug.is_empty() {
        "project".to_owned()
    } else {
        slug
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_comes_from_the_directory() {
        for (dir, expected) in [
            ("/a/Acme App_2", "acme-app-2"),
            ("/a/--", "project"),
            ("/", "project"),
            ("/a/é", "project"),
        ] {
            assert_eq!(slug(Path::new(dir)), expected);
        }
    }
}
