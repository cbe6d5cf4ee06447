//! A token program is run once, when there is something to send, and never by a read-only command.
#![cfg(unix)]

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::Server;

/// A Teamspace whose token a program prints; the program appends a line each time it is run, and
/// ends with `code`.
fn keeper(server: &Server, code: u8) -> (Sandbox, PathBuf) {
    let mut sandbox = Sandbox::with_repo();
    let asked = sandbox.path("asked");
    let own = sandbox.path("own.toml");
    let text = format!(
        "preset = 'teamspace'\n[teamspace]\nserver_url = '{}'\nteam_slug = 'harbour'\n\
         token_command = ['sh', '-c', 'echo asked >>\"$1\"; echo of-command; exit {code}', 'sh', '{}']\n",
        server.url(),
        asked.display()
    );
    std::fs::write(&own, text).unwrap();
    // The fixture's own target is another one.
    sandbox.write("event-sync.toml", "");
    sandbox.set("SK_SYNC_CONFIG", own.to_str().unwrap());
    (sandbox, asked)
}

fn times(asked: &PathBuf) -> usize {
    std::fs::read_to_string(asked)
        .unwrap_or_default()
        .lines()
        .count()
}

fn auth(document: &Value) -> (Value, Value) {
    let gate = document["gates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|gate| gate["name"] == "missing_auth")
        .unwrap();
    (gate["open"].clone(), gate["known"].clone())
}

#[test]
fn a_run_asks_once_and_looking_never() {
    let server = Server::honest();
    let (sandbox, asked) = keeper(&server, 0);
    let looks: [&[&str]; 8] = [
        &["status", "--json"],
        &["status", "--check"],
        &["events", "list", "--jsonl"],
        &["events", "explain"],
        &["target", "show"],
        &["target", "list"],
        &["run", "--dry-run"],
        &["run", "--no-drain"],
    ];
    for words in looks {
        let _looked = sandbox.sk_sync(words);
        assert_eq!(times(&asked), 0, "{words:?}");
    }
    let status = sandbox.status();
    assert_eq!(
        auth(&status),
        (json!(true), json!(false)),
        "nobody knows yet"
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (times(&asked), auth(&report)),
        (1, (json!(true), json!(true))),
        "events and bodies, one question"
    );
    assert_eq!(
        report["balance"]["delivered"],
        report["balance"]["captured"]
    );
    let _again = sandbox.sk_sync(["drain"]).success();
    assert_eq!(times(&asked), 1, "nothing to send, nothing to ask");
    let _checked = sandbox.sk_sync(["preflight"]).success();
    assert_eq!(times(&asked), 2, "a preflight says what a run would find");
}

/// A failed answer is requested only once too, however many requests wait for it.
#[test]
fn no_answer_is_not_asked_for_again() {
    let server = Server::honest();
    let (sandbox, asked) = keeper(&server, 1);
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(
        (times(&asked), auth(&report)),
        (1, (json!(false), json!(true))),
        "{report}"
    );
    assert_eq!(
        report["balance"]["blocked"], report["capture"]["captured"],
        "{report}"
    );
    assert!(
        report["gates"].to_string().contains("`sh` failed"),
        "{report}"
    );
    assert!(server.requests().is_empty());
}
