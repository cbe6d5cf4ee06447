//! The receiver and hostile clients: slow connections, web pages, ambiguous requests.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::json;

use crate::support::Served;
use crate::support::{Sandbox, pause};

const EVENTS: &str = "/api/v1/events/batch/";
const REPORT: &str = "/__sk-sync__/report";
const JSON: &str = "Content-Type: application/json";

#[expect(
    clippy::disallowed_methods,
    reason = "a client that misbehaves on purpose"
)]
fn connect(served: &Served) -> TcpStream {
    let stream = TcpStream::connect(served.url().strip_prefix("http://").unwrap()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream
}

/// Sends these bytes and gives back everything that is answered until the connection ends.
fn exchange(served: &Served, text: &str) -> String {
    let mut stream = connect(served);
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The status of the answer to one request with these header lines and this body.
fn status(served: &Served, request_line: &str, headers: &[&str], body: &str) -> u16 {
    let length = format!("Content-Length: {}", body.len());
    let lines = [headers, &["Connection: close", &length]]
        .concat()
        .join("\r\n");
    let answer = exchange(
        served,
        &format!("{request_line} HTTP/1.1\r\n{lines}\r\n\r\n{body}"),
    );
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("{answer}"))
}

/// One event as the receiver takes it.
fn batch() -> String {
    json!({"events": [{"event_id": "01JMBY7K8N3QRVX2DPFG5HWT4E"}]}).to_string()
}

/// 300 unfinished connections do not block the next one, whatever their state.
#[test]
fn slow_connections_give_way_to_others() {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&[]);
    let begun = [
        String::new(),
        format!("POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\n"),
        format!(
            "POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\nContent-Length: 900\r\n\r\n{{\"events\""
        ),
        format!(
            "POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{{\"ev"
        ),
    ];
    let open: Vec<_> = (0..300)
        .map(|n| {
            let mut stream = connect(&served);
            stream.write_all(begun[n % begun.len()].as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(
        status(&served, "GET /healthz", &["Host: localhost"], ""),
        200
    );
    sandbox.target(&served.url());
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["balance"]["delivered"], 23, "{report}");
    assert_eq!(open.len(), 300, "they were open all the while");
}

/// Single bytes do not keep a connection open: the head of a request has a deadline, which no byte
/// moves.
#[test]
fn a_head_that_trickles_is_cut_off() {
    let sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&[]);
    let mut stream = connect(&served);
    stream.set_nonblocking(true).unwrap();
    let text = format!(
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: {}",
        "a".repeat(100)
    );
    let is_cut = text.bytes().any(|byte| {
        pause(Duration::from_millis(250));
        let is_closed =
            !matches!(stream.read(&mut [0]), Err(e) if e.kind() == ErrorKind::WouldBlock);
        is_closed || stream.write_all(&[byte]).is_err()
    });
    assert!(
        is_cut,
        "the connection was still open after {} bytes, one at a time",
        text.len()
    );
}

/// A web page makes its reader's browser send requests here. It cannot write, and a name that was
/// bound to this machine's address cannot read.
#[test]
fn a_web_page_neither_writes_nor_reads() {
    let sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&[]);
    let host = format!("Host: {}", served.url().strip_prefix("http://").unwrap());
    let own = format!("Origin: {}", served.url());
    let write = format!("POST {EVENTS}");
    let read = format!("GET {REPORT}");
    for (request, headers, expected) in [
        (&write, &[&*host, JSON][..], 200),
        (
            &write,
            &[&host, JSON, &own, "Sec-Fetch-Site: same-origin"],
            200,
        ),
        (&write, &[&host, JSON, "Origin: https://evil.example"], 403),
        (&write, &[&host, JSON, "Origin: null"], 403),
        (&write, &[&host, JSON, "Sec-Fetch-Site: cross-site"], 403),
        (&write, &[&host, "Content-Type: text/plain"], 415),
        (
            &write,
            &[&host, "Content-Type: application/x-www-form-urlencoded"],
            415,
        ),
        (&write, &[&host], 415),
        (
            &write,
            &["Host: evil.example", JSON, "Origin: http://evil.example"],
            421,
        ),
        (&read, &[&host], 200),
        (&read, &["Host: LOCALHOST:1"], 200),
        (&read, &["Host: [::1]:1"], 200),
        (&read, &["Host: evil.example"], 421),
        (&read, &["Host: 127.0.0.1.evil.example"], 421),
        (&read, &[], 400),
        (&format!("{read} HTTP/1.0\r\nX-Rest:"), &[], 400),
    ] {
        let body = if request == &read {
            String::new()
        } else {
            batch()
        };
        assert_eq!(
            status(&served, request, headers, &body),
            expected,
            "{request} {headers:?}"
        );
    }
    assert_eq!(
        status(&served, "GET /healthz", &["Host: probe.example"], ""),
        200,
        "probes may use any name"
    );
    assert_eq!(
        served.report()["event_requests"],
        json!(5),
        "the two that were taken, and three of another type"
    );
}

/// With a token, the report needs it as well; then any host name of this machine is accepted, since
/// no page has the token.
#[test]
fn the_report_asks_for_the_token() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("RECEIVER_TOKEN", "right");
    let served = sandbox.serve(&["--token-env", "RECEIVER_TOKEN"]);
    let read = format!("GET {REPORT}");
    for (headers, expected) in [
        (&["Host: localhost"][..], 401),
        (&["Host: localhost", "Authorization: Bearer wrong"], 401),
        (&["Host: localhost", "Authorization: Bearer right"], 200),
        (
            &["Host: sync.example.org", "Authorization: Bearer right"],
            200,
        ),
        (
            &[
                "Host: localhost",
                "Authorization: Bearer right",
                "Origin: https://evil.example",
            ],
            403,
        ),
    ] {
        assert_eq!(status(&served, &read, headers, ""), expected, "{headers:?}");
    }
    assert_eq!(
        status(&served, "GET /healthz", &["Host: localhost"], ""),
        200
    );
}

/// A request of two lengths is one to this program and another to a proxy before it: it is refused,
/// and nothing after it on its connection is read.
#[test]
fn a_request_of_two_lengths_is_refused_and_ends_its_connection() {
    let sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&[]);
    let hidden = format!("GET {REPORT} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for lengths in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\ncontent-length:4",
    ] {
        for before in ["", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
            let head = format!(
                "POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\n{lengths}\r\n\r\n0\r\n\r\n"
            );
            let answer = exchange(&served, &format!("{before}{head}{hidden}"));
            assert!(
                answer.contains("HTTP/1.1 400 ") && !answer.contains("event_requests"),
                "{lengths}: {answer}"
            );
        }
    }
    assert_eq!(served.report()["event_requests"], 0);
}

/// Reads one request from a connection; false where it ends instead.
fn takes_a_request(stream: &mut TcpStream) -> bool {
    let (mut head, mut byte) = (String::new(), [0]);
    while !head.ends_with("\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return false;
        }
        head.push(char::from(byte[0]));
    }
    let head = head.to_ascii_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    true
}

/// If a status alone acknowledges, an unrequested answer acknowledges nothing: it arrives on a
/// connection that is no longer used.
#[test]
fn a_late_second_answer_acknowledges_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut first = listener.accept().unwrap().0;
        assert!(takes_a_request(&mut first));
        first.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        // The second answer to the first request is sent once a second request is on its way.
        let is_kept = first.read(&mut [0]).unwrap_or(0) > 0;
        if is_kept {
            first.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            first
                .set_read_timeout(Some(Duration::from_secs(1)))
                .unwrap();
            let _its_request = first.read_to_end(&mut Vec::new());
        }
        drop(first);
        for stream in listener.incoming().map(Result::unwrap) {
            let mut stream = stream;
            if takes_a_request(&mut stream) {
                stream
                    .write_all(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .unwrap();
            } else {
                return;
            }
        }
    });
    let mut sandbox = Sandbox::with_repo();
    let text = format!(
        "preset = 'external-receiver'\n[external_receiver]\nevents_url = '{url}/in'\nack = 'status'\n"
    );
    sandbox.write("event-sync.toml", text);
    sandbox.set("SK_SYNC_DRAIN__MAX_EVENTS", "10");
    let report = sandbox
        .sk_sync(["run", "--json", "--allow-origin", &url])
        .json();
    assert_eq!(report["balance"]["delivered"], 10, "{report}");
    assert_eq!(report["drain"]["success"], 10, "{report}");
    // Ends the server.
    drop(end(&url));
    server.join().unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "tells the server that nothing more comes"
)]
fn end(url: &str) -> std::io::Result<TcpStream> {
    TcpStream::connect(url.strip_prefix("http://").unwrap())
}

/// Limits are flags, and both sides keep them; impossible values are rejected by name.
#[test]
fn limits_are_flags_that_clients_learn() {
    let mut sandbox = Sandbox::with_repo();
    let served = sandbox.serve(&["--max-events", "5", "--max-bytes", "70000", "--log", "json"]);
    sandbox.target(&served.url());
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert!(
        report["drain"]["requests"].as_u64().unwrap() >= 5,
        "{report}"
    );
    assert_eq!(report["balance"]["delivered"], 23, "{report}");
    for (flags, said) in [
        (["--max-events", "0"], "--max-events"),
        (["--max-bytes", "10"], "--max-bytes"),
        (["--drain-delay", "soon"], "--drain-delay"),
        (["--log", "xml"], "--log"),
    ] {
        let refused = sandbox.sk_sync([&["serve"], &flags[..]].concat()).code(2);
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
}

/// A missing engine is named, with the build that has it.
#[cfg(not(feature = "postgres"))]
#[test]
fn a_build_without_postgresql_says_which_one_has_it() {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("DATABASE_URL", "postgres://sk:pa55word@127.0.0.1/x");
    let refused = sandbox
        .sk_sync(["serve", "--store-env", "DATABASE_URL"])
        .code(2);
    assert!(
        refused.stderr.contains("sk-sync-server") && !refused.stderr.contains("pa55word"),
        "{refused:?}"
    );
}
