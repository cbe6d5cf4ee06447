//! The gate of a server that refuses every request. It stops no drain: only an answer that accepts
//! opens it, so each drain asks again, with one request.

use super::gate::Gate;
use crate::config::{Access, ReceiverKind};
use crate::http::{Cause, Refusal};

/// The name of the gate, a public contract.
pub(crate) const SERVER_REFUSED: &str = "server_refused";

/// What a drain learned of the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ServerStand {
    /// It was not asked, or its answers do not say.
    #[default]
    NotKnown,
    /// It accepted something.
    Accepts,
    /// It refuses everything.
    Refuses(Refusal),
}

impl ServerStand {
    /// This, and what was learned later: the last that says something.
    pub(crate) fn then(self, later: Self) -> Self {
        if later == Self::NotKnown { self } else { later }
    }

    /// The stand that an exchange shows.
    pub(crate) fn of(refusal: Option<&Refusal>, is_accepted: bool) -> Self {
        match refusal {
            Some(refusal) => Self::Refuses(refusal.clone()),
            None if is_accepted => Self::Accepts,
            None => Self::NotKnown,
        }
    }

    /// The gate, for this kind of receiver. `token_place` is where the token comes from.
    pub(crate) fn gate(&self, receiver: ReceiverKind, token_place: Option<&str>) -> Gate {
        let open = Gate {
            name: SERVER_REFUSED,
            is_open: true,
            is_known: true,
            reason: String::new(),
            fix: String::new(),
            since: None,
        };
        match self {
            Self::NotKnown => Gate {
                is_known: false,
                ..open
            },
            Self::Accepts => open,
            Self::Refuses(refusal) => Gate {
                is_open: false,
                reason: refusal.said.clone(),
                fix: fix(refusal, receiver, token_place),
                ..open
            },
        }
    }
}

/// The line that helps.
fn fix(refusal: &Refusal, receiver: ReceiverKind, token_place: Option<&str>) -> String {
    let headers = "# set a valid secret for external_receiver.headers, then: sk-sync drain";
    match (refusal.cause, refusal.status) {
        (Cause::Tls, _) => {
            "SSL_CERT_FILE=FILE sk-sync drain   # FILE: the PEM certificate of the server's authority".into()
        }
        (Cause::Redirect, _) => "sk-sync target set --url URL   # the URL that the server names".into(),
        (Cause::Unauthorized, _) if receiver.access() == Access::Headers => headers.into(),
        (Cause::Unauthorized, _) => {
            let place = token_place.map_or_else(String::new, |place| format!(" (now from {place})"));
            format!("export SK_SYNC_TOKEN=TOKEN   # a valid one{place}, then: sk-sync drain")
        }
        (Cause::Protocol, _) => "# install the version of sk-sync that the server asks for, then: sk-sync drain".into(),
        (_, Some(407)) => "# set the login of the proxy between here and the server, then: sk-sync drain".into(),
        (_, Some(415)) => NO_COMPRESSION.into(),
        (_, Some(421)) => "sk-sync target set --url URL   # this server does not answer for the host in the URL".into(),
        (_, Some(431)) => "# make the token or the other headers shorter, then: sk-sync drain".into(),
        _ => "# ask the operator of the server what the answer means, then: sk-sync drain".into(),
    }
}

/// What helps at a receiver that does not take compressed requests.
pub(crate) const NO_COMPRESSION: &str = "SK_SYNC_EXTERNAL_RECEIVER__COMPRESSION=none sk-sync drain   # for good: external_receiver.compression = \"none\"";

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(cause: Cause, status: Option<u16>, receiver: ReceiverKind) -> Gate {
        let refusal = Refusal {
            cause,
            status,
            said: "HTTP 401: expired".to_owned(),
        };
        ServerStand::Refuses(refusal).gate(receiver, Some("SK_SYNC_TOKEN_FILE"))
    }

    #[test]
    fn each_refusal_has_its_own_fix() {
        use ReceiverKind::{ExternalReceiver, Teamspace};
        for (cause, status, receiver, words) in [
            (
                Cause::Unauthorized,
                Some(401),
                Teamspace,
                "now from SK_SYNC_TOKEN_FILE",
            ),
            (
                Cause::Unauthorized,
                Some(403),
                ExternalReceiver,
                "external_receiver.headers",
            ),
            (Cause::Protocol, Some(412), Teamspace, "version of sk-sync"),
            (Cause::Redirect, Some(301), Teamspace, "target set --url"),
            (Cause::Tls, None, Teamspace, "SSL_CERT_FILE"),
            (Cause::Refused, Some(407), Teamspace, "proxy"),
            (
                Cause::Refused,
                Some(415),
                ExternalReceiver,
                "COMPRESSION=none",
            ),
            (Cause::Refused, Some(421), Teamspace, "target set --url"),
            (Cause::Refused, Some(431), Teamspace, "shorter"),
            (Cause::Refused, Some(451), Teamspace, "operator"),
        ] {
            let gate = gate(cause, status, receiver);
            assert!(
                !gate.is_open && gate.is_known && gate.reason == "HTTP 401: expired",
                "{gate:?}"
            );
            assert!(gate.fix.contains(words), "{gate:?}");
        }
    }

    #[test]
    fn the_last_word_of_the_server_counts() {
        let refusal = Refusal {
            cause: Cause::Tls,
            status: None,
            said: String::new(),
        };
        let refuses = ServerStand::of(Some(&refusal), true);
        assert!(
            ServerStand::Accepts.then(refuses.clone()) == refuses
                && refuses != ServerStand::Accepts
        );
        assert_eq!(refuses.clone().then(ServerStand::NotKnown), refuses);
        assert_eq!(
            refuses.then(ServerStand::of(None, true)),
            ServerStand::Accepts
        );
        let unknown = ServerStand::of(None, false).gate(ReceiverKind::Teamspace, None);
        assert!(unknown.is_open && !unknown.is_known);
    }
}
