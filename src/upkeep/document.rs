//! The document of `status --json`: a public contract. The seven sections of Spec Kitty's `status`
//! keep their names and types; fields may be added, but not renamed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::lanes::MissionLanes;
use super::legacy_stores::LegacyStore;
use super::older_members::OlderMembers;
use crate::books::{Balance, LastRun};
use crate::delivery::{self, Reset, TargetCheck};
use crate::endpoint::{Authority, Gate};
use crate::legacy::Unassigned;
use crate::spool::Waiting;

/// The document.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Document {
    /// True if both balances hold, every given-up event is waived, no document was refused, no
    /// document here is newer than the acknowledged one, the last background delivery did not fail,
    /// no conflict is open, no check fails, and no spooled line is damaged.
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
    /// Events captured while the store could not be opened: not included in the counts above.
    pub(crate) spool: Waiting,
    pub(crate) balance: Balance,
    pub(crate) documents: Documents,
    /// Delivery state of the documents of each mission, if requested.
    pub(crate) missions: Option<Vec<MissionHere>>,
    pub(crate) gates: Vec<Gate>,
    /// How long a failed check has stopped drains; null if no drain was stopped.
    pub(crate) blocked_age_seconds: Option<u64>,
    pub(crate) legacy_stores: Vec<LegacyStore>,
    /// Imported events that name no project.
    pub(crate) unassigned: Unassigned,
    pub(crate) last_run: Option<Ended>,
    /// How the last background process of a hook ended.
    pub(crate) last_background: Option<Ended>,
    /// Warnings that no count shows; whole sentences.
    pub(crate) warnings: Vec<String>,
    pub(crate) next_steps: Vec<Next>,
    /// Work packages of each mission by lane; `None` if not requested.
    pub(crate) work_packages: Option<Vec<MissionLanes>>,
}

/// The project and its store.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Facts {
    pub(crate) project_uuid: Option<String>,
    pub(crate) project_slug: Option<String>,
    pub(crate) repo: String,
    pub(crate) store: String,
    /// False until something was captured.
    pub(crate) store_exists: bool,
}

/// The stored events.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct EventJournal {
    /// Live events that are not in a verified archive.
    pub(crate) retained_event_count: i64,
    /// Live events that are in a verified archive.
    pub(crate) archived_event_count: i64,
    /// Live events on hold, by reason.
    pub(crate) on_hold: BTreeMap<String, u64>,
    pub(crate) oldest_retained_event_at: Option<String>,
    /// Payload bytes of the live events.
    pub(crate) journal_size_bytes: i64,
    /// True if many payloads are stored that every target has.
    pub(crate) gc_suggested: bool,
    pub(crate) gc_suggestion: Option<GcSuggestion>,
}

/// Why `gc` is suggested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct GcSuggestion {
    pub(crate) reason: String,
    pub(crate) retained_event_count: i64,
    pub(crate) journal_size_bytes: i64,
}

/// The configured target, and earlier ones with deliveries.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct DeliveryTargets {
    pub(crate) current: Option<CurrentTarget>,
    pub(crate) previous: Vec<PreviousTarget>,
}

/// The configured target; without an id until it is first contacted.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CurrentTarget {
    pub(crate) target_id: Option<String>,
    pub(crate) canonical_url: String,
    pub(crate) team_slug: String,
    pub(crate) user_email: String,
    /// The page of the project there, if the target's last health response named pages.
    pub(crate) page_url: Option<String>,
    /// When the next waiting event is sent again.
    pub(crate) next_due_at: Option<String>,
    /// Another server seems to answer there than before, and the user has not yet reacted.
    pub(crate) reset_offer: Option<ResetOffer>,
    /// When the server was last asked what it has, and the result.
    pub(crate) server_check: Option<ServerCheck>,
}

/// Result of the last `verify --target`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ServerCheck {
    pub(crate) checked_at: String,
    pub(crate) age_seconds: u64,
    #[serde(flatten)]
    pub(crate) check: TargetCheck,
}

/// Signs that another server answers at a target, and the command that sends everything again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ResetOffer {
    /// When the change was first seen.
    pub(crate) since: String,
    pub(crate) changes: Vec<ResetChange>,
    pub(crate) run: String,
    /// The command that confirms that nothing was lost.
    pub(crate) dismiss: String,
}

/// A field of the server's health response with another value than before.
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
        Self {
            since: reset.since.to_string(),
            changes: reset.changes.iter().map(change).collect(),
            run,
            dismiss,
        }
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
    /// Events that were given up there; they no longer count as problems.
    pub(crate) terminal_failed_count: i64,
}

/// Counts of the current target, and deliveries to earlier ones.
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

/// Ids with two contents.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct MigrationConflicts {
    pub(crate) count: i64,
    pub(crate) cleanup_blocked: bool,
    /// The first of them.
    pub(crate) conflicts: Vec<Conflict>,
}

/// An id with two contents.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Conflict {
    pub(crate) event_id: String,
    pub(crate) source_digest: String,
    pub(crate) existing_sha: String,
    pub(crate) incoming_sha: String,
    pub(crate) detail: String,
}

/// Events given up at the current target.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct TerminalFailures {
    pub(crate) count: i64,
    /// Those that are waived (`events waive`).
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

/// The waiting documents in two numbers.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct BodyUploadCompatibility {
    pub(crate) body_upload_queue_count: u64,
    pub(crate) body_upload_failure_log_count: u64,
}

/// The store of this project, under the older name.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ActiveQueue {
    pub(crate) path: String,
    /// Events that a drain to the current target would send now or later; not events that it
    /// accepted and has not stored yet.
    pub(crate) event_count: u64,
    pub(crate) body_upload_count: u64,
}

/// The older unscoped queue; never opened here, so its number of rows is unknown (null).
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct LegacyQueue {
    pub(crate) path: String,
    pub(crate) event_count: Option<i64>,
    pub(crate) body_upload_count: Option<i64>,
    pub(crate) rows_in_scope: Option<i64>,
}

/// State of the server: not requested, so unknown.
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
    /// Number of rows by number of failures.
    pub(crate) retry_histogram: BTreeMap<u32, u64>,
    /// Uploads refused for good and not requeued.
    pub(crate) failures: u64,
}

/// The documents and their balance.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Documents {
    pub(crate) balance: Balance,
}

/// Delivery state of the documents of one mission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MissionHere {
    pub(crate) mission_slug: String,
    pub(crate) target_branch: String,
    /// Documents on disk.
    pub(crate) documents: u64,
    /// Documents that the target acknowledged.
    pub(crate) delivered: u64,
    /// Documents that changed here since they were captured.
    pub(crate) newer_here: u64,
    /// Documents that are captured and not at the target yet.
    pub(crate) waiting: u64,
    /// Why one of the waiting documents waits.
    pub(crate) reason: Option<String>,
}

/// How the last run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Ended {
    /// When it ended, RFC 3339.
    pub(crate) when: String,
    pub(crate) command: String,
    /// The meaning of its exit code, as one word.
    pub(crate) result: &'static str,
    pub(crate) exit_code: u8,
    /// Why its drain stopped early, and the same as one word; null if it did not.
    pub(crate) halted: Option<String>,
    pub(crate) cause: Option<String>,
    /// The shell command that sends to another target, if the server seems to be gone.
    #[serde(skip)]
    pub(crate) fix: Option<String>,
    /// The balance at the end of the last drain to the current target.
    pub(crate) balance: Option<EndedWith>,
}

/// The balance at the end of a drain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct EndedWith {
    /// Time of the first drain that ended with it.
    pub(crate) at: String,
    #[serde(flatten)]
    pub(crate) balance: Balance,
}

impl EndedWith {
    pub(super) fn of(last: &delivery::Ended) -> Self {
        Self {
            at: last.at.to_string(),
            balance: Balance::of(&last.balance, false),
        }
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
        let LastRun {
            when,
            command,
            exit_code,
            halted,
            cause,
            fix,
        } = last;
        Self {
            when,
            command,
            result,
            exit_code,
            halted,
            cause,
            fix,
            balance: None,
        }
    }
}

/// A suggested next step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Next {
    /// The reason.
    pub(crate) why: String,
    /// The shell command.
    pub(crate) run: String,
}
