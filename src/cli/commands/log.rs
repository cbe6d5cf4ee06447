//! `sk-sync log`: recent captures with their status.

use std::time::Duration;

use crate::base::Timestamp;
use crate::base::text::{printable, shorten};
use crate::cli::event_view::view;
use crate::cli::project::workspace;
use crate::cli::when::{When, local, when};
use crate::cli::{Context, Exit, Failure};
use crate::upkeep::{LogEntry, LogRequest, log};

/// Interval at which `--follow` reads new rows.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Maximum rows that `--follow` shows after one read.
const BURST: usize = 10_000;

/// Show what was captured, newest first.
///
/// Shows documents and events with their mission and their status at the target. Events that state
/// which files are on disk are left out, because the documents are listed. Changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show at most N rows
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 20)]
    pub(crate) number: usize,

    /// Show only this mission
    #[arg(long, value_name = "SLUG")]
    pub(crate) mission: Option<String>,

    /// Show only rows captured since TIME (2d, 90m, 2026-11-29)
    #[arg(long, value_name = "TIME", value_parser = when)]
    pub(crate) since: Option<When>,

    /// Include the events that state which files are on disk
    #[arg(long)]
    pub(crate) all: bool,

    /// Keep running and print new rows, oldest first
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,

    /// Print one JSON object for each row
    #[arg(long)]
    pub(crate) jsonl: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let store = workspace.place.store();
    let mut request = LogRequest {
        mission: args.mission.clone(),
        since: args.since.map(|since| since.resolve(context.clock.now())),
        with_facts: args.all,
        view: view(context, &workspace, None)?,
        after: 0,
        limit: args.number,
    };
    let mut rows = log(&store, &request)?;
    if rows.is_empty() && !args.follow {
        let asked = args.mission.is_some() || args.since.is_some();
        context.printer.note(if asked {
            "no matching rows"
        } else {
            "nothing was captured here yet: sk-sync run"
        });
    }
    if !args.follow {
        show(context, args, &rows);
        return Ok(Exit::Success);
    }
    request.limit = BURST;
    loop {
        request.after = rows
            .iter()
            .map(|row| row.seq)
            .max()
            .unwrap_or(request.after);
        rows.reverse();
        show(context, args, &rows);
        context.printer.flush();
        if context.printer.is_closed() || context.interrupt.wait(LOOK_EVERY) {
            return Ok(Exit::Success);
        }
        rows = log(&store, &request)?;
    }
}

fn show(context: &Context, args: &Args, rows: &[LogEntry]) {
    if args.jsonl {
        for row in rows {
            context.printer.line_of_json(row);
        }
        return;
    }
    let width = |cell: fn(&LogEntry) -> &str, most: usize| {
        rows.iter()
            .map(|row| chars(cell(row)))
            .max()
            .unwrap_or(0)
            .min(most)
    };
    let widths = (
        width(|row| &row.what, WHAT),
        width(|row| row.mission_slug.as_deref().unwrap_or("-"), MISSION),
    );
    let now = context.clock.now();
    for row in rows {
        context.printer.result(&line(row, widths, now));
    }
}

/// Maximum widths of the subject and of the mission.
const WHAT: usize = 36;
const MISSION: usize = 26;

/// `15:15  spec.md  001-login  delivered`; with the date first if it is not today.
fn line(row: &LogEntry, (what, mission): (usize, usize), now: Timestamp) -> String {
    let time = local(&row.captured_at, now);
    let slug = cut(row.mission_slug.as_deref().unwrap_or("-"), MISSION);
    printable(&format!(
        "{time}  {:<what$}  {slug:<mission$}  {}",
        cut(&row.what, WHAT),
        row.word
    ))
}

fn chars(cell: &str) -> usize {
    cell.chars().count()
}

/// The cell, cut to at most `most` characters.
fn cut(cell: &str, most: usize) -> String {
    if chars(cell) <= most {
        cell.to_owned()
    } else {
        shorten(cell, most.saturating_sub(1))
    }
}
