//! What would leave if the user agrees, listed before the question.

use serde::Serialize;

use crate::base::text::printable;
use crate::cli::render::plural;
use crate::cli::table::size;
use crate::cli::unit_list::{UnitList, UnitSummary};
use crate::cli::{Context, Failure};
use crate::endpoint::Resolved;
use crate::ops::{CapturedDocument, Workspace, captured_documents};

/// What would leave.
#[derive(Debug, Default, Serialize)]
pub(super) struct Listed {
    /// What a run would send, by unit.
    units: Vec<UnitSummary>,
    /// Documents that were captured and are not among those: an agreement releases them as well.
    captured_before: Vec<CapturedDocument>,
}

/// Lists what would leave, every document if `shows_all`. What stands in the way of an index is
/// told, and does not prevent an agreement.
pub(super) fn list(
    context: &Context,
    workspace: &Workspace,
    shows_all: bool,
    resolved: &Resolved,
) -> Result<Listed, Failure> {
    let target = resolved.target_id();
    let mut captured = captured_documents(&workspace.place.store(), target)?;
    let list = match UnitList::of(context) {
        Ok(list) => list,
        Err(failure) => {
            context.printer.warning(&format!(
                "cannot list what would leave: {}",
                failure.message
            ));
            return Ok(Listed {
                captured_before: captured,
                ..Listed::default()
            });
        }
    };
    captured.retain(|document| !list.sends(document));
    if !context.printer.is_json() {
        let is_whole = shows_all || context.globals.verbose > 0;
        list.lines(is_whole)
            .iter()
            .for_each(|line| context.printer.result(line));
        context
            .printer
            .result(&format!("In all    {}", list.total()));
        context.printer.results(captured_lines(&captured, is_whole));
        list.warnings
            .iter()
            .for_each(|words| context.printer.warning(words));
    }
    Ok(Listed {
        units: list.summaries(),
        captured_before: captured,
    })
}

/// One line for each waiting document that is not in the list, the first few unless all are
/// requested.
fn captured_lines(captured: &[CapturedDocument], is_whole: bool) -> Vec<String> {
    const FEW: usize = 20;
    if captured.is_empty() {
        return Vec::new();
    }
    let shown = if is_whole {
        captured.len()
    } else {
        FEW.min(captured.len())
    };
    let count = plural(captured.len() as u64, "document");
    let mut lines = vec![format!(
        "Captured  {count} before, not in this list and released with it:"
    )];
    let line = |d: &CapturedDocument| {
        printable(&format!(
            "          {}/{} ({})",
            d.mission_slug,
            d.path,
            size(d.size)
        ))
    };
    lines.extend(captured.iter().take(shown).map(line));
    if shown < captured.len() {
        lines.push(format!(
            "          and {} more; --show lists all",
            captured.len() - shown
        ));
    }
    lines
}
