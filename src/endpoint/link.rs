//! A resolved and permitted target: all that the sending modules get to see.

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{Ack, ReceiverKind};
use crate::event::BatchForm;
use crate::http::{Network, OriginGrant, SigningKeys};

/// What a target is, independent of how it is reached today: deliveries are recorded against this.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Identity {
    /// `tgt_…`, derived from the other fields.
    pub(crate) target_id: String,
    /// The kind of receiver.
    pub(crate) receiver: ReceiverKind,
    /// The canonical URL; `stub://local` for the stub, whatever its port.
    pub(crate) canonical_url: String,
    /// The team, or empty.
    pub(crate) team_slug: String,
    /// The user, or empty; only ever what the configuration says.
    pub(crate) user_email: String,
}

/// How requests to a target are made, and what its answers prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Protocol {
    /// The form of a batch.
    pub(crate) form: BatchForm,
    /// What acknowledges an event.
    pub(crate) ack: Ack,
    /// Batches are compressed.
    pub(crate) is_compressed: bool,
}

impl Default for Protocol {
    /// The published contract's.
    fn default() -> Self {
        Self {
            form: BatchForm::Plain,
            ack: Ack::Results,
            is_compressed: true,
        }
    }
}

impl Protocol {
    /// How many connections may be kept between requests, of the `wanted` ones. None where a status
    /// alone acknowledges: a late second answer to one request would be taken for the answer to the
    /// next one on the connection.
    pub(crate) const fn idle_connections(self, wanted: usize) -> usize {
        match self.ack {
            Ack::Results => wanted,
            Ack::Status => 0,
        }
    }
}

/// The addresses of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// Where event batches are posted.
    pub(crate) events: String,
    /// Where bodies are posted; `None` when the target takes none.
    pub(crate) bodies: Option<String>,
    /// URL for many documents in one request, if the server lists it; only next to a derived
    /// documents URL.
    pub(crate) body_batch: Option<String>,
    /// Where deployment metadata and limits may be asked for.
    pub(crate) health: Option<String>,
    /// Prefix of the URLs that tell about a project; only next to derived URLs of events and
    /// documents.
    pub(crate) projects: Option<String>,
}

impl Endpoints {
    /// Where to ask about a project; `None` where there is no such place.
    pub(crate) fn about_project(
        &self,
        project_uuid: &str,
        what: &str,
        query: &str,
        after: Option<&str>,
    ) -> Option<String> {
        let mut url = url::Url::parse(self.projects.as_deref()?).ok()?;
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .push(project_uuid)
            .push(what);
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("after", after);
        }
        Some(url.into())
    }
}

/// Consent to open sockets to one origin. Made only by this module's consent rules.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    pub(super) origin: String,
    pub(super) is_loopback: bool,
    /// How it is reached, and how the two sides prove who they are.
    pub(super) network: Network,
}

impl OriginGrant for Permit {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    fn network(&self) -> Option<&Network> {
        Some(&self.network)
    }
}

/// A target that may be contacted: identity, consent, addresses, and the headers that authorise.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(super) identity: Identity,
    pub(super) permit: Permit,
    pub(super) bodies_permit: Option<Permit>,
    pub(super) endpoints: Endpoints,
    pub(super) headers: Vec<(String, SecretString)>,
    pub(super) protocol: Protocol,
    pub(super) signing: Option<SigningKeys>,
}

impl Link {
    /// What deliveries are recorded against.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The consent to open sockets for events and health.
    pub(crate) fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The consent to open sockets for bodies, whose origin may be another; `None` when the target
    /// takes none.
    pub(crate) fn bodies_permit(&self) -> Option<&Permit> {
        self.bodies_permit.as_ref()
    }

    /// Where to post.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// How to make requests, and what answers prove.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The keys to sign requests with, where the target wants that.
    pub(crate) fn signing(&self) -> Option<&SigningKeys> {
        self.signing.as_ref()
    }

    /// The headers that authorise a request to this target, and to no other.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
    }
}

#[cfg(test)]
impl Link {
    /// A link to a loopback server at `origin`, for the tests of the sending modules.
    pub(crate) fn for_tests(origin: &str) -> Self {
        Self {
            identity: Identity {
                target_id: "tgt_test".to_owned(),
                receiver: ReceiverKind::Stub,
                canonical_url: "stub://local".to_owned(),
                team_slug: String::new(),
                user_email: String::new(),
            },
            permit: Permit {
                origin: origin.to_owned(),
                is_loopback: true,
                network: Network::default(),
            },
            bodies_permit: Some(Permit {
                origin: origin.to_owned(),
                is_loopback: true,
                network: Network::default(),
            }),
            endpoints: Endpoints {
                events: format!("{origin}/api/v1/events/batch/"),
                bodies: Some(format!("{origin}/api/dossier/push-content/")),
                body_batch: Some(format!("{origin}/api/dossier/push-batch/")),
                health: None,
                projects: Some(format!("{origin}/api/v1/projects/")),
            },
            headers: vec![(
                "Authorization".to_owned(),
                SecretString::from("Bearer test"),
            )],
            protocol: Protocol::default(),
            signing: None,
        }
    }

    /// The same with another kind of receiver and protocol.
    pub(crate) fn for_tests_as(origin: &str, receiver: ReceiverKind, protocol: Protocol) -> Self {
        let link = Self::for_tests(origin);
        Self {
            identity: Identity {
                receiver,
                ..link.identity
            },
            protocol,
            ..link
        }
    }
}
