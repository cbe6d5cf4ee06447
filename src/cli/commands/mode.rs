//! `sk-sync mode`: the older name of `target set PRESET`, which also shows the preset.

use serde::Serialize;

use crate::base::text::printable;
use crate::cli::project::workspace;
use crate::cli::settings::{self, PRESET, preset};
use crate::cli::values::presets;
use crate::cli::{Context, Exit, Failure};
use crate::config::Setting;

/// Show or choose the preset of this project.
///
/// Without PRESET, shows the effective preset and its source. With PRESET, writes the project's
/// settings in the state directory, never the repository's file. They override that file; the
/// environment and flags override them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync mode                       what holds, and where it is set
  sk-sync mode stub                  keep everything, send to the receiver inside sk-sync
  sk-sync mode --default             let the other sources decide again")]
pub(crate) struct Args {
    /// What is kept and where it is sent, as one word
    // Not called `preset`: that is the option of every command.
    #[arg(value_name = "PRESET", value_parser = presets(), ignore_case = true)]
    pub(crate) name: Option<String>,

    /// Remove the choice from the project's settings
    #[arg(long, conflicts_with = "name")]
    pub(crate) default: bool,

    /// Show what would be written; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    /// `preset`, `retention` and `delivery`, each with its origin.
    values: Vec<&'a Setting>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    if args.name.is_none() && !args.default {
        return show(context);
    }
    let from = if args.default { "--default" } else { "PRESET" };
    let changes: Vec<_> = preset(args.name.as_deref(), from).collect();
    settings::change(context, "mode", &changes, args.dry_run)
}

fn show(context: &Context) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let values: Vec<_> = workspace
        .loaded
        .values
        .iter()
        .filter(|setting| PRESET.contains(&setting.key))
        .collect();
    if context.printer.is_json() {
        context
            .printer
            .reply("mode", Exit::Success, &Document { values });
        return Ok(Exit::Success);
    }
    for setting in values {
        let value = setting.value.as_str().unwrap_or("unset");
        context.printer.result(&printable(&format!(
            "{:<9} {value} ({})",
            setting.key, setting.origin
        )));
    }
    Ok(Exit::Success)
}
