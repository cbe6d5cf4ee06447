//! A server that follows a script, to test the client against every error of a server.

use std::collections::VecDeque;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) use super::message::{Reply, Request};
use super::wire::honest;

type Script = Box<dyn FnMut(&Request) -> Reply + Send>;

/// Where a client may ask who answers.
const HEALTH: &str = "/api/v1/sync/health/";

struct Shared {
    script: Mutex<Script>,
    requests: Mutex<Vec<Request>>,
    health: Mutex<Reply>,
    probes: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    /// Connections that are being attended to.
    live: AtomicUsize,
    resets: AtomicUsize,
    flooded: AtomicUsize,
    is_over: AtomicBool,
}

/// A server on loopback; it ends when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server that decides each answer by looking at the request.
    pub(crate) fn answering(script: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// The same at this address; `None`, with a notice, if this machine does not have it.
    #[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
    pub(crate) fn try_at(
        address: &str,
        script: impl FnMut(&Request) -> Reply + Send + 'static,
    ) -> Option<Self> {
        match TcpListener::bind(address) {
            Ok(listener) => Some(Self::on(listener, script)),
            Err(error) => {
                eprintln!("SKIPPED: cannot listen on {address}: {error}");
                None
            }
        }
    }

    fn on(listener: TcpListener, script: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(script)),
            requests: Mutex::default(),
            health: Mutex::new(Reply::status(404)),
            probes: Mutex::default(),
            connections: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
            resets: AtomicUsize::new(0),
            flooded: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let seen = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                if seen.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (seen, stream) = (Arc::clone(&seen), stream.unwrap());
                seen.connections.fetch_add(1, Ordering::SeqCst);
                seen.live.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // A client that closes early ends only its own connection.
                    drop(attend(&stream, connection, &seen));
                    seen.live.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// A server that stores everything and says so.
    pub(crate) fn honest() -> Self {
        Self::answering(|request| honest(request, "success"))
    }

    /// A server that gives these answers in turn, then `503`.
    pub(crate) fn scripted(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: VecDeque<_> = replies.into_iter().collect();
        Self::answering(move |_| replies.pop_front().unwrap_or_else(|| Reply::status(503)))
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers questions about its health like this from now on; without it, as a server that has
    /// no answer.
    pub(crate) fn healthy(&self, reply: Reply) {
        *self.shared.health.lock().unwrap() = reply;
    }

    /// Closes the connection in the middle of the next requests with a body, this many.
    pub(crate) fn reset(&self, requests: usize) {
        self.shared.resets.store(requests, Ordering::SeqCst);
    }

    /// How many bytes of floods were sent.
    pub(crate) fn flooded(&self) -> usize {
        self.shared.flooded.load(Ordering::SeqCst)
    }

    /// Returns when all that clients which have ended had sent is handled.
    #[expect(clippy::disallowed_methods, reason = "a test's own server asks itself")]
    pub(crate) fn settle(&self) {
        // Connections are accepted in order: once this one is answered, none before it waits.
        let mut last = TcpStream::connect(self.address).unwrap();
        last.write_all(format!("GET {HEALTH} HTTP/1.1\r\n\r\n").as_bytes())
            .unwrap();
        last.read_exact(&mut [0; 1]).unwrap();
        self.shared.probes.lock().unwrap().pop();
        drop(last);
        while self.shared.live.load(Ordering::SeqCst) > 0 {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Number of connections, with or without a request.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The questions about its health so far.
    pub(crate) fn probes(&self) -> Vec<Request> {
        self.shared.probes.lock().unwrap().clone()
    }

    /// The requests so far, in the order they came, but for questions about its health.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's own server wakes itself"
    )]
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it is over.
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Answers requests on one connection until either side closes it.
fn attend(stream: &TcpStream, connection: usize, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some((mut request, length)) = read_head(&mut reader, connection)? {
        if request.header("expect") == Some("100-continue") {
            (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let is_reset = |left: usize| left.checked_sub(1);
        if length > 0
            && shared
                .resets
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_reset)
                .is_ok()
        {
            // Unread bytes make it a reset and no orderly end.
            return Ok(());
        }
        request.raw = vec![0; length];
        reader.read_exact(&mut request.raw)?;
        let reply = if request.method == "GET" && request.path.ends_with(HEALTH) {
            shared.probes.lock().unwrap().push(request);
            shared.health.lock().unwrap().clone()
        } else {
            let reply = (shared.script.lock().unwrap())(&request);
            shared.requests.lock().unwrap().push(request);
            reply
        };
        if !send(stream, &reply, shared)? {
            return stream.shutdown(Shutdown::Both);
        }
    }
    Ok(())
}

/// The request's first lines and its length; `None` when the client closed the connection.
fn read_head(
    reader: &mut impl std::io::BufRead,
    connection: usize,
) -> std::io::Result<Option<(Request, usize)>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines[0].split(' ').map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let header = |line: &String| {
        line.split_once(':')
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.iter().skip(1).filter_map(header).collect();
    let request = Request {
        method,
        path,
        headers,
        raw: Vec::new(),
        connection,
    };
    let length = request
        .header("content-length")
        .and_then(|v| v.parse().ok())
        .unwrap_or(0);
    Ok(Some((request, length)))
}

/// Sends a reply; false when the connection is to be closed.
fn send(mut stream: &TcpStream, reply: &Reply, shared: &Shared) -> std::io::Result<bool> {
    match reply {
        Reply::Answer {
            status,
            headers,
            body,
        } => {
            let mut head = format!(
                "HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\n",
                body.len()
            );
            for (name, value) in headers {
                head.extend([name, ": ", value, "\r\n"]);
            }
            stream.write_all(&[head.as_bytes(), b"\r\n", body].concat())?;
            return Ok(true);
        }
        Reply::Silence => {}
        Reply::Raw(bytes) => stream.write_all(bytes)?,
        Reply::Half(length) => {
            let head = format!("HTTP/1.1 200 Scripted\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(&[head.into_bytes(), vec![b' '; length / 2]].concat())?;
        }
        Reply::Flood(length) => {
            let head =
                format!("HTTP/1.1 200 Scripted\r\nContent-Length: {length}\r\n\r\n{{\"results\":[");
            stream.write_all(head.as_bytes())?;
            let blanks = vec![b' '; 1 << 16];
            let mut left = *length;
            while left > 0 {
                let sent = stream.write(&blanks[..blanks.len().min(left)])?;
                shared.flooded.fetch_add(sent, Ordering::SeqCst);
                left -= sent;
            }
        }
        Reply::Drip(bytes, apart) => {
            let head = format!(
                "HTTP/1.1 200 Scripted\r\nContent-Length: {}\r\n\r\n",
                bytes.len()
            );
            stream.write_all(head.as_bytes())?;
            for byte in bytes {
                std::thread::park_timeout(*apart);
                stream.write_all(&[*byte])?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test speaks to the server without the client under test"
)]
fn a_script_is_followed_and_requests_are_kept() {
    let replies = [
        Reply::status(204).header("Retry-After", "7"),
        Reply::Drip(b"slow".to_vec(), Duration::from_millis(1)),
        Reply::Half(10),
    ];
    let server = Server::scripted(replies);
    let mut stream = TcpStream::connect(server.address).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"{\"a\":1}").unwrap();
    let packed = packed.finish().unwrap();
    let head = format!(
        "POST /x?y HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    stream
        .write_all(
            &[
                head.as_bytes(),
                &packed,
                b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            ]
            .concat(),
        )
        .unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let parts: Vec<_> = answers.split("HTTP/1.1 ").skip(1).collect();
    assert_eq!(
        parts[0],
        "204 Scripted\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n"
    );
    assert_eq!(parts[1], "200 Scripted\r\nContent-Length: 4\r\n\r\nslow");
    assert_eq!(parts[2], "200 Scripted\r\nContent-Length: 10\r\n\r\n     ");
    let requests = server.requests();
    let seen: Vec<_> = requests
        .iter()
        .map(|r| (r.method.as_str(), r.path.as_str(), r.connection))
        .collect();
    assert_eq!(
        seen,
        [("POST", "/x?y", 0), ("GET", "/", 0), ("GET", "/", 0)]
    );
    assert_eq!(requests[0].json(), serde_json::json!({"a": 1}));
}
