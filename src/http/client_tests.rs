//! Requests of the client, their destination, and the result for every end of an exchange.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use super::client::*;
use super::failure::Failure;
use super::method::Method;

struct Loopback(String);

impl OriginGrant for Loopback {
    fn origin(&self) -> &str {
        &self.0
    }
    fn is_loopback(&self) -> bool {
        true
    }
}

/// A server that answers one request with `answer`; the thread returns the request's head.
fn serve_once(answer: &'static [u8]) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = String::new();
        for line in BufReader::new(stream.try_clone().unwrap()).lines() {
            let line = line.unwrap();
            if line.is_empty() {
                break;
            }
            head.push_str(&line.to_lowercase());
            head.push('\n');
        }
        stream.write_all(answer).unwrap();
        head
    });
    (origin, server)
}

fn client(origin: &str) -> Client {
    Client::new(&Loopback(origin.to_owned()), Deadlines::default(), 1)
}

fn get(url: &str) -> Request<'_> {
    Request {
        method: Method::Get,
        url,
        headers: &[("X-Mark", "1")],
        body: b"",
        answer_limit: 4,
        total: None,
    }
}

#[test]
fn long_answers_are_cut_and_headers_kept() {
    let (origin, server) =
        serve_once(b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabcdef");
    let answer = client(&origin).send(&get(&format!("{origin}/a"))).unwrap();
    assert_eq!(
        (answer.status, answer.retry_after.as_deref(), answer.is_cut),
        (429, Some("7"), true)
    );
    assert_eq!(answer.body, b"abcd");
    let head = server.join().unwrap();
    assert!(
        head.contains("x-mark: 1\n") && head.contains("user-agent: sk-sync/"),
        "{head}"
    );
    assert!(head.contains("accept-encoding: identity\n"), "{head}");
}

#[test]
fn redirects_are_answers_not_orders() {
    let (origin, server) = serve_once(
        b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:9/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(
        client(&origin)
            .send(&get(&format!("{origin}/a")))
            .unwrap()
            .status,
        307
    );
    server.join().unwrap();
}

#[test]
fn nothing_is_sent_to_another_origin() {
    let client = client("http://127.0.0.1:9");
    for url in [
        "http://127.0.0.1:8/",
        "https://127.0.0.1:9/",
        "http://example.org/",
        "nonsense",
    ] {
        assert!(
            matches!(client.send(&get(url)), Err(Failure::Refused(_))),
            "{url}"
        );
    }
}

#[test]
fn a_refused_connection_and_a_lost_answer_are_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let origin = format!("http://{free}");
    assert!(matches!(
        client(&origin).send(&get(&origin)),
        Err(Failure::Unreachable(_))
    ));
    let (origin, server) = serve_once(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    assert!(matches!(
        client(&origin).send(&get(&origin)),
        Err(Failure::Unknown(_))
    ));
    server.join().unwrap();
}

#[test]
fn a_failed_handshake_is_told_apart_from_a_lost_answer() {
    for answer in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("https://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).unwrap();
            stream.write_all(answer).unwrap();
        });
        let failure = client(&origin).send(&get(&origin)).unwrap_err();
        assert!(
            matches!(failure, Failure::Tls(_) | Failure::HandshakeCut(_)),
            "{failure:?}"
        );
        assert_eq!(
            matches!(failure, Failure::HandshakeCut(_)),
            answer.is_empty(),
            "{failure:?}"
        );
        server.join().unwrap();
    }
}

#[test]
fn a_loopback_grant_connects_to_loopback_only() {
    let origin = "http://192.0.2.1:81";
    assert!(matches!(
        client(origin).send(&get(origin)),
        Err(Failure::Unreachable(_))
    ));
}
