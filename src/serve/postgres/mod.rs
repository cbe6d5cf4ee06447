//! The engine on PostgreSQL: any number of receivers in front of one database, or of several that
//! share the projects.
//!
//! ```text
//!  pool     connections, bounded; what is tried again          tls      encrypted connections
//!  engine   the Engine: events and texts (shard: its statements)                       turns    one writer for each project
//!  migrate  the schema's steps                                 durable  what a database must promise
//!  read     the feeds and texts that readers follow         samples  numbers for operators
//!  tokens, inventory, webhooks  the rest of the Engine  removal  deleting, and what is refused then
//! ```
//!
//! **Invariant:** a receiver holds no state that another one needs: no lock, no listener, no
//! sequence. Each write is one statement in one transaction, sent in one go, and its answer comes
//! after the commit. Statements have no names, so a pooler may stand in between. Every key begins
//! with the tenant.

mod durable;
mod engine;
mod inventory;
mod migrate;
mod pool;
mod read;
mod removal;
mod samples;
mod shard;
mod tls;
mod tokens;
mod turns;
mod webhooks;

pub(crate) use migrate::Migrate;

pub(super) use engine::Postgres;

use secrecy::SecretString;

use super::blobs::ObjectStore;
use super::engine::Trouble;
use crate::http::Authorities;

/// The databases of a receiver.
#[derive(Debug, Clone)]
pub(crate) struct Databases {
    /// The URL of each; they hold passwords. Projects are shared out by their digest, so the order
    /// and number of the databases stay as they were when the first event came.
    pub(crate) urls: Vec<SecretString>,
    /// What to do about a database without the tables of this version.
    pub(crate) migrate: Migrate,
    /// The authorities for the databases' certificates; `None` for the built-in ones.
    pub(crate) authorities: Option<Authorities>,
    /// Where long texts go; `None` keeps them in the databases.
    pub(crate) bodies: Option<ObjectStore>,
}

/// Why a database cannot be used. Texts hold no password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The URL is not one, or its options are not understood.
    #[error("cannot read the database's URL: {0}")]
    Url(String),
    /// The connections would not be encrypted as asked.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// No connection came about.
    #[error("cannot connect to the database: {0}")]
    Connect(String),
    /// The database has no tables, or those of an older version.
    #[error(
        "cannot use the database: it has version {found} of the tables, and this program needs {needed}"
    )]
    Older {
        /// Its version; 0 without tables.
        found: i32,
        /// The version of this program.
        needed: i32,
    },
    /// The database has the tables of a newer version.
    #[error(
        "cannot use the database: it has version {found} of the tables, and this program knows {known} at most"
    )]
    Newer {
        /// Its version.
        found: i32,
        /// The version of this program.
        known: i32,
    },
    /// The database could lose what it has acknowledged, or takes no writes.
    #[error("cannot rely on the database: {0}")]
    NotDurable(String),
    /// The databases are not the ones, or not in the order, that projects were shared out among.
    #[error("cannot use the databases: number {number} of {count} was set up as {found}")]
    OtherShard {
        /// Its place in the list, from 1.
        number: usize,
        /// How many there are.
        count: usize,
        /// What it says of itself.
        found: String,
    },
    /// The object store cannot be used.
    #[error("cannot use the object store: {0}")]
    Bodies(String),
    /// A statement failed.
    #[error("cannot use the database: {0}")]
    Statement(String),
}

/// What went wrong, with the words of the server.
fn words(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => format!("{} (SQLSTATE {})", said.message(), said.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

/// A value of a row; a row that is missing, or of another shape, is a statement of another version.
fn cell<T: for<'a> tokio_postgres::types::FromSql<'a>>(
    row: Option<&tokio_postgres::Row>,
    at: usize,
) -> Result<T, Trouble> {
    row.ok_or(Trouble::Unknown)?.try_get(at).map_err(|e| {
        log::error!(
            "an answer of the database was not understood: {}",
            words(&e)
        );
        Trouble::Unknown
    })
}
