//! `sk-sync capture`: captures envelopes from stdin.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use crate::base::text::{path, printable};
use crate::cli::project::{workspace_to_write, world};
use crate::cli::store::tell_absorbed;
use crate::cli::table::count;
use crate::cli::{Context, Exit, Failure};
use crate::ops::{Line, News, StreamRequest, capture_stream, evicted_words};

/// Store event envelopes from stdin, one JSON object a line.
///
/// Writes each line to the journal byte for byte before it checks anything else: no gate, target or
/// envelope rule stops a capture. After exit code 0 every line is on disk, in the journal or, if
/// that cannot be opened, in a spool file that the next run imports.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
#[command(after_help = "\
Examples:
  sk-sync capture < events.jsonl              all lines, in a few large transactions
  producer | sk-sync capture --each --json    each line durable before its answer is printed")]
pub(crate) struct Args {
    /// Print one JSON object with the result of each line
    #[arg(long)]
    pub(crate) json: bool,

    /// Reject lines that break the envelope's rules
    #[arg(long)]
    pub(crate) strict_envelope: bool,

    /// Reject lines once the journal holds `journal.capacity` events; do not spool
    #[arg(long)]
    pub(crate) strict_capacity: bool,

    /// Maximum lines in one transaction
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) batch: NonZeroUsize,

    /// Commit each line on its own, and answer before reading the next
    #[arg(long, conflicts_with = "batch")]
    pub(crate) each: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let workspace = workspace_to_write(context, false)?;
    let request = StreamRequest {
        strict_envelope: args.strict_envelope,
        capacity: args
            .strict_capacity
            .then_some(workspace.loaded.config.journal.capacity),
        batch: if args.each { 1 } else { args.batch.get() },
    };
    let mut totals = BTreeMap::new();
    let mut worst = Exit::Success;
    let input = Box::new(std::io::stdin());
    let end = capture_stream(&world(context), &workspace, &request, input, &mut |news| {
        match news {
        News::Lines(lines) => {
            for line in lines {
                *totals.entry(line.result).or_insert(0_u64) += 1;
                worst = Exit::worst([worst, exit_of(line)]);
                show(context, args, line);
            }
            // A producer waits for these results.
            context.printer.flush();
        }
        News::Spooling(why) => context.printer.warning(&format!(
            "{why}; lines go into the spool next to it, durable on disk, and the next run imports them"
        )),
        News::Absorbed(absorbed) => {
            worst = Exit::worst([worst, tell_absorbed(context, absorbed)]);
        }
    }
    })?;
    if end.was_interrupted {
        worst = Exit::worst([worst, Exit::Interrupted]);
    }
    if end.evicted > 0 {
        context.printer.warning(&evicted_words(end.evicted));
    }
    if !args.json {
        let words: Vec<String> = totals
            .iter()
            .map(|(result, number)| format!("{} {result}", count(*number)))
            .collect();
        let words = if words.is_empty() {
            "nothing on stdin".to_owned()
        } else {
            words.join(", ")
        };
        let place = if totals.contains_key("spooled") {
            "Spooled"
        } else {
            "Captured into"
        };
        context.printer.note(&format!(
            "{place} {}: {words}",
            path(&workspace.place.store())
        ));
    }
    Ok(worst)
}

/// The exit code of a line: not an envelope is a usage error, a conflict or a rejection is a
/// failure.
fn exit_of(line: &Line) -> Exit {
    match line.result {
        "refused" if line.is_broken => Exit::Usage,
        "refused" | "conflict" => Exit::Undeliverable,
        _ => Exit::Success,
    }
}

/// Shows the result of a line: each with `--json`, else only problems. Why lines are spooled is
/// shown once for all.
fn show(context: &Context, args: &Args, line: &Line) {
    if args.json {
        context.printer.line_of_json(line);
    } else if let Some(reason) = line
        .reason
        .as_ref()
        .filter(|_| line.is_odd || line.result != "spooled")
    {
        let id = line.event_id.as_deref().unwrap_or("(no event id)");
        context.printer.warning(&printable(&format!(
            "line {} {id}: {}: {reason}",
            line.number, line.result
        )));
    }
}
