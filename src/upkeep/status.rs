//! The one read model behind every view of `status`. Costs the same at any length of history: counters and small indexes.

use std::path::Path;

use super::document::{
    ActiveQueue, Bodies, BodyUploadCompatibility, Conflict, CurrentTarget, DeliveryLedger, DeliveryTargets, Document,
    EventJournal, Facts, LegacyQueue, MigrationConflicts, Next, PreviousTarget, RemoteSync, TerminalFailure,
    TerminalFailures,
};
use super::legacy_stores;
use crate::base::Timestamp;
use crate::base::text::path;
use crate::bodies;
use crate::books::{self, Balance, Error};
use crate::delivery::{self, Class, Status, Target};
use crate::journal;
use crate::store::ReadTx;
use crate::target::{Gate, Identity, Resolved};

/// How many failures and conflicts are listed one by one.
const LISTED: i64 = 20;

/// What the store says.
#[derive(Debug, Clone, Default)]
struct Kept {
    journal: EventJournal,
    targets: DeliveryTargets,
    ledger: DeliveryLedger,
    conflicts: MigrationConflicts,
    failures: TerminalFailures,
    bodies: Bodies,
    balance: Balance,
}

/// Where everything stands at `now`. `facts.store` is looked at, not created; `legacy_home` is listed, not opened.
pub(crate) fn status(
    store: &Path,
    facts: Facts,
    resolved: &Resolved,
    gates: Vec<Gate>,
    legacy_home: Option<&Path>,
    now: Timestamp,
) -> Result<Document, Error> {
    let identity = resolved.identity.as_ref();
    let is_shut = gates.iter().any(|gate| !gate.is_open);
    let mut kept = match books::open_read(store)? {
        Some(store) => store.read(|tx| read(tx, identity, is_shut, now))?,
        None => Kept { balance: Balance::empty(), ..Kept::default() },
    };
    if kept.targets.current.is_none() {
        kept.targets.current = identity.map(|i| current(i, None, None));
    }
    let legacy_stores = legacy_home.map(legacy_stores::find).unwrap_or_default();
    let b = kept.balance;
    let mut document = Document {
        schema_version: 1,
        ok: b.holds && kept.failures.count == 0 && kept.conflicts.count == 0 && !is_shut,
        exit_code: 0,
        project: facts,
        target_authority: resolved.authority.clone(),
        active_queue: ActiveQueue {
            path: path(store),
            event_count: if identity.is_some() { b.untried + b.retryable + b.in_flight } else { 0 },
            body_upload_count: kept.bodies.queued,
        },
        legacy_queue: legacy_queue(legacy_home),
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
        bodies: kept.bodies,
        balance: kept.balance,
        gates,
        legacy_stores,
        last_run: books::last_run(store),
        next_steps: Vec::new(),
    };
    document.next_steps = next_steps(&document);
    Ok(document)
}

fn read(tx: &ReadTx<'_>, identity: Option<&Identity>, is_shut: bool, now: Timestamp) -> Result<Kept, Error> {
    let totals = journal::totals(tx)?;
    let target = match identity {
        Some(identity) => delivery::current(tx, &identity.target_id)?,
        None => None,
    };
    let balance = delivery::balance(tx, target.as_ref())?;
    let mut kept = Kept {
        journal: EventJournal {
            retained_event_count: totals.live,
            oldest_retained_event_at: journal::oldest_kept_at(tx)?.map(|at| at.to_string()),
            journal_size_bytes: totals.live_bytes,
            ..EventJournal::default()
        },
        conflicts: conflicts(tx, totals.conflicts)?,
        bodies: bodies_of(tx, now)?,
        balance: Balance::of(&balance, is_shut),
        ..Kept::default()
    };
    for other in delivery::targets(tx)? {
        if Some(other.id) == target.as_ref().map(|t| t.id) {
            continue;
        }
        let delivered_count = delivery::balance(tx, Some(&other))?.of(Class::Delivered);
        if delivered_count > 0 {
            let Identity { target_id, canonical_url, team_slug, user_email, .. } = other.identity;
            let previous = PreviousTarget { target_id, canonical_url, team_slug, user_email, delivered_count };
            kept.targets.previous.push(previous);
        }
    }
    kept.ledger.delivered_previous_target = kept.targets.previous.iter().map(|p| p.delivered_count).sum();
    if let Some(target) = &target {
        kept.targets.current =
            Some(current(&target.identity, Some(&target.identity.target_id), delivery::next_due(tx, target.id)?));
        ledger(tx, target, &balance, &mut kept)?;
    } else {
        kept.ledger.untried = balance.of(Class::Untried);
    }
    Ok(kept)
}

fn current(identity: &Identity, known_as: Option<&str>, due: Option<Timestamp>) -> CurrentTarget {
    CurrentTarget {
        target_id: known_as.map(str::to_owned),
        canonical_url: identity.canonical_url.clone(),
        team_slug: identity.team_slug.clone(),
        user_email: identity.user_email.clone(),
        next_due_at: due.map(|at| at.to_string()),
    }
}

fn ledger(tx: &ReadTx<'_>, target: &Target, balance: &delivery::Balance, kept: &mut Kept) -> Result<(), Error> {
    let waiting = delivery::waiting(tx, target.id)?;
    let of = |status| waiting.get(&status).copied().unwrap_or(0);
    kept.ledger.delivered_current_target = balance.of(Class::Delivered);
    kept.ledger.pending = of(Status::Pending);
    kept.ledger.rejected = of(Status::Rejected);
    kept.ledger.transient = of(Status::Transient);
    kept.ledger.terminal_failed = balance.of(Class::Undeliverable);
    kept.ledger.in_flight = balance.of(Class::InFlight) - of(Status::Pending);
    kept.ledger.untried = balance.of(Class::Untried);
    kept.failures.count = balance.of(Class::Undeliverable);
    let target_id = &target.identity.target_id;
    kept.failures.events = delivery::given_up(tx, target.id, LISTED)?
        .into_iter()
        .map(|(event_id, last_error)| TerminalFailure { event_id, target_id: target_id.clone(), last_error })
        .collect();
    Ok(())
}

fn conflicts(tx: &ReadTx<'_>, count: i64) -> Result<MigrationConflicts, Error> {
    let listed = journal::conflicts(tx, LISTED)?.into_iter().map(|c| Conflict {
        event_id: c.event_id,
        source_digest: c.origin,
        existing_sha: c.existing_sha256.to_string(),
        incoming_sha: c.incoming_sha256.to_string(),
        detail: "divergent canonical payload for an existing event_id".to_owned(),
    });
    Ok(MigrationConflicts { count, cleanup_blocked: count > 0, conflicts: listed.collect() })
}

fn bodies_of(tx: &ReadTx<'_>, now: Timestamp) -> Result<Bodies, Error> {
    let stats = bodies::stats(tx, now)?;
    Ok(Bodies {
        queued: stats.counts.rows,
        ready: stats.ready,
        in_backoff: stats.in_backoff,
        oldest_age_seconds: stats.oldest_age.map(|age| age.as_secs()),
        retry_histogram: stats.retry_histogram,
        failures: stats.counts.failures,
    })
}

/// The older unscoped queue: none is empty; of one that is there nothing is known, since it is not opened.
fn legacy_queue(home: Option<&Path>) -> LegacyQueue {
    let file = home.map(|h| h.join("queue.db"));
    let count = if file.as_ref().is_some_and(|f| f.exists()) { None } else { Some(0) };
    LegacyQueue {
        path: file.map(|f| path(&f)).unwrap_or_default(),
        event_count: count,
        body_upload_count: count,
        rows_in_scope: count,
    }
}

/// What to do, the most pressing first.
fn next_steps(d: &Document) -> Vec<Next> {
    let mut steps = Vec::new();
    let mut say = |applies: bool, why: String, run: &str| {
        if applies {
            steps.push(Next { why, run: run.to_owned() });
        }
    };
    say(!d.balance.holds, "the books do not balance".to_owned(), "sk-sync verify");
    for gate in d.gates.iter().filter(|g| !g.is_open) {
        say(true, format!("the gate {} is shut: {}", gate.name, gate.reason), &gate.fix);
    }
    let is_shut = d.gates.iter().any(|g| !g.is_open);
    let has_target = d.delivery_targets.current.is_some();
    say(!d.project.store_exists, "nothing was captured here yet".to_owned(), "sk-sync run");
    let owed = d.active_queue.event_count;
    say(has_target && !is_shut && owed > 0, format!("{owed} events are owed"), "sk-sync drain");
    let queued = d.bodies.queued;
    say(has_target && !is_shut && owed == 0 && queued > 0, format!("{queued} bodies wait for upload"), "sk-sync drain");
    let failed = d.terminal_failures.count;
    say(failed > 0, format!("{failed} events were given up"), "sk-sync events list --status undeliverable");
    steps
}
