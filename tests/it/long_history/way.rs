//! Real receivers behind a way that breaks: requests and answers are lost, cut, doubled and
//! replaced, and the receiver or the client is killed while a request is on its way. Requests go to
//! the receivers of a hub in turn.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read as _, Write as _};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use super::store::Store;
use crate::support::chance::Chance;
use crate::support::server::{Reply, Request, Server};
use crate::support::wire::Received;
use crate::support::{Sandbox, Served};

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

impl Fault {
    /// What happens to a request.
    pub(super) fn any(chance: &mut Chance) -> Self {
        let arrives = chance.once_in(2);
        match chance.below(20) {
            0..=4 => Self::None,
            5 => Self::Away,
            6 => Self::Lost,
            7 => Self::Half,
            8 => Self::Twice,
            9 => Self::Status(
                [301, 401, 403, 404, 407, 412, 426, 451][chance.place(8)],
                false,
            ),
            10 => Self::Status([400, 413, 422][chance.place(3)], false),
            11 => Self::Status([500, 502, 503, 202, 204][chance.place(5)], arrives),
            12 => Self::Status([408, 409, 423, 425][chance.place(4)], false),
            13 => Self::Pause([429, 503][chance.place(2)]),
            14 => Self::Page,
            15 => Self::Unnamed,
            16 => Self::Some,
            17 => Self::Noise,
            18 => Self::KillsReceiver,
            _ => Self::KillsClient(arrives),
        }
    }
}

/// A receiver at an address that it keeps.
struct Receiver {
    served: Served,
    address: String,
}

/// The state of a way.
pub(super) struct State {
    keeper: Sandbox,
    receivers: Vec<Receiver>,
    /// The receiver of the last request.
    last: usize,
    pub(super) store: Store,
    /// What happens to the next requests; then nothing happens to them.
    pub(super) script: VecDeque<Fault>,
    /// The process that may be killed.
    pub(super) client: Option<u32>,
    /// How often each fault happened.
    pub(super) counts: BTreeMap<String, u64>,
}

/// Receivers and the way to them.
pub(super) struct Hub {
    way: Server,
    state: Arc<Mutex<State>>,
}

impl Hub {
    /// A receiver with a file.
    pub(super) fn alone() -> Self {
        let keeper = Sandbox::new();
        let store = Store::file(&keeper);
        Self::start(keeper, store)
    }

    /// Two receivers on one database, where there is one.
    pub(super) fn shared() -> Self {
        let mut keeper = Sandbox::new();
        let store = Store::shared(&mut keeper);
        Self::start(keeper, store)
    }

    fn start(keeper: Sandbox, store: Store) -> Self {
        let receivers = (0..store.receivers()).map(|_| {
            let served = keeper.serve(&store.arguments());
            let address = served.url().replace("http://", "");
            Receiver { served, address }
        });
        let receivers = receivers.collect();
        let state = State {
            keeper,
            receivers,
            last: 0,
            store,
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
    /// Everything that was received.
    pub(super) fn received(&self) -> Received {
        self.store.received()
    }

    /// Events that came with an id that another content has.
    pub(super) fn conflicts(&self) -> u64 {
        let conflicts = |receiver: &Receiver| receiver.served.report()["conflicts"].as_u64();
        self.receivers
            .iter()
            .map(|receiver| conflicts(receiver).unwrap())
            .sum()
    }

    /// SIGKILL of the receiver that had the last request, then its next start at the same address.
    pub(super) fn kill_receiver(&mut self) {
        let receiver = &mut self.receivers[self.last];
        receiver.served.child.kill().unwrap();
        receiver.served.child.wait().unwrap();
        let mut arguments = self.store.arguments();
        arguments.extend(["--listen", &receiver.address]);
        receiver.served = self.keeper.serve(&arguments);
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

    fn passed(&mut self, request: &Request) -> Reply {
        self.forward(request).map_or(Reply::Silence, Reply::Raw)
    }

    /// The receiver's whole answer to a request.
    fn forward(&mut self, request: &Request) -> Option<Vec<u8>> {
        let mut answer = Vec::new();
        self.begin(request)?.read_to_end(&mut answer).ok()?;
        Some(answer).filter(|answer| !answer.is_empty())
    }

    /// Sends a request to the next receiver.
    #[expect(
        clippy::disallowed_methods,
        reason = "the way from the client to the receiver"
    )]
    fn begin(&mut self, request: &Request) -> Option<std::net::TcpStream> {
        self.last = (self.last + 1) % self.receivers.len();
        let mut stream = std::net::TcpStream::connect(&self.receivers[self.last].address).ok()?;
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
