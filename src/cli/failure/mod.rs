//! Failures: the only place where typed errors become a kind, a text, a hint and an exit code.
//!
//! Domains do not depend on the terminal; each error gets a `From` here. Messages name what, where,
//! and the next step, and never contain a secret.

mod domains;
mod journeys;

use std::error::Error;

use serde::Serialize;

use crate::cli::Exit;

/// Why a command ended without its result.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// A stable word for scripts.
    pub(crate) kind: &'static str,
    /// The message: what failed, and where.
    pub(crate) message: String,
    /// How to fix it.
    pub(crate) hint: Option<String>,
    /// The sources of the error, nearest first.
    pub(crate) causes: Vec<String>,
}

impl Failure {
    /// A failure with neither hint nor causes.
    pub(crate) fn new(exit: Exit, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit,
            kind,
            message: message.into(),
            hint: None,
            causes: Vec::new(),
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// A file cannot be read or written; `error` should name it.
    pub(crate) fn io(error: &std::io::Error) -> Self {
        let failure = Self::new(Exit::Internal, "io", error.to_string());
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Self {
                kind: "disk_full",
                ..failure
            }
            .with_hint("free some space, then run the same command again");
        }
        failure
    }

    /// A domain's error: its text is the message, its sources are the causes.
    pub(crate) fn of(exit: Exit, kind: &'static str, error: &dyn Error) -> Self {
        let mut failure = Self::new(exit, kind, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some messages already end with the text of their source.
            if !failure.message.contains(&text) {
                failure.causes.push(text);
            }
            source = cause.source();
        }
        failure
    }

    /// The same failure with a hint.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The document of a command that has no other, for `--json`.
    pub(crate) fn document<'a>(&'a self, command: Option<&'a str>) -> impl Serialize + 'a {
        Document {
            schema_version: crate::ops::report::SCHEMA_VERSION,
            command,
            ok: false,
            exit_code: self.exit.code(),
            error: Details {
                kind: self.kind,
                message: &self.message,
                causes: &self.causes,
                hint: self.hint.as_deref(),
            },
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
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    causes: &'a [String],
    hint: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_the_chain_of_sources() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        #[derive(Debug, thiserror::Error)]
        #[error("outer: {0}")]
        struct Whole(#[source] std::io::Error);
        let failure = Failure::of(Exit::Internal, "x", &Outer(std::io::Error::other("inner")));
        assert_eq!(
            (failure.message.as_str(), failure.causes),
            ("outer", vec!["inner".to_owned()])
        );
        let failure = Failure::of(Exit::Internal, "x", &Whole(std::io::Error::other("inner")));
        assert!(
            failure.causes.is_empty(),
            "said already: {:?}",
            failure.causes
        );
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
