//! Causes why a drain ended early, sorted by their fix. Pure.

use super::Failure;

/// Cause of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The host name cannot be resolved.
    NoSuchHost,
    /// The host accepts no connection.
    Unreachable,
    /// The server's certificate is not trusted, or the server does not use TLS.
    Tls,
    /// 502: the server behind the gateway does not answer.
    BadGateway,
    /// 503: the server is reachable, but does not work.
    Unavailable,
    /// 504: the server behind the gateway is too slow.
    GatewayTimeout,
    /// Another 5xx.
    ServerError,
    /// No complete response.
    NoAnswer,
    /// A response without a usable result for the events.
    UnreadableAnswer,
    /// A redirect, which is never followed.
    Redirect,
    /// 401 or 403.
    Unauthorized,
    /// 412 or 426: client and server are incompatible.
    Protocol,
    /// 408 or 429.
    Throttled,
    /// Any other refusal.
    Refused,
}

impl Cause {
    /// The cause for an exchange without a response.
    pub(super) const fn of_failure(failure: &Failure) -> Self {
        match failure {
            Failure::NoSuchHost(_) => Self::NoSuchHost,
            Failure::Unreachable(_) => Self::Unreachable,
            Failure::Tls(_) | Failure::HandshakeCut(_) => Self::Tls,
            Failure::Unknown(_) => Self::NoAnswer,
            Failure::Refused(_) => Self::Refused,
        }
    }

    /// The cause for a response with this status that ends a drain.
    pub(super) const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::UnreadableAnswer,
            300..=399 => Self::Redirect,
            401 | 403 => Self::Unauthorized,
            408 | 409 | 423 | 425 | 429 => Self::Throttled,
            412 | 426 => Self::Protocol,
            502 => Self::BadGateway,
            503 => Self::Unavailable,
            504 => Self::GatewayTimeout,
            500.. => Self::ServerError,
            _ => Self::Refused,
        }
    }

    /// Explanation of a gateway's status, for people; empty for other statuses.
    pub(super) const fn explain(status: u16) -> &'static str {
        match status {
            502 => " (bad gateway: no server answers behind the proxy)",
            503 => " (unavailable)",
            504 => " (gateway timeout: the server behind the proxy is too slow)",
            _ => "",
        }
    }

    /// The word for scripts.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::NoSuchHost => "no_such_host",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::BadGateway => "bad_gateway",
            Self::Unavailable => "unavailable",
            Self::GatewayTimeout => "gateway_timeout",
            Self::ServerError => "server_error",
            Self::NoAnswer => "no_answer",
            Self::UnreadableAnswer => "unreadable_answer",
            Self::Redirect => "redirect",
            Self::Unauthorized => "unauthorized",
            Self::Protocol => "protocol",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
        }
    }

    /// True if the server may no longer exist: then only another URL could help.
    pub(crate) const fn may_be_gone(self) -> bool {
        matches!(
            self,
            Self::NoSuchHost
                | Self::Unreachable
                | Self::Tls
                | Self::BadGateway
                | Self::Unavailable
                | Self::GatewayTimeout
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_cause() {
        let words = String::new;
        let status = Cause::of_status;
        let failed = |failure: Failure| Cause::of_failure(&failure);
        for (cause, word, may_be_gone) in [
            (failed(Failure::NoSuchHost(words())), "no_such_host", true),
            (failed(Failure::Unreachable(words())), "unreachable", true),
            (failed(Failure::Tls(words())), "tls", true),
            (status(502), "bad_gateway", true),
            (status(503), "unavailable", true),
            (status(504), "gateway_timeout", true),
            (status(500), "server_error", false),
            (status(599), "server_error", false),
            (failed(Failure::Unknown(words())), "no_answer", false),
            (status(204), "unreadable_answer", false),
            (status(307), "redirect", false),
            (status(401), "unauthorized", false),
            (status(403), "unauthorized", false),
            (status(412), "protocol", false),
            (status(426), "protocol", false),
            (status(408), "throttled", false),
            (status(409), "throttled", false),
            (status(429), "throttled", false),
            (status(404), "refused", false),
            (failed(Failure::Refused(words())), "refused", false),
        ] {
            assert_eq!(
                (cause.word(), cause.may_be_gone()),
                (word, may_be_gone),
                "{cause:?}"
            );
        }
    }
}
