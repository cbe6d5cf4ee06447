//! A receiver: the server side of both wire contracts, for tests, for CI without secrets, and for
//! people who host their own.
//!
//! A request passes these stations, in this order:
//!
//! ```text
//!  connection  accepts, bounds how many there are      timed    one connection and its deadlines    head  its framing
//!  guard       refuses and notes                        browser  cross-site requests   probes, metrics  for operators
//!  app         routes                                   answer   every status and JSON body
//!  access      authorises by token                      token    what one allows   tokens  add, list, revoke
//!  inquiry     what clients ask before they send       inventory  what an engine answers   flow  piece by piece
//!  documents   many bodies in one request              have     which of them are missing
//!  removal     what an operator deletes, and what is refused then
//!  intake      reads and unpacks, bounded in bytes and time
//!  batch       text -> events and refusals              upload   text -> one body
//!  engine      what keeps events and texts: the trait that every engine implements
//!  kept        the engine of one process               storage_thread   its thread: groups what waits into one commit
//!  postgres    the engine that receivers share          blobs    its long texts in S3 (feature `postgres`)
//!  webhook  where events are sent on                   webhook_send  sends them, apart from requests
//!  arrivals the feed of what was kept                  model    what readers see, derived from the feed
//!  pages   HTML for people                            api      JSON for programs   demo  missions to look at
//!  ingest      decides each event and body              storage  what it decides over: memory, sqlite
//! ```
//!
//! **Invariant:** an answer leaves only after the storage's commit. Nothing a client sends is
//! buffered beyond the limits, stops the server, or keeps others waiting longer than a commit.
//! Every decision comes from the storage, so any number of receivers in front of one storage give
//! the same answers.

mod access;
mod answer;
mod api;
mod app;
mod arrivals;
mod batch;
#[cfg(feature = "postgres")]
mod blobs;
mod browser;
mod connection;
mod demo;
mod documents;
mod engine;
mod flow;
mod guard;
mod have;
mod head;
mod ingest;
mod inquiry;
mod intake;
mod inventory;
mod kept;
mod memory;
mod metrics;
mod model;
mod pages;
#[cfg(feature = "postgres")]
mod postgres;
mod probes;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod removal;
mod server;
mod sqlite;
mod sqlite_inventory;
mod sqlite_removal;
mod sqlite_tokens;
mod sqlite_webhooks;
mod storage;
mod storage_thread;
mod timed;
mod token;
mod tokens;
mod traffic;
mod upload;
mod webhook;
mod webhook_send;

#[cfg(test)]
mod tests;

#[cfg(feature = "postgres")]
pub(crate) use blobs::{Keys, ObjectStore};
#[cfg(feature = "postgres")]
pub(crate) use postgres::{Databases, Error as DatabaseError, Migrate};
pub(crate) use removal::{Amount, Forgot, Part, Removal, forget, list_removals};
pub(crate) use server::Server;
#[cfg(feature = "postgres")]
pub(crate) use server::migrate;
pub(crate) use token::{Scope, Token};
pub(crate) use tokens::{add_token, list_tokens, revoke_token};
pub(crate) use webhook::{Added, Webhook, add_webhook, list_webhooks, new_secret, remove_webhook};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use crate::base::{Clock, ids::Ids};

/// Most events of one batch, unless configured.
pub(crate) const DEFAULT_MAX_EVENTS: usize = 1000;
/// Most bytes of one batch after decompression, unless configured.
pub(crate) const DEFAULT_MAX_BYTES: usize = 1 << 20;

/// Where a receiver keeps what it accepts.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    /// In this process: gone when it ends.
    Memory,
    /// In the SQLite file at this path, created if it is missing.
    File(PathBuf),
    /// In PostgreSQL, which any number of receivers may share.
    #[cfg(feature = "postgres")]
    Databases(Box<Databases>),
}

/// The tables that pages and the API for reading are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pages {
    /// There are none: this receiver is not read.
    None,
    /// In a temporary file, made again at every start.
    Temporary,
    /// In the file at this path, which goes on where it was.
    File(PathBuf),
    /// In the file at this path, from the beginning.
    Again(PathBuf),
}

/// What a receiver says about its deployment; shown to clients as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deployment {
    /// The environment (`production`, …).
    pub(crate) environment_name: Option<String>,
    /// The deployment.
    pub(crate) id: Option<String>,
    /// The revision that runs.
    pub(crate) git_sha: Option<String>,
}

/// How a receiver is to run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The address to listen on; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// Where to keep what is accepted.
    pub(crate) store: Storage,
    /// It begins with missions to look at.
    pub(crate) demo: bool,
    /// Whether it is read, and where the tables for that are.
    pub(crate) pages: Pages,
    /// The bearer token that clients must send, if any.
    pub(crate) token: Option<SecretString>,
    /// Most events of one batch.
    pub(crate) max_events: usize,
    /// Most bytes of one batch after decompression.
    pub(crate) max_bytes: usize,
    /// What to say about the deployment.
    pub(crate) deployment: Deployment,
    /// The time of receipt.
    pub(crate) clock: Arc<dyn Clock>,
    /// The id of a new storage.
    pub(crate) ids: Arc<dyn Ids>,
    /// Numbers from 0 to 1, to spread what would come back at once.
    pub(crate) random: fn() -> f64,
    /// A separate address for the probes.
    pub(crate) admin: Option<SocketAddr>,
    /// Takes a line of JSON about each request.
    pub(crate) requests: Option<fn(&str)>,
}

/// Why a receiver could not start or keep what it was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The port is taken.
    #[error(
        "cannot listen on {0}: another program uses this port; choose another one, or port 0 for any free one"
    )]
    AddressInUse(SocketAddr),
    /// The address belongs to no interface.
    #[error("cannot listen on {0}: this machine has no such address; 127.0.0.1 is always there")]
    AddressNotAvailable(SocketAddr),
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A token of no characters would protect nothing.
    #[error(
        "the bearer token is empty; set one, or leave the option out to accept requests without a token"
    )]
    EmptyToken,
    /// The clock was lost: answers cannot carry their date.
    #[error("the clock of this machine stands before 1970: set it, then start the receiver again")]
    LostClock,
    /// The storage cannot be read or changed; the log says why.
    #[error("cannot use this storage: it does not answer")]
    Unanswered,
    /// The missions of the demo were not taken.
    #[error("cannot load the demo: {0}")]
    Demo(String),
    /// The system refused a thread or an event queue.
    #[error("cannot start the receiver: {0}")]
    Start(std::io::Error),
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The database cannot be used.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
