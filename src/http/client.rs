//! The HTTP client: one agent, one origin, limits on time and bytes.

use std::time::{Duration, Instant};

use super::connecting::{Connecting, IS_NEW};
use super::failure::{Failure, TIMEOUT, failure, words};
use super::method::Method;
use super::network::Network;
use super::resolver::{GrantedResolver, Reach};
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
