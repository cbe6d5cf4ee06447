//! The work of a git hook: index, and capture what is new with its texts, in one short transaction.
//! It needs no target and no ledger.

use super::memory::Memory;
use super::rule::evicted_words;
use super::run::{self, CaptureOptions, Selection};
use super::{Error, Workspace, World};
use crate::books;
use crate::config::Delivery;

/// Result of a quick capture.
#[derive(Debug)]
pub(crate) struct Quick {
    /// Events that are new in the journal.
    pub(crate) captured: i64,
    /// Versions of documents that are new in the journal.
    pub(crate) documents: i64,
    /// True if the result depends on which files git tracks.
    pub(crate) hangs_on_index: bool,
    /// Warnings for people.
    pub(crate) warnings: Vec<String>,
}

/// Captures the given missions, or all for `None`.
pub(crate) fn capture_quickly(
    world: &World<'_>,
    workspace: &Workspace,
    missions: Option<&[String]>,
) -> Result<Quick, Error> {
    workspace.project_uuid()?;
    // The committed text is the one that is sent, even if the file changes later.
    let has_target = workspace.loaded.config.delivery != Delivery::None;
    let mut memory = Memory::of(workspace, true);
    let selection = Selection {
        missions,
        ..Selection::default()
    };
    // The user waits for the hook: the store is opened while files and git are examined.
    let (indexed, store) = std::thread::scope(|scope| {
        let opening = scope.spawn(|| books::open(&workspace.place.store()));
        let indexed = run::index(world, workspace, &memory, selection, &|_| ());
        (
            indexed,
            opening
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    });
    let (indexed, mut store) = (indexed?, store?);
    store.leave_checkpoint()?;
    let options = CaptureOptions {
        keeps_texts: has_target,
        ..CaptureOptions::default()
    };
    let captured = run::capture(world, workspace, &mut store, &mut memory, &indexed, options)?;
    memory.save(&indexed.index.cache);
    let hangs_on_index = indexed.hangs_on_index;
    let mut warnings = indexed.warnings;
    warnings.extend(captured.logs.into_iter().flat_map(|logs| logs.warnings));
    if captured.evicted > 0 {
        warnings.push(evicted_words(captured.evicted));
    }
    let (captured, documents) = (
        captured.receipt.captured,
        captured.receipt.documents.captured,
    );
    Ok(Quick {
        captured,
        documents,
        hangs_on_index,
        warnings,
    })
}
