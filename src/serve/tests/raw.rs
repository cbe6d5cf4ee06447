//! A client that sees headers, as a browser does.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::serve::Server;

/// What came back.
pub(super) struct Seen {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Seen {
    /// The value of a header; empty without it.
    pub(super) fn header(&self, name: &str) -> &str {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Sends requests with custom headers, one per connection.
#[derive(Clone)]
pub(super) struct Raw {
    address: String,
    headers: Vec<(String, String)>,
}

impl Raw {
    pub(super) fn to(server: &Server) -> Self {
        Self {
            address: server.origin().trim_start_matches("http://").to_owned(),
            headers: Vec::new(),
        }
    }

    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(known, _)| known != name);
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    pub(super) fn get(&self, path: &str) -> Seen {
        self.send("GET", path, b"")
    }

    pub(super) fn post(&self, path: &str, body: &[u8]) -> Seen {
        self.send("POST", path, body)
    }

    fn send(&self, method: &str, path: &str, body: &[u8]) -> Seen {
        let mut stream = connect(&self.address);
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        if !self.headers.iter().any(|(name, _)| name == "Host") {
            write!(head, "Host: {}\r\n", self.address).unwrap();
        }
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        stream
            .write_all(&[head.as_bytes(), b"\r\n", body].concat())
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        Seen {
            status: head[9..12].parse().unwrap(),
            head,
            body: answer[end + 4..].to_vec(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a browser is a client without consent"
)]
pub(super) fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).unwrap()
}
