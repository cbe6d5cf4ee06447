//! Requests as bytes: recorded in transit, and posted again without other work.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::error::Error;
use crate::base::mutex::held;

/// The bytes sent over each connection.
type Connections = Arc<Mutex<Vec<Vec<u8>>>>;

/// A proxy between a client and a receiver that records what the client sends.
#[derive(Debug)]
pub(super) struct Tap {
    address: SocketAddr,
    connections: Connections,
    door: Option<JoinHandle<()>>,
}

impl Tap {
    /// Opens a port whose connections lead to `receiver`.
    pub(super) fn open(receiver: SocketAddr) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let connections = Connections::default();
        let kept = Arc::clone(&connections);
        let door = std::thread::spawn(move || {
            // A connection without a byte asks it to end.
            while let Ok((client, _)) = listener.accept() {
                match pass(&client, receiver) {
                    Ok(sent) if !sent.is_empty() => held(&kept).push(sent),
                    _ => break,
                }
            }
        });
        Ok(Self {
            address,
            connections,
            door: Some(door),
        })
    }

    /// `url` with the address of this proxy.
    pub(super) fn through(&self, url: &str) -> String {
        let scheme = url
            .rsplit_once('/')
            .map(|(scheme, _)| scheme)
            .unwrap_or_default();
        format!("{scheme}/{}", self.address)
    }

    /// Ends, and returns the bytes of each connection that is closed by now.
    pub(super) fn close(mut self) -> Result<Vec<Vec<u8>>, Error> {
        drop(connect(self.address)?);
        if let Some(door) = self.door.take() {
            door.join()
                .map_err(|_| Error::Work("the recording ended early".to_owned()))?;
        }
        Ok(std::mem::take(&mut *held(&self.connections)))
    }
}

/// Forwards one connection to the receiver until the client closes it; returns what the client
/// sent.
fn pass(client: &TcpStream, receiver: SocketAddr) -> std::io::Result<Vec<u8>> {
    let server = connect(receiver)?;
    std::thread::scope(|scope| {
        scope.spawn(|| std::io::copy(&mut &server, &mut &*client));
        let sent = forward(client, &server);
        // Ends the way back as well.
        server.shutdown(Shutdown::Both)?;
        sent
    })
}

fn forward(mut client: &TcpStream, mut server: &TcpStream) -> std::io::Result<Vec<u8>> {
    let mut sent = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let length = client.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Ok(sent);
        };
        sent.extend_from_slice(bytes);
        server.write_all(bytes)?;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the limit is a socket with nothing around it, to a receiver of our own"
)]
fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The requests in the bytes of one connection, each with its head and body.
pub(super) fn requests(sent: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let mut rest = sent;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let mut reader = rest;
        let mut request = head(&mut reader)?;
        let mut body = vec![0; length(&request)?];
        reader.read_exact(&mut body)?;
        request.append(&mut body);
        found.push(request);
        rest = reader;
    }
    Ok(found)
}

/// Posts `requests` over one connection; each must be answered by a 2xx. Returns their number.
pub(super) fn post(receiver: SocketAddr, requests: &[Vec<u8>]) -> Result<u64, Error> {
    let stream = connect(receiver)?;
    let mut answers = BufReader::new(&stream);
    let mut answered = 0;
    for request in requests {
        (&stream).write_all(request)?;
        let head = head(&mut answers)?;
        if !head.starts_with(b"HTTP/1.1 2") {
            return Err(Error::Work(format!(
                "the receiver answered {}",
                String::from_utf8_lossy(&head)
            )));
        }
        let mut body = vec![0; length(&head)?];
        answers.read_exact(&mut body)?;
        std::hint::black_box(&body);
        answered += 1;
    }
    Ok(answered)
}

/// Reads a head up to and including its empty line.
fn head(reader: &mut impl BufRead) -> Result<Vec<u8>, Error> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Err(Error::Work("a connection ended within a head".to_owned()));
        }
        if head.get(before..) == Some(b"\r\n") {
            return Ok(head);
        }
    }
}

/// The length of the body after `head`; 0 for a request without one.
fn length(head: &[u8]) -> Result<usize, Error> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    if text.starts_with("get ") {
        return Ok(0);
    }
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|length| length.trim().parse().ok());
    length.ok_or_else(|| Error::Work(format!("a head states no length: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPOST /b HTTP/1.1\r\ncontent-length: 0\r\n\r\n";

    #[test]
    fn requests_are_told_apart_by_their_lengths() {
        let found = requests(TWO).unwrap();
        assert_eq!((found.len(), &found.concat()[..]), (2, TWO));
        assert_eq!(
            requests(&[b"GET /h HTTP/1.1\r\n\r\n", TWO].concat())
                .unwrap()
                .len(),
            3
        );
        assert!(requests(b"POST /a HTTP/1.1\r\n\r\n").is_err(), "no length");
        assert!(requests(&TWO[..40]).is_err(), "cut");
    }

    /// Answers each request of one connection.
    fn answering(answer: &'static [u8]) -> (SocketAddr, JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let mut count = 0;
            while let Ok(head) = head(&mut reader) {
                reader
                    .read_exact(&mut vec![0; length(&head).unwrap()])
                    .unwrap();
                (&stream).write_all(answer).unwrap();
                count += 1;
            }
            count
        });
        (address, server)
    }

    #[test]
    fn what_is_posted_through_a_tap_is_kept_byte_for_byte() {
        let (receiver, server) = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let tap = Tap::open(receiver).unwrap();
        assert_eq!(post(tap.address, &requests(TWO).unwrap()).unwrap(), 2);
        assert_eq!(
            tap.through("http://127.0.0.1:9"),
            format!("http://{}", tap.address)
        );
        assert_eq!(server.join().unwrap(), 2);
        assert_eq!(tap.close().unwrap(), [TWO]);
    }

    #[test]
    fn a_refusal_is_no_measurement() {
        let (receiver, _server) = answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
        assert!(post(receiver, &requests(TWO).unwrap()).is_err());
    }
}
