//! Failures for the errors of each domain.

use crate::cli::{Exit, Failure};
use crate::{config, git, hook, store};

/// Hint for a network file system that lacks what a store needs.
pub(super) const FILE_SYSTEM: &str = "set SK_SYNC_HOME to a directory on a local disk; on a network file system this needs \
     an option of its mount (NFS: without nolock, CIFS: without nobrl)";

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        use store::Error as E;
        let error = error.sorted();
        let (exit, kind, hint) = match &error {
            E::Locked { .. } => (
                Exit::Internal,
                "store_locked",
                "wait for the other sk-sync to end, then run the command again",
            ),
            E::Newer { .. } => (
                Exit::Internal,
                "store_newer",
                "update sk-sync; the file was not changed",
            ),
            E::OtherBuild { path } => {
                let aside = crate::base::shell::line("mv", [path, &format!("{path}.old")]);
                let hint = format!("{aside} && sk-sync verify --repair store && sk-sync run");
                return Self::of(Exit::Internal, "store_other_build", &error).with_hint(hint);
            }
            E::Foreign { .. } => (
                Exit::Internal,
                "store_foreign",
                "move that file away; it is not from sk-sync and was not changed",
            ),
            E::Lost { .. } => (
                Exit::Damage,
                "store_lost",
                "put store.db back from a backup; or begin a new one: sk-sync verify --repair store (documents and facts \
                 are captured again from the files, spooled lines are kept; other events that were only in the lost \
                 store are not)",
            ),
            error if error.is_damage() => (
                Exit::Damage,
                "store_damaged",
                "keep a copy of the file, then run `sk-sync verify`",
            ),
            E::FileSystem { .. } => (Exit::Internal, "file_system", FILE_SYSTEM),
            E::Full { .. } => (
                Exit::Internal,
                "disk_full",
                "free some space, then run the same command again",
            ),
            E::Io(error) => return Self::io(error),
            E::Damaged { .. } | E::Sqlite(_) => return Self::of(Exit::Internal, "store", &error),
        };
        Self::of(exit, kind, &error).with_hint(hint)
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        use config::Error as E;
        let kind = match &error {
            E::Unreadable(_) | E::Invalid(_) | E::ProjectUuid(_) => "configuration",
            E::Homeless { .. } | E::StateInWorkTree { .. } | E::Planted { .. } => "state_directory",
        };
        let failure = Self::of(Exit::Usage, kind, &error);
        let E::Planted { path, what } = &error else {
            return failure;
        };
        let path = crate::base::text::path(path);
        failure.with_hint(match *what {
            "can be written to by others" => format!("chmod go-w '{path}'"),
            "belongs to another user" => "set SK_SYNC_HOME to a directory of your own".to_owned(),
            _ => format!("look at it, then remove it: rm '{path}'"),
        })
    }
}

impl From<git::Error> for Failure {
    fn from(error: git::Error) -> Self {
        let failure = Self::of(Exit::Usage, "repository", &error);
        match &error {
            git::Error::RepositoryId { .. } => failure.with_hint(
                "look at the file, then remove it: the next capture makes a new id. `sk-sync status --all` lists the old \
                 store, and `sk-sync migrate adopt --store ID` takes it over",
            ),
            git::Error::ForeignOwner { root, .. } => {
                let root = root.to_string_lossy();
                let line = crate::base::shell::line("git config --global --add safe.directory", [root]);
                failure.with_hint(format!("if you trust the users who can write there: {line}"))
            }
            _ => failure,
        }
    }
}

impl From<hook::Error> for Failure {
    fn from(error: hook::Error) -> Self {
        match &error {
            hook::Error::NoRepository { .. } => Self::of(Exit::Usage, "repository", &error)
                .with_hint("change to a checkout, or name one with --repo"),
            hook::Error::Git { .. } => Self::of(Exit::Internal, "git", &error),
            hook::Error::Io(error) => Self::io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_kinds_and_codes() {
        let path = || "/s".to_owned();
        let io = || std::io::Error::other("x");
        for (failure, code, kind) in [
            (
                Failure::from(store::Error::Locked { path: path() }),
                1,
                "store_locked",
            ),
            (
                store::Error::Newer {
                    path: path(),
                    found: 2,
                    known: 1,
                }
                .into(),
                1,
                "store_newer",
            ),
            (
                store::Error::Foreign {
                    path: path(),
                    found: 2,
                }
                .into(),
                1,
                "store_foreign",
            ),
            (
                store::Error::Damaged {
                    path: path(),
                    reason: "x".into(),
                }
                .into(),
                6,
                "store_damaged",
            ),
            (
                store::Error::Lost {
                    path: path(),
                    what: "is gone",
                    trace: "x".into(),
                }
                .into(),
                6,
                "store_lost",
            ),
            (store::Error::Full { path: path() }.into(), 1, "disk_full"),
            (
                store::Error::FileSystem {
                    path: path(),
                    missing: store::MissingFeature::Locks,
                }
                .into(),
                1,
                "file_system",
            ),
            (store::Error::Io(io()).into(), 1, "io"),
            (config::Error::Unreadable(io()).into(), 2, "configuration"),
            (
                config::Error::ProjectUuid("x".into()).into(),
                2,
                "configuration",
            ),
            (
                config::Error::Homeless {
                    what: "state",
                    variable: "V",
                }
                .into(),
                2,
                "state_directory",
            ),
            (
                git::Error::NoWorkTree { path: path() }.into(),
                2,
                "repository",
            ),
        ] {
            assert_eq!((failure.exit.code(), failure.kind), (code, kind));
        }
    }
}
