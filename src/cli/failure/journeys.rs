//! Failures for the errors of `ops`, of journal and ledger, and of the receiver.

use std::error::Error;

use super::Failure;
use super::domains::FILE_SYSTEM;
use crate::cli::Exit;

/// The failure for each error of a run.
impl From<crate::ops::Error> for Failure {
    fn from(error: crate::ops::Error) -> Self {
        use crate::base::lock;
        use crate::ops::Error as Ops;
        match error {
            Ops::Store(error) | Ops::Bodies(crate::bodies::Error::Store(error)) => error.into(),
            Ops::Bodies(crate::bodies::Error::Journal(error)) => error.into(),
            Ops::Books(error) => error.into(),
            Ops::Bodies(crate::bodies::Error::Delivery(error)) | Ops::Delivery(error) => {
                error.into()
            }
            Ops::Legacy(error) => error.into(),
            Ops::Lock(lock::Error::Io(error)) | Ops::Output(error) => Self::io(&error),
            Ops::Git(error) => error.into(),
            Ops::Config(error) => error.into(),
            Ops::Dossier(crate::dossier::Error::Interrupted) => {
                Self::of(Exit::Interrupted, "interrupted", &error)
            }
            Ops::Dossier(crate::dossier::Error::NoPlace { .. }) => {
                Self::of(Exit::Usage, "configuration", &error)
                    .with_hint("correct [artifacts] in event-sync.toml, or create the directory")
            }
            Ops::Dossier(crate::dossier::Error::NoMission { ref near, .. }) => {
                let names: Vec<_> = near
                    .iter()
                    .map(|slug| crate::base::text::printable(slug))
                    .collect();
                let failure = Self::of(Exit::Usage, "no_mission", &error);
                match names.as_slice() {
                    [] => failure.with_hint("sk-sync index --dry-run"),
                    names => failure.with_hint(format!("did you mean {}?", names.join(" or "))),
                }
            }
            Ops::Dossier(_) => Self::of(Exit::Usage, "repository", &error),
            Ops::Target(crate::endpoint::Error::GrantsFile { kind, .. }) => {
                let kind = if kind == std::io::ErrorKind::StorageFull {
                    "disk_full"
                } else {
                    "io"
                };
                Self::of(Exit::Internal, kind, &error)
            }
            Ops::Identity(_) | Ops::Target(_) => Self::of(Exit::Usage, "configuration", &error),
            Ops::Bodies(_) => Self::of(Exit::Usage, "bodies", &error),
            Ops::Lock(lock::Error::Unsupported { .. }) => {
                Self::of(Exit::Internal, "file_system", &error).with_hint(FILE_SYSTEM)
            }
            Ops::Lock(_) => Self::of(Exit::Busy, "locked", &error),
            Ops::Stub(_) => Self::of(Exit::Internal, "stub", &error),
            Ops::Spool { ref source, .. } => {
                let kind = if source.kind() == std::io::ErrorKind::StorageFull {
                    "disk_full"
                } else {
                    "spool"
                };
                Self::of(Exit::Internal, kind, &error).with_hint(
                    "free some space or repair the store, then capture the unanswered lines again",
                )
            }
            Ops::Envelope(_) | Ops::Input(_) => Self::of(Exit::Internal, "io", &error),
            Ops::NotAdoptable(_) => Self::of(Exit::Usage, "usage", &error).with_hint(
                "`sk-sync status --all` lists every store, and which repositories are gone",
            ),
            Ops::MissingIdentity => Self::of(Exit::Gate, "missing_project_identity", &error)
                .with_hint("run `sk-sync init --project` to give it one"),
        }
    }
}

impl From<crate::legacy::Error> for Failure {
    fn from(error: crate::legacy::Error) -> Self {
        use crate::legacy::Error as Legacy;
        match error {
            Legacy::Books(error) => error.into(),
            Legacy::Config(error) => error.into(),
            Legacy::Io(error) | Legacy::Lock(crate::base::lock::Error::Io(error)) => {
                Self::io(&error)
            }
            Legacy::Lock(crate::base::lock::Error::Unsupported { .. }) => {
                Self::of(Exit::Internal, "file_system", &error).with_hint(FILE_SYSTEM)
            }
            Legacy::Lock(crate::base::lock::Error::Held { .. }) => {
                Self::of(Exit::Busy, "locked", &error)
            }
            Legacy::Lock(_) => Self::of(Exit::Interrupted, "interrupted", &error),
        }
    }
}

impl From<crate::books::Error> for Failure {
    fn from(error: crate::books::Error) -> Self {
        use crate::books::Error as Books;
        match error {
            Books::Store(error) | Books::Bodies(crate::bodies::Error::Store(error)) => error.into(),
            Books::Journal(error) => error.into(),
            Books::Delivery(error) => error.into(),
            Books::Bodies(error) => Self::of(Exit::Internal, "bodies", &error),
        }
    }
}

impl From<crate::upkeep::ArchiveError> for Failure {
    fn from(error: crate::upkeep::ArchiveError) -> Self {
        use crate::upkeep::ArchiveError as Archive;
        match error {
            Archive::Books(error) => error.into(),
            Archive::Io(error) => Self::io(&error),
            Archive::Exists(_) => {
                Self::of(Exit::Usage, "exists", &error).with_hint("name another file with --output")
            }
            Archive::Damaged { .. } => Self::of(Exit::Damage, "archive", &error)
                .with_hint("nothing was written; fetch the archive again, or take another copy"),
            Archive::Foreign { .. } => Self::of(Exit::Usage, "project", &error)
                .with_hint("nothing was written; restore it in a checkout of its own project"),
            Archive::Interrupted => Self::of(Exit::Interrupted, "interrupted", &error),
        }
    }
}

impl From<crate::journal::Error> for Failure {
    fn from(error: crate::journal::Error) -> Self {
        match error {
            crate::journal::Error::Store(error) => error.into(),
            damaged @ crate::journal::Error::Damaged { .. } => damage(&damaged),
        }
    }
}

impl From<crate::delivery::Error> for Failure {
    fn from(error: crate::delivery::Error) -> Self {
        use crate::delivery::Error as Delivery;
        match error {
            Delivery::Store(error) => error.into(),
            Delivery::Journal(error) => error.into(),
            damaged @ Delivery::Damaged(_) => damage(&damaged),
            error @ Delivery::Compress(_) => Self::of(Exit::Internal, "io", &error),
        }
    }
}

fn damage(error: &dyn Error) -> Failure {
    Failure::of(Exit::Damage, "damage", error)
        .with_hint("run `sk-sync verify`: it names what is damaged and what is safe")
}

impl From<crate::bench::Error> for Failure {
    fn from(error: crate::bench::Error) -> Self {
        use crate::bench::Error as Bench;
        match error {
            Bench::Volatile { .. } => Self::of(Exit::Usage, "volatile", &error)
                .with_hint("name a directory on a disk with --dir DIR"),
            Bench::Io(error) => Self::io(&error),
            Bench::Interrupted => Self::of(Exit::Interrupted, "interrupted", &error),
            Bench::Sqlite(_) | Bench::Work(_) | Bench::Plot(_) => {
                Self::of(Exit::Internal, "bench", &error)
            }
        }
    }
}

impl From<crate::serve::Error> for Failure {
    fn from(error: crate::serve::Error) -> Self {
        use crate::serve::Error as Serve;
        let exit = match &error {
            Serve::AddressInUse(_) | Serve::AddressNotAvailable(_) | Serve::EmptyToken => {
                Exit::Usage
            }
            Serve::Store(error) if error.is_damage() => Exit::Damage,
            _ => Exit::Internal,
        };
        let failure = Self::of(exit, "serve", &error);
        match &error {
            #[cfg(feature = "postgres")]
            Serve::Database(error) => failure.with_hint(database_hint(error)),
            _ => failure,
        }
    }
}

#[cfg(feature = "postgres")]
const fn database_hint(error: &crate::serve::DatabaseError) -> &'static str {
    use crate::serve::DatabaseError as Database;
    match error {
        Database::Url(_) => {
            "expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, with sslmode=disable or require"
        }
        Database::Tls(_) => {
            "set SSL_CERT_FILE to a PEM file with the authority of the database's certificate"
        }
        Database::Connect(_) => {
            "check host, port, user and password in the URL, and that the database runs"
        }
        Database::Older { .. } => {
            "run it once with --migrate-only, as a user who may create tables"
        }
        Database::Newer { .. } => {
            "update this program; receivers of the newer version may keep running"
        }
        Database::NotDurable(_) => {
            "set fsync, full_page_writes and synchronous_commit to on at the primary"
        }
        Database::OtherShard { .. } => {
            "list the same databases in the same order as at the first start"
        }
        Database::Bodies(_) => "check bucket, endpoint, region, the clock, and the AWS_* variables",
        Database::Statement(_) => "check that the user may read and write the tables sk_*",
    }
}
