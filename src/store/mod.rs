//! One SQLite file, opened the same way everywhere.
//!
//! A writer holds the file in WAL mode with `synchronous=FULL`, so a returned commit is on disk,
//! and takes the write lock at the start of each transaction (`BEGIN IMMEDIATE`), so that two
//! processes take turns instead of failing late. A reader creates nothing: see [`ReadStore`].
//!
//! **Invariant:** depends on no table except its own `store_counters`. The caller passes the tables
//! of a file as a [`Schema`]. `application_id` is the kind of file and `user_version` counts
//! applied migration steps; a file with more steps than this program knows is rejected unchanged.

mod cache;
mod copy;
mod counters;
mod file_system;
mod foreign;
mod foreign_error;
mod open;
mod read;
mod reclaim;
mod schema;
mod stamp;
#[cfg(test)]
mod trace;
mod tx;

pub(crate) use cache::Counter;
pub(crate) use copy::PrivateCopy;
pub(crate) use counters::{
    add as add_to_counter, all as all_counters, get as counter, set as set_counter,
};
pub(crate) use file_system::MissingFeature;
pub(crate) use foreign::{Foreign, LONGEST_CELL};
pub(crate) use foreign_error::ForeignError;
pub(crate) use open::Store;
pub(crate) use read::ReadStore;
pub(crate) use reclaim::Reclaimed;
pub(crate) use schema::Schema;
pub(crate) use stamp::Stamp;
#[cfg(test)]
pub(crate) use trace::traced;
pub(crate) use tx::{ReadTx, WriteTx};

/// The version of the SQLite that is part of this program.
pub(crate) fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// Why opening, reading or writing a store failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Another process held the write lock longer than the lock wait.
    #[error("the store {path} stayed locked by another process")]
    Locked {
        /// The store file.
        path: String,
    },
    /// The file was written by a later version of this program.
    #[error("the store {path} has schema version {found}; this sk-sync knows up to {known}")]
    Newer {
        /// The store file.
        path: String,
        /// The version in its header.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The file has the version of this program, but other tables.
    #[error("the store {path} was written by another build of sk-sync: its tables differ")]
    OtherBuild {
        /// The store file.
        path: String,
    },
    /// The file is a SQLite database of another program.
    #[error("{path} is not a sk-sync store (application id {found:#x})")]
    Foreign {
        /// The file.
        path: String,
        /// The application id in its header.
        found: i64,
    },
    /// The file is damaged or not a database.
    #[error("the store {path} is damaged: {reason}")]
    Damaged {
        /// The store file.
        path: String,
        /// SQLite's message.
        reason: String,
    },
    /// The file is missing or empty, and a file next to it shows that it was in use.
    #[error(
        "the store {path} {what}, but {trace} next to it shows that it was in use: its contents are lost"
    )]
    Lost {
        /// The store file.
        path: String,
        /// State of the file.
        what: &'static str,
        /// Name of the file that shows it.
        trace: String,
    },
    /// The disk or the quota is full.
    #[error("no space left to write the store {path}")]
    Full {
        /// The store file.
        path: String,
    },
    /// The file system lacks a feature that SQLite needs.
    #[error("the store {path} cannot be used: its file system has no {missing}")]
    FileSystem {
        /// The store file.
        path: String,
        /// The missing feature.
        missing: MissingFeature,
    },
    /// The directory or file cannot be created or opened.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Anything else that SQLite reports.
    #[error("store error: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl Error {
    /// Maps a SQLite error on the file at `path` to what the user can do about it.
    pub(crate) fn at(path: &std::path::Path, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        if let Some(missing) = MissingFeature::shown_by(&error, path) {
            return Self::FileSystem {
                path: crate::base::text::path(path),
                missing,
            };
        }
        let path = || crate::base::text::path(path);
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Locked { path: path() }
            }
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged {
                path: path(),
                reason: error.to_string(),
            },
            _ if is_out_of_space(&error) => Self::Full { path: path() },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::Io(std::io::Error::other(format!(
                    "cannot open the store {}: {error}",
                    path()
                )))
            }
            _ => Self::Sqlite(error),
        }
    }

    /// True if the disk or a quota is full: nothing can be written next to the store either.
    pub(crate) fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            Self::Full { .. } => true,
            Self::Io(error) => matches!(error.kind(), StorageFull | QuotaExceeded),
            Self::Sqlite(error) => is_out_of_space(error),
            _ => false,
        }
    }

    /// True if the file contains data that no version of this program writes, or is not readable as
    /// a database.
    pub(crate) fn is_damage(&self) -> bool {
        use rusqlite::Error as Sql;
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Self::Damaged { .. }
            | Self::Lost { .. }
            | Self::Sqlite(
                Sql::InvalidColumnType(..)
                | Sql::FromSqlConversionFailure(..)
                | Sql::IntegralValueOutOfRange(..)
                | Sql::Utf8Error(..),
            ) => true,
            Self::Sqlite(error) if is_about_the_schema(error) => true,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(DatabaseCorrupt | NotADatabase)
            ),
            _ => false,
        }
    }

    /// The same error; a bare SQLite error from inside a transaction is mapped by its meaning. Its
    /// file is not known any more; a command works on one.
    #[must_use]
    pub(crate) fn sorted(self) -> Self {
        use rusqlite::Error as E;
        let place = "of this project";
        match self {
            Self::Sqlite(
                error @ (E::FromSqlConversionFailure(..)
                | E::IntegralValueOutOfRange(..)
                | E::InvalidColumnType(..)
                | E::QueryReturnedNoRows
                | E::Utf8Error(..)),
            ) => Self::Damaged {
                path: place.to_owned(),
                reason: error.to_string(),
            },
            Self::Sqlite(error) if is_about_the_schema(&error) => Self::Damaged {
                path: place.to_owned(),
                reason: format!("its tables are not as they should be: {error}"),
            },
            Self::Sqlite(error) => Self::at(std::path::Path::new(place), error),
            other => other,
        }
    }

    /// Maps a bare SQLite error, from inside a transaction, on the file at `path`.
    fn placed(self, path: &std::path::Path) -> Self {
        match self {
            Self::Sqlite(error) => Self::at(path, error),
            other => other,
        }
    }
}

/// True if the disk is full: reported as such, or indicated by a side file that cannot be extended.
fn is_out_of_space(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
        || error
            .sqlite_error()
            .is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// True if SQLite rejects a statement. All statements are covered by tests, so the tables of the
/// file differ from those of its version.
fn is_about_the_schema(error: &rusqlite::Error) -> bool {
    let code = match error {
        rusqlite::Error::SqlInputError { error, .. } => Some(error.extended_code),
        _ => error.sqlite_error().map(|e| e.extended_code),
    };
    code.is_some_and(|code| code & 0xff == rusqlite::ffi::SQLITE_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_inside_a_transaction_keeps_its_meaning() {
        let failure = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        for (code, words) in [
            (
                rusqlite::ffi::SQLITE_CORRUPT,
                "the store of this project is damaged: ",
            ),
            (
                rusqlite::ffi::SQLITE_FULL,
                "no space left to write the store of this project",
            ),
            (
                rusqlite::ffi::SQLITE_IOERR_SHMSIZE,
                "no space left to write the store of this project",
            ),
            (
                rusqlite::ffi::SQLITE_BUSY,
                "the store of this project stayed locked",
            ),
            (
                rusqlite::ffi::SQLITE_READONLY,
                "cannot open the store of this project: ",
            ),
            (
                rusqlite::ffi::SQLITE_ERROR,
                "the store of this project is damaged: its tables",
            ),
            (rusqlite::ffi::SQLITE_INTERNAL, "store error: "),
        ] {
            let sorted = Error::Sqlite(failure(code)).sorted().to_string();
            assert!(sorted.starts_with(words), "{code}: {sorted}");
        }
        let odd =
            rusqlite::Error::InvalidColumnType(0, "seq".to_owned(), rusqlite::types::Type::Text);
        assert!(matches!(Error::Sqlite(odd).sorted(), Error::Damaged { .. }));
    }
}
