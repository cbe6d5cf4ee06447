//! The project's store, opened for a command, and what it tells about lines in the spool.

use std::path::Path;

use super::project::world;
use crate::cli::render::plural;
use crate::cli::{Context, Exit, Failure};
use crate::ops::{self, Absorbed, Workspace, evicted_words};
use crate::spool::Spool;
use crate::store::Store;

/// Reports what was absorbed from the spool; returns the exit that follows from it.
pub(crate) fn tell_absorbed(context: &Context, absorbed: &Absorbed) -> Exit {
    let printer = &context.printer;
    if absorbed.lines() > 0 {
        printer.note(&format!(
            "Imported {} from the spool",
            plural(absorbed.lines(), "line")
        ));
    }
    absorbed
        .warnings
        .iter()
        .for_each(|words| printer.warning(words));
    if absorbed.evicted > 0 {
        printer.warning(&evicted_words(absorbed.evicted));
    }
    if absorbed.conflicts > 0 {
        Exit::Undeliverable
    } else {
        Exit::Success
    }
}

/// The same failure to read a store, with a note about lines that were spooled because of it.
pub(crate) fn with_spool(failure: Failure, store: &Path) -> Failure {
    let lines = Spool::beside(store)
        .look()
        .map_or(0, |waiting| waiting.lines);
    if lines == 0 {
        return failure;
    }
    let hint = failure
        .hint
        .as_deref()
        .map_or(String::new(), |hint| format!("{hint}; "));
    let lines = plural(lines, "spooled line");
    failure.with_hint(format!(
        "{hint}{lines} next to it are imported once the store can be opened"
    ))
}

/// Opens the project's store for writing.
pub(crate) fn open_store(context: &Context, workspace: &Workspace) -> Result<Store, Failure> {
    let (store, absorbed) = ops::open(&world(context), workspace)?;
    tell_absorbed(context, &absorbed);
    Ok(store)
}
