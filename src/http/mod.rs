//! HTTP requests to one origin with the user's consent.
//!
//! **Invariant:** independent of endpoints and events. A [`Client`] can be created only from an
//! [`OriginGrant`], sends only to that origin, follows no redirect, uses no netrc and only the
//! given proxy, and keeps at most the given number of response bytes. [`Reading`] interprets a
//! response: no other module uses a status or `Retry-After`.

mod answer;
mod answer_head;
#[cfg(test)]
mod answer_tests;
mod cause;
mod client;
#[cfg(test)]
mod client_tests;
mod connecting;
mod failure;
mod method;
mod network;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod resolver;
mod signature;
mod tls;
mod trust;
mod wire;
mod words;

pub(crate) use answer::{Meaning, Reading, Refusal};
pub(crate) use cause::Cause;
pub(crate) use client::{Answer, Client, Deadlines, OriginGrant, Request};
pub(crate) use failure::Failure;
pub(crate) use method::Method;
pub(crate) use network::{ClientIdentity, Network, Proxy};
pub(crate) use resolver::Reach;
pub(crate) use signature::{Signature, SigningKeys};
#[cfg(feature = "postgres")]
pub(crate) use tls::tls_config;
pub(crate) use trust::Authorities;
pub(crate) use wire::gzip;
