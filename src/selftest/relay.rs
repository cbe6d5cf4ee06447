//! A relay on loopback between the children and the receiver: it records the requests with events,
//! and can keep back the answer to one of them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::fault::Fault;
use crate::base::mutex::held;

/// Part of the path of requests with events.
const EVENTS: &str = "/events/batch/";
/// How often a waiting caller looks whether the client has ended.
const GLANCE: Duration = Duration::from_millis(20);

/// What happens to the answer to the next request with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// It is passed on.
    Pass,
    /// The connection is closed instead, once the receiver has answered.
    Lose,
    /// The client waits for it until it ends.
    Hold,
}

/// A message of HTTP: its head with the empty line, and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    head: String,
    body: Vec<u8>,
}

#[derive(Debug)]
struct Shared {
    rule: Mutex<Rule>,
    requests: Mutex<Vec<Message>>,
    is_over: AtomicBool,
    /// Says that an answer was kept back.
    kept_back: Mutex<mpsc::Sender<()>>,
}

/// A running relay; ends on drop.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    receiver: SocketAddr,
    shared: Arc<Shared>,
    kept_back: mpsc::Receiver<()>,
}

impl Relay {
    /// Opens a port that leads to the receiver at `origin`, a URL with a numeric host.
    pub(super) fn open(origin: &str) -> Result<Self, Fault> {
        let authority = origin
            .rsplit('/')
            .next()
            .and_then(|authority| authority.parse().ok());
        let receiver =
            authority.ok_or_else(|| Fault(format!("the receiver listens on {origin}")))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (sender, kept_back) = mpsc::channel();
        let shared = Arc::new(Shared {
            rule: Mutex::new(Rule::Pass),
            requests: Mutex::default(),
            is_over: AtomicBool::new(false),
            kept_back: Mutex::new(sender),
        });
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if own.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let own = Arc::clone(&own);
                // A connection that breaks ends alone; its client says so.
                std::thread::spawn(move || attend(&client, receiver, &own).ok());
            }
        });
        Ok(Self {
            address,
            receiver,
            shared,
            kept_back,
        })
    }

    /// `origin` with the address of this relay.
    pub(super) fn through(&self, origin: &str) -> String {
        let scheme = origin
            .rsplit_once('/')
            .map(|(scheme, _)| scheme)
            .unwrap_or_default();
        format!("{scheme}/{}", self.address)
    }

    /// Sets the rule for the next request with events.
    pub(super) fn next(&self, rule: Rule) {
        *held(&self.shared.rule) = rule;
    }

    /// Waits until an answer was kept back; false if `is_over` is true before that.
    pub(super) fn keeps_back(&self, is_over: impl Fn() -> bool) -> bool {
        loop {
            match self.kept_back.recv_timeout(GLANCE) {
                Ok(()) => return true,
                Err(_) if is_over() => return self.kept_back.try_recv().is_ok(),
                Err(_) => {}
            }
        }
    }

    /// The requests with events since the last call.
    pub(super) fn requests(&self) -> Vec<Message> {
        std::mem::take(&mut *held(&self.shared.requests))
    }

    /// The receiver's own counts.
    pub(super) fn report(&self) -> Result<serde_json::Value, Fault> {
        let server = connect(self.receiver)?;
        let request =
            "GET /__sk-sync__/report HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        (&server).write_all(request.as_bytes())?;
        let answer = read(&mut BufReader::new(&server))?
            .ok_or_else(|| Fault("the receiver gave no counts".to_owned()))?;
        Ok(serde_json::from_slice(&answer.body)?)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it ends.
        drop(connect(self.address));
    }
}

impl Message {
    /// The value of a header; `name` in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&str| {
            line.split(':')
                .next()
                .is_some_and(|n| n.eq_ignore_ascii_case(name))
        };
        self.head
            .lines()
            .find(is_it)?
            .split_once(':')
            .map(|(_, value)| value.trim())
    }

    /// True if both carry the same events: the same bytes under the same key.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        let key = self.header("idempotency-key");
        key.is_some() && key == other.header("idempotency-key") && self.body == other.body
    }
}

/// Passes requests and answers of one connection on until either side closes it.
fn attend(client: &TcpStream, receiver: SocketAddr, shared: &Shared) -> std::io::Result<()> {
    let server = connect(receiver)?;
    let (mut asks, mut answers) = (BufReader::new(client), BufReader::new(&server));
    while let Some(request) = read(&mut asks)? {
        let is_about_events = request
            .head
            .lines()
            .next()
            .is_some_and(|line| line.contains(EVENTS));
        (&server).write_all(&[request.head.as_bytes(), &request.body].concat())?;
        let rule = if is_about_events {
            std::mem::replace(&mut *held(&shared.rule), Rule::Pass)
        } else {
            Rule::Pass
        };
        if is_about_events {
            held(&shared.requests).push(request);
        }
        let Some(answer) = read(&mut answers)? else {
            return Ok(());
        };
        if rule != Rule::Pass {
            // The receiver has stored everything by now.
            held(&shared.kept_back).send(()).ok();
            if rule == Rule::Hold {
                asks.read_to_end(&mut Vec::new())?;
            }
            return Ok(());
        }
        (&*client).write_all(&[answer.head.as_bytes(), &answer.body].concat())?;
    }
    Ok(())
}

/// Reads a message; `None` at the end of the connection.
fn read<S: std::io::Read>(from: &mut BufReader<S>) -> std::io::Result<Option<Message>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let mut message = Message {
        head,
        body: Vec::new(),
    };
    if message
        .header("transfer-encoding")
        .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    {
        message.body = chunks(from)?;
        return Ok(Some(message));
    }
    let length = message
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    message.body.resize(length, 0);
    from.read_exact(&mut message.body)?;
    Ok(Some(message))
}

/// Reads a body of chunks as it is on the wire, with their lengths and the empty line at its end.
fn chunks<S: std::io::Read>(from: &mut BufReader<S>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let begin = body.len();
        if from.read_until(b'\n', &mut body)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(body.get(begin..).unwrap_or_default()).into_owned();
        let length = line
            .split(';')
            .next()
            .and_then(|length| u64::from_str_radix(length.trim(), 16).ok());
        let length = length.ok_or(std::io::ErrorKind::InvalidData)?;
        if length == 0 {
            break;
        }
        // Its bytes and the end of their line.
        let chunk = length + 2;
        if from.by_ref().take(chunk).read_to_end(&mut body)? as u64 != chunk {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    while !body.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut body)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(body)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bare socket to the receiver inside this process"
)]
fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(key: &str, body: &str) -> Message {
        let head = format!(
            "POST /x{EVENTS} HTTP/1.1\r\nIdempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Message {
            head,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_message_is_read_whole() {
        let two = [message("a", "one"), message("b", "")];
        let bytes: Vec<u8> = two
            .iter()
            .flat_map(|m| [m.head.as_bytes(), &m.body].concat())
            .collect();
        let mut reader = BufReader::new(&bytes[..]);
        for message in &two {
            assert_eq!(read(&mut reader).unwrap().as_ref(), Some(message));
        }
        assert_eq!(read(&mut reader).unwrap(), None);
        assert!(read(&mut BufReader::new(&bytes[..bytes.len() / 2 + 8])).is_ok());
    }

    #[test]
    fn a_body_of_chunks_is_read_as_it_came() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for body in [
            "0\r\n\r\n",
            "3\r\nabc\r\nA;x=y\r\n0\r\n\r\n01234\r\n0\r\n\r\n",
            "1\r\na\r\n0\r\nX: y\r\n\r\n",
        ] {
            let bytes = format!("{head}{body}{head}");
            let mut reader = BufReader::new(bytes.as_bytes());
            let message = read(&mut reader).unwrap().unwrap();
            assert_eq!(String::from_utf8_lossy(&message.body), body);
            assert_eq!(
                reader.fill_buf().unwrap(),
                head.as_bytes(),
                "nothing more was read"
            );
            assert!(
                read(&mut BufReader::new(
                    &bytes.as_bytes()[..head.len() + body.len() - 1]
                ))
                .is_err()
            );
        }
    }

    #[test]
    fn a_repetition_has_the_same_key_and_bytes() {
        assert!(message("a", "x").repeats(&message("a", "x")));
        assert!(!message("a", "x").repeats(&message("b", "x")));
        assert!(!message("a", "x").repeats(&message("a", "y")));
    }

    /// An answer is passed on, lost, and passed on again; the receiver got every request.
    #[test]
    fn one_answer_is_lost() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                let mut reader = BufReader::new(&stream);
                while let Ok(Some(_)) = read(&mut reader) {
                    (&stream)
                        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                        .unwrap();
                }
            }
        });
        let relay = Relay::open(&origin).unwrap();
        for (rule, is_answered) in [(Rule::Pass, true), (Rule::Lose, false), (Rule::Pass, true)] {
            relay.next(rule);
            let client = connect(relay.address).unwrap();
            let sent = message("k", "body");
            (&client)
                .write_all(&[sent.head.as_bytes(), &sent.body].concat())
                .unwrap();
            assert_eq!(
                read(&mut BufReader::new(&client)).unwrap().is_some(),
                is_answered,
                "{rule:?}"
            );
            assert!(is_answered || relay.keeps_back(|| true));
        }
        assert_eq!(relay.requests().len(), 3);
        assert_eq!(
            relay.through("http://127.0.0.1:9"),
            format!("http://{}", relay.address)
        );
    }
}
