//! `sk-sync archive`: writes payloads into one portable file.

use std::path::PathBuf;

use serde::Serialize;

use crate::base::text::path;
use crate::cli::project::{resolved, workspace};
use crate::cli::render::plural;
use crate::cli::store::open_store;
use crate::cli::table::size;
use crate::cli::{Context, Exit, Failure};
use crate::upkeep::{ArchiveRequest, Archived, archive, plan_archive};

/// Write payloads to a portable, checksummed archive.
///
/// The file is gzipped JSON Lines: one event a line with its envelope byte for byte, and a last
/// line with count and digest. It is synced to disk and read again before any event counts as
/// archived. `sk-sync restore` reads it on any machine, so that unsent work can leave a machine
/// that goes away.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync archive --output work.jsonl.gz             everything that is kept
  sk-sync archive --output unsent.jsonl.gz --unsent  what the target does not have
  sk-sync restore unsent.jsonl.gz                    the way back, on any machine")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct Args {
    /// File to write; it must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,

    /// Only events that the target does not have
    #[arg(long)]
    pub(crate) unsent: bool,

    /// Then discard what was archived and is not in flight
    #[arg(long)]
    pub(crate) release: bool,

    /// Show what would be written; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the result as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    dry_run: bool,
    output: String,
    #[serde(flatten)]
    archived: &'a Archived,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let store = workspace.place.store();
    let target = resolved(context, &workspace)?
        .identity
        .map(|identity| identity.target_id);
    let output = context.cwd.join(&args.output);
    let request = ArchiveRequest {
        output: &output,
        lacking: target.as_deref().filter(|_| args.unsent),
        release: args.release,
        project_uuid: workspace.identity.project_uuid.as_deref(),
    };
    let done = if args.dry_run {
        plan_archive(&store, &request)?
    } else {
        // Opening the store absorbs the spool, so that spooled lines are archived too.
        drop(open_store(context, &workspace)?);
        archive(&store, &request, context.clock.as_ref(), &context.interrupt)?
    };
    let exit = Exit::Success;
    if context.printer.is_json() {
        let document = Document {
            dry_run: args.dry_run,
            output: path(&output),
            archived: &done,
        };
        context.printer.reply("archive", exit, &document);
    } else if !context.globals.quiet {
        context.printer.results(lines(&done, args, &path(&output)));
    }
    Ok(exit)
}

fn lines(done: &Archived, args: &Args, output: &str) -> Vec<String> {
    let documents = match (done.documents, done.without_text) {
        (0, _) => String::new(),
        (all, 0) => format!("{}, ", plural(all, "document")),
        (all, missing) => format!(
            "{} ({missing} without text: only the file has it), ",
            plural(all, "document")
        ),
    };
    let amount = format!(
        "{}, {documents}{}",
        plural(done.events, "event"),
        size(done.bytes)
    );
    if args.dry_run {
        return vec![format!("Would write: {amount}, to {output}")];
    }
    let mut lines = vec![format!(
        "Archived: {amount}, in {output} ({}; sha256 {})",
        size(done.file_bytes),
        done.sha256
    )];
    if args.release {
        let stays = match u64::try_from(done.in_flight).unwrap_or(0) {
            0 => String::new(),
            events => format!("; {} in flight and stay", plural(events, "event")),
        };
        let released = plural(u64::try_from(done.released).unwrap_or(0), "event");
        lines.push(format!(
            "Released: {released}, no longer to be sent{stays}. `sk-sync gc --archived` deletes their payloads"
        ));
    }
    lines
}
