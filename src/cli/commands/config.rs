//! `sk-sync config`: the configuration in force.

use clap::Subcommand;
use serde::Serialize;

use crate::base::text::{path, printable};
use crate::cli::journey::workspace;
use crate::cli::{Context, Exit, Failure};
use crate::config::{Asked, KEYS, Setting};

/// Show the effective configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Config,
}

/// What to show.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Show(ShowArgs),
}

/// Print every key and its value.
///
/// Secrets are shown by their source, never by their value.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Add the source of each value: default, file, environment or flag
    #[arg(long)]
    pub(crate) origin: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    pub(super) const fn is_json(&self) -> bool {
        let Config::Show(args) = &self.command;
        args.json
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let Config::Show(args) = &args.command;
    let workspace = workspace(context)?;
    let values = &workspace.loaded.values;
    let waiting = workspace.loaded.waiting.as_ref().map_or(&[][..], |waiting| &waiting.keys);
    if args.json {
        let file = workspace.loaded.repo_file.as_ref();
        let repo_file = file.map(|f| RepoFile { path: path(&f.path), sha256: f.sha256.to_string() });
        context.printer.reply("config show", Exit::Success, &Document { values, repo_file, waiting });
        return Ok(Exit::Success);
    }
    let width = values.iter().map(|v| v.key.len()).max().unwrap_or(0);
    for setting in values {
        if context.globals.verbose > 0
            && let Some(key) = KEYS.iter().find(|key| key.name == setting.key)
        {
            context.printer.result(&format!("# {}", key.meaning));
        }
        let value = printable(&setting.value.to_string());
        let line = format!("{:<width$} = {value}", setting.key);
        let origin =
            if args.origin { format!("  # {}", printable(&setting.origin.to_string())) } else { String::new() };
        context.printer.result(&format!("{line}{origin}"));
    }
    for Asked { key, value, .. } in waiting {
        let line = printable(&format!("# not used without `sk-sync allow`: {key} = {value}"));
        context.printer.result(&line);
    }
    Ok(Exit::Success)
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    values: &'a [Setting],
    /// The repository's file as it was read: its bytes are what consent will hang on.
    repo_file: Option<RepoFile>,
    /// The keys of that file that wait for an agreement; their values are not used.
    waiting: &'a [Asked],
}

#[derive(Debug, Serialize)]
struct RepoFile {
    path: String,
    sha256: String,
}
