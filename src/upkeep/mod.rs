//! Looking after a store: what it holds, whether it is whole.
//!
//! **Invariant:** nothing here changes a byte. Everything is read through [`crate::store::ReadStore`], and a store that
//! does not exist is a value, not an error.

mod bodies;
mod document;
mod events;
mod legacy_stores;
mod status;
mod verify;

pub(crate) use bodies::{Retried, list_bodies, retry_bodies};
pub(crate) use document::{Document, Facts};
pub(crate) use events::{ListRequest, Shown, list, show};
pub(crate) use status::status;
pub(crate) use verify::{Checked, Proof, verify};
