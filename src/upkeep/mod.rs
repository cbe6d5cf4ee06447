//! Maintenance of a store: reading, verifying, and deleting.
//!
//! **Invariant:** commands that only read (`status`, `events`, `bodies list`, `verify`, every plan)
//! change no byte: they read through [`crate::store::ReadStore`], and a store that does not exist
//! is a value, not an error. **Invariant:** commands that destroy (`gc`, `archive --release`,
//! `purge`) make a plan that the user can read first, and applying needs that plan.

mod archive;
mod archive_claims;
mod archive_file;
#[cfg(test)]
mod archive_file_tests;
mod archive_writer;
mod bodies;
mod document;
mod envelope;
mod events;
#[cfg(test)]
pub(crate) mod fixture;
mod gates;
mod gc;
mod history;
mod lanes;
mod legacy_stores;
mod log;
mod mission_logs;
mod next_steps;
mod older_members;
mod page;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod purge;
mod restore;
mod show;
mod standing;
mod status;
#[cfg(test)]
mod status_cost_tests;
#[cfg(test)]
mod status_document_tests;
#[cfg(test)]
mod status_tests;
mod stored;
mod targets;
mod verify;

pub(crate) use archive::{ArchiveError, ArchiveRequest, Archived, archive, plan_archive};
pub(crate) use bodies::{Listing as BodyListing, Retried, list_bodies, retry_bodies};
pub(crate) use document::Ended;
pub(crate) use document::{Document, Facts, MissionHere, ServerCheck, TerminalFailure};
#[cfg(test)]
pub(crate) use document::{Next, PreviousTarget};
pub(crate) use events::{ListRequest, View, known_targets, list};
pub(crate) use gates::{last_answer, recorded_gates};
pub(crate) use gc::{Explicit, GcReport, GcRequest, apply_gc, plan_gc};
pub(crate) use history::History;
pub(crate) use lanes::{MissionLanes, lanes, sensitive};
pub(crate) use legacy_stores::{LegacyStore, find as legacy_stores};
pub(crate) use log::{LogEntry, LogRequest, log};
pub(crate) use mission_logs::{LogCheck, check_logs};
pub(crate) use next_steps::next_steps;
pub(crate) use page::page;
pub(crate) use purge::{Confirmed, PurgePlan, PurgeReport, PurgeScope, apply_purge, plan_purge};
pub(crate) use restore::{RestoreReport, check_archive, restore_archive};
pub(crate) use show::{AtTarget, Shown, show};
pub(crate) use standing::Wanted;
pub(crate) use status::{STATUS_SCHEMA, Surroundings, status, status_with_history};
pub(crate) use targets::{TargetList, TargetRow, forget_target, list_targets};
#[cfg(test)]
pub(crate) use verify::Finding;
pub(crate) use verify::{Checked, Proof, Repair, apply_repair, plan_repair, verify};
