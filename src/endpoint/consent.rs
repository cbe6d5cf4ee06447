//! Whether a socket may be opened to an origin. The only place that makes a [`Permit`].

use std::path::Path;

use super::Error;
use super::address::Address;
use super::grants::{self, Grant};
use super::link::Permit;
use super::reach::pin;
use crate::config::{Loaded, RepositoryFile};

/// What was agreed to, as far as it concerns one project in one repository. By default nothing was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Consent {
    /// What is on record for the repository.
    grants: Vec<Grant>,
    /// Origins that the command line allows for this process.
    allowed: Vec<String>,
    /// The repository's file, where it decides what is sent or where to.
    pin: Option<RepositoryFile>,
    /// Why what is on record cannot be read; it then opens nothing, and stops nothing but sending.
    flaw: Option<String>,
}

/// Why nothing may be sent to an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal<'a> {
    /// What was agreed to cannot be read.
    Unreadable(&'a str),
    /// Nobody agreed.
    Never,
    /// Somebody agreed, before the repository's file came to say what it says.
    Changed(&'a RepositoryFile),
}

impl Consent {
    /// What `file` records, and what the command line `allowed`. An origin that cannot be one is an error.
    pub(crate) fn of(file: &Path, loaded: &Loaded, allowed: &[String]) -> Result<Self, Error> {
        let (grants, flaw) = match grants::grants(file) {
            Ok(grants) => (grants, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let allowed = allowed.iter().map(|origin| read_origin(origin, "--allow-origin")).collect::<Result<_, _>>()?;
        Ok(Self { grants, allowed, pin: pin(loaded), flaw })
    }

    /// Leave to connect to the origin of `url`. Loopback needs no agreement.
    pub(super) fn permit(&self, url: &str) -> Result<Permit, Refusal<'_>> {
        let Ok(address) = Address::read(url) else { return Err(Refusal::Never) };
        let origin = address.origin();
        let is_loopback = address.is_loopback();
        if is_loopback || self.allowed.contains(&origin) {
            return Ok(Permit { origin, is_loopback, authorities: None });
        }
        let granted: Vec<_> = self.grants.iter().filter(|grant| grant.origin == origin).collect();
        let holds = |file: &RepositoryFile| {
            let now = file.sha256.to_string();
            granted.iter().any(|grant| grant.config_sha256.as_ref() == Some(&now))
        };
        match &self.pin {
            _ if granted.is_empty() => Err(self.flaw.as_deref().map_or(Refusal::Never, Refusal::Unreadable)),
            Some(file) if !holds(file) => Err(Refusal::Changed(file)),
            _ => Ok(Permit { origin, is_loopback, authorities: None }),
        }
    }

    /// The agreement that opens `origin` from here, as of now.
    pub(crate) fn grant(&self, origin: &str, now: &str) -> Grant {
        Grant {
            origin: origin.to_owned(),
            config_sha256: self.pin.as_ref().map(|file| file.sha256.to_string()),
            granted_at: now.to_owned(),
        }
    }

    /// The repository's file that an agreement would be bound to.
    pub(crate) fn pinned(&self) -> Option<&RepositoryFile> {
        self.pin.as_ref()
    }
}

/// The canonical origin that a person wrote; `from` says where.
pub(crate) fn read_origin(text: &str, from: &'static str) -> Result<String, Error> {
    let flaw = |what: String| Error::Origin { from, text: crate::config::without_userinfo(text.trim()), what };
    let address = Address::read(text).map_err(|e| flaw(e.to_string()))?;
    if address.canonical() != address.origin() {
        return Err(flaw(format!("an origin is scheme, host and port: {}", address.origin())));
    }
    Ok(address.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Sha256;
    use crate::http::OriginGrant as _;

    fn grant(origin: &str, pin: Option<&Sha256>) -> Grant {
        Grant { origin: origin.to_owned(), config_sha256: pin.map(Sha256::to_string), granted_at: String::new() }
    }

    #[test]
    fn only_loopback_is_permitted_unasked() {
        for (url, origin) in [
            ("http://127.0.0.1:8080/api/", Some("http://127.0.0.1:8080")),
            ("https://localhost/x", Some("https://localhost")),
            ("http://[::1]:9", Some("http://[::1]:9")),
            ("https://example.com/x", None),
            ("https://127.0.0.1.example.com", None),
            ("stub://local", None),
            ("nonsense", None),
        ] {
            let consent = Consent::default();
            let permit = consent.permit(url);
            assert_eq!(permit.as_ref().ok().map(Permit::origin), origin, "{url}");
            assert!(permit.is_err() || permit.unwrap().is_loopback(), "{url}");
        }
    }

    #[test]
    fn an_agreement_opens_its_own_origin_and_no_other() {
        let consent = Consent { grants: vec![grant("https://h.example", None)], ..Consent::default() };
        for (url, is_open) in [
            ("https://h.example/api", true),
            ("https://H.EXAMPLE:443/api", true),
            ("https://h.example:8443/api", false),
            ("https://h.example.org/", false),
            ("https://sub.h.example/", false),
        ] {
            let permit = consent.permit(url);
            assert_eq!(permit.is_ok(), is_open, "{url}");
            assert!(permit.is_err() || !permit.unwrap().is_loopback(), "a name is not taken for loopback");
        }
        let once = Consent { allowed: vec!["https://h.example".to_owned()], ..Consent::default() };
        assert!(once.permit("https://h.example/api").is_ok() && once.permit("https://o.example").is_err());
    }

    #[test]
    fn an_agreement_holds_for_the_file_it_was_given_for() {
        let file =
            |text: &str| RepositoryFile { path: "/r/event-sync.toml".into(), sha256: Sha256::of(text.as_bytes()) };
        let (seen, other) = (file("a"), file("b"));
        for (granted, now, expected) in [
            (None, None, Ok(())),
            (Some(&seen), Some(&seen), Ok(())),
            // A file that decides nothing any more takes nothing away.
            (Some(&seen), None, Ok(())),
            (Some(&seen), Some(&other), Err(Refusal::Changed(&other))),
            // Agreed while no file of the repository decided anything.
            (None, Some(&other), Err(Refusal::Changed(&other))),
        ] {
            let grants = vec![grant("https://h.example", granted.map(|f| &f.sha256))];
            let consent = Consent { grants, pin: now.cloned(), ..Consent::default() };
            assert_eq!(consent.permit("https://h.example/x").map(|_| ()), expected);
        }
    }

    #[test]
    fn an_origin_is_no_address() {
        assert_eq!(read_origin(" HTTPS://H:443/ ", "x").unwrap(), "https://h");
        for text in ["https://h/path", "https://h?q", "h", "http://h.example", "https://u:topsecret@h"] {
            let error = read_origin(text, "--allow-origin").unwrap_err().to_string();
            assert!(error.starts_with("--allow-origin") && !error.contains("topsecret"), "{error}");
        }
    }
}
