//! Failures: the one place where typed errors become a kind, a text, a hint and an exit code.
//!
//! Domains never think about the terminal; each gets a `From` here. Texts say what, where, and the next step, and
//! never hold a secret.

use std::error::Error;

use serde::Serialize;

use crate::cli::Exit;

/// Why a command ended without its result.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code to end with.
    pub(crate) exit: Exit,
    /// A stable word for scripts.
    pub(crate) kind: &'static str,
    /// What happened, and where.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// What lies behind it, nearest first.
    pub(crate) causes: Vec<String>,
}

impl Failure {
    /// A failure with neither hint nor causes.
    pub(crate) fn new(exit: Exit, kind: &'static str, message: impl Into<String>) -> Self {
        Self { exit, kind, message: message.into(), hint: None, causes: Vec::new() }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// A file cannot be read or written; `error` should name it.
    pub(crate) fn io(error: &std::io::Error) -> Self {
        let failure = Self::new(Exit::Internal, "io", error.to_string());
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Self { kind: "disk_full", ..failure }.with_hint("free some space, then run the same command again");
        }
        failure
    }

    /// A domain's error: its text is the message, its sources are the causes.
    pub(crate) fn of(exit: Exit, kind: &'static str, error: &dyn Error) -> Self {
        let mut failure = Self::new(exit, kind, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            failure.causes.push(cause.to_string());
            source = cause.source();
        }
        failure
    }

    /// A seam: the command's journey is not connected yet.
    pub(crate) fn not_wired(command: &str) -> Self {
        Self::new(Exit::Internal, "not_wired", format!("`{command}` is not wired yet"))
    }

    /// The same with what to do about it.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The document of a command that has no other: what `--json` prints then.
    pub(crate) fn document<'a>(&'a self, command: Option<&'a str>) -> impl Serialize + 'a {
        Document {
            schema_version: crate::ops::report::SCHEMA_VERSION,
            command,
            ok: false,
            exit_code: self.exit.code(),
            error: Details { kind: self.kind, message: &self.message, hint: self.hint.as_deref() },
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    command: Option<&'a str>,
    ok: bool,
    exit_code: u8,
    error: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    kind: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
}

impl From<crate::store::Error> for Failure {
    fn from(error: crate::store::Error) -> Self {
        use crate::store::Error as Store;
        let (exit, kind, hint) = match &error {
            Store::Locked { .. } => {
                (Exit::Internal, "store_locked", Some("wait for the other sk-sync to end, then run the command again"))
            }
            Store::Newer { .. } => (Exit::Internal, "store_newer", Some("update sk-sync; the file was left as it is")),
            Store::Foreign { .. } => (
                Exit::Internal,
                "store_foreign",
                Some("move that file away; it is not from sk-sync and was not changed"),
            ),
            Store::Damaged { .. } => {
                (Exit::Damage, "store_damaged", Some("keep a copy of the file, then run `sk-sync verify`"))
            }
            Store::Full { .. } => {
                (Exit::Internal, "disk_full", Some("free some space, then run the same command again"))
            }
            Store::Io(error) => return Self::io(error),
            Store::Sqlite(_) => (Exit::Internal, "store", None),
        };
        Self { hint: hint.map(str::to_owned), ..Self::of(exit, kind, &error) }
    }
}

/// What each journey's error means for the person who started it.
impl From<crate::ops::Error> for Failure {
    fn from(error: crate::ops::Error) -> Self {
        use crate::base::lock;
        use crate::ops::Error as Ops;
        match error {
            Ops::Store(error) => error.into(),
            Ops::Books(error) => error.into(),
            Ops::Delivery(error) => error.into(),
            Ops::Bodies(crate::bodies::Error::Store(error)) => error.into(),
            Ops::Lock(lock::Error::Io(error)) => Self::io(&error),
            Ops::Git(_) | Ops::Dossier(_) => Self::of(Exit::Usage, "repository", &error),
            Ops::Config(_) | Ops::Identity(_) | Ops::Target(_) => Self::of(Exit::Usage, "configuration", &error),
            Ops::Bodies(_) => Self::of(Exit::Usage, "bodies", &error),
            Ops::Lock(_) => Self::of(Exit::Busy, "locked", &error),
            Ops::Stub(_) => Self::of(Exit::Internal, "stub", &error),
            Ops::Envelope(_) | Ops::Input(_) => Self::of(Exit::Internal, "io", &error),
            Ops::MissingIdentity => Self::of(Exit::Gate, "missing_project_identity", &error)
                .with_hint("run `sk-sync init --project` to give it one"),
        }
    }
}

impl From<crate::books::Error> for Failure {
    fn from(error: crate::books::Error) -> Self {
        use crate::books::Error as Books;
        match error {
            Books::Store(error) => error.into(),
            Books::Journal(error) => error.into(),
            Books::Delivery(error) => error.into(),
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

impl From<crate::serve::Error> for Failure {
    fn from(error: crate::serve::Error) -> Self {
        use crate::serve::Error as Serve;
        let exit = match &error {
            Serve::AddressInUse(_) | Serve::AddressNotAvailable(_) | Serve::EmptyToken => Exit::Usage,
            _ => Exit::Internal,
        };
        Self::of(exit, "serve", &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[test]
    fn store_errors_have_kinds_and_codes() {
        let path = || "/s".to_owned();
        for (error, code, kind) in [
            (store::Error::Locked { path: path() }, 1, "store_locked"),
            (store::Error::Newer { path: path(), found: 2, known: 1 }, 1, "store_newer"),
            (store::Error::Foreign { path: path(), found: 2 }, 1, "store_foreign"),
            (store::Error::Damaged { path: path(), reason: "x".into() }, 6, "store_damaged"),
            (store::Error::Full { path: path() }, 1, "disk_full"),
            (store::Error::Io(std::io::Error::other("x")), 1, "io"),
        ] {
            let failure = Failure::from(error);
            assert_eq!((failure.exit.code(), failure.kind), (code, kind));
        }
    }

    #[test]
    fn causes_are_the_chain_of_sources() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        let failure = Failure::of(Exit::Internal, "x", &Outer(std::io::Error::other("inner")));
        assert_eq!((failure.message.as_str(), failure.causes), ("outer", vec!["inner".to_owned()]));
    }

    #[test]
    fn the_document_has_the_documented_members() {
        let failure = Failure::usage("no").with_hint("do");
        assert_eq!(
            serde_json::to_string(&failure.document(Some("run"))).unwrap(),
            r#"{"schema_version":1,"command":"run","ok":false,"exit_code":2,"error":{"kind":"usage","message":"no","hint":"do"}}"#
        );
    }
}
