//! `sk-sync migrate adopt --store`: adopts the store of a repository that no longer exists.

use serde::Serialize;

use crate::base::lock::Lock;
use crate::base::text::{path, printable};
use crate::books::Restored;
use crate::cli::ask::Question;
use crate::cli::project::{resolved, workspace_to_write};
use crate::cli::render::plural;
use crate::cli::store::open_store;
use crate::cli::table::size;
use crate::cli::{Context, Exit, Failure};
use crate::endpoint::{Resolved, grants};
use crate::ops::{self, Abandoned, Workspace};
use crate::upkeep::{ArchiveRequest, Archived, archive, plan_archive, restore_archive};

#[derive(Debug, Serialize)]
struct Document {
    dry_run: bool,
    /// Id of that repository.
    repository_id: String,
    repository: Option<String>,
    /// Path of its store.
    store: String,
    /// Events that this project's target does not have.
    events: u64,
    /// `moved`: it is this repository's store now. `copied`: its events are in this repository's
    /// store as well. Null if nothing was done.
    result: Option<&'static str>,
    /// Result for the copied events.
    restored: Option<Restored>,
}

/// Whether the user agrees to the adoption.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consent {
    /// Nothing is to be changed.
    pub(super) dry_run: bool,
    /// The command line agrees.
    pub(super) is_given: bool,
}

/// Asks on a terminal; otherwise `--yes` is required.
pub(super) fn confirm(context: &Context, agreeing: &str) -> Result<(), Failure> {
    Question {
        words: "Take this over into the store of this repository?",
        cannot: "cannot ask whether to take this over: stdin is not a terminal",
        agreeing,
        refused: "not agreed; nothing was imported",
    }
    .ask(context)
}

/// Adopts the store of the repository whose id begins with `prefix`.
pub(super) fn adopt(context: &Context, prefix: &str, consent: Consent) -> Result<Exit, Failure> {
    let workspace = workspace_to_write(context, consent.dry_run)?;
    let _uuid = workspace.project_uuid()?;
    let resolved = resolved(context, &workspace)?;
    let from = ops::abandoned(&workspace, prefix)?;
    let target = resolved.target_id();
    let unsent = plan_archive(
        &from.place.store(),
        &request(&workspace, target, std::path::Path::new("")),
    )?;
    if !context.printer.is_json() && !context.globals.quiet {
        show(context, &from, &unsent, &resolved)?;
    }
    let mut document = Document {
        dry_run: consent.dry_run,
        repository_id: from.repository_id.clone(),
        repository: from.repository.clone(),
        store: path(&from.place.store()),
        events: unsent.events,
        result: None,
        restored: None,
    };
    let mut exit = Exit::Success;
    if !consent.dry_run {
        if !consent.is_given {
            confirm(
                context,
                &format!("sk-sync migrate adopt --store {prefix} --yes"),
            )?;
        }
        let restored = take(context, &workspace, &from, target)?;
        document.result = Some(if restored.is_some() {
            "copied"
        } else {
            "moved"
        });
        exit = if restored.is_some_and(|r| r.conflicts > 0) {
            Exit::Undeliverable
        } else {
            exit
        };
        document.restored = restored;
    }
    if context.printer.is_json() {
        context.printer.reply("migrate adopt", exit, &document);
    } else {
        context.printer.note(&done_words(&document));
    }
    Ok(exit)
}

/// Moves the store here, or copies its content into the existing one; returns the copied content in
/// the second case.
fn take(
    context: &Context,
    workspace: &Workspace,
    from: &Abandoned,
    target: Option<&str>,
) -> Result<Option<Restored>, Failure> {
    let world = crate::cli::project::world(context);
    let patience = workspace.loaded.config.drain.lock_wait;
    let lock = |place: &crate::config::Place| {
        let taken = Lock::take(
            &place.drain_lock(),
            "migrate adopt",
            patience,
            context.clock.as_ref(),
            &context.interrupt,
        );
        taken.map_err(|error| Failure::from(ops::Error::from(error)))
    };
    // Ensures that no drain uses it. The lock is released, because Windows could not move the
    // directory otherwise.
    drop(lock(&from.place)?);
    if ops::move_here(&world, workspace, from)? {
        return Ok(None);
    }
    let (_there, _here) = (lock(&from.place)?, lock(&workspace.place)?);
    drop(open_store(context, workspace)?);
    let scratch = tempfile::Builder::new()
        .prefix("adopt-")
        .tempdir_in(workspace.place.dir())
        .map_err(|error| Failure::io(&error))?;
    let file = scratch.path().join("events.jsonl.gz");
    archive(
        &from.place.store(),
        &request(workspace, target, &file),
        context.clock.as_ref(),
        &context.interrupt,
    )?;
    let project = workspace.identity.project_uuid.as_deref();
    let store = workspace.place.store();
    let report = restore_archive(
        &store,
        &file,
        project,
        context.clock.as_ref(),
        &context.interrupt,
    )?;
    if report.was_interrupted {
        return Err(Failure::new(
            Exit::Interrupted,
            "interrupted",
            "interrupted; run it again for the rest".to_owned(),
        ));
    }
    ops::mark_adopted(workspace, from)?;
    Ok(Some(report.restored))
}

fn request<'a>(
    workspace: &'a Workspace,
    target: Option<&'a str>,
    output: &'a std::path::Path,
) -> ArchiveRequest<'a> {
    let project_uuid = workspace.identity.project_uuid.as_deref();
    ArchiveRequest {
        output,
        lacking: target,
        release: false,
        project_uuid,
    }
}

fn show(
    context: &Context,
    from: &Abandoned,
    unsent: &Archived,
    resolved: &Resolved,
) -> Result<(), Failure> {
    let line = |name: &str, words: &str| {
        context
            .printer
            .result(&printable(&format!("{name:<10}{words}")));
    };
    line(
        "Store",
        &format!("{} ({})", path(&from.place.store()), size(length(from))),
    );
    line(
        "Was of",
        from.repository
            .as_deref()
            .unwrap_or("a repository that nothing names"),
    );
    line(
        "Holds",
        &format!(
            "{} that the target here does not have",
            plural(unsent.events, "event")
        ),
    );
    for grant in grants(&from.place.grants()).map_err(ops::Error::from)? {
        line("Agreed", &grant.origin);
    }
    let origins = resolved.origins();
    let to = if origins.is_empty() {
        "nowhere as configured now".to_owned()
    } else {
        origins.join(" and ")
    };
    line("Goes to", &to);
    Ok(())
}

fn length(from: &Abandoned) -> u64 {
    from.place
        .store()
        .symlink_metadata()
        .map_or(0, |meta| meta.len())
}

fn done_words(document: &Document) -> String {
    match (document.result, document.restored) {
        (None, _) => "Dry run: nothing was written".to_owned(),
        (Some(_), None) => {
            "Adopted: it is the store of this repository now, with its history, agreements and settings".to_owned()
        }
        (Some(_), Some(r)) => format!(
            "Imported: {} new, {} already here{}. The store itself is kept",
            plural(r.added + r.returned, "event"),
            r.unchanged + r.purged,
            if r.conflicts > 0 { format!(", {} in conflict", r.conflicts) } else { String::new() }
        ),
    }
}
