//! Why a receiver could not start, or keep what it was sent.

use std::net::SocketAddr;

use super::engine::Trouble;
#[cfg(feature = "postgres")]
use super::postgres::Error as DatabaseError;

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

impl From<Trouble> for Error {
    fn from(_: Trouble) -> Self {
        Self::Unanswered
    }
}
