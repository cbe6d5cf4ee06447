//! Options that every command accepts, and the forms of option values.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{ArgAction, Parser, ValueEnum};

use crate::cli::commands::Command;
use crate::cli::help;
use crate::cli::logging::LogFormat;
use crate::config::milliseconds;

/// Deliver the specs, plans and tasks in a git repository to a server.
///
/// Captures events and documents in a local journal, then delivers them to the one target you
/// chose. Nothing is lost, no daemon runs, and each run proves what arrived. Without configuration
/// everything stays on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "sk-sync",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(after_help = help::EXAMPLES, after_long_help = help::after_long_help())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options every command takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Globals {
    /// Work on the repository in DIR instead of the current directory
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help_heading = "Global options"
    )]
    pub(crate) repo: Option<PathBuf>,

    /// Read FILE instead of the repository's event-sync.toml
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Global options"
    )]
    pub(crate) config: Option<PathBuf>,

    /// Print only errors (and the --json document)
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Global options"
    )]
    pub(crate) quiet: bool,

    /// Show details; repeat for debug (-vv) and trace (-vvv)
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,

    /// When to use colors
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        help_heading = "Global options"
    )]
    pub(crate) color: ColorChoice,

    /// Also write a log to FILE, without secrets; rotated to FILE.1 at 8 MiB
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Global options"
    )]
    pub(crate) log_file: Option<PathBuf>,

    /// Format of the log
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORM",
        default_value_t,
        help_heading = "Global options"
    )]
    pub(crate) log_format: LogFormat,

    /// Never prompt; use the safe answer
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) no_input: bool,

    /// What is kept and where it is sent, as one word
    #[arg(long, global = true, value_name = "NAME", value_parser = presets(), ignore_case = true, help_heading = "Target options")]
    pub(crate) preset: Option<String>,

    /// Send to the server at this base URL in this run
    #[arg(
        long,
        global = true,
        value_name = "BASE",
        help_heading = "Target options"
    )]
    pub(crate) target_url: Option<String>,

    /// Use the environment's target if another one is configured
    #[arg(long, global = true, help_heading = "Target options")]
    pub(crate) override_target: bool,

    /// Consent to ORIGIN (scheme://host:port, or `local`) in this run
    #[arg(
        long,
        global = true,
        value_name = "ORIGIN",
        help_heading = "Target options"
    )]
    pub(crate) allow_origin: Vec<String>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

pub(crate) fn presets() -> PossibleValuesParser {
    PossibleValuesParser::new([
        PossibleValue::new("teamspace").help("keep everything, send to a Teamspace"),
        PossibleValue::new("external-receiver")
            .alias("external_receiver")
            .help("keep everything, send to your own endpoint"),
        PossibleValue::new("local-retention")
            .alias("local_retention")
            .help("keep everything, send nothing (what an unconfigured project does)"),
        PossibleValue::new("opt-out")
            .aliases(["opt_out", "trash"])
            .help("keep only what is bound for a Teamspace, send nothing"),
        PossibleValue::new("stub")
            .help("keep everything, send to a receiver inside sk-sync, for a first look"),
    ])
}

/// Parses a time like the configuration: `500ms`, `30s`, `2m`, `1h`, or a number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    milliseconds(text).map(Duration::from_millis)
}

/// Parses an age: a time, or a number of days (`30d`) or weeks (`8w`).
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    const DAY: u64 = 86_400;
    let text = text.trim();
    let seconds = [("d", DAY), ("w", 7 * DAY)]
        .into_iter()
        .find_map(|(unit, factor)| {
            let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
            number.checked_mul(factor)
        });
    match seconds {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => {
            duration(text).map_err(|_| "must be an age like \"12h\", \"30d\" or \"8w\"".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        for (text, hours) in [("12h", 12), ("30d", 720), (" 2 w ", 336)] {
            assert_eq!(age(text), Ok(Duration::from_hours(hours)), "{text}");
        }
        for text in [
            "",
            "d",
            "-1d",
            "1.5d",
            "99999999999999999999w",
            "18446744073709551615d",
        ] {
            assert!(age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in [
            "sk-sync --preset stub --repo r run",
            "sk-sync run --repo r --preset stub",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.globals.preset.as_deref(), Some("stub"), "{line}");
            assert_eq!(cli.globals.repo, Some(PathBuf::from("r")), "{line}");
        }
    }
}
