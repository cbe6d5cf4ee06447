//! The read model behind every view of `status`. Its cost does not depend on the length of the
//! history: it reads counters and small indexes.

use std::path::Path;

use super::document::{
    ActiveQueue, BodyUploadCompatibility, Document, Documents, Ended, Facts, LegacyQueue,
    RemoteSync,
};
use super::history::{self, History};
use super::legacy_stores;
use super::next_steps::next_steps;
use super::older_members::OlderMembers;
use super::stored::{Kept, current, read};
use crate::base::Timestamp;
use crate::base::text::path;
use crate::books::{self, Balance, Error, Runner};
use crate::delivery::{self, Target};
use crate::endpoint::{Gate, Identity, Resolved};
use crate::legacy;
use crate::spool::Spool;
use crate::store::{self, ReadTx};

/// Input besides the store.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings<'a> {
    /// The store's file; not created.
    pub(crate) store: &'a Path,
    /// Project and store.
    pub(crate) facts: Facts,
    /// The configured target.
    pub(crate) resolved: &'a Resolved,
    /// Its checks.
    pub(crate) gates: Vec<Gate>,
    /// The state directory.
    pub(crate) state: &'a Path,
    /// The older home directory: listed, but its files are not opened.
    pub(crate) legacy_home: Option<&'a Path>,
    /// The store of imported events without a project; not created.
    pub(crate) unassigned: &'a Path,
    /// The top of the project.
    pub(crate) root: &'a Path,
    /// Number of live events above which there is a warning.
    pub(crate) warn_rows: u64,
    /// Warnings of configuration and target.
    pub(crate) warnings: Vec<String>,
}

/// The published JSON Schema of the document.
pub(crate) const STATUS_SCHEMA: &str = include_str!("status.schema.json");

/// The document at `now`.
pub(crate) fn status(around: Surroundings<'_>, now: Timestamp) -> Result<Document, Error> {
    gather(around, now, |_, _| Ok(())).map(|(document, ())| document)
}

/// The document and the history, both from one state of the store.
pub(crate) fn status_with_history(
    around: Surroundings<'_>,
    now: Timestamp,
) -> Result<(Document, History), Error> {
    gather(around, now, |tx, target| history::history(tx, target, now))
}

/// The document, and the result of `more` in the same transaction.
fn gather<T: Default>(
    around: Surroundings<'_>,
    now: Timestamp,
    more: impl Fn(&ReadTx<'_>, Option<&Target>) -> Result<T, Error>,
) -> Result<(Document, T), Error> {
    let Surroundings {
        store,
        resolved,
        gates,
        legacy_home,
        ..
    } = around;
    let identity = resolved.identity.as_ref();
    // Read first: lines that are absorbed meanwhile are then counted twice rather than not at all.
    let spool = Spool::beside(store).look();
    let (mut kept, more) = look(store, identity, gates, now, more)?;
    let is_shut = kept.gates.iter().any(|gate| !gate.is_open);
    let spool = spool.map_err(store::Error::from)?;
    if kept.targets.current.is_none() {
        kept.targets.current = identity.map(|i| current(i, None, None));
    }
    // Nothing is asked: the last run was told.
    if let (Some(current), Some(path), Some(project)) = (
        &mut kept.targets.current,
        &kept.pages,
        &around.facts.project_uuid,
    ) {
        current.page_url = Some(delivery::project_page(
            &current.canonical_url,
            path,
            project,
        ));
    }
    let faults = kept.failures.count - kept.failures.waived + kept.conflicts.count;
    let legacy_stores = legacy_stores::find(around.state, legacy_home, around.root, store);
    let mut warnings = around.warnings;
    warnings.extend(crowding(
        kept.journal.retained_event_count + kept.journal.archived_event_count,
        around.warn_rows,
    ));
    let last_run = books::last_run(store, Runner::Command);
    // A command that ended since then has already shown its result.
    let last_background = books::last_run(store, Runner::Background).filter(|background| {
        last_run
            .as_ref()
            .is_none_or(|run| run.when < background.when)
    });
    let has_failed = last_background
        .as_ref()
        .is_some_and(|last| !matches!(last.exit_code, 0 | 75 | 130));
    let balances_hold = kept.balance.holds && kept.documents.holds;
    let is_well = faults == 0
        && kept.bodies.failures == 0
        && kept.bodies.ready + kept.bodies.in_backoff == 0
        && !has_failed;
    let mut document = Document {
        ok: balances_hold && is_well && !is_shut && spool.damaged == 0,
        project: around.facts,
        target_authority: resolved.authority.clone(),
        active_queue: ActiveQueue {
            path: path(store),
            event_count: if identity.is_some() { kept.owed } else { 0 },
            body_upload_count: kept.bodies.queued,
        },
        legacy_queue: legacy_queue(legacy_home, &legacy_stores),
        event_journal: kept.journal,
        delivery_targets: kept.targets,
        delivery_ledger: kept.ledger,
        migration_conflicts: kept.conflicts,
        terminal_failures: kept.failures,
        body_upload_compatibility: BodyUploadCompatibility {
            body_upload_queue_count: kept.bodies.queued,
            body_upload_failure_log_count: kept.bodies.failures,
        },
        remote_sync: RemoteSync::default(),
        older: OlderMembers::of(&kept.gates),
        bodies: kept.bodies,
        spool,
        balance: kept.balance,
        documents: Documents {
            balance: kept.documents,
        },
        missions: None,
        gates: kept.gates,
        blocked_age_seconds: kept.blocked_age_seconds,
        legacy_stores,
        unassigned: legacy::unassigned(around.unassigned),
        last_run: last_run.map(|last| Ended {
            balance: kept.last_balance,
            ..Ended::from(last)
        }),
        last_background: last_background.map(Ended::from),
        warnings,
        next_steps: Vec::new(),
        work_packages: None,
    };
    document.next_steps = next_steps(&document);
    Ok((document, more))
}

/// What the store says, and the result of `more` in the same transaction.
fn look<T: Default>(
    store: &Path,
    identity: Option<&Identity>,
    gates: Vec<Gate>,
    now: Timestamp,
    more: impl Fn(&ReadTx<'_>, Option<&Target>) -> Result<T, Error>,
) -> Result<(Kept, T), Error> {
    let Some(store) = books::open_read(store)? else {
        let kept = Kept {
            balance: Balance::empty(),
            documents: Balance::empty(),
            gates,
            ..Kept::default()
        };
        return Ok((kept, T::default()));
    };
    store.read(|tx| {
        let target = identity.map_or(Ok(None), |identity| {
            delivery::current(tx, &identity.target_id)
        })?;
        Ok((read(tx, identity, &gates, now)?, more(tx, target.as_ref())?))
    })
}

/// The warning about a journal above the configured number of events; `None` below it.
fn crowding(live: i64, warn_rows: u64) -> Option<String> {
    let is_over = u64::try_from(live).is_ok_and(|live| live > warn_rows);
    is_over
        .then(|| format!("{live} events are retained, more than journal.warn_rows ({warn_rows})"))
}

/// The older unscoped queue: empty if it does not exist; otherwise the result of the last import,
/// since it is not opened.
fn legacy_queue(home: Option<&Path>, stores: &[legacy_stores::LegacyStore]) -> LegacyQueue {
    let queue = stores.iter().find(|store| store.kind == "queue");
    let signed = |count: Option<u64>| count.and_then(|count| i64::try_from(count).ok());
    let event_count = queue.map_or(Some(0), |store| signed(store.event_rows));
    let body_upload_count = queue.map_or(Some(0), |store| signed(store.body_rows));
    LegacyQueue {
        path: home
            .map(|home| path(&home.join("queue.db")))
            .unwrap_or_default(),
        event_count,
        body_upload_count,
        rows_in_scope: event_count
            .zip(body_upload_count)
            .map(|(events, bodies)| events + bodies),
    }
}
