//! `sk-sync events explain`: failures by reason.

use serde::Serialize;

use crate::base::text::printable;
use crate::cli::event_view::view;
use crate::cli::project::workspace;
use crate::cli::table::Table;
use crate::cli::{Context, Exit, Failure};
use crate::ops::{Group, explain};

/// Group rejected events by reason.
///
/// Reasons that differ only in IDs, numbers and quoted text are one group, with one event as an
/// example. `events waive GROUP` records that you have seen a group.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// At the target with this ID, instead of the configured one
    #[arg(long, value_name = "ID")]
    pub(crate) target: Option<String>,

    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    groups: &'a [Group],
}

pub(super) fn run(context: &Context, args: &ExplainArgs) -> Result<Exit, Failure> {
    let workspace = workspace(context)?;
    let target = view(context, &workspace, args.target.as_deref())?.target_id;
    let groups = match &target {
        Some(target) => explain(&workspace.place.store(), target)?,
        None => Vec::new(),
    };
    let printer = &context.printer;
    if printer.is_json() {
        printer.reply("events", Exit::Success, &Document { groups: &groups });
        return Ok(Exit::Success);
    }
    if groups.is_empty() {
        printer.note("no rejected events");
        return Ok(Exit::Success);
    }
    let mut table = Table::new(&[
        "GROUP", "EVENTS", "STATUS", "TYPE", "REASON", "EXAMPLE", "WAIVED",
    ]);
    for group in &groups {
        let (count, waived) = (group.count.to_string(), waived(group));
        let cells = [
            &group.id,
            &count,
            group.status,
            &group.event_type,
            &group.reason,
            &group.example,
            waived.as_str(),
        ];
        table.row(cells.map(printable));
    }
    printer.table(&table);
    Ok(Exit::Success)
}

/// Number of waived events of a group, with the note.
fn waived(group: &Group) -> String {
    let note = group
        .note
        .as_ref()
        .map_or_else(String::new, |note| format!(": {note}"));
    match group.waived {
        0 => String::new(),
        all if all == group.count => format!("all{note}"),
        some => format!("{some}{note}"),
    }
}
