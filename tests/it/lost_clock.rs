//! A machine whose clock was lost and stands before 1970: nothing panics, nothing is lost, and once
//! the clock is right again everything is delivered.
#![cfg(target_os = "linux")]

use crate::support::rights::ended;
use crate::support::server::Server;
use crate::support::tls::{Front, fixture};
use crate::support::{Run, Sandbox};

/// The library that gives a program another time: named by `SK_SYNC_TEST_FAKETIME`, or where
/// packages put it.
#[expect(clippy::disallowed_methods, reason = "tests read their environment")]
#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn library() -> Option<String> {
    let named = std::env::var("SK_SYNC_TEST_FAKETIME").ok();
    let packaged = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
    ];
    let packaged = packaged.map(|dir| format!("{dir}/faketime/libfaketime.so.1"));
    let found = named
        .into_iter()
        .chain(packaged)
        .find(|file| std::path::Path::new(file).is_file());
    if found.is_none() {
        eprintln!("SKIPPED: there is no libfaketime: a clock before 1970 is not tried");
    }
    found
}

fn in_1965(sandbox: &Sandbox, library: &str, words: &[&str]) -> Run {
    let mut command = sandbox.command(words);
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME", "1965-03-01 10:00:00");
    ended(command.output().unwrap())
}

#[test]
fn what_is_captured_before_1970_is_delivered_when_the_clock_is_right() {
    let Some(library) = library() else { return };
    let server = Server::honest();
    let front = Front::of(&server, "here");
    let mut sandbox = Sandbox::with_repo();
    let run =
        |sandbox: &Sandbox, words: &[&str], code: i32| in_1965(sandbox, &library, words).code(code);
    let told = run(&sandbox, &["index"], 0).stderr;
    assert!(
        told.contains("the clock of this machine stands before 1970"),
        "{told}"
    );
    for hook in ["post-commit", "post-merge"] {
        assert_eq!(run(&sandbox, &["hook", "run", hook], 0).stderr, "");
    }
    let refused = run(&sandbox, &["serve", "--listen", "127.0.0.1:0"], 1).stderr;
    assert!(refused.contains("stands before 1970: set it"), "{refused}");
    // Without a server: failed events are due again, by the present clock and by the future one.
    sandbox.target("http://127.0.0.1:9");
    let _owed = run(&sandbox, &["run"], 3);
    let _owed = run(&sandbox, &["status", "--check"], 3);
    let _whole = run(&sandbox, &["verify"], 0);
    // No certificate can be judged.
    sandbox.target(&front.url("localhost"));
    sandbox.set("SSL_CERT_FILE", fixture("authority.pem").to_str().unwrap());
    let halted = run(&sandbox, &["run", "--json"], 4).json()["drain"]["halted"].to_string();
    assert!(
        halted.contains("cannot be judged: the clock of this machine stands before 1970"),
        "{halted}"
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["balance"]["delivered"], 23, "{report}");
    sandbox.verified();
}
