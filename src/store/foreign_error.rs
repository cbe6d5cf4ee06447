//! Why another program's file cannot be read.

use std::io;

/// Why a foreign file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForeignError {
    /// It does not exist.
    #[error("it is not there any more")]
    Missing,
    /// The system denies access.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is too large to be copied.
    #[error("it is larger than {} GiB", .0 >> 30)]
    TooLarge(u64),
    /// It changes all the time.
    #[error("it changed during each copy; run again when no other process writes to it")]
    Changing,
    /// Not a database.
    #[error("it is not a SQLite database")]
    NotADatabase,
    /// A damaged database.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// Its journal is part of a transaction over several files.
    #[error(
        "its rollback journal belongs to a transaction over several files, which is not rolled back here"
    )]
    SuperJournal,
    /// Reading it needs more work than its size explains.
    #[error("reading it takes far more work than a file of its size needs")]
    TooMuchWork,
    /// Reading it takes longer than its size explains.
    #[error("reading it takes far longer than a file of its size needs")]
    TooSlow,
    /// A symbolic link, which a repository may contain.
    #[error("it leads out of the repository; what a repository brings is not followed")]
    LeadsOut,
    /// A file that git tracks, so it came with the repository.
    #[error("git tracks it; files from a repository are not imported")]
    Tracked,
    /// A stop was requested.
    #[error("interrupted")]
    Interrupted,
    /// The copy cannot be made.
    #[error("no private copy of it can be made: {0}")]
    NoCopy(io::Error),
    /// Anything else that SQLite reports.
    #[error("SQLite cannot read it: {0}")]
    Sqlite(String),
}

impl ForeignError {
    /// True if the same bytes will give the same result.
    pub(crate) const fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::TooLarge(_)
                | Self::NotADatabase
                | Self::Damaged(_)
                | Self::SuperJournal
                | Self::TooMuchWork
                | Self::TooSlow
                | Self::LeadsOut
        )
    }
}

impl From<rusqlite::Error> for ForeignError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, OperationInterrupted};
        match error.sqlite_error_code() {
            Some(NotADatabase) => Self::NotADatabase,
            Some(DatabaseCorrupt) => Self::Damaged(error.to_string()),
            Some(OperationInterrupted) => Self::TooMuchWork,
            _ => Self::Sqlite(error.to_string()),
        }
    }
}
