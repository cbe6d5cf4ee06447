//! The client: one agent, one origin, bounded in time and in bytes.

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport};

use crate::base::failpoint;

/// Leave to open sockets to one origin. Only consent gives it out; a test holds that nothing else implements it.
pub(crate) trait OriginGrant {
    /// The origin (`scheme://host:port`, as the WHATWG URL standard serialises it).
    fn origin(&self) -> &str;
    /// True when only loopback addresses may be connected to, whatever the host name resolves to.
    fn is_loopback(&self) -> bool;
}

/// Bounds of one exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// Resolving and connecting, TLS included.
    pub(crate) connect: Duration,
    /// From sending the request to the first byte of the answer's body.
    pub(crate) answer: Duration,
    /// Everything together.
    pub(crate) total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), answer: Duration::from_mins(1), total: Duration::from_mins(2) }
    }
}

/// The two methods this program uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Reads.
    Get,
    /// Changes something.
    Post,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The method.
    pub(crate) method: Method,
    /// The absolute URL; its origin must be the granted one.
    pub(crate) url: &'a str,
    /// Header names and values. `Content-Length`, `Host`, `User-Agent` and `Accept` are added.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// The body of a `POST`.
    pub(crate) body: &'a [u8],
    /// The most answer bytes that are read.
    pub(crate) answer_limit: usize,
    /// A bound tighter than the client's total, when the run's own time ends earlier.
    pub(crate) total: Option<Duration>,
}

/// An answer, of any status.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The `Retry-After` header, as sent.
    pub(crate) retry_after: Option<String>,
    /// The `X-Request-Id` header, as sent.
    pub(crate) request_id: Option<String>,
    /// The body, up to the limit.
    pub(crate) body: Vec<u8>,
    /// True when the body was longer than the limit.
    pub(crate) is_cut: bool,
}

/// Why there is no answer. Texts name no header and no URL, so they hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The request went to another origin than the granted one, or was malformed: nothing was sent.
    #[error("refused before sending: {0}")]
    Refused(String),
    /// No connection came about: nothing was sent.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// The TLS handshake failed: nothing was sent.
    #[error("TLS failure: {0}")]
    Tls(String),
    /// Something was sent and no whole answer came: what the server did is unknown.
    #[error("no answer: {0}")]
    Unknown(String),
}

/// A keep-alive client for one origin. Cheap to share between threads.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    origin: String,
}

impl Client {
    /// A client for the granted origin.
    pub(crate) fn new(grant: &impl OriginGrant, deadlines: Deadlines, connections: usize) -> Self {
        let config = ureq::config::Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("sk-sync/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .accept_encoding("")
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .timeout_connect(Some(deadlines.connect))
            .timeout_recv_response(Some(deadlines.answer))
            .timeout_global(Some(deadlines.total))
            .build();
        let resolver = GrantedResolver::new(grant.is_loopback());
        let agent = ureq::Agent::with_parts(config, Connecting(DefaultConnector::default()), resolver);
        Self { agent, origin: grant.origin().to_owned() }
    }

    /// Sends one request and reads its answer.
    pub(crate) fn send(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let origin = url::Url::parse(request.url).map(|u| u.origin().ascii_serialization());
        if origin.as_deref() != Ok(self.origin.as_str()) {
            return Err(Failure::Refused("the address is outside the granted origin".to_owned()));
        }
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        let headers = request
            .headers
            .iter()
            .fold(ureq::http::Request::builder().method(method).uri(request.url), |builder, (name, value)| {
                builder.header(*name, *value)
            });
        let outcome = match request.method {
            Method::Get => headers.body(()).map(|r| self.run(r, request.total)),
            Method::Post => headers.body(request.body).map(|r| self.run(r, request.total)),
        };
        let mut response = outcome.map_err(|e| Failure::Refused(e.to_string()))?.map_err(|e| failure(&e))?;
        if request.method == Method::Post {
            failpoint::at(failpoint::POST_SENT);
        }
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (retry_after, request_id) = (header("retry-after"), header("x-request-id"));
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let limit = u64::try_from(request.answer_limit).unwrap_or(u64::MAX);
        response
            .body_mut()
            .as_reader()
            .take(limit.saturating_add(1))
            .read_to_end(&mut body)
            .map_err(|e| Failure::Unknown(words(&ureq::Error::from(e))))?;
        let is_cut = body.len() > request.answer_limit;
        body.truncate(request.answer_limit);
        Ok(Answer { status, retry_after, request_id, body, is_cut })
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        request: ureq::http::Request<B>,
        total: Option<Duration>,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        match total {
            Some(total) => self.agent.run(self.agent.configure_request(request).timeout_global(Some(total)).build()),
            None => self.agent.run(request),
        }
    }
}

/// What went wrong, for a person.
fn words(error: &ureq::Error) -> String {
    use ureq::{Error, Timeout};
    match error {
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => "timeout: no connection in time".to_owned(),
        Error::Timeout(_) => "timeout: no whole answer in time".to_owned(),
        _ => {
            let text = error.to_string();
            text.strip_prefix("io: ").unwrap_or(&text).to_owned()
        }
    }
}

/// Sorts an error by whether anything can have reached the server.
fn failure(error: &ureq::Error) -> Failure {
    use std::io::ErrorKind;
    use ureq::{Error, Timeout};
    let text = words(error);
    match error {
        Error::HostNotFound | Error::ConnectionFailed | Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            Failure::Unreachable(text)
        }
        Error::Io(e)
            if matches!(
                e.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::NetworkDown
                    | ErrorKind::AddrNotAvailable
                    | ErrorKind::PermissionDenied
            ) =>
        {
            Failure::Unreachable(text)
        }
        Error::Other(other) if other.is::<Handshake>() => Failure::Tls(other.to_string()),
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) => Failure::Tls(text),
        Error::BadUri(_) | Error::Http(_) => Failure::Refused(text),
        _ => Failure::Unknown(text),
    }
}

/// Connects as the library does, and tells a handshake that failed from what can fail later, when something was sent.
#[derive(Debug)]
struct Connecting(DefaultConnector);

/// Why no TLS connection came about.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Handshake(String);

impl Connector for Connecting {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<Self::Out>, ureq::Error> {
        self.0.connect(details, chained).map_err(|error| match failure(&error) {
            Failure::Unknown(text) if details.needs_tls() => ureq::Error::Other(Box::new(Handshake(text))),
            _ => error,
        })
    }
}

/// Resolves the granted host, once: a run is short, and the library would start a thread for each request otherwise. For
/// a loopback grant only loopback addresses are kept.
#[derive(Debug)]
struct GrantedResolver {
    inner: DefaultResolver,
    is_loopback: bool,
    known: Mutex<Vec<SocketAddr>>,
}

impl GrantedResolver {
    fn new(is_loopback: bool) -> Self {
        Self { inner: DefaultResolver::default(), is_loopback, known: Mutex::new(Vec::new()) }
    }
}

impl Resolver for GrantedResolver {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            let found = self.inner.resolve(uri, config, timeout)?;
            known.extend(found.iter().filter(|a| !self.is_loopback || a.ip().is_loopback()));
        }
        let mut kept = self.empty();
        known.iter().for_each(|address| kept.push(*address));
        if kept.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(kept) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    struct Loopback(String);

    impl OriginGrant for Loopback {
        fn origin(&self) -> &str {
            &self.0
        }
        fn is_loopback(&self) -> bool {
            true
        }
    }

    /// A server that answers one request with `answer` and returns the request's head.
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
        Request { method: Method::Get, url, headers: &[("X-Mark", "1")], body: b"", answer_limit: 4, total: None }
    }

    #[test]
    fn long_answers_are_cut_and_headers_kept() {
        let (origin, server) =
            serve_once(b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabcdef");
        let answer = client(&origin).send(&get(&format!("{origin}/a"))).unwrap();
        assert_eq!((answer.status, answer.retry_after.as_deref(), answer.is_cut), (429, Some("7"), true));
        assert_eq!(answer.body, b"abcd");
        let head = server.join().unwrap();
        assert!(head.contains("x-mark: 1\n") && head.contains("user-agent: sk-sync/"), "{head}");
        assert!(!head.contains("accept-encoding"), "{head}");
    }

    #[test]
    fn redirects_are_answers_not_orders() {
        let (origin, server) = serve_once(
            b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:9/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
        assert_eq!(client(&origin).send(&get(&format!("{origin}/a"))).unwrap().status, 307);
        server.join().unwrap();
    }

    #[test]
    fn nothing_is_sent_to_another_origin() {
        let client = client("http://127.0.0.1:9");
        for url in ["http://127.0.0.1:8/", "https://127.0.0.1:9/", "http://example.org/", "nonsense"] {
            assert!(matches!(client.send(&get(url)), Err(Failure::Refused(_))), "{url}");
        }
    }

    #[test]
    fn a_refused_connection_and_a_lost_answer_are_told_apart() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let origin = format!("http://{free}");
        assert!(matches!(client(&origin).send(&get(&origin)), Err(Failure::Unreachable(_))));
        let (origin, server) = serve_once(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
        assert!(matches!(client(&origin).send(&get(&origin)), Err(Failure::Unknown(_))));
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
            assert!(matches!(failure, Failure::Tls(_)), "{failure:?}");
            server.join().unwrap();
        }
    }

    #[test]
    fn a_loopback_grant_connects_to_loopback_only() {
        let origin = "http://192.0.2.1:81";
        assert!(matches!(client(origin).send(&get(origin)), Err(Failure::Unreachable(_))));
    }
}
