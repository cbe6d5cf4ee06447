//! The wire vocabulary: envelopes, who emitted them, families, when two events say the same.
//!
//! **Invariant:** knows neither storage nor delivery. Values in, values out; a captured envelope's bytes are looked at
//! and never changed, except by [`for_wire`], which makes the copy that is sent.

mod aggregate;
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
mod sameness;
mod wire;

pub(crate) use aggregate::aggregate;
pub(crate) use cloud::BatchForm;
pub(crate) use coalesce::{Coalesce, coalesce, coalescing_key, document_key, indexed_key};
pub(crate) use contract::{Violation, violations};
pub(crate) use envelope::{Occurrence, Origin, envelope, node_id};
pub(crate) use family::{Disposition, FamilyTable, disposition};
pub(crate) use inspect::{Inspection, NotAnEvent, inspect};
pub(crate) use mission_log::{LogEvent, LogMission, LogProject, NO_CONTRACT_TYPE, Skip, copied_line, read_log};
pub(crate) use namespace::NamespaceRef;
pub(crate) use older_envelope::{LOCAL_MEMBERS, names_person};
pub(crate) use sameness::{is_same_event, meaning_digest};
pub(crate) use wire::{WireContext, WireForm, for_wire};
