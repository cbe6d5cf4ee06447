//! HTTP requests to one origin that somebody agreed to.
//!
//! **Invariant:** knows no endpoint and no event. A [`Client`] can be made only from an [`OriginGrant`], sends only to
//! that origin, follows no redirect, uses no ambient proxy or netrc, asks for no compressed answer, and reads at most
//! the number of answer bytes it was told.

mod client;
#[cfg(test)]
mod client_tests;
mod signature;
mod trust;
mod wire;

pub(crate) use client::{Answer, Client, Deadlines, Failure, Method, OriginGrant, Request};
pub(crate) use signature::{Signature, SigningKeys};
pub(crate) use trust::Authorities;
pub(crate) use wire::{gzip, server_words};
