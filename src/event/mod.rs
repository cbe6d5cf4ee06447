//! The wire vocabulary: envelopes, who emitted them, families, the contract they must meet.
//!
//! **Invariant:** knows neither storage nor delivery. Values in, values out.

mod contract;
mod namespace;

pub(crate) use contract::{Violation, violations};
pub(crate) use namespace::NamespaceRef;
