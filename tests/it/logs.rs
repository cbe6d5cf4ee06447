//! The log file: as text or JSON, without secrets.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};

const SECRET: &str = "tell-nobody-7";

/// Runs commands that meet the secret everywhere, and returns the log.
fn logged(format: &str) -> (Sandbox, String) {
    // A server that repeats the request's secrets in its answer.
    let server = Server::answering(|request| {
        let said = request
            .header("authorization")
            .unwrap_or_default()
            .to_owned();
        Reply::json(
            401,
            &json!({"error": format!("you said {said}; see https://me:pw-{SECRET}@h.example/")}),
        )
    });
    let mut sandbox = Sandbox::aimed_at(&server);
    sandbox.change("SK_SYNC_TOKEN", SECRET);
    let log = sandbox.path("sync.log");
    let with_log = |args: &[&str]| {
        sandbox.sk_sync(
            [
                args,
                &[
                    "-vv",
                    "--log-file",
                    log.to_str().unwrap(),
                    "--log-format",
                    format,
                ],
            ]
            .concat(),
        )
    };
    let first = with_log(&["run"]).code(4);
    assert!(
        first.stdout.contains("Project"),
        "results go where they went"
    );
    let _json = with_log(&["drain", "--json"]).code(4).json();
    let _status = with_log(&["status"]).success();
    let _failed = with_log(&["events", "show", "nobody"]).code(2);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    (sandbox, text)
}

#[test]
fn a_log_tells_what_happened_and_no_secret() {
    let (sandbox, text) = logged("text");
    for words in [
        "run begins",
        "run ends: exit 4",
        "Captured",
        "401",
        "drain ends: exit 4",
        "no event nobody",
        "[redacted]",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        text.lines().all(|line| line.get(..2) == Some("20")),
        "each line begins with its time: {text}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(sandbox.path("sync.log"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let run = sandbox
        .sk_sync(["status", "--log-file", "/nonexistent/x.log"])
        .code(1);
    assert!(run.stderr.contains("/nonexistent/x.log"), "{run:?}");
}

#[test]
fn a_log_for_machines_is_one_object_a_line() {
    let (_sandbox, text) = logged("json");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.len() > 10, "{text}");
    for line in &lines {
        for member in ["at", "level", "module", "message"] {
            assert!(line[member].is_string(), "{line}");
        }
    }
    assert!(lines.iter().any(|line| line["level"] == "error"), "{text}");
}

/// Only requested output is on the streams, and without the option there is no log.
#[test]
fn a_log_changes_no_stream() {
    let mut sandbox = Sandbox::with_repo();
    let plain = sandbox.sk_sync(["status", "--json"]).success().stdout;
    let log = sandbox.path("sync.log");
    let run = sandbox
        .sk_sync(["status", "--json", "--log-file", log.to_str().unwrap()])
        .success();
    assert_eq!((run.stdout, run.stderr), (plain, String::new()));
    std::fs::remove_file(&log).unwrap();
    sandbox.set("SK_SYNC", "0");
    let _off = sandbox
        .sk_sync(["status", "--log-file", log.to_str().unwrap()])
        .success();
    assert!(!log.exists());
}
