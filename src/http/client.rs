//! The HTTP client: one agent, one origin, limits on time and bytes.

use std::cell::Cell;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, TcpConnector, Transport,
};

use super::answer_head::AnswerHeads;
use super::method::Method;
use super::network::{Network, Proxy};
use super::resolver::{GrantedResolver, Reach};
use super::tls::TlsConnector;
use super::trust;
use super::wire;
use crate::base::failpoint;

/// Permission to open sockets to one origin. Only consent gives it; a test checks that nothing else
/// implements it.
pub(crate) trait OriginGrant {
    /// The origin (`scheme://host:port`, as serialised by the WHATWG URL standard).
    fn origin(&self) -> &str;
    /// True if only loopback addresses may be used, whatever the host name resolves to.
    fn is_loopback(&self) -> bool;
    /// The addresses that the host name may resolve to.
    fn reach(&self) -> Reach {
        if self.is_loopback() {
            Reach::Loopback
        } else {
            Reach::Any
        }
    }
    /// Proxy, trusted authorities and client certificate; `None` for the defaults.
    fn network(&self) -> Option<&Network> {
        None
    }
}

/// Time limits of one exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// Resolving and connecting, TLS included.
    pub(crate) connect: Duration,
    /// From sending the request to the first byte of the response body.
    pub(crate) answer: Duration,
    /// The whole exchange.
    pub(crate) total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_mins(1),
            total: Duration::from_mins(2),
        }
    }
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
    /// The body of a `POST` or `PUT`.
    pub(crate) body: &'a [u8],
    /// Most bytes of the response that are read.
    pub(crate) answer_limit: usize,
    /// A limit shorter than the client's total, if the run ends earlier.
    pub(crate) total: Option<Duration>,
}

/// A response with any status.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The `Retry-After` header, as sent.
    pub(crate) retry_after: Option<String>,
    /// The `X-Request-Id` header, as sent.
    pub(crate) request_id: Option<String>,
    /// The `Content-Type` header, as sent.
    pub(crate) content_type: Option<String>,
    /// The body, decompressed, up to the limit.
    pub(crate) body: Vec<u8>,
    /// True if the body was longer than the limit.
    pub(crate) is_cut: bool,
}

/// Why there is no response. Messages contain no header and no URL, so they contain no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The request had another origin than the granted one, or was malformed: nothing was sent.
    #[error("refused before sending: {0}")]
    Refused(String),
    /// The host name cannot be resolved: nothing was sent.
    #[error("cannot connect: {0}")]
    NoSuchHost(String),
    /// No connection was made: nothing was sent.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// The TLS handshake failed: nothing was sent.
    #[error("TLS failure: {0}")]
    Tls(String),
    /// The connection ended during the TLS handshake without a reason: nothing was sent.
    #[error("TLS failure: {0}")]
    HandshakeCut(String),
    /// Something was sent and no complete response arrived: the result is unknown.
    #[error("no answer: {0}")]
    Unknown(String),
}

impl Failure {
    /// The message, without the kind of the failure.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Refused(text)
            | Self::NoSuchHost(text)
            | Self::Unreachable(text)
            | Self::Tls(text)
            | Self::HandshakeCut(text)
            | Self::Unknown(text) => text,
        }
    }
}

thread_local! {
    /// True if this thread opened a connection for its request.
    static IS_NEW: Cell<bool> = const { Cell::new(false) };
}

/// A keep-alive client for one origin. Cheap to share between threads.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    origin: String,
    /// Most connections that are kept.
    connections: usize,
}

impl Client {
    /// A client for the granted origin.
    pub(crate) fn new(grant: &impl OriginGrant, deadlines: Deadlines, connections: usize) -> Self {
        let network = grant.network().cloned().unwrap_or_default();
        // Loopback addresses are never reached through a proxy.
        let proxy = network.proxy.clone().filter(|_| !grant.is_loopback());
        let config = ureq::config::Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy.as_ref().map(|proxy| proxy.inner().clone()))
            .user_agent(concat!("sk-sync/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .accept_encoding("identity")
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .timeout_connect(Some(deadlines.connect))
            .timeout_recv_response(Some(deadlines.answer))
            .timeout_global(Some(deadlines.total))
            .build();
        let resolver = GrantedResolver::new(grant.reach());
        let agent = ureq::Agent::with_parts(config, Connecting::new(&network, proxy), resolver);
        Self {
            agent,
            origin: grant.origin().to_owned(),
            connections,
        }
    }

    /// Sends one request and reads its response. A server may close a kept connection just as the
    /// next request is sent on it: if nothing was received then, the request is sent again, finally
    /// on a new connection. So the server may receive it twice.
    pub(crate) fn send(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let origin = url::Url::parse(request.url).map(|u| u.origin().ascii_serialization());
        if origin.as_deref() != Ok(self.origin.as_str()) {
            return Err(Failure::Refused(
                "the URL is outside the origin that was agreed to".to_owned(),
            ));
        }
        let begun = Instant::now();
        let mut tries = self.connections;
        let mut response = loop {
            IS_NEW.set(false);
            let total = request
                .total
                .map(|total| total.saturating_sub(begun.elapsed()));
            match self.exchange(request, total)? {
                Ok(response) => break response,
                Err(error) => match failure(&error) {
                    Failure::Unknown(words)
                        if tries > 0 && !IS_NEW.get() && !words.starts_with(TIMEOUT) =>
                    {
                        tries -= 1;
                    }
                    failure => return Err(failure),
                },
            }
        };
        if request.method == Method::Post {
            failpoint::at(failpoint::POST_SENT);
        }
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|v| v.to_str().ok())
                .map(str::to_owned)
        };
        let mut answer = Answer {
            status: response.status().as_u16(),
            retry_after: header("retry-after"),
            request_id: header("x-request-id"),
            content_type: header("content-type"),
            ..Answer::default()
        };
        let is_packed = header("content-encoding").is_some_and(|coding| wire::is_gzip(&coding));
        let body = wire::read_within(response.body_mut().as_reader(), request.answer_limit)
            .map_err(|e| Failure::Unknown(words(&ureq::Error::from(e))))?;
        (answer.body, answer.is_cut) = if is_packed {
            wire::unpacked(body, request.answer_limit)
        } else {
            body
        };
        Ok(answer)
    }

    fn exchange(
        &self,
        request: &Request<'_>,
        total: Option<Duration>,
    ) -> Result<Result<ureq::http::Response<ureq::Body>, ureq::Error>, Failure> {
        let builder = ureq::http::Request::builder()
            .method(request.method.word())
            .uri(request.url);
        let headers = request
            .headers
            .iter()
            .fold(builder, |builder, (name, value)| {
                builder.header(*name, *value)
            });
        let outcome = if request.method.has_body() {
            headers.body(request.body).map(|r| self.run(r, total))
        } else {
            headers.body(()).map(|r| self.run(r, total))
        };
        outcome.map_err(|e| Failure::Refused(e.to_string()))
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        request: ureq::http::Request<B>,
        total: Option<Duration>,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        match total {
            Some(total) => self.agent.run(
                self.agent
                    .configure_request(request)
                    .timeout_global(Some(total))
                    .build(),
            ),
            None => self.agent.run(request),
        }
    }
}

/// Prefix of messages about timeouts.
const TIMEOUT: &str = "timeout";

/// The message about an error, for people.
pub(super) fn words(error: &ureq::Error) -> String {
    use ureq::{Error, Timeout};
    match error {
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            format!("{TIMEOUT}: no connection in time")
        }
        Error::Timeout(_) => format!("{TIMEOUT}: no whole answer in time"),
        _ => {
            let text = error.to_string();
            text.strip_prefix("io: ").unwrap_or(&text).to_owned()
        }
    }
}

/// Maps an error by whether anything can have reached the server.
fn failure(error: &ureq::Error) -> Failure {
    use std::io::ErrorKind;
    use ureq::{Error, Timeout};
    let text = words(error);
    match error {
        Error::Other(other) if other.is::<NoSuchHost>() => Failure::NoSuchHost(other.to_string()),
        Error::Other(other) if other.is::<NoConnection>() => {
            Failure::Unreachable(other.to_string())
        }
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Timeout(Timeout::Connect | Timeout::Resolve) => Failure::Unreachable(text),
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
        Error::Other(other) if other.is::<HandshakeCut>() => {
            Failure::HandshakeCut(other.to_string())
        }
        // A server that requires a client certificate may report it after the handshake, before it
        // reads a request.
        error if of_tls(error).is_some_and(trust::wants_a_client) => {
            Failure::Tls(trust::CLIENT_WANTED.to_owned())
        }
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) => Failure::Tls(text),
        Error::BadUri(_) | Error::Http(_) => Failure::Refused(text),
        _ => Failure::Unknown(text),
    }
}

/// Connects like the library's connector, and distinguishes a failed handshake from later failures,
/// when something was sent.
#[derive(Debug)]
struct Connecting {
    /// `Err` contains why no TLS connection can be made.
    chain: Result<Box<dyn Connector<Out = Box<dyn Transport>>>, String>,
    proxy: Option<Proxy>,
}

impl Connecting {
    fn new(network: &Network, proxy: Option<Proxy>) -> Self {
        let chain = TlsConnector::new(network)
            .map_err(|error| error.to_string())
            .map(|tls| {
                let chain =
                    ().chain(ConnectProxyConnector::default())
                        .chain(TcpConnector::default())
                        .chain(tls)
                        .chain(Boxing);
                Box::new(chain) as Box<dyn Connector<Out = Box<dyn Transport>>>
            });
        Self { chain, proxy }
    }

    /// The message when the proxy refused the connection.
    fn refused_by_proxy(&self, said: &str) -> String {
        let shown = self.proxy.as_ref().map(Proxy::shown).unwrap_or_default();
        let has_credentials = self.proxy.as_ref().is_some_and(Proxy::has_credentials);
        let what_to_do = match (said.contains("407"), has_credentials) {
            (true, false) => {
                "it wants a user name and a password: http://USER:PASSWORD@HOST:PORT in SK_SYNC_PROXY"
            }
            (true, true) => "it does not accept the user name and password in its URL",
            (false, _) => {
                "ask for this host to be allowed there, or name it in NO_PROXY to connect directly"
            }
        };
        format!("the proxy {shown} refused the connection ({said}): {what_to_do}")
    }
}

/// Gives every connection the same type, and limits the headers of its responses.
#[derive(Debug)]
struct Boxing;

impl<In: Transport> Connector<In> for Boxing {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        let (input, output) = (
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        Ok(Some(Box::new(AnswerHeads::of(
            transport.boxed(),
            input,
            output,
        ))))
    }
}

/// Why the TLS handshake failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Handshake(String);

/// Why a handshake ended early without a reason.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct HandshakeCut(String);

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoConnection(String);

/// Why the host name could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoSuchHost(pub(super) String);

/// The error of the TLS library, if there is one.
fn of_tls(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

impl Connector for Connecting {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        IS_NEW.set(true);
        let chain = match &self.chain {
            Ok(chain) => chain,
            Err(flaw) => return Err(ureq::Error::Other(Box::new(Handshake(flaw.clone())))),
        };
        let host = details
            .uri
            .authority()
            .map_or("the server", |authority| bare(authority.as_str()));
        let no_connection = |text: String| ureq::Error::Other(Box::new(NoConnection(text)));
        chain.connect(details, chained).map_err(|error| match (of_tls(&error), failure(&error)) {
            (Some(flaw), _) => ureq::Error::Other(Box::new(Handshake(trust::words(flaw, host)))),
            _ if matches!(&error, ureq::Error::ConnectProxyFailed(_)) => {
                let text = error.to_string();
                let status = text.rsplit("responded ").next().and_then(|said| said.split('/').next()).unwrap_or(&text);
                no_connection(format!("{host}: {}", self.refused_by_proxy(status)))
            }
            (None, Failure::Unknown(text) | Failure::Tls(text)) if details.needs_tls() => {
                ureq::Error::Other(Box::new(HandshakeCut(format!(
                    "{host}: {text} (in the TLS handshake: check that the port speaks https and that no proxy intercepts it)"
                ))))
            }
            // Without a connection nothing was sent.
            (None, Failure::Unknown(text) | Failure::Unreachable(text)) if details.config.proxy().is_some() => {
                no_connection(format!("{host} through the proxy: {text}"))
            }
            (None, Failure::NoSuchHost(text)) if details.config.proxy().is_some() => {
                no_connection(format!("{host} through the proxy: {text}"))
            }
            (None, Failure::Unknown(text) | Failure::Unreachable(text)) => no_connection(format!("{host}: {text}")),
            _ => error,
        })
    }
}

/// An authority without a user name and password.
fn bare(authority: &str) -> &str {
    authority.rsplit('@').next().unwrap_or(authority)
}
