//! A server that is unreachable or failing: each cause has its own message, everything is kept and
//! counted, and a working command sends elsewhere.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::server::{Reply, Server};
use crate::support::wire::{honest, is_events};

fn aimed_at(url: &str) -> Sandbox {
    let mut sandbox = Sandbox::with_repo();
    sandbox.target(url);
    sandbox
}

/// A URL on which no server listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A missing server has its own message, with what is kept and how to send elsewhere; sending there
/// delivers everything.
#[test]
fn d26_a_server_that_is_gone_is_told_apart_and_everything_is_kept() {
    let [bad, away, slow] =
        [502, 503, 504].map(|status| Server::answering(move |_| Reply::status(status)));
    let clear = Server::honest();
    for (url, origin, cause, said) in [
        (nobody(), None, "unreachable", "refused"),
        (bad.url(), None, "bad_gateway", "HTTP 502 (bad gateway"),
        (away.url(), None, "unavailable", "HTTP 503 (unavailable)"),
        (
            slow.url(),
            None,
            "gateway_timeout",
            "HTTP 504 (gateway timeout",
        ),
        (
            clear.url().replace("http:", "https:"),
            None,
            "tls",
            "TLS failure: 127.0.0.1:",
        ),
        (
            "https://gone.invalid".to_owned(),
            Some("https://gone.invalid"),
            "no_such_host",
            "no such host: gone.invalid",
        ),
    ] {
        let sandbox = aimed_at(&url);
        let allow = origin.map_or_else(Vec::new, |origin| vec!["--allow-origin", origin]);
        let with = |words: &[&'static str]| {
            words
                .iter()
                .copied()
                .chain(allow.iter().copied())
                .collect::<Vec<_>>()
        };
        let report = sandbox.sk_sync(with(&["run", "--json"])).code(3).json();
        let drain = &report["drain"];
        let captured = report["capture"]["captured"].as_u64().unwrap();
        assert!(
            drain["halted"].as_str().unwrap().contains(said),
            "{cause}: {drain}"
        );
        assert_eq!(drain["cause"], cause);
        let kept = ["untried", "in_flight"]
            .iter()
            .map(|class| report["balance"][class].as_u64().unwrap());
        assert_eq!(kept.sum::<u64>(), captured, "{cause}");
        // `status` shows the same, as JSON and as text.
        let status = sandbox
            .sk_sync(with(&["status", "--json"]))
            .success()
            .json();
        assert_eq!(status["last_run"]["cause"], cause);
        assert!(
            status["last_run"]["halted"]
                .as_str()
                .unwrap()
                .contains(said),
            "{status}"
        );
        let count = format!("{captured} events");
        let leads_on = |step: &Value| {
            step["run"].as_str().unwrap().contains("--target-url")
                && step["why"].as_str().unwrap().contains(&count)
        };
        assert!(
            status["next_steps"]
                .as_array()
                .unwrap()
                .iter()
                .any(leads_on),
            "{}",
            status["next_steps"]
        );
        let shown = aimed_at(&url).sk_sync(with(&["run"])).code(3).stdout;
        for words in [
            &count,
            said,
            "Everything is kept",
            "to choose another: sk-sync drain --target-url URL",
        ] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        // The command works once a URL is filled in.
        let server = Server::honest();
        let fix = drain["fix"]
            .as_str()
            .unwrap()
            .split('#')
            .next()
            .unwrap()
            .trim()
            .replace("URL", &server.url());
        let words: Vec<_> = fix.split(' ').skip(1).chain(["--json"]).collect();
        let report = sandbox.sk_sync(words).success().json();
        assert_eq!(report["balance"]["delivered"], captured, "{fix}");
    }
}

/// The cause follows from the server's status, and the message contains that status and the request
/// id.
#[test]
fn d33_the_cause_is_never_guessed_and_the_status_is_named() {
    for (status, cause, code) in [
        (401, "unauthorized", 4),
        (403, "unauthorized", 4),
        (404, "refused", 3),
        (412, "protocol", 4),
        (426, "protocol", 4),
        (429, "throttled", 3),
        (302, "redirect", 4),
        (500, "server_error", 3),
    ] {
        let server = Server::answering(move |_| {
            Reply::json(status, &json!({"error": "words of its own"}))
                .header("X-Request-Id", "req-7")
        });
        let report = aimed_at(&server.url())
            .sk_sync(["run", "--json"])
            .code(code)
            .json();
        let halted = report["drain"]["halted"].as_str().unwrap();
        assert!(
            halted.contains(&format!("HTTP {status}")) && halted.contains("(request req-7)"),
            "{halted}"
        );
        assert!(halted.contains("words of its own"), "{halted}");
        assert_eq!(
            (&report["drain"]["cause"], &report["drain"]["fix"]),
            (&json!(cause), &Value::Null),
            "{status}"
        );
    }
    // Too large is reported as too large, not as missing permission.
    let server = Server::answering(|request| {
        if is_events(request) {
            Reply::status(413).header("X-Request-Id", "req-8")
        } else {
            honest(request, "success")
        }
    });
    let sandbox = aimed_at(&server.url());
    let _given_up = sandbox.sk_sync(["run"]).code(5);
    let given_up = sandbox
        .sk_sync(["events", "list", "--jsonl", "--status", "undeliverable"])
        .success()
        .json_lines();
    assert!(!given_up.is_empty());
    for event in given_up {
        assert_eq!(event["error"], "oversized: HTTP 413 (request req-8)");
    }
}
