//! `sk-sync action`: the report of a run for a GitHub workflow, so that the Action needs no other
//! program.

mod ending;
mod text;

use std::path::Path;

use serde_json::Value;

pub(crate) use self::ending::Args;
use self::ending::{Ending, Part};
use crate::base::files;
use crate::cli::{Context, Exit, Failure};

/// Largest report that is read, in bytes.
const MAX_REPORT_BYTES: u64 = 256 << 20;

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
