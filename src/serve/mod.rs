//! A receiver: the server side of both wire contracts, for tests, for CI without secrets, and for
//! people who host their own.
//!
//! Each layer knows those below it. A request comes in at the connection and goes up to an endpoint,
//! which asks the engine:
//!
//! ```text
//!  server     a running receiver              operator  what is done to a storage that none has open
//!  router     every endpoint   webhook_send   sends events on, apart from requests    demo  missions to look at
//!  endpoints  events, documents, what is here, status, probes   api  JSON to read   pages  HTML to read
//!  guard      what a request passes first and last   admit  its bytes   authorize, reader  what its sender may do
//!  app        what every request needs to know       access what tokens allow         paths, limits
//!  model      what readers see, derived from the feed            opening  the engine that was asked for
//!  postgres   the engine that receivers share, blobs its long texts      local  the engine of one process
//!  wire       texts of requests and answers    connection  accepts and bounds    browser  cross-site requests
//!  traffic, metrics  numbers of this receiver            options, error, thread
//!  engine     what is asked of an engine: the trait, and its values
//! ```
//!
//! **Invariant:** an answer leaves only after the storage's commit. Nothing a client sends is
//! buffered beyond the limits, stops the server, or keeps others waiting longer than a commit.
//! Every decision comes from the storage, so any number of receivers in front of one storage give
//! the same answers.

mod access;
mod admit;
mod api;
mod app;
mod authorize;
#[cfg(feature = "postgres")]
mod blobs;
mod browser;
mod connection;
mod demo;
mod endpoints;
mod engine;
mod error;
mod guard;
mod limits;
mod local;
mod metrics;
mod model;
mod opening;
mod operator;
mod options;
mod pages;
mod paths;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod reader;
mod router;
mod server;
mod thread;
mod traffic;
mod webhook_send;
mod wire;

#[cfg(test)]
mod tests;

#[cfg(feature = "postgres")]
pub(crate) use blobs::{Keys, ObjectStore};
pub(crate) use engine::removal::{Amount, Forgot, Part, Removal};
pub(crate) use engine::token::{Scope, Token};
pub(crate) use engine::webhook::{Added, Webhook, new_secret};
pub(crate) use error::Error;
#[cfg(feature = "postgres")]
pub(crate) use operator::migrate;
pub(crate) use operator::{
    add_token, add_webhook, forget, list_removals, list_tokens, list_webhooks, remove_webhook,
    revoke_token,
};
pub(crate) use options::{
    DEFAULT_MAX_BYTES, DEFAULT_MAX_EVENTS, Deployment, Options, Pages, Storage,
};
#[cfg(feature = "postgres")]
pub(crate) use postgres::{Databases, Error as DatabaseError, Migrate};
pub(crate) use server::Server;
