//! Shared by the commands that change the project's settings: applying and showing the change.

use serde::Serialize;
use serde_json::Value;

use crate::base::text::{path, printable};
use crate::cli::project::{resolved, with_setup, workspace_to_write, world};
use crate::cli::{Context, Exit, Failure};
use crate::config::{Change, Changed, Origin};
use crate::endpoint::{Credentials, Gate, Identity};
use crate::ops::{Workspace, change_settings};

/// The keys that a preset decides. Retention or delivery in the same settings would override it.
pub(crate) const PRESET: [&str; 3] = ["preset", "retention", "delivery"];

/// The changes that choose a preset, or with `None` take the choice back.
pub(crate) fn preset<'a>(
    name: Option<&'a str>,
    from: &'static str,
) -> impl Iterator<Item = Change<'a>> {
    PRESET.into_iter().map(move |key| Change {
        key,
        value: name.filter(|_| key == "preset"),
        from,
    })
}

/// Document of `target set --json` and `mode --json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    dry_run: bool,
    /// The file with the settings.
    path: String,
    changes: &'a [Changed],
    /// The resulting target.
    target: Option<&'a Identity>,
    /// The checks for sending there.
    gates: &'a [Gate],
    /// Other sources for the same keys, and sources that override these settings.
    warnings: &'a [String],
}

/// Result of the changed settings.
struct Outcome {
    target: Option<Identity>,
    gates: Vec<Gate>,
    warnings: Vec<String>,
}

/// Applies the changes, and shows them with the resulting target.
pub(crate) fn change(
    context: &Context,
    command: &'static str,
    changes: &[Change<'_>],
    is_dry: bool,
) -> Result<Exit, Failure> {
    let now = workspace_to_write(context, is_dry)?;
    let look = |there: &Workspace| outcome(context, there, changes);
    let (edit, outcome) = with_setup(context, |setup| {
        change_settings(&world(context), setup, &now, changes, is_dry, look)
    })?;
    let file = path(&now.place.settings());
    if context.printer.is_json() {
        let target = outcome.target.as_ref();
        let (changes, gates, warnings) = (&edit.changes, &outcome.gates, &outcome.warnings);
        let document = Document {
            dry_run: is_dry,
            path: file,
            changes,
            target,
            gates,
            warnings,
        };
        context.printer.reply(command, Exit::Success, &document);
        return Ok(Exit::Success);
    }
    outcome
        .warnings
        .iter()
        .for_each(|words| context.printer.warning(words));
    if !context.globals.quiet {
        let did = match (edit.changes.is_empty(), is_dry) {
            (true, _) => "Nothing to change in",
            (false, true) => "Would write",
            (false, false) => "Wrote",
        };
        context.printer.result(&format!("{did} {file}"));
        edit.changes
            .iter()
            .for_each(|changed| context.printer.result(&line(changed)));
        show(context, &outcome);
    }
    Ok(Exit::Success)
}

fn line(changed: &Changed) -> String {
    let word = |value: &Value| {
        if value.is_null() {
            "unset".to_owned()
        } else {
            printable(&value.to_string())
        }
    };
    format!(
        "  {} = {} (was {})",
        changed.key,
        word(&changed.after),
        word(&changed.before)
    )
}

fn show(context: &Context, outcome: &Outcome) {
    let target = outcome
        .target
        .as_ref()
        .map_or("none; nothing leaves this machine", |t| &t.canonical_url);
    context
        .printer
        .result(&format!("Target  {}", printable(target)));
    for gate in outcome.gates.iter().filter(|gate| !gate.is_open) {
        context.printer.result(&format!(
            "Blocked {}: {}",
            gate.name,
            printable(&gate.reason)
        ));
        context
            .printer
            .result(&format!("        {}", printable(&gate.fix)));
    }
}

/// The target under settings that are not written yet; an error if they are invalid.
fn outcome(
    context: &Context,
    there: &Workspace,
    changes: &[Change<'_>],
) -> Result<Outcome, Failure> {
    let resolved = resolved(context, there)?;
    let gates = Credentials::new(&resolved, &there.loaded.config, &context.env).gates();
    let warnings = changes
        .iter()
        .filter_map(|change| outranked(there, change))
        .chain(resolved.warnings.iter().cloned());
    Ok(Outcome {
        warnings: warnings.collect(),
        target: resolved.identity,
        gates,
    })
}

/// A source that overrides these settings for the same key. URLs are compared by the check
/// `target_disagreement` instead.
fn outranked(there: &Workspace, change: &Change<'_>) -> Option<String> {
    let setting = there
        .loaded
        .values
        .iter()
        .find(|setting| setting.key == change.key)?;
    let is_above = matches!(setting.origin, Origin::Variable(_) | Origin::Flag(_))
        && !change.key.ends_with("url");
    (is_above && change.value.is_some()).then(|| {
        format!(
            "{} comes before these settings and says {} = {}",
            setting.origin,
            setting.key,
            printable(&setting.value.to_string())
        )
    })
}
