//! Looking after a store: what it holds, whether it is whole.
//!
//! **Invariant:** nothing here changes a byte. Everything is read through [`crate::store::ReadStore`], and a store that
//! does not exist is a value, not an error.

mod bodies;
mod document;
mod envelope;
mod events;
#[cfg(test)]
pub(crate) mod fixture;
mod legacy_stores;
mod next_steps;
mod show;
mod standing;
mod status;
#[cfg(test)]
mod status_tests;
mod verify;

pub(crate) use bodies::{Retried, list_bodies, retry_bodies};
pub(crate) use document::{Document, Facts, TerminalFailure};
#[cfg(test)]
pub(crate) use document::{Next, PreviousTarget};
pub(crate) use events::{ListRequest, View, known_targets, list};
pub(crate) use show::{AtTarget, Shown, show};
pub(crate) use standing::Wanted;
pub(crate) use status::{Surroundings, status};
#[cfg(test)]
pub(crate) use verify::Finding;
pub(crate) use verify::{Checked, Proof, verify};
