//! Why a drain ended early, sorted by what a person would do about it. Pure.

use super::Failure;

/// What stopped a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nobody knows the host.
    NoSuchHost,
    /// The host does not take connections.
    Unreachable,
    /// Nobody vouches for the server, or it speaks no TLS.
    Tls,
    /// 502: nothing behind the address answers.
    BadGateway,
    /// 503: it is there and does not work.
    Unavailable,
    /// 504: what is behind the address is too slow.
    GatewayTimeout,
    /// Another 5xx.
    ServerError,
    /// No whole answer came.
    NoAnswer,
    /// An answer that says nothing of the events.
    UnreadableAnswer,
    /// A redirect, which is never followed.
    Redirect,
    /// 401 or 403.
    Unauthorized,
    /// 412 or 426: client and server do not fit.
    Protocol,
    /// 408 or 429.
    Throttled,
    /// Any other refusal.
    Refused,
}

impl Cause {
    /// The cause of an exchange without an answer.
    pub(super) const fn of_failure(failure: &Failure) -> Self {
        match failure {
            Failure::NoSuchHost(_) => Self::NoSuchHost,
            Failure::Unreachable(_) => Self::Unreachable,
            Failure::Tls(_) | Failure::HandshakeCut(_) => Self::Tls,
            Failure::Unknown(_) => Self::NoAnswer,
            Failure::Refused(_) => Self::Refused,
        }
    }

    /// The cause that an answer with this status shows, should it end a drain.
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

    /// The meaning of a status of a server in front of the server, for a person; empty for any other.
    pub(super) const fn explain(status: u16) -> &'static str {
        match status {
            502 => " (bad gateway: no server answers behind the proxy)",
            503 => " (unavailable)",
            504 => " (gateway timeout: the server behind the proxy is too slow)",
            _ => "",
        }
    }

    /// The word that scripts see.
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

    /// Whether the server may be gone: another address could help then, and nothing else does.
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
            assert_eq!((cause.word(), cause.may_be_gone()), (word, may_be_gone), "{cause:?}");
        }
    }
}
