//! Servers that use HTTP in unusual but standard ways: deliveries still succeed.

use std::fmt::Write as _;

use serde_json::json;

use crate::support::Sandbox;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::honest;

/// The answer of a correct server in parts: status, headers, body.
fn parts(request: &Request) -> (u16, String, Vec<u8>) {
    let Reply::Answer {
        status,
        headers,
        body,
    } = honest(request, "success")
    else {
        panic!("no whole answer")
    };
    let headers = headers
        .iter()
        .fold(String::new(), |mut text, (name, value)| {
            write!(text, "{name}: {value}\r\n").unwrap();
            text
        });
    (status, headers, body)
}

/// Everything that a project has is delivered to this server.
fn delivers_to(server: &Server, url: &str) {
    let mut sandbox = Sandbox::with_repo();
    sandbox.target(url);
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["balance"]["delivered"], 23, "{report}");
    assert_eq!(report["documents"]["balance"]["delivered"], 14, "{report}");
    assert!(!server.requests().is_empty());
}

#[test]
fn an_answer_in_http_1_0_ends_with_its_connection() {
    let server = Server::answering(|request| {
        let (status, headers, body) = parts(request);
        Reply::Raw(
            [
                format!("HTTP/1.0 {status} OK\r\n{headers}\r\n").into_bytes(),
                body,
            ]
            .concat(),
        )
    });
    delivers_to(&server, &server.url());
}

#[test]
fn interim_answers_come_before_the_answer() {
    let server = Server::answering(|request| {
        let (status, headers, body) = parts(request);
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
                       HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n";
        let head = format!(
            "{interim}HTTP/1.1 {status} OK\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        Reply::Raw([head.into_bytes(), body].concat())
    });
    delivers_to(&server, &server.url());
}

#[test]
fn an_answer_may_have_very_many_headers() {
    for count in [129, 200, 800] {
        let server = Server::answering(move |request| {
            let (status, headers, body) = parts(request);
            let many = (0..count)
                .map(|n| format!("X-Trace-{n}: {}\r\n", "v".repeat(60)))
                .collect::<Vec<_>>()
                .concat();
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} OK\r\n{many}{headers}Content-Length: {length}\r\n\r\n");
            Reply::Raw([head.into_bytes(), body].concat())
        });
        delivers_to(&server, &server.url());
    }
}

/// A response with many headers is still read: the wait, and the reason.
#[test]
fn a_refusal_behind_very_many_headers_says_how_long_to_wait() {
    let server = Server::answering(|_| {
        let many = (0..300)
            .map(|n| format!("X-{n}: v\r\n"))
            .collect::<Vec<_>>()
            .concat();
        let body = r#"{"error":"not today"}"#;
        let head = format!(
            "HTTP/1.1 429 Busy\r\n{many}Retry-After: 7200\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Reply::Raw(head.into_bytes())
    });
    let sandbox = Sandbox::aimed_at(&server);
    let report = sandbox.sk_sync(["run", "--json"]).code(3).json();
    assert_eq!(
        (
            &report["balance"]["captured"],
            &report["balance"]["delivered"]
        ),
        (&json!(23), &json!(0)),
        "{report}"
    );
    let halted = report["drain"]["halted"].as_str().unwrap();
    assert!(halted.contains("429"), "{halted}");
    let before = server.requests().len();
    let _again = sandbox.sk_sync(["drain", "--json"]).code(3);
    assert_eq!(
        server.requests().len(),
        before,
        "it asked to be left alone for two hours"
    );
}

#[test]
fn an_address_of_ipv6_is_a_server_like_any_other() {
    let Some(server) = Server::try_at("[::1]:0", |request| honest(request, "success")) else {
        return;
    };
    assert!(
        server.url().starts_with("http://[::1]:"),
        "{}",
        server.url()
    );
    delivers_to(&server, &server.url());
}

/// A name may have addresses at which nothing answers: the next one is tried.
#[test]
#[cfg(target_os = "linux")]
fn dead_first_addresses_of_a_name_are_passed_over() {
    let server = Server::honest();
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    let mut sandbox = Sandbox::with_repo();
    sandbox.target(&format!("http://localhost:{port}"));
    std::fs::write(
        sandbox.path("hosts"),
        "::1 localhost\n127.0.0.2 localhost\n127.0.0.1 localhost\n",
    )
    .unwrap();
    let script = "mount --bind ../hosts /etc/hosts && exec \"$SK\" run --json";
    let Some(run) = crate::support::rights::with_mounts(&sandbox, script) else {
        return;
    };
    assert_eq!(run.success().json()["balance"]["delivered"], 23);
    assert!(!server.requests().is_empty());
}
