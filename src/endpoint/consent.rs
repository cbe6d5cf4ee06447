//! Whether a socket may be opened to an origin. The only place that makes a [`Permit`].

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::Error;
use super::address::Address;
use super::grants::{self, Grant, LOCAL, Secret};
use super::link::Permit;
use super::named::Named;
use crate::base::text;
use crate::config::{Loaded, Origin, RepositoryFile};

/// What was agreed to, as far as it concerns one project in one repository. By default nothing was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Consent {
    /// What is on record for the repository.
    grants: Vec<Grant>,
    /// Origins that the command line allows for this process.
    allowed: Vec<String>,
    /// Origins that a person's own sources name, and the source.
    named: Vec<(String, Origin)>,
    /// The repository's file, where it says anything that takes an agreement.
    pin: Option<RepositoryFile>,
    /// The keys of the repository's file that take away from what is sent, with their values.
    narrowing: BTreeMap<String, Value>,
    /// Why what is on record cannot be read; it then opens nothing, and stops nothing but sending.
    flaw: Option<String>,
}

/// Why nothing may be sent to an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal<'a> {
    /// What was agreed to cannot be read.
    Unreadable(&'a str),
    /// There is no consent.
    Never,
    /// There is consent, but the repository's file has changed since.
    Changed(&'a RepositoryFile),
}

/// Why a secret may go to an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cover<'a> {
    /// A person's own source names the origin.
    Named(&'a Origin),
    /// The command line allows the origin for this process.
    Allowed,
    /// A grant with the secret, since then (RFC 3339).
    Granted(&'a str),
}

impl std::fmt::Display for Cover<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(origin) => write!(f, "named by {origin}"),
            Self::Allowed => f.write_str("allowed by --allow-origin"),
            Self::Granted(since) => write!(
                f,
                "allowed with the secret since {}",
                text::printable(since)
            ),
        }
    }
}

impl Consent {
    /// What `file` records, and what the command line `allowed`. An origin that cannot be one is an
    /// error.
    pub(crate) fn of(file: &Path, loaded: &Loaded, allowed: &[String]) -> Result<Self, Error> {
        let (grants, flaw) = match grants::grants(file) {
            Ok(grants) => (grants, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        // The file alone is not an origin: it sends nothing.
        let allowed = allowed.iter().filter(|origin| *origin != LOCAL);
        let allowed = allowed
            .map(|origin| read_origin(origin, "--allow-origin"))
            .collect::<Result<_, _>>()?;
        let pin = loaded
            .repo_file
            .clone()
            .filter(|file| !file.asks.is_empty());
        let narrowing = loaded
            .repo_file
            .as_ref()
            .map(|file| file.narrows.clone())
            .unwrap_or_default();
        Ok(Self {
            grants,
            allowed,
            named: Vec::new(),
            pin,
            narrowing,
            flaw,
        })
    }

    /// What these agreements alone open.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn of_grants(grants: Vec<Grant>) -> Self {
        Self {
            grants,
            ..Self::default()
        }
    }

    /// The same, knowing which of the sources of addresses are a person's own.
    pub(super) fn with_named(self, sources: &[Named]) -> Self {
        let own = sources
            .iter()
            .filter(|source| !source.origin.is_repository());
        let named = own.filter_map(|source| {
            Some((
                Address::read(&source.url).ok()?.origin(),
                source.origin.clone(),
            ))
        });
        Self {
            named: named.collect(),
            ..self
        }
    }

    /// Leave to connect to the origin of `url`. Loopback that a person named needs no agreement.
    pub(super) fn permit(&self, url: &str) -> Result<Permit, Refusal<'_>> {
        let Ok(address) = Address::read(url) else {
            return Err(Refusal::Never);
        };
        let origin = address.origin();
        let is_loopback = address.is_loopback();
        let is_own = is_loopback && self.named.iter().any(|(named, _)| *named == origin);
        if is_own || self.allowed.contains(&origin) {
            return Ok(Permit {
                origin,
                is_loopback,
                network: crate::http::Network::default(),
            });
        }
        let granted: Vec<_> = self
            .grants
            .iter()
            .filter(|grant| grant.origin == origin)
            .collect();
        let holds = |file: &RepositoryFile| {
            let now = file.sha256.to_string();
            granted
                .iter()
                .any(|grant| grant.config_sha256.as_ref() == Some(&now))
        };
        match &self.pin {
            _ if granted.is_empty() => Err(self
                .flaw
                .as_deref()
                .map_or(Refusal::Never, Refusal::Unreadable)),
            Some(file) if !holds(file) => Err(Refusal::Changed(file)),
            _ => Ok(Permit {
                origin,
                is_loopback,
                network: crate::http::Network::default(),
            }),
        }
    }

    /// Why `secret` may go to `origin`; `None` where it may not.
    pub(crate) fn cover(&self, origin: &str, secret: &Secret) -> Option<Cover<'_>> {
        if let Some((_, source)) = self.named.iter().find(|(named, _)| named == origin) {
            return Some(Cover::Named(source));
        }
        if self.allowed.iter().any(|allowed| allowed == origin) {
            return Some(Cover::Allowed);
        }
        let has_it = |grant: &&Grant| {
            grant.origin == origin && grant.secrets.iter().any(|name| name == secret.name())
        };
        self.grants
            .iter()
            .find(has_it)
            .map(|grant| Cover::Granted(&grant.granted_at))
    }

    /// The agreement that opens `origin` from here, with these secrets, as of now.
    pub(crate) fn grant(&self, origin: &str, secrets: &[Secret], now: &str) -> Grant {
        let asks = self.pin.iter().flat_map(|file| &file.asks);
        Grant {
            origin: origin.to_owned(),
            config_sha256: self.pin.as_ref().map(|file| file.sha256.to_string()),
            config_keys: asks
                .map(|asked| (asked.key.to_owned(), asked.value.clone()))
                .collect(),
            narrowing: self.narrowing.clone(),
            secrets: secrets
                .iter()
                .map(|secret| secret.name().to_owned())
                .collect(),
            granted_at: now.to_owned(),
        }
    }

    /// The repository's file that an agreement would be bound to.
    pub(crate) fn pinned(&self) -> Option<&RepositoryFile> {
        self.pin.as_ref()
    }

    /// What the repository's file took away from what is sent when the last agreement from here was
    /// given.
    pub(crate) fn last_narrowing(&self) -> Option<&BTreeMap<String, Value>> {
        grants::last_to_narrow(&self.grants).map(|grant| &grant.narrowing)
    }

    /// The keys of the repository's file as the last agreement from here found them; `None` where
    /// none is bound to it.
    pub(crate) fn last_keys(&self) -> Option<&BTreeMap<String, Value>> {
        let bound = self
            .grants
            .iter()
            .filter(|grant| grant.config_sha256.is_some());
        bound
            .max_by_key(|grant| &grant.granted_at)
            .map(|grant| &grant.config_keys)
    }
}

/// Leave to connect to the receiver inside this program, which listens on loopback.
pub(super) fn stub_permit(url: &str) -> Option<Permit> {
    let address = Address::read(url).ok().filter(Address::is_loopback)?;
    Some(Permit {
        origin: address.origin(),
        is_loopback: true,
        network: crate::http::Network::default(),
    })
}

/// The canonical origin that a person wrote; `from` says where.
pub(crate) fn read_origin(text: &str, from: &'static str) -> Result<String, Error> {
    let flaw = |what: String| Error::Origin {
        from,
        text: crate::config::without_secrets(text.trim()),
        what,
    };
    let address = Address::read(text).map_err(|e| flaw(e.to_string()))?;
    if address.canonical() != address.origin() {
        return Err(flaw(format!(
            "an origin is scheme, host and port: {}",
            address.origin()
        )));
    }
    Ok(address.origin())
}

#[cfg(test)]
#[path = "consent_tests.rs"]
mod tests;
