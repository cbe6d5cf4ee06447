//! Why there is no response: the errors of the library, by whether anything can have reached the
//! server.

use super::trust;

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

/// Prefix of messages about timeouts.
pub(super) const TIMEOUT: &str = "timeout";

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
pub(super) fn failure(error: &ureq::Error) -> Failure {
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

/// Why the TLS handshake failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Handshake(pub(super) String);

/// Why a handshake ended early without a reason.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct HandshakeCut(pub(super) String);

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoConnection(pub(super) String);

/// Why the host name could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoSuchHost(pub(super) String);

/// The error of the TLS library, if there is one.
pub(super) fn of_tls(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}
