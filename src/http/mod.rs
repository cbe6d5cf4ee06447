//! HTTP requests to one origin that somebody agreed to.
//!
//! **Invariant:** knows no endpoint and no event. A [`Client`] can be made only from an [`OriginGrant`], sends only to
//! that origin, follows no redirect, uses no netrc and no proxy but the one it was given, asks for no compressed answer, and keeps at most
//! the number of answer bytes it was told. [`Reading`] is the one reading of an answer: no other module looks at a
//! status or at `Retry-After`.

mod answer;
mod answer_head;
#[cfg(test)]
mod answer_tests;
mod cause;
mod client;
#[cfg(test)]
mod client_tests;
mod method;
mod network;
mod resolver;
mod signature;
mod tls;
mod trust;
mod wire;
mod words;

pub(crate) use answer::{Meaning, Reading, Refusal};
pub(crate) use cause::Cause;
pub(crate) use client::{Answer, Client, Deadlines, Failure, OriginGrant, Request};
pub(crate) use method::Method;
pub(crate) use network::{ClientIdentity, Network, Proxy};
pub(crate) use signature::{Signature, SigningKeys};
#[cfg(feature = "postgres")]
pub(crate) use tls::tls_config;
pub(crate) use trust::Authorities;
pub(crate) use wire::gzip;
