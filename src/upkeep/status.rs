//! The read model behind every view of `status`. Its cost does not depend on the length of the
//! history: it reads counters and small indexes.

use std::collections::BTreeMap;
use std::path::Path;

use super::document::{
    ActiveQueue, Bodies, BodyUploadCompatibility, Conflict, CurrentTarget, DeliveryLedger,
    DeliveryTargets, Document, Documents, Ended, EndedWith, EventJournal, Facts, GcSuggestion,
    LegacyQueue, MigrationConflicts, PreviousTarget, RemoteSync, ResetOffer, ServerCheck,
    TerminalFailure, TerminalFailures,
};
use super::gates::{age, with_record};
use super::history::{self, History};
use super::legacy_stores;
use super::next_steps::next_steps;
use super::older_members::OlderMembers;
use crate::base::Timestamp;
use crate::base::text::path;
use crate::bodies;
use crate::books::{self, Balance, Error, Runner};
use crate::delivery::{self, Class, Target};
use crate::endpoint::{Gate, Identity, ReceiverKind, Resolved};
use crate::journal::{self, Kind};
use crate::legacy;
use crate::spool::Spool;
use crate::store::{self, ReadTx};

/// Number of failures and conflicts that are listed.
const LISTED: i64 = 20;
/// Stored bytes from which `gc` is suggested.
const GC_BYTES: i64 = 50 << 20;

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

/// The content of the store.
#[derive(Debug, Clone, Default)]
struct Kept {
    /// The path of the pages at the target.
    pages: Option<String>,
    journal: EventJournal,
    targets: DeliveryTargets,
    ledger: DeliveryLedger,
    conflicts: MigrationConflicts,
    failures: TerminalFailures,
    bodies: Bodies,
    balance: Balance,
    documents: Balance,
    owed: u64,
    gates: Vec<Gate>,
    blocked_age_seconds: Option<u64>,
    last_balance: Option<EndedWith>,
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
    let (mut kept, more) = match books::open_read(store)? {
        Some(store) => store.read(|tx| {
            let target = identity.map_or(Ok(None), |identity| {
                delivery::current(tx, &identity.target_id)
            })?;
            Ok::<_, Error>((read(tx, identity, &gates, now)?, more(tx, target.as_ref())?))
        })?,
        None => (
            Kept {
                balance: Balance::empty(),
                documents: Balance::empty(),
                gates,
                ..Kept::default()
            },
            T::default(),
        ),
    };
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

fn read(
    tx: &ReadTx<'_>,
    identity: Option<&Identity>,
    judged: &[Gate],
    now: Timestamp,
) -> Result<Kept, Error> {
    let record = delivery::stopped(tx, identity.map_or("", |identity| &identity.target_id))?;
    let gates = with_record(judged, &record);
    let is_shut = gates.iter().any(|gate| !gate.is_open);
    let totals = journal::totals(tx)?;
    let target = match identity {
        Some(identity) => delivery::current(tx, &identity.target_id)?,
        None => None,
    };
    let balance = delivery::balance(tx, target.as_ref())?;
    let mut kept = Kept {
        journal: EventJournal {
            retained_event_count: totals.live - totals.archived,
            oldest_retained_event_at: journal::oldest_kept_at(tx)?.map(|at| at.to_string()),
            archived_event_count: totals.archived,
            on_hold: if totals.held > 0 {
                journal::held_reasons(tx)?.into_iter().collect()
            } else {
                BTreeMap::new()
            },
            journal_size_bytes: totals.live_bytes,
            ..EventJournal::default()
        },
        conflicts: conflicts(tx, totals.conflicts)?,
        bodies: bodies_of(tx, identity, target.as_ref(), now)?,
        balance: Balance::of(&balance, is_shut),
        documents: Balance::of(
            &delivery::balance_of(tx, target.as_ref(), Kind::Document)?,
            is_shut,
        ),
        blocked_age_seconds: age(&gates, &record, now),
        gates,
        ..Kept::default()
    };
    let waiting = balance.of(Class::Untried) + balance.of(Class::Retryable);
    let mut in_attempts = 0;
    match &target {
        Some(target) => {
            let id = &target.identity.target_id;
            kept.targets.current = Some(CurrentTarget {
                reset_offer: delivery::pending_reset(tx, target.id)?
                    .map(|reset| ResetOffer::of(id, &reset)),
                server_check: delivery::last_check(tx, target.id)?.map(|(at, check)| ServerCheck {
                    checked_at: at.to_string(),
                    age_seconds: now.since(at).as_secs(),
                    check,
                }),
                ..current(
                    &target.identity,
                    Some(id),
                    delivery::next_due(tx, target.id)?,
                )
            });
            kept.last_balance =
                delivery::last_balance(tx, target.id)?.map(|last| EndedWith::of(&last));
            kept.pages = delivery::last_pages(tx, target.id)?;
            in_attempts = delivery::in_open_attempts(tx, target.id)?;
            kept.ledger = ledger(tx, target, &balance, in_attempts)?;
            kept.failures = failures(tx, target, &balance)?;
        }
        None => kept.ledger.untried = balance.of(Class::Untried),
    }
    kept.owed = u64::try_from(waiting + in_attempts).unwrap_or(0);
    let mut every_other = Vec::new();
    for other in delivery::targets(tx)? {
        let books = delivery::balance(tx, Some(&other))?;
        if target.as_ref().is_none_or(|target| target.id != other.id) {
            kept.targets.previous.extend(previous(&other, &books));
        }
        every_other.push((other, books));
    }
    if identity.is_none_or(|current| current.receiver == ReceiverKind::Stub) {
        // A run with another target on the command line may have failed there.
        for (other, books) in every_other
            .iter()
            .filter(|(other, _)| other.is_live && other.identity.receiver != ReceiverKind::Stub)
        {
            let failures = failures(tx, other, books)?;
            kept.failures.count += failures.count;
            kept.failures.waived += failures.waived;
            kept.failures.events.extend(failures.events);
        }
    }
    kept.ledger.delivered_previous_target = kept
        .targets
        .previous
        .iter()
        .map(|p| p.delivered_count)
        .sum();
    let is_met = identity.is_none_or(|i| {
        i.receiver == ReceiverKind::Stub || target.as_ref().is_some_and(|target| target.is_live)
    });
    if is_met && totals.conflicts == 0 {
        kept.journal.gc_suggestion = gc_suggestion(&kept.journal, &every_other);
    }
    kept.journal.gc_suggested = kept.journal.gc_suggestion.is_some();
    Ok(kept)
}

fn current(identity: &Identity, known_as: Option<&str>, due: Option<Timestamp>) -> CurrentTarget {
    CurrentTarget {
        target_id: known_as.map(str::to_owned),
        canonical_url: identity.canonical_url.clone(),
        team_slug: identity.team_slug.clone(),
        user_email: identity.user_email.clone(),
        // Requeued events have a due time before now: there is nothing to wait for.
        next_due_at: due.filter(|at| at.as_micros() > 0).map(|at| at.to_string()),
        page_url: None,
        reset_offer: None,
        server_check: None,
    }
}

/// An earlier target with deliveries.
fn previous(target: &Target, books: &delivery::Balance) -> Option<PreviousTarget> {
    let Identity {
        target_id,
        canonical_url,
        team_slug,
        user_email,
        ..
    } = target.identity.clone();
    let (delivered_count, terminal_failed_count) =
        (books.of(Class::Delivered), books.of(Class::Undeliverable));
    (delivered_count > 0).then_some(PreviousTarget {
        target_id,
        canonical_url,
        team_slug,
        user_email,
        delivered_count,
        terminal_failed_count,
    })
}

fn ledger(
    tx: &ReadTx<'_>,
    target: &Target,
    balance: &delivery::Balance,
    in_attempts: i64,
) -> Result<DeliveryLedger, Error> {
    let rejected = delivery::rejected(tx, target.id)?;
    Ok(DeliveryLedger {
        delivered_current_target: balance.of(Class::Delivered),
        delivered_previous_target: 0,
        pending: balance.of(Class::InFlight) - in_attempts,
        rejected,
        transient: balance.of(Class::Retryable) - rejected,
        terminal_failed: balance.of(Class::Undeliverable),
        in_flight: in_attempts,
        untried: balance.of(Class::Untried),
    })
}

fn failures(
    tx: &ReadTx<'_>,
    target: &Target,
    balance: &delivery::Balance,
) -> Result<TerminalFailures, Error> {
    let target_id = &target.identity.target_id;
    let events = delivery::unseen(tx, target.id, LISTED)?
        .into_iter()
        .map(|(event_id, last_error)| TerminalFailure {
            event_id,
            target_id: target_id.clone(),
            last_error,
        })
        .collect();
    Ok(TerminalFailures {
        count: balance.of(Class::Undeliverable),
        waived: delivery::waived(tx, target.id)?,
        events,
    })
}

/// The rule of the reference: many payloads are stored, a target exists, and every stored event is
/// at every target. The stub does not count.
fn gc_suggestion(
    journal: &EventJournal,
    targets: &[(Target, delivery::Balance)],
) -> Option<GcSuggestion> {
    const NOT_THERE: [Class; 5] = [
        Class::InFlight,
        Class::Retryable,
        Class::Undeliverable,
        Class::Blocked,
        Class::Untried,
    ];
    let mut real = targets
        .iter()
        .filter(|(t, _)| t.is_live && t.identity.receiver != ReceiverKind::Stub)
        .peekable();
    let is_everywhere = real.peek().is_some()
        && real.all(|(_, books)| NOT_THERE.iter().all(|class| books.of(*class) == 0));
    (journal.journal_size_bytes >= GC_BYTES && is_everywhere).then(|| GcSuggestion {
        reason: "every retained event is delivered to every known target".to_owned(),
        retained_event_count: journal.retained_event_count,
        journal_size_bytes: journal.journal_size_bytes,
    })
}

/// The warning about a journal above the configured number of events; `None` below it.
fn crowding(live: i64, warn_rows: u64) -> Option<String> {
    let is_over = u64::try_from(live).is_ok_and(|live| live > warn_rows);
    is_over
        .then(|| format!("{live} events are retained, more than journal.warn_rows ({warn_rows})"))
}

fn conflicts(tx: &ReadTx<'_>, count: i64) -> Result<MigrationConflicts, Error> {
    let listed = journal::conflicts(tx, LISTED)?
        .into_iter()
        .map(|c| Conflict {
            event_id: c.event_id,
            // Matches the name of the file that it came from.
            source_digest: c
                .origin
                .strip_prefix("import:")
                .map_or(c.origin.clone(), str::to_owned),
            existing_sha: c.existing_sha256.to_string(),
            incoming_sha: c.incoming_sha256.to_string(),
            detail: "divergent canonical payload for an existing event_id".to_owned(),
        });
    Ok(MigrationConflicts {
        count,
        cleanup_blocked: count > 0,
        conflicts: listed.collect(),
    })
}

fn bodies_of(
    tx: &ReadTx<'_>,
    identity: Option<&Identity>,
    target: Option<&Target>,
    now: Timestamp,
) -> Result<Bodies, Error> {
    let mut stats = bodies::stats(tx, target, now)?;
    if identity.is_none() {
        // Without a target nothing is left to send.
        stats = bodies::Stats {
            failures: stats.failures,
            ..bodies::Stats::default()
        };
    }
    Ok(Bodies {
        queued: stats.queued,
        ready: stats.ready,
        in_backoff: stats.in_backoff,
        oldest_age_seconds: stats.oldest_age.map(|age| age.as_secs()),
        retry_histogram: stats.retry_histogram,
        failures: stats.failures,
    })
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
