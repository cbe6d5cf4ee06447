//! A server that refuses every request: a failed check with the server's message, shown by every
//! command, until the server accepts.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::{honest, is_events};

/// A server whose answer to these requests is set by the test; other requests get correct answers.
fn refusing(is_hit: fn(&Request) -> bool, reply: Reply) -> (Server, Arc<Mutex<Option<Reply>>>) {
    let said = Arc::new(Mutex::new(Some(reply)));
    let answer = Arc::clone(&said);
    let server = Server::answering(move |request| match answer.lock().unwrap().clone() {
        Some(reply) if is_hit(request) => reply,
        _ => honest(request, "success"),
    });
    (server, said)
}

/// The gate in a document, if it is there.
fn gate(document: &Value) -> Option<&Value> {
    document["gates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|gate| gate["name"] == "server_refused")
}

#[test]
fn a_refusal_is_a_gate_until_the_server_accepts() {
    for (status, fix) in [
        (401, "export SK_SYNC_TOKEN=TOKEN"),
        (403, "export SK_SYNC_TOKEN=TOKEN"),
        (412, "# install the version of sk-sync"),
        (426, "# install the version of sk-sync"),
        (302, "sk-sync target set --url URL"),
        (407, "# set the login of the proxy"),
    ] {
        let words = Reply::json(status, &json!({"error": "not \u{1b}[31mlike this"}));
        let (server, said) = refusing(is_events, words);
        let sandbox = Sandbox::aimed_at(&server);
        let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
        let found = gate(&report).unwrap_or_else(|| panic!("{status}: {report}"));
        assert_eq!(
            found["reason"],
            format!("HTTP {status}: not \\u{{1b}}[31mlike this")
        );
        assert!(
            found["open"] == false && found["fix"].as_str().unwrap().starts_with(fix),
            "{found}"
        );
        assert_eq!(
            (&report["balance"]["holds"], &report["balance"]["blocked"]),
            (&json!(true), &report["capture"]["captured"])
        );
        // Every command shows it, with its age, and none of them asks the server.
        for command in [&["status", "--json"][..], &["preflight", "--json"]] {
            let document = sandbox.sk_sync(command).json();
            let found = gate(&document).unwrap_or_else(|| panic!("{command:?}: {document}"));
            assert!(
                found["reason"]
                    .as_str()
                    .unwrap()
                    .contains(&status.to_string())
                    && found["since"].is_string(),
                "{found}"
            );
        }
        let _check = sandbox.sk_sync(["status", "--check"]).code(4);
        let words = sandbox.sk_sync(["preflight"]).code(4).stdout;
        assert!(
            words.contains("(since ")
                && words.contains("Last answer to events, ")
                && words.contains(": HTTP "),
            "{words}"
        );
        assert_eq!(server.requests().len(), 1, "{status}");
        // A drain asks again, with one request; the age stays that of the first.
        let since = |sandbox: &Sandbox| {
            gate(&sandbox.sk_sync(["status", "--json"]).json()).unwrap()["since"].clone()
        };
        let first = since(&sandbox);
        let _again = sandbox.sk_sync(["drain"]).code(4);
        assert_eq!(
            (server.requests().len(), since(&sandbox)),
            (2, first),
            "{status}"
        );
        said.lock().unwrap().take();
        let report = sandbox.sk_sync(["run", "--json"]).success().json();
        assert_eq!(
            (gate(&report), &report["balance"]["delivered"]),
            (None, &report["balance"]["captured"])
        );
        assert_eq!(
            gate(&sandbox.sk_sync(["status", "--json"]).json()),
            None,
            "{status}"
        );
        let ready = sandbox.sk_sync(["preflight"]).success().stdout;
        assert!(
            ready.contains("Last answer to events, ") && ready.contains(": HTTP 200"),
            "{ready}"
        );
        let answer =
            sandbox.sk_sync(["preflight", "--json"]).success().json()["last_answer"].clone();
        assert!(
            answer["status"] == 200 && answer["age_seconds"].is_u64() && answer["at"].is_string(),
            "{answer}"
        );
    }
}

/// Where only documents are refused, the events arrive and the gate is the same.
#[test]
fn a_refusal_of_documents_is_the_same_gate() {
    let (server, said) = refusing(
        |request| !is_events(request),
        Reply::json(403, &json!({"detail": "no scope"})),
    );
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(
        report["balance"]["delivered"],
        report["capture"]["captured"]
    );
    assert_eq!(gate(&report).unwrap()["reason"], "HTTP 403: no scope");
    said.lock().unwrap().take();
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(gate(&report), None, "{report}");
    let _ready = sandbox.sk_sync(["preflight"]).success();
}

/// A missing page, and a failing server, are not a general refusal: a later try may succeed.
#[test]
fn what_may_pass_is_no_gate() {
    for status in [404, 429, 500, 503] {
        let (server, _said) = refusing(|_| true, Reply::status(status));
        let report = Sandbox::aimed_at(&server)
            .sk_sync(["run", "--json", "--max-time", "300ms"])
            .code(3)
            .json();
        assert_eq!(gate(&report), None, "{status}: {report}");
    }
}

#[test]
fn preflight_asks_the_server_when_told_to() {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let asked = |code: i32| {
        sandbox
            .sk_sync(["preflight", "--online", "--json"])
            .code(code)
            .json()
    };
    let before = sandbox.listing();
    for (reply, health, code) in [
        (Reply::json(200, &json!({"status": "ok"})), "accepts", 0),
        (Reply::status(404), "not_offered", 0),
        (Reply::json(401, &json!({"error": "expired"})), "refuses", 4),
        (Reply::status(301), "refuses", 4),
        (Reply::status(503), "unavailable", 3),
        (Reply::Silence, "unavailable", 3),
        (
            Reply::Answer {
                status: 200,
                headers: vec![],
                body: b"<html>Sign in".to_vec(),
            },
            "unavailable",
            3,
        ),
    ] {
        server.healthy(reply);
        let document = asked(code);
        assert_eq!(
            (&document["online"]["health"], gate(&document).is_some()),
            (&json!(health), code == 4),
            "{document}"
        );
        assert!(
            !document["online"]["said"].as_str().unwrap().is_empty(),
            "{document}"
        );
    }
    assert_eq!((server.probes().len(), server.requests().len()), (7, 0));
    assert_eq!(
        sandbox
            .sk_sync(["preflight", "--json"])
            .success()
            .json()
            .get("online"),
        None
    );
    assert_eq!(
        (server.probes().len(), sandbox.listing()),
        (7, before),
        "asked only when told to, and nothing is written"
    );
    let words = sandbox.sk_sync(["preflight", "--online"]).code(3).stdout;
    assert!(
        words.contains("The server is not available: HTTP 200"),
        "{words}"
    );
}

/// `preflight --online` needs the same consent as sending.
#[test]
fn preflight_asks_nobody_without_consent() {
    let sandbox = Sandbox::with_repo();
    sandbox.write(
        "event-sync.toml",
        "preset = 'external-receiver'\nexternal_receiver.url = 'https://h.example'\n",
    );
    let document = sandbox
        .sk_sync(["preflight", "--online", "--json"])
        .code(4)
        .json();
    let online = json!({"health": "not_asked", "status": null, "said": "a check fails"});
    assert_eq!(document["online"], online, "{document}");
}
