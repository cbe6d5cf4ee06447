//! Imports older stores, as a separate command and in every run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::report::{Balance, Migrate, Project, Report};
use super::run::books_of;
use super::{Error, Workspace, World, opening};
use crate::base::files;
use crate::base::text::{os_path, path};
use crate::books;
use crate::config::{Delivery, Imported, Retention};
use crate::endpoint::Resolved;
use crate::event::FamilyTable;
use crate::git;
use crate::legacy::{self, Destination, Giver, Names, Policy, Taken, Waiting};
use crate::store::ReadStore;

/// Directory below the top of a project in which older versions wrote what did not fit into a
/// queue.
const OVERFLOW: &str = ".kittify/sync";

/// Notice about history that no import can restore.
const LOST: &str = "an older version deleted what it had delivered: that history is lost";

/// Imports new rows during a run. If another process is importing at that moment, this is left to
/// it.
pub(super) fn on_the_way(
    world: &World<'_>,
    workspace: &Workspace,
    resolved: &Resolved,
    report: &mut Report,
) -> Result<(), Error> {
    let (roots, tracked) = (roots(workspace), tracked(world, workspace));
    let taken = legacy::take_over(&request(
        world,
        workspace,
        resolved,
        (&roots, &tracked),
        Duration::ZERO,
    ))?;
    note(workspace, &taken, report);
    let mut section = section(workspace, &taken);
    section
        .stores
        .retain(|source| !matches!(source.result, "unchanged" | "waiting"));
    report.standing.strict_findings += section.source_errors + section.refused;
    report.migrate = Some(section);
    Ok(())
}

/// `migrate`: imports new rows, and retries unreadable stores. With `adopts`, older stores of the
/// project are assigned to this repository.
pub(crate) fn migrate(
    world: &World<'_>,
    workspace: &Workspace,
    resolved: &Resolved,
    (dry_run, adopts): (bool, bool),
) -> Result<Report, Error> {
    let mut report = Report::new("migrate");
    report.dry_run = dry_run;
    let store = workspace.place.store();
    report.project = Some(Project {
        project_uuid: workspace.identity.project_uuid.clone(),
        project_slug: workspace.identity.project_slug.clone(),
        repo: path(&workspace.root),
        store: path(&store),
    });
    report.target.clone_from(&resolved.identity);
    report
        .warnings
        .extend(workspace.loaded.warnings.iter().cloned());
    let (roots, tracked) = (roots(workspace), tracked(world, workspace));
    let patience = workspace.loaded.config.drain.lock_wait;
    let request = request(world, workspace, resolved, (&roots, &tracked), patience);
    let request = legacy::Request {
        retries: true,
        is_adopted: request.is_adopted || adopts,
        ..request
    };
    if !dry_run {
        report
            .warnings
            .extend(opening::absorb_waiting(world, workspace)?.warnings);
    }
    let taken = if dry_run {
        legacy::preview(&request)?
    } else {
        legacy::take_over(&request)?
    };
    report.standing.is_locked_out = taken.is_busy;
    report.standing.store_errors = taken.store_errors;
    note(workspace, &taken, &mut report);
    let mut section = section(workspace, &taken);
    if !dry_run {
        section.open_conflicts = Some(legacy::open_conflicts(&store));
    }
    report.migrate = Some(section);
    let target_id = resolved
        .identity
        .as_ref()
        .map(|identity| identity.target_id.as_str());
    let read = |store: ReadStore| store.read(|tx| Ok::<_, Error>(books_of(tx, target_id)?.0));
    match books::open_read(&store)
        .map_err(Error::from)
        .and_then(|store| store.map(read).transpose())
    {
        Ok(balance) => report.balance = balance.map(|balance| Balance::of(&balance, false)),
        Err(error) => report
            .warnings
            .push(format!("this project's store cannot be read: {error}")),
    }
    Ok(report)
}

/// Rows of older stores of this project that this repository has not imported; and rows without a
/// project that no run has read yet. Reads private copies and writes nothing to our stores.
pub(crate) fn waiting_older(
    world: &World<'_>,
    workspace: &Workspace,
    resolved: &Resolved,
) -> Result<(Waiting, Waiting), Error> {
    let (roots, tracked) = (roots(workspace), tracked(world, workspace));
    let request = request(
        world,
        workspace,
        resolved,
        (&roots, &tracked),
        Duration::ZERO,
    );
    let taken = legacy::preview(&request)?;
    Ok((
        waiting(workspace, &taken),
        taken.waiting(Destination::Unassigned.name()),
    ))
}

/// Assigns older stores of the project to this repository from now on. Call this only with a user's
/// confirmation: the project's id is a claim that any clone can make.
pub(crate) fn adopt_older(world: &World<'_>, workspace: &Workspace) -> Result<(), Error> {
    workspace.project_uuid()?;
    let file = workspace.place.adopted();
    files::create_private_dir(workspace.place.dir()).map_err(Error::Output)?;
    files::replace(&file, format!("{}\n", world.clock.now()).as_bytes()).map_err(Error::Output)
}

fn waiting(workspace: &Workspace, taken: &Taken) -> Waiting {
    let project = workspace.identity.project_uuid.as_deref();
    project
        .map(|uuid| taken.waiting(&legacy::taker(uuid, &workspace.repository_id)))
        .unwrap_or_default()
}

/// Message about waiting rows; `None` if there are none.
pub(crate) fn waiting_words(waiting: &Waiting) -> Option<String> {
    (!waiting.is_empty()).then(|| {
        format!(
            "older stores have {} events and {} documents of this project; to import them: sk-sync migrate adopt",
            waiting.events, waiting.bodies
        )
    })
}

/// Overflow files that git tracks, so they came with a clone; all of them if git cannot be run.
fn tracked(world: &World<'_>, workspace: &Workspace) -> Vec<PathBuf> {
    if !workspace.checkout.is_repository() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for root in roots(workspace) {
        let dir = root.join(OVERFLOW);
        let files: Vec<_> = std::fs::read_dir(&dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        if files.is_empty() {
            continue;
        }
        match tracked_in(world, &dir) {
            Some(names) => all.extend(names),
            None => all.extend(files),
        }
    }
    all
}

/// The tracked files below a directory; `None` if git cannot be run, or the directory is a link to
/// another.
fn tracked_in(world: &World<'_>, dir: &Path) -> Option<Vec<PathBuf>> {
    let checkout = git::discover(dir).ok()?;
    let dir = Some(dir).filter(|dir| dir.canonicalize().is_ok_and(|real| real == **dir))?;
    let below = dir.strip_prefix(&checkout.root).ok()?.to_str()?;
    let names = ["ls-files", "-z", "--", &format!(":(top,literal){below}")];
    let answer = Workspace::git(world)
        .ask(&checkout, &names)
        .ok()
        .filter(|answer| answer.is_success)?;
    let names = answer
        .stdout
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    Some(
        names
            .map(|name| checkout.root.join(os_path(name)))
            .collect(),
    )
}

/// Result of `migrate release`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Released {
    /// Number of released events, or of those that would be released.
    pub(crate) events: u64,
    /// A stop was requested before the end.
    pub(crate) was_interrupted: bool,
}

/// The older stores that this project has imported events from.
pub(crate) fn imported_sources(workspace: &Workspace) -> Result<Vec<Giver>, Error> {
    match books::open_read(&workspace.place.store())? {
        Some(store) => Ok(store.read(legacy::givers)?),
        None => Ok(Vec::new()),
    }
}

/// Releases imported events of this project: of these sources, or of all for an empty list.
pub(crate) fn release_imported(
    world: &World<'_>,
    workspace: &Workspace,
    sources: &[String],
    dry_run: bool,
) -> Result<Released, Error> {
    let path = workspace.place.store();
    let Some(reader) = books::open_read(&path)? else {
        return Ok(Released::default());
    };
    if dry_run {
        let events = reader.read(|tx| legacy::count_held(tx, sources))?;
        return Ok(Released {
            events,
            was_interrupted: false,
        });
    }
    let (mut store, mut released, mut after) = (books::open(&path)?, Released::default(), 0);
    loop {
        let now = world.clock.now();
        let (events, last) = store.write(|tx| legacy::release(tx, now, sources, after))?;
        released.events += events;
        let Some(last) = last else {
            return Ok(released);
        };
        after = last;
        if world.interrupt.is_requested() {
            released.was_interrupted = true;
            return Ok(released);
        }
    }
}

/// The tops of the project below which an older version wrote overflow files.
pub(super) fn roots(workspace: &Workspace) -> Vec<&Path> {
    let mut roots = vec![workspace.main_root.as_path()];
    if workspace.root != workspace.main_root {
        roots.push(&workspace.root);
    }
    roots
}

/// What happens to imported events of the current project.
pub(super) fn policy(workspace: &Workspace) -> Policy {
    let config = &workspace.loaded.config;
    Policy {
        families: FamilyTable::with_local_only(config.families.local_only.iter().cloned()),
        is_opted_out: config.retention == Retention::Off && config.delivery == Delivery::None,
        is_held: config.migrate.imported == Imported::Held,
    }
}

fn request<'a>(
    world: &'a World<'_>,
    workspace: &'a Workspace,
    resolved: &'a Resolved,
    (roots, tracked): (&'a [&'a Path], &'a [PathBuf]),
    patience: Duration,
) -> legacy::Request<'a> {
    let config = &workspace.loaded.config;
    let authority = &resolved.authority;
    let some =
        |names: &[&Option<String>]| names.iter().filter_map(|name| (*name).clone()).collect();
    let mut users: Vec<String> = some(&[&authority.user_id]);
    users.push(config.teamspace.user_email.clone());
    legacy::Request {
        home: &workspace.home,
        repository: &workspace.repository_id,
        roots,
        is_adopted: workspace.place.adopted().is_file(),
        tracked,
        project: workspace.identity.project_uuid.as_deref(),
        target: resolved.identity.as_ref(),
        policy: policy(workspace),
        names: Names {
            servers: some(&[
                &authority.configured_server_url,
                &authority.env_server_url,
                &authority.resolved_server_url,
            ]),
            users,
            teams: some(&[&authority.team_slug]),
        },
        retries: false,
        patience,
        clock: world.clock,
        interrupt: world.interrupt,
    }
}

/// Adds warnings about the import to the report.
fn note(workspace: &Workspace, taken: &Taken, report: &mut Report) {
    report
        .warnings
        .extend(waiting_words(&waiting(workspace, taken)));
    let failed = taken
        .sources
        .iter()
        .filter(|source| source.is_news && source.error.is_some());
    report.warnings.extend(failed.map(|source| {
        format!(
            "the older store {} was not imported: {}",
            source.path,
            source.error.as_deref().unwrap_or_default()
        )
    }));
    for source in taken
        .sources
        .iter()
        .filter(|source| source.is_news && !source.notes.is_empty())
    {
        report.warnings.extend(
            source
                .notes
                .iter()
                .map(|note| format!("{}: {note}", source.path)),
        );
    }
    if let Some(why) = taken.ledger.doubt {
        report
            .warnings
            .push(format!("the older delivery ledger is not believed: {why}"));
    }
    report.warnings.extend(taken.warnings.iter().cloned());
    if taken.sources.iter().any(|source| source.imported > 0) {
        report.warnings.push(LOST.to_owned());
    }
    report.standing.was_interrupted |= taken.was_interrupted;
}

fn section(workspace: &Workspace, taken: &Taken) -> Migrate {
    let waiting = waiting(workspace, taken);
    let sum = |count: fn(&legacy::SourceReport) -> u64| taken.sources.iter().map(count).sum();
    Migrate {
        sources: taken.sources.len() as u64,
        imported: sum(|source| source.imported),
        deduplicated: sum(|source| source.deduplicated),
        conflicts: sum(|source| source.conflicts),
        source_errors: sum(|source| u64::from(source.error.is_some())),
        bodies_imported: sum(|source| source.bodies_imported),
        failures_imported: sum(|source| source.failures_imported),
        held: sum(|source| source.held),
        refused: sum(|source| source.refused),
        delivered_before: taken.ledger.delivered,
        open_conflicts: None,
        waiting,
        unassigned: None,
        own_conflicts: sum(|source| source.conflicts - source.foreign_conflicts),
        stores: taken.sources.clone(),
    }
}
