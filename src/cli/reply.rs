//! The document of a command: the members that every document has, and the command's own.

use serde::Serialize;

use crate::cli::Exit;
use crate::ops::report::SCHEMA_VERSION;

/// What `--json` prints: one document, whose first members are the same for every command.
#[derive(Debug, Serialize)]
pub(crate) struct Reply<'a, T: Serialize> {
    schema_version: u32,
    command: &'a str,
    ok: bool,
    exit_code: u8,
    #[serde(flatten)]
    body: T,
}

impl<'a, T: Serialize> Reply<'a, T> {
    /// The reply of `command`, which ends with `exit`; `ok` if that is a success.
    pub(crate) fn new(command: &'a str, exit: Exit, body: T) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            command,
            ok: exit == Exit::Success,
            exit_code: exit.code(),
            body,
        }
    }

    /// The same with another `ok`, for a command that succeeds in reporting problems.
    pub(crate) fn judged(self, ok: bool) -> Self {
        Self { ok, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_members_come_first() {
        let body = serde_json::json!({"dry_run": true});
        let said = |reply: Reply<'_, &serde_json::Value>| serde_json::to_string(&reply).unwrap();
        assert_eq!(
            said(Reply::new("gc", Exit::Success, &body)),
            r#"{"schema_version":1,"command":"gc","ok":true,"exit_code":0,"dry_run":true}"#
        );
        assert_eq!(
            said(Reply::new("run", Exit::Retryable, &body)),
            r#"{"schema_version":1,"command":"run","ok":false,"exit_code":3,"dry_run":true}"#
        );
        assert!(
            said(Reply::new("status", Exit::Success, &body).judged(false))
                .contains(r#""ok":false,"exit_code":0"#)
        );
    }
}
