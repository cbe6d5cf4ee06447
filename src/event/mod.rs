//! The wire vocabulary: envelopes, their origin, families, and when two events state the same.
//!
//! **Invariant:** independent of storage and delivery. Functions of values; the bytes of a captured
//! envelope are never changed, except in the copy that [`for_wire`] makes for sending.

mod aggregate;
mod batch_form;
mod cloud;
mod coalesce;
mod contract;
mod envelope;
mod family;
mod inspect;
mod mission_log;
mod namespace;
mod older;
mod older_envelope;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod restated;
mod sameness;
mod wire;

pub(crate) use aggregate::aggregate;
pub(crate) use batch_form::BatchForm;
pub(crate) use coalesce::{Coalesce, coalesce, coalescing_key, document_key, indexed_key};
pub(crate) use contract::{Violation, violations};
pub(crate) use envelope::{Occurrence, Origin, envelope, node_id};
pub(crate) use family::{Disposition, FamilyTable, disposition};
pub(crate) use inspect::{Inspection, NotAnEvent, inspect};
pub(crate) use mission_log::{
    LogEvent, LogMission, LogProject, NO_CONTRACT_TYPE, Skip, copied_line, read_log,
};
pub(crate) use namespace::NamespaceRef;
pub(crate) use older_envelope::{LOCAL_MEMBERS, names_person};
pub(crate) use restated::{Restated, restate};
pub(crate) use sameness::{is_same_event, meaning_digest};
pub(crate) use wire::{WireContext, WireForm, for_wire};
