//! What a git hook does: index, and capture what is new with its texts, in one short transaction. No target, no books.

use super::dossier::{self, Selection};
use super::memory::Memory;
use super::rule::evicted_words;
use super::{Error, Workspace, World};
use crate::books;
use crate::config::Delivery;

/// What a quick capture did.
#[derive(Debug)]
pub(crate) struct Quick {
    /// Events that are new in the journal.
    pub(crate) captured: i64,
    /// Versions of documents that are new in the journal.
    pub(crate) documents: i64,
    /// What was captured hangs on what git tracks.
    pub(crate) hangs_on_index: bool,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
}

/// Captures the given missions, or all.
pub(crate) fn capture_quickly(
    world: &World<'_>,
    workspace: &Workspace,
    missions: Option<&[String]>,
) -> Result<Quick, Error> {
    workspace.project_uuid()?;
    // What was committed is what is sent, whatever becomes of the file until then.
    let has_target = workspace.loaded.config.delivery != Delivery::None;
    let mut memory = Memory::of(workspace, true);
    let selection = Selection { missions, ..Selection::default() };
    // Somebody waits for every millisecond: the store is opened while the files and git are asked.
    let (indexed, store) = std::thread::scope(|scope| {
        let opening = scope.spawn(|| books::open(&workspace.place.store()));
        let indexed = dossier::index(world, workspace, &memory, selection, &|_| ());
        (indexed, opening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let (indexed, mut store) = (indexed?, store?);
    store.leave_checkpoint()?;
    let captured = dossier::capture(world, workspace, &mut store, &mut memory, &indexed, has_target, false)?;
    memory.save(&indexed.index.cache);
    let hangs_on_index = indexed.hangs_on_index;
    let mut warnings = indexed.warnings;
    warnings.extend(captured.logs.into_iter().flat_map(|logs| logs.warnings));
    if captured.evicted > 0 {
        warnings.push(evicted_words(captured.evicted));
    }
    let (captured, documents) = (captured.receipt.captured, captured.receipt.documents.captured);
    Ok(Quick { captured, documents, hangs_on_index, warnings })
}
