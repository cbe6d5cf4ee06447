//! `sk-sync config`: the effective configuration, and the project's settings.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;

use crate::base::text::{nearest, path, printable};
use crate::cli::project::workspace;
use crate::cli::settings;
use crate::cli::{Context, Exit, Failure};
use crate::config::{Asked, Change, KEYS, Setting};

/// The name of the repository's file.
const FILE: &str = "event-sync.toml";

/// Show and change the configuration.
///
/// `set` and `unset` write the project's settings in the state directory, never the repository's
/// file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync config show --origin
  sk-sync config get drain.max_time
  sk-sync config set drain.max_time 30s
  sk-sync config path")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Config,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Show(ShowArgs),
    Get(GetArgs),
    Set(SetArgs),
    Unset(UnsetArgs),
    Path(PathArgs),
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

/// Print the value of one key.
#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// The dotted key
    #[arg(value_name = "KEY")]
    pub(crate) key: String,

    /// Print one JSON document, with the source
    #[arg(long)]
    pub(crate) json: bool,
}

/// Set one key in the project's settings.
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// The dotted key
    #[arg(value_name = "KEY")]
    pub(crate) key: String,

    /// The value; a list as TOML
    #[arg(value_name = "VALUE")]
    pub(crate) value: String,

    /// Show what would be written; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Remove one key from the project's settings.
#[derive(Debug, clap::Args)]
pub(crate) struct UnsetArgs {
    /// The dotted key
    #[arg(value_name = "KEY")]
    pub(crate) key: String,

    /// Show what would be written; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the files that configuration is read from.
#[derive(Debug, clap::Args)]
pub(crate) struct PathArgs {
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Config::Show(args) => show(context, args),
        Config::Get(args) => get(context, args),
        Config::Set(SetArgs {
            key,
            value,
            dry_run,
            ..
        }) => settings::change(
            context,
            "config set",
            &[Change {
                key,
                value: Some(value),
                from: "VALUE",
            }],
            *dry_run,
        ),
        Config::Unset(UnsetArgs { key, dry_run, .. }) => settings::change(
            context,
            "config unset",
            &[Change {
                key,
                value: None,
                from: "KEY",
            }],
            *dry_run,
        ),
        Config::Path(_) => paths(context),
    }
}

fn get(context: &Context, args: &GetArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let Some(setting) = workspace
        .loaded
        .values
        .iter()
        .find(|setting| setting.key == args.key)
    else {
        let known = KEYS.iter().map(|key| key.name);
        let near = nearest(&args.key, known)
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let message = format!("unknown key `{}`{near}", printable(&args.key));
        return Err(Failure::usage(message).with_hint("sk-sync help config"));
    };
    if args.json {
        context.printer.reply("config get", Exit::Success, setting);
        return Ok(Exit::Success);
    }
    let value = match &setting.value {
        Value::String(text) => printable(text),
        Value::Null => String::new(),
        other => printable(&other.to_string()),
    };
    context.printer.result(&value);
    Ok(Exit::Success)
}

/// A file that configuration is read from.
#[derive(Debug, Serialize)]
struct Source {
    /// `user`, `repository` or `project`, lowest layer first.
    layer: &'static str,
    path: String,
    exists: bool,
}

#[derive(Debug, Serialize)]
struct Sources {
    files: Vec<Source>,
}

fn paths(context: &Context) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let repository = workspace
        .loaded
        .repo_file
        .as_ref()
        .map(|file| file.path.clone());
    let found = [
        ("user", workspace.home.user_file.clone()),
        (
            "repository",
            Some(repository.unwrap_or_else(|| workspace.root.join(FILE))),
        ),
        ("project", Some(workspace.place.settings())),
    ];
    let source = |(layer, file): (&'static str, Option<PathBuf>)| {
        file.map(|file| Source {
            layer,
            path: path(&file),
            exists: file.exists(),
        })
    };
    let files: Vec<_> = found.into_iter().filter_map(source).collect();
    if context.printer.is_json() {
        context
            .printer
            .reply("config path", Exit::Success, &Sources { files });
        return Ok(Exit::Success);
    }
    for Source {
        layer,
        path,
        exists,
    } in &files
    {
        let missing = if *exists { "" } else { " (not there)" };
        context
            .printer
            .result(&format!("{layer:<10}  {path}{missing}"));
    }
    Ok(Exit::Success)
}

fn show(context: &Context, args: &ShowArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let values = &workspace.loaded.values;
    let waiting = workspace
        .loaded
        .waiting
        .as_ref()
        .map_or(&[][..], |waiting| &waiting.keys);
    if args.json {
        let file = workspace.loaded.repo_file.as_ref();
        let repo_file = file.map(|f| RepoFile {
            path: path(&f.path),
            sha256: f.sha256.to_string(),
        });
        context.printer.reply(
            "config show",
            Exit::Success,
            &Document {
                values,
                repo_file,
                waiting,
            },
        );
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
        let origin = if args.origin {
            format!("  # {}", printable(&setting.origin.to_string()))
        } else {
            String::new()
        };
        context.printer.result(&format!("{line}{origin}"));
    }
    for Asked { key, value, .. } in waiting {
        let line = printable(&format!(
            "# not used without `sk-sync allow`: {key} = {value}"
        ));
        context.printer.result(&line);
    }
    Ok(Exit::Success)
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    values: &'a [Setting],
    /// The repository's file as it was read: its digest is what consent pins.
    repo_file: Option<RepoFile>,
    /// The keys of that file that wait for an agreement; their values are not used.
    waiting: &'a [Asked],
}

#[derive(Debug, Serialize)]
struct RepoFile {
    path: String,
    sha256: String,
}
