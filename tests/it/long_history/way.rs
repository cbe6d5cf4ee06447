//! A real `serve` behind a way that breaks: requests and answers are lost, cut, doubled and
//! replaced, and the receiver or the client is killed while a request is on its way.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::Served;
use crate::support::server::{Reply, Request, Server};

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// It never arrives.
    Away,
    /// It arrives, and its answer does not.
    Lost,
    /// It arrives, and half of an answer comes back.
    Half,
    /// It arrives twice.
    Twice,
    /// This status, without a body; the request arrived or not.
    Status(u16, bool),
    /// The server asks for a pause of a second.
    Pause(u16),
    /// A web page instead of the answer, with 200; the request arrived.
    Page,
    /// JSON that names no event; the request arrived.
    Unnamed,
    /// An answer that names only some events; the request arrived.
    Some,
    /// An answer that is not JSON; the request arrived.
    Noise,
    /// The receiver is killed while it works on the request, and started again.
    KillsReceiver,
    /// The client is killed, the request having arrived or not.
    KillsClient(bool),
}

/// The state of a way.
pub(super) struct State {
    keeper: Sandbox,
    served: Option<Served>,
    address: String,
    file: PathBuf,
    /// What happens to the next requests; then nothing happens to them.
    pub(super) script: VecDeque<Fault>,
    /// The process that may be killed.
    pub(super) client: Option<u32>,
    /// How often each fault happened.
    pub(super) counts: BTreeMap<String, u64>,
}

/// A receiver and the way to it.
pub(super) struct Hub {
    way: Server,
    state: Arc<Mutex<State>>,
}

impl Hub {
    pub(super) fn start() -> Self {
        let keeper = Sandbox::new();
        let file = keeper.path("received.db");
        let served = keeper.serve(&["--store", file.to_str().unwrap()]);
        let address = served.url().replace("http://", "");
        let state = State {
            keeper,
            served: Some(served),
            address,
            file,
            script: VecDeque::new(),
            client: None,
            counts: BTreeMap::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let way = Server::answering(move |request| shared.lock().unwrap().answer(request));
        let health = Request {
            method: "GET".to_owned(),
            path: "/api/v1/sync/health/".to_owned(),
            headers: Vec::new(),
            raw: Vec::new(),
            connection: 0,
        };
        let told = state.lock().unwrap().forward(&health).unwrap();
        way.healthy(Reply::Raw(told));
        Self { way, state }
    }

    /// The URL that clients are given.
    pub(super) fn url(&self) -> String {
        self.way.url()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    /// The receiver's file.
    pub(super) fn file(&self) -> PathBuf {
        self.file.clone()
    }

    /// Events that came with an id that another content has.
    pub(super) fn conflicts(&self) -> Value {
        self.served.as_ref().unwrap().report()["conflicts"].clone()
    }

    /// SIGKILL of the receiver, then its next start at the same address.
    pub(super) fn kill_receiver(&mut self) {
        self.served = None;
        let file = self.file.to_str().unwrap().to_owned();
        self.served = Some(
            self.keeper
                .serve(&["--store", &file, "--listen", &self.address]),
        );
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let fault = self.script.pop_front().unwrap_or(Fault::None);
        let name = format!("{fault:?}");
        *self
            .counts
            .entry(name.split('(').next().unwrap().to_owned())
            .or_default() += 1;
        match fault {
            Fault::Away | Fault::Status(_, false) | Fault::Pause(_) | Fault::KillsClient(false) => {
            }
            Fault::KillsReceiver => {
                let _on_its_way = self.begin(request);
                self.kill_receiver();
            }
            Fault::Twice => {
                let _first = self.forward(request);
                return self.passed(request);
            }
            Fault::None => return self.passed(request),
            _ => {
                let Some(told) = self.forward(request) else {
                    return Reply::Silence;
                };
                if fault == Fault::Some {
                    return some(&told);
                }
            }
        }
        match fault {
            Fault::Half => Reply::Half(400),
            Fault::Status(status, _) => Reply::status(status),
            Fault::Pause(status) => Reply::status(status).header("Retry-After", "1"),
            Fault::Page => Reply::Raw(whole("text/html", b"<!DOCTYPE html><title>Sign in</title>")),
            Fault::Unnamed => Reply::json(200, &json!({"results": [], "status": "ok"})),
            Fault::Noise => Reply::Raw(whole(
                "application/json",
                b"{\"results\":[{\"event_id\":\xff",
            )),
            Fault::KillsClient(_) => {
                if let Some(pid) = self.client.take() {
                    assert!(
                        Command::new("kill")
                            .args(["-9", &pid.to_string()])
                            .status()
                            .unwrap()
                            .success()
                    );
                }
                Reply::Silence
            }
            _ => Reply::Silence,
        }
    }

    fn passed(&self, request: &Request) -> Reply {
        self.forward(request).map_or(Reply::Silence, Reply::Raw)
    }

    /// The receiver's whole answer to a request.
    fn forward(&self, request: &Request) -> Option<Vec<u8>> {
        let mut answer = Vec::new();
        self.begin(request)?.read_to_end(&mut answer).ok()?;
        Some(answer).filter(|answer| !answer.is_empty())
    }

    /// Sends a request to the receiver.
    #[expect(
        clippy::disallowed_methods,
        reason = "the way from the client to the receiver"
    )]
    fn begin(&self, request: &Request) -> Option<std::net::TcpStream> {
        let mut stream = std::net::TcpStream::connect(&self.address).ok()?;
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
            request.method, request.path
        );
        for (name, value) in &request.headers {
            if !["host", "connection", "content-length", "expect"].contains(&name.as_str()) {
                head.extend([name.as_str(), ": ", value, "\r\n"]);
            }
        }
        head.extend([
            "Content-Length: ",
            &request.raw.len().to_string(),
            "\r\n\r\n",
        ]);
        stream
            .write_all(&[head.as_bytes(), &request.raw].concat())
            .ok()?;
        Some(stream)
    }
}

/// An answer with 200 that closes the connection.
fn whole(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The answer without every second result.
fn some(told: &[u8]) -> Reply {
    let body = told
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|at| &told[at + 4..])
        .unwrap_or_default();
    let Ok(mut body) = serde_json::from_slice::<Value>(body) else {
        return Reply::Silence;
    };
    if let Some(results) = body["results"].as_array_mut() {
        let mut at = 0;
        results.retain(|_| {
            at += 1;
            at % 2 == 0
        });
    }
    Reply::json(200, &body)
}
