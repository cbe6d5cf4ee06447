//! A receiver of documents on a plain socket, written from the published contract only: it sends
//! any bytes that a test needs, and can close the connection at any time.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// How long a barrier waits for its requests.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reaction to one request.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    /// Sends these bytes and keeps the connection open.
    Say(Vec<u8>),
    /// Sends these bytes and closes the connection.
    SayAndClose(Vec<u8>),
    /// Closes the connection so that the client sees a reset.
    Reset,
    /// Sends these bytes, and then nothing until the client closes.
    Mute(Vec<u8>),
}

impl Deed {
    /// A whole answer.
    pub(super) fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        Self::Say([head.as_bytes(), body].concat())
    }

    /// The answer of the contract: the status word, and the received path and hash.
    pub(super) fn echo(status: u16, word: &str, upload: &Upload) -> Self {
        let (path, hash) = (
            &upload.fields["artifact_path"],
            &upload.fields["content_hash"],
        );
        Self::answer(
            status,
            "",
            json!({"status": word, "artifact_path": path, "content_hash": hash}).to_string(),
        )
    }
}

/// One upload as it came.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    /// The request line and the headers, as sent.
    pub(super) head: String,
    /// The body, as sent.
    pub(super) raw: Vec<u8>,
    /// The body as JSON.
    pub(super) fields: Value,
    /// Which connection it came on, counted from 0.
    pub(super) connection: usize,
}

impl Upload {
    /// A field that is text.
    pub(super) fn text(&self, field: &str) -> &str {
        self.fields[field]
            .as_str()
            .unwrap_or_else(|| panic!("{field}: {}", self.fields))
    }
}

/// Recorded requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Every upload, in the order they came.
    pub(super) uploads: Vec<Upload>,
    /// The bodies that were stored, each once.
    pub(super) stored: Vec<Value>,
    /// Largest number of uploads at the same time.
    pub(super) together: usize,
    at_hand: usize,
}

type Script = dyn Fn(&Upload) -> Deed + Send + Sync;

struct Shared {
    script: Box<Script>,
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// The receiver; its threads end with the test.
#[derive(Clone)]
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Reacts to each upload according to the script.
    pub(super) fn doing(script: impl Fn(&Upload) -> Deed + Send + Sync + 'static) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), script)
    }

    /// The same at an address that was free before.
    pub(super) fn at(
        address: SocketAddr,
        script: impl Fn(&Upload) -> Deed + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            seen: Mutex::default(),
            changed: Condvar::new(),
        });
        let receiver = Self { address, shared };
        let own = receiver.clone();
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let own = own.clone();
                // A client that closes early ends only its own connection.
                std::thread::spawn(move || drop(own.attend(stream.unwrap(), connection)));
            }
        });
        receiver
    }

    /// Where bodies are posted.
    pub(super) fn url(&self) -> String {
        format!("http://{}/api/dossier/push-content/", self.address)
    }

    /// The requests so far.
    pub(super) fn seen(&self) -> Seen {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Waits until the requests are enough.
    pub(super) fn wait_until(&self, is_enough: impl Fn(&Seen) -> bool) {
        let seen = self.shared.seen.lock().unwrap();
        let over = self
            .shared
            .changed
            .wait_timeout_while(seen, PATIENCE, |seen| !is_enough(seen))
            .unwrap();
        assert!(!over.1.timed_out(), "what was waited for did not come");
    }

    /// Answers uploads on one connection until either side closes it. The last byte of an upload is
    /// only looked at before the script decides: a socket that is closed with bytes unread is a
    /// reset.
    fn attend(&self, mut stream: TcpStream, connection: usize) -> std::io::Result<()> {
        while let Some((head, mut raw)) = read(&mut stream)? {
            let fields = serde_json::from_slice(&raw).unwrap();
            let upload = Upload {
                head,
                raw: std::mem::take(&mut raw),
                fields,
                connection,
            };
            self.change(|seen| {
                seen.uploads.push(upload.clone());
                seen.at_hand += 1;
                seen.together = seen.together.max(seen.at_hand);
            });
            let deed = (self.shared.script)(&upload);
            let is_stored = matches!(&deed, Deed::Say(bytes) if bytes.starts_with(b"HTTP/1.1 201"));
            self.change(|seen| {
                seen.at_hand -= 1;
                if is_stored {
                    seen.stored.push(upload.fields.clone());
                }
            });
            if let Deed::Reset = deed {
                return Ok(());
            }
            stream.read_exact(&mut [0])?;
            match deed {
                Deed::Say(bytes) => stream.write_all(&bytes)?,
                Deed::SayAndClose(bytes) => return stream.write_all(&bytes),
                Deed::Mute(bytes) => {
                    stream.write_all(&bytes)?;
                    return stream.read_exact(&mut [0]);
                }
                Deed::Reset => {}
            }
        }
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.shared.seen.lock().unwrap());
        self.shared.changed.notify_all();
    }
}

/// A receiver that keeps the contract: stores what is new, and reports what is not.
pub(super) fn storing() -> Receiver {
    let known = Mutex::new(Vec::new());
    Receiver::doing(move |upload| honest(&known, upload))
}

/// The answer of a receiver that has `known`.
pub(super) fn honest(known: &Mutex<Vec<Value>>, upload: &Upload) -> Deed {
    let mut known = known.lock().unwrap();
    if known.contains(&upload.fields) {
        return Deed::echo(200, "already_exists", upload);
    }
    known.push(upload.fields.clone());
    Deed::echo(201, "stored", upload)
}

/// A barrier: blocks until enough requests have arrived, or until it is opened.
#[derive(Debug, Default)]
pub(super) struct Gate {
    met: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    /// Waits until `count` requests have arrived; continues after a time limit.
    pub(super) fn pass(&self, count: usize) {
        let mut met = self.met.lock().unwrap();
        *met = met.saturating_add(1);
        self.changed.notify_all();
        drop(
            self.changed
                .wait_timeout_while(met, PATIENCE, |met| *met < count)
                .unwrap(),
        );
    }

    /// Lets every request pass from now on.
    pub(super) fn open(&self) {
        *self.met.lock().unwrap() = usize::MAX;
        self.changed.notify_all();
    }
}

/// The next request: its head, and its body, of which the last byte is still unread. `None` if the
/// client has closed.
fn read(stream: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    let mut raw = vec![0; length.unwrap()];
    let last = raw.len() - 1;
    stream.read_exact(&mut raw[..last])?;
    stream.peek(&mut raw[last..])?;
    Ok(Some((head, raw)))
}
