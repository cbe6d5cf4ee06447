//! `sk-sync restore`: restores the events of an archive.

use std::path::PathBuf;

use serde::Serialize;

use crate::base::text::path;
use crate::books::Restored;
use crate::cli::project::{workspace, workspace_to_write};
use crate::cli::render::plural;
use crate::cli::table::count;
use crate::cli::{Context, Exit, Failure};
use crate::upkeep::{RestoreReport, check_archive, restore_archive};

/// Import an archive into the journal.
///
/// Checks the whole file before it writes. Existing events stay as they are, deleted payloads come
/// back, and a target is sent what it lacks. Purged events stay away. Restoring twice changes
/// nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Archive file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Check the archive; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the result as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    dry_run: bool,
    file: String,
    count: u64,
    sha256: &'a str,
    #[serde(flatten)]
    restored: Restored,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let file = context.cwd.join(&args.file);
    let before = workspace(context)?;
    let is_new = !before.place.store().exists();
    // A repository gets its id, and so its first store, only for an intact archive.
    let checked = (args.dry_run || is_new)
        .then(|| check_archive(&file, before.identity.project_uuid.as_deref()));
    let checked = checked.transpose()?;
    let workspace = if args.dry_run {
        before
    } else {
        workspace_to_write(context, false)?
    };
    let (store, project) = (
        workspace.place.store(),
        workspace.identity.project_uuid.as_deref(),
    );
    let report = if let Some(trailer) = checked.filter(|_| args.dry_run) {
        RestoreReport {
            trailer,
            restored: Restored::default(),
            was_interrupted: false,
        }
    } else {
        restore_archive(
            &store,
            &file,
            project,
            context.clock.as_ref(),
            &context.interrupt,
        )?
    };
    let exit = Exit::worst([
        if report.was_interrupted {
            Exit::Interrupted
        } else {
            Exit::Success
        },
        if report.restored.conflicts > 0 {
            Exit::Undeliverable
        } else {
            Exit::Success
        },
    ]);
    if context.printer.is_json() {
        context.printer.reply(
            "restore",
            exit,
            &Document {
                dry_run: args.dry_run,
                file: path(&file),
                count: report.trailer.count,
                sha256: &report.trailer.sha256,
                restored: report.restored,
            },
        );
    } else if !context.globals.quiet {
        context.printer.result(&line(&report, args.dry_run));
    }
    Ok(exit)
}

fn line(report: &RestoreReport, is_dry: bool) -> String {
    let events = plural(report.trailer.count, "event");
    if is_dry {
        return format!("Whole: {events}, every digest matches");
    }
    let r = &report.restored;
    let parts = [
        (r.added, "added"),
        (r.returned, "back"),
        (r.unchanged, "here already"),
        (r.conflicts, "here with another content, kept apart"),
        (r.purged, "purged here, stay away"),
    ];
    let words: Vec<_> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", count(*n)))
        .collect();
    let words = if words.is_empty() {
        "nothing in it".to_owned()
    } else {
        words.join(", ")
    };
    let end = if report.was_interrupted {
        "; interrupted, run it again for the rest"
    } else {
        ""
    };
    let documents = match r.documents {
        0 => String::new(),
        documents => format!("; {}", plural(documents, "document")),
    };
    format!("Restored: of {events} {words}{documents}{end}")
}
