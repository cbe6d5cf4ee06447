//! `sk-sync action`: the report of a run for a GitHub workflow, so that the Action needs no other
//! program.

mod text;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::base::files;
use crate::cli::{Context, Exit, Failure};

/// Largest report that is read, in bytes.
const MAX_REPORT_BYTES: u64 = 256 << 20;

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

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let read = |file: &Path| read(&context.cwd.join(file));
    let ending = Ending {
        report: read(&args.report)?,
        status: read(&args.status)?,
        args,
    };
    let lines = match args.part {
        Part::Annotations => text::annotations(&ending),
        Part::Summary => text::summary(&ending),
        Part::Outputs => text::outputs(&ending),
        Part::Comment => text::comment(&ending),
    };
    if !lines.is_empty() {
        context.printer.result(&lines.join("\n"));
    }
    Ok(Exit::Success)
}

/// Reads a document; null if the command ended before it wrote one.
fn read(file: &Path) -> Result<Value, Failure> {
    let bytes = files::read_regular(file, MAX_REPORT_BYTES)
        .map_err(|error| Failure::io(&files::named(&error, "cannot read the report", file)))?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}
