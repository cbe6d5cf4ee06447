//! What a step of a GitHub workflow ended with: its documents, and the words of its command line.

use std::path::PathBuf;

use serde_json::Value;

/// Print the report of a run for a GitHub workflow.
#[derive(Debug, clap::Args)]
#[command(
    hide = true,
    after_help = "\
Examples:
  sk-sync action summary --report report.json --status status.json --code 0 --result success"
)]
pub(crate) struct Args {
    /// What to print
    #[arg(value_enum)]
    pub(crate) part: Part,

    /// The report of `sk-sync run --json`
    #[arg(long, value_name = "FILE")]
    pub(crate) report: PathBuf,

    /// The document of `sk-sync status --json`
    #[arg(long, value_name = "FILE")]
    pub(crate) status: PathBuf,

    /// The exit code of the run
    #[arg(long, value_name = "CODE")]
    pub(crate) code: i32,

    /// What the step made of it: success, notice or failure
    #[arg(long, value_name = "WORD")]
    pub(crate) result: String,

    /// A journal of an earlier run was found
    #[arg(long)]
    pub(crate) restored: bool,

    /// The upload of artifacts was refused
    #[arg(long)]
    pub(crate) refused: bool,

    /// The commit that was checked out
    #[arg(long, value_name = "SHA", default_value = "")]
    pub(crate) commit: String,

    /// What tells this comment from those of other jobs
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) scope: String,
}

/// The parts of what the Action shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Workflow commands for the log.
    Annotations,
    /// Markdown for the summary of the job.
    Summary,
    /// Lines for the file of outputs.
    Outputs,
    /// Markdown for a comment on the pull request.
    Comment,
}

/// Result of a step.
pub(super) struct Ending<'a> {
    pub(super) report: Value,
    pub(super) status: Value,
    pub(super) args: &'a Args,
}
