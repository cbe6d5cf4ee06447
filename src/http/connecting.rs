//! Connects to the granted origin, directly or through a proxy, and says why it cannot.

use std::cell::Cell;

use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, TcpConnector, Transport,
};

use super::answer_head::AnswerHeads;
use super::failure::{Failure, Handshake, HandshakeCut, NoConnection, failure, of_tls};
use super::network::{Network, Proxy};
use super::tls::TlsConnector;
use super::trust;

thread_local! {
    /// True if this thread opened a connection for its request.
    pub(super) static IS_NEW: Cell<bool> = const { Cell::new(false) };
}

/// Connects like the library's connector, and distinguishes a failed handshake from later failures,
/// when something was sent.
#[derive(Debug)]
pub(super) struct Connecting {
    /// `Err` contains why no TLS connection can be made.
    chain: Result<Box<dyn Connector<Out = Box<dyn Transport>>>, String>,
    proxy: Option<Proxy>,
}

impl Connecting {
    pub(super) fn new(network: &Network, proxy: Option<Proxy>) -> Self {
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

/// An authority without a user name and password.
fn bare(authority: &str) -> &str {
    authority.rsplit('@').next().unwrap_or(authority)
}
