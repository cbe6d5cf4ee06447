//! The document of `status --json`: a public contract. The seven sections of Spec Kitty keep their names and types
//! (`formats/storage-and-wire` section 12.3); fields may be added, none renamed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::lanes::MissionLanes;
use super::legacy_stores::LegacyStore;
use super::older_members::OlderMembers;
use crate::books::{Balance, LastRun};
use crate::delivery::{self, Reset};
use crate::endpoint::{Authority, Gate};
use crate::legacy::Unassigned;
use crate::spool::Waiting;

/// Where everything stands.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Document {
    /// Both balances hold, nothing is undeliverable that nobody has seen, no document was refused, none here is newer
    /// than what the target acknowledged, the last background delivery did not fail, no conflict is open, no gate is shut,
    /// no spooled line is damaged.
    #[serde(skip)]
    pub(crate) ok: bool,
    pub(crate) project: Facts,
    pub(crate) target_authority: Authority,
    pub(crate) event_journal: EventJournal,
    pub(crate) delivery_targets: DeliveryTargets,
    pub(crate) delivery_ledger: DeliveryLedger,
    pub(crate) migration_conflicts: MigrationConflicts,
    pub(crate) terminal_failures: TerminalFailures,
    pub(crate) body_upload_compatibility: BodyUploadCompatibility,
    pub(crate) active_queue: ActiveQueue,
    pub(crate) legacy_queue: LegacyQueue,
    pub(crate) remote_sync: RemoteSync,
    #[serde(flatten)]
    pub(crate) older: OlderMembers,
    pub(crate) bodies: Bodies,
    /// What was captured while the store could not be opened: it is in no count above.
    pub(crate) spool: Waiting,
    pub(crate) balance: Balance,
    pub(crate) documents: Documents,
    /// How the documents of each mission stand, where that was asked for.
    pub(crate) missions: Option<Vec<MissionHere>>,
    pub(crate) gates: Vec<Gate>,
    /// For how long a gate that is shut has been stopping drains; null where no drain was stopped.
    pub(crate) blocked_age_seconds: Option<u64>,
    pub(crate) legacy_stores: Vec<LegacyStore>,
    /// What was imported from them that names no project.
    pub(crate) unassigned: Unassigned,
    pub(crate) last_run: Option<Ended>,
    /// How the last process ended that a hook left behind.
    pub(crate) last_background: Option<Ended>,
    /// What a person should know and no count shows; plain sentences.
    pub(crate) warnings: Vec<String>,
    pub(crate) next_steps: Vec<Next>,
    /// The work packages of each mission by lane; `None` where that was not asked for.
    pub(crate) work_packages: Option<Vec<MissionLanes>>,
}

/// Whose events, and where they are kept.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Facts {
    pub(crate) project_uuid: Option<String>,
    pub(crate) project_slug: Option<String>,
    pub(crate) repo: String,
    pub(crate) store: String,
    /// False until something was captured here.
    pub(crate) store_exists: bool,
}

/// What is retained.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct EventJournal {
    /// Live events that are in no verified archive.
    pub(crate) retained_event_count: i64,
    /// Live events that are in a verified archive.
    pub(crate) archived_event_count: i64,
    /// Live events on hold, by reason.
    pub(crate) on_hold: BTreeMap<String, u64>,
    pub(crate) oldest_retained_event_at: Option<String>,
    /// Payload bytes of the live events.
    pub(crate) journal_size_bytes: i64,
    /// Much is retained that every target has.
    pub(crate) gc_suggested: bool,
    pub(crate) gc_suggestion: Option<GcSuggestion>,
}

/// Why payloads could go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct GcSuggestion {
    pub(crate) reason: String,
    pub(crate) retained_event_count: i64,
    pub(crate) journal_size_bytes: i64,
}

/// The configured target, and those before it that have something.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct DeliveryTargets {
    pub(crate) current: Option<CurrentTarget>,
    pub(crate) previous: Vec<PreviousTarget>,
}

/// The configured target; without an id while it was never contacted.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CurrentTarget {
    pub(crate) target_id: Option<String>,
    pub(crate) canonical_url: String,
    pub(crate) team_slug: String,
    pub(crate) user_email: String,
    /// When the next waiting event is tried again.
    pub(crate) next_due_at: Option<String>,
    /// Another server seems to answer there than before, and nobody said yet what to do about it.
    pub(crate) reset_offer: Option<ResetOffer>,
}

/// What says that a target is another server than before, and the line that sends everything again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ResetOffer {
    /// When that was first seen.
    pub(crate) since: String,
    pub(crate) changes: Vec<ResetChange>,
    pub(crate) run: String,
    /// The line that says that nothing was lost.
    pub(crate) dismiss: String,
}

/// A field of the server's health answer that says something else than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ResetChange {
    pub(crate) field: &'static str,
    pub(crate) previous: String,
    pub(crate) current: String,
}

impl ResetOffer {
    /// The offer for the target with this id.
    pub(super) fn of(target_id: &str, reset: &Reset) -> Self {
        let change = |c: &delivery::Change| ResetChange {
            field: c.field,
            previous: c.previous.clone(),
            current: c.current.clone(),
        };
        let run = crate::base::shell::line("sk-sync replay --to", [target_id]);
        let dismiss = format!("{run} --dismiss");
        Self { since: reset.since.to_string(), changes: reset.changes.iter().map(change).collect(), run, dismiss }
    }
}

/// An earlier target.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PreviousTarget {
    pub(crate) target_id: String,
    pub(crate) canonical_url: String,
    pub(crate) team_slug: String,
    pub(crate) user_email: String,
    pub(crate) delivered_count: i64,
    /// Events that were given up there; they count no longer.
    pub(crate) terminal_failed_count: i64,
}

/// Counts at the current target, and what earlier ones have.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct DeliveryLedger {
    pub(crate) delivered_current_target: i64,
    pub(crate) delivered_previous_target: i64,
    pub(crate) pending: i64,
    pub(crate) rejected: i64,
    pub(crate) transient: i64,
    pub(crate) terminal_failed: i64,
    /// Sent or about to be, without an answer yet.
    pub(crate) in_flight: i64,
    pub(crate) untried: i64,
}

/// Ids that came with two contents.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct MigrationConflicts {
    pub(crate) count: i64,
    pub(crate) cleanup_blocked: bool,
    /// The first of them.
    pub(crate) conflicts: Vec<Conflict>,
}

/// An id that came with two contents.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Conflict {
    pub(crate) event_id: String,
    pub(crate) source_digest: String,
    pub(crate) existing_sha: String,
    pub(crate) incoming_sha: String,
    pub(crate) detail: String,
}

/// What was given up at the current target.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct TerminalFailures {
    pub(crate) count: i64,
    /// Those of them that a person has seen (`events waive`).
    pub(crate) waived: i64,
    /// The first of the others.
    pub(crate) events: Vec<TerminalFailure>,
}

/// An event that was given up.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TerminalFailure {
    pub(crate) event_id: String,
    pub(crate) target_id: String,
    pub(crate) last_error: Option<String>,
}

/// The upload queue in two numbers.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct BodyUploadCompatibility {
    pub(crate) body_upload_queue_count: u64,
    pub(crate) body_upload_failure_log_count: u64,
}

/// The store of this project, by the older name.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ActiveQueue {
    pub(crate) path: String,
    /// Events that a drain to the current target would send now or later; not those it accepted and has not stored yet.
    pub(crate) event_count: u64,
    pub(crate) body_upload_count: u64,
}

/// The older unscoped queue; it is never opened here, so a file's rows are unknown (null).
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct LegacyQueue {
    pub(crate) path: String,
    pub(crate) event_count: Option<i64>,
    pub(crate) body_upload_count: Option<i64>,
    pub(crate) rows_in_scope: Option<i64>,
}

/// What the other side has: not asked, so unknown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RemoteSync {
    pub(crate) remote_project_state: &'static str,
    pub(crate) materialized_at: Option<String>,
    pub(crate) historical_import_state: &'static str,
    pub(crate) last_blocker_sample: Option<String>,
}

impl Default for RemoteSync {
    fn default() -> Self {
        Self {
            remote_project_state: "unknown",
            materialized_at: None,
            historical_import_state: "unknown",
            last_blocker_sample: None,
        }
    }
}

/// The upload queue.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Bodies {
    pub(crate) queued: u64,
    pub(crate) ready: u64,
    pub(crate) in_backoff: u64,
    pub(crate) oldest_age_seconds: Option<u64>,
    /// Rows by how often they failed.
    pub(crate) retry_histogram: BTreeMap<u32, u64>,
    /// Uploads refused for good and not taken up again.
    pub(crate) failures: u64,
}

/// The documents and their balance.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Documents {
    pub(crate) balance: Balance,
}

/// How the documents of one mission stand, here and at the current target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MissionHere {
    pub(crate) mission_slug: String,
    pub(crate) target_branch: String,
    /// On disk.
    pub(crate) documents: u64,
    /// Of those, what the target acknowledged.
    pub(crate) delivered: u64,
    /// Changed here since they were captured.
    pub(crate) newer_here: u64,
    /// Captured, and not at the target yet.
    pub(crate) waiting: u64,
    /// Why one of those waits.
    pub(crate) reason: Option<String>,
}

/// How the last run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Ended {
    /// When it ended, RFC 3339.
    pub(crate) when: String,
    pub(crate) command: String,
    /// What its exit code means, in a word.
    pub(crate) result: &'static str,
    pub(crate) exit_code: u8,
    /// Why its drain stopped early, if it did; and the same in a word.
    pub(crate) halted: Option<String>,
    pub(crate) cause: Option<String>,
    /// The shell line that sends elsewhere, where the server may be gone.
    #[serde(skip)]
    pub(crate) fix: Option<String>,
    /// What the last drain to the current target ended with.
    pub(crate) balance: Option<EndedWith>,
}

/// The balance that a drain ended with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct EndedWith {
    /// The first drain that ended so.
    pub(crate) at: String,
    #[serde(flatten)]
    pub(crate) balance: Balance,
}

impl EndedWith {
    pub(super) fn of(last: &delivery::Ended) -> Self {
        Self { at: last.at.to_string(), balance: Balance::of(&last.balance, false) }
    }
}

impl From<LastRun> for Ended {
    fn from(last: LastRun) -> Self {
        let result = match last.exit_code {
            0 => "success",
            2 => "usage",
            3 => "retryable",
            4 => "blocked",
            5 => "undeliverable",
            6 => "damaged",
            75 => "busy",
            130 => "interrupted",
            _ => "failed",
        };
        let LastRun { when, command, exit_code, halted, cause, fix } = last;
        Self { when, command, result, exit_code, halted, cause, fix, balance: None }
    }
}

/// Something worth doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Next {
    /// Why.
    pub(crate) why: String,
    /// The shell line that does it.
    pub(crate) run: String,
}
