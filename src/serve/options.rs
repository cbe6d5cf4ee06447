//! How a receiver is to run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

#[cfg(feature = "postgres")]
use super::postgres::Databases;
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
