//! The options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, ValueEnum};

use super::values::presets;
use crate::cli::logging::LogFormat;

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
