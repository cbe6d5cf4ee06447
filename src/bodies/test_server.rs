//! A small HTTP server that answers each upload as scripted, and records the requests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Reaction of the server to a request.
pub(super) enum Reply {
    /// Answers, and keeps the connection.
    Answer {
        status: u16,
        header: Option<(&'static str, &'static str)>,
        body: String,
    },
    /// Reads the request and closes the connection without an answer; it may have stored the
    /// document.
    Hangup,
    /// Reads the request and never answers.
    Silence,
}

impl Reply {
    pub(super) fn of(status: u16, body: impl Into<String>) -> Self {
        Self::Answer {
            status,
            header: None,
            body: body.into(),
        }
    }

    /// A success that echoes `request`.
    pub(super) fn echo(status: u16, word: &str, request: &Value) -> Self {
        let (path, hash) = (&request["artifact_path"], &request["content_hash"]);
        Self::of(
            status,
            json!({"status": word, "artifact_path": path, "content_hash": hash}).to_string(),
        )
    }
}

/// Recorded requests.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The JSON bodies, in the order they arrived.
    pub(super) requests: Vec<Value>,
    /// The last request's line and headers, lower-case.
    pub(super) head: String,
    /// How many connections were opened.
    pub(super) connections: usize,
}

/// The server; its threads end with the test.
pub(super) struct Server {
    pub(super) origin: String,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    /// Answers request number `n` (from 0) with `answer(n, body)`.
    pub(super) fn start(answer: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), answer)
    }

    /// The same at an address that was free before.
    pub(super) fn start_at(
        address: SocketAddr,
        answer: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (seen, answer) = (Arc::new(Mutex::new(Seen::default())), Arc::new(answer));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                seen.lock().unwrap().connections += 1;
                std::thread::spawn(move || serve(stream.unwrap(), &seen, &*answer));
            }
        });
        Self { origin, seen }
    }

    /// A server that stores everything, and answers `already_exists` to a repetition.
    pub(super) fn storing() -> Self {
        let stored = Mutex::new(Vec::<Value>::new());
        Self::start(move |_, request| store(&mut stored.lock().unwrap(), request))
    }

    /// The requests since the last call.
    pub(super) fn seen(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Answers each of many documents like `answer`; a reply other than an answer applies to all.
pub(super) fn each(requests: &[Value], answer: impl Fn(&Value) -> Reply) -> Reply {
    let mut results = Vec::new();
    for request in requests {
        match answer(request) {
            Reply::Answer { status, body, .. } => {
                results.push(json!({"status": status, "answer": serde_json::from_str::<Value>(&body).unwrap()}));
            }
            other => return other,
        }
    }
    Reply::of(200, json!({"results": results}).to_string())
}

/// Answers like a receiver that has `stored`.
pub(super) fn store(stored: &mut Vec<Value>, request: &Value) -> Reply {
    if stored.contains(request) {
        return Reply::echo(200, "already_exists", request);
    }
    stored.push(request.clone());
    Reply::echo(201, "stored", request)
}

fn serve(mut stream: TcpStream, seen: &Mutex<Seen>, answer: &dyn Fn(usize, &Value) -> Reply) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some((head, body)) = request(&mut reader) {
        // Many documents come packed, one in a line.
        let body: Value = if head.contains("content-encoding: gzip") {
            let mut lines = String::new();
            flate2::read::GzDecoder::new(&body[..])
                .read_to_string(&mut lines)
                .unwrap();
            lines
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap())
                .collect()
        } else {
            serde_json::from_slice(&body).unwrap()
        };
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.head = head;
            seen.requests.push(body.clone());
            seen.requests.len() - 1
        };
        let (status, header, body) = match answer(number, &body) {
            Reply::Answer {
                status,
                header,
                body,
            } => (status, header, body),
            Reply::Hangup => return,
            Reply::Silence => loop {
                std::thread::park();
            },
        };
        let header = header.map_or(String::new(), |(name, value)| {
            format!("{name}: {value}\r\n")
        });
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\n{header}Content-Length: {length}\r\n\r\n{body}");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The next request's head, lower-case, and its body; `None` if the client has closed.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "))?
        .parse()
        .unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}
