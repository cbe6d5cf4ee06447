//! Why a database cannot be used.

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
pub(super) fn words(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => format!("{} (SQLSTATE {})", said.message(), said.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}
