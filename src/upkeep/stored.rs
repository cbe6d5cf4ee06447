//! What the store says for `status`, read in one transaction: from counters and small indexes.

use std::collections::BTreeMap;

use super::document::{
    Bodies, Conflict, CurrentTarget, DeliveryLedger, DeliveryTargets, EndedWith, EventJournal,
    GcSuggestion, MigrationConflicts, PreviousTarget, ResetOffer, ServerCheck, TerminalFailure,
    TerminalFailures,
};
use super::gates::{age, with_record};
use crate::base::Timestamp;
use crate::bodies;
use crate::books::{Balance, Error};
use crate::delivery::{self, Class, Target};
use crate::endpoint::{Gate, Identity};
use crate::journal::{self, Kind};
use crate::store::ReadTx;

/// Number of failures and conflicts that are listed.
const LISTED: i64 = 20;
/// Stored bytes from which `gc` is suggested.
const GC_BYTES: i64 = 50 << 20;

/// What the store says.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// The path of the pages at the target.
    pub(super) pages: Option<String>,
    pub(super) journal: EventJournal,
    pub(super) targets: DeliveryTargets,
    pub(super) ledger: DeliveryLedger,
    pub(super) conflicts: MigrationConflicts,
    pub(super) failures: TerminalFailures,
    pub(super) bodies: Bodies,
    pub(super) balance: Balance,
    pub(super) documents: Balance,
    pub(super) owed: u64,
    pub(super) gates: Vec<Gate>,
    pub(super) blocked_age_seconds: Option<u64>,
    pub(super) last_balance: Option<EndedWith>,
}

/// Reads the store; `judged` are the checks as this process sees them.
pub(super) fn read(
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
    if identity.is_none_or(|current| !current.receiver.is_server()) {
        // A run with another target on the command line may have failed there.
        for (other, books) in every_other
            .iter()
            .filter(|(other, _)| other.is_live && other.identity.receiver.is_server())
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
        !i.receiver.is_server() || target.as_ref().is_some_and(|target| target.is_live)
    });
    if is_met && totals.conflicts == 0 {
        kept.journal.gc_suggestion = gc_suggestion(&kept.journal, &every_other);
    }
    kept.journal.gc_suggested = kept.journal.gc_suggestion.is_some();
    Ok(kept)
}

/// The configured target; `known_as` is its id, if it was ever contacted.
pub(super) fn current(
    identity: &Identity,
    known_as: Option<&str>,
    due: Option<Timestamp>,
) -> CurrentTarget {
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
        .filter(|(t, _)| t.is_live && t.identity.receiver.is_server())
        .peekable();
    let is_everywhere = real.peek().is_some()
        && real.all(|(_, books)| NOT_THERE.iter().all(|class| books.of(*class) == 0));
    (journal.journal_size_bytes >= GC_BYTES && is_everywhere).then(|| GcSuggestion {
        reason: "every retained event is delivered to every known target".to_owned(),
        retained_event_count: journal.retained_event_count,
        journal_size_bytes: journal.journal_size_bytes,
    })
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
