//! Addresses: what may be one, and the form in which two are compared.
//!
//! The form is the WHATWG URL standard's, which deviates from the reference where the reference is
//! broken: IPv6 hosts keep their brackets, host names follow UTS 46 (`faß.de` is not `fass.de`),
//! dot segments are resolved, userinfo is refused rather than dropped.

use url::{Host, Url};

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    /// No absolute address with a host.
    #[error("not a URL ({0}); expected https://host/path")]
    Malformed(String),
    /// Neither `https` nor `http`.
    #[error("it must begin with https://")]
    Scheme,
    /// Data would travel in the clear.
    #[error("plain http is for loopback only; use https")]
    Plain,
    /// A host that is not what a name on the network is.
    #[error(
        "a host has only letters, digits, `.` and `-` between them, or is an IPv6 address in brackets"
    )]
    Host,
    /// A base URL with a query, which nothing would be sent with.
    #[error(
        "it has a query, which a base URL cannot have; name external_receiver.events_url and bodies_url, which are used as they are"
    )]
    Query,
    /// A name or password in front of the host.
    #[error("it holds a name or password; use SK_SYNC_TOKEN or a header by reference")]
    Userinfo,
}

/// An `https` address, or an `http` address on loopback. Without userinfo and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address(Url);

impl Address {
    /// Reads an address as a person wrote it.
    pub(crate) fn read(text: &str) -> Result<Self, Flaw> {
        let text = text.trim();
        // The standard drops line ends and tabs silently; here they can only be a mistake or a
        // trick.
        if text.chars().any(char::is_control) || !text.contains("://") {
            return Err(Flaw::Malformed(
                "not of the form https://host/path".to_owned(),
            ));
        }
        let mut url = Url::parse(text).map_err(|e| Flaw::Malformed(e.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Flaw::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Flaw::Userinfo);
        }
        // The standard lets a host hold `&`, `$`, `(`, backticks and more, which mean something to
        // a shell.
        if let Some(Host::Domain(name)) = url.host()
            && !name.split('.').all(is_label)
        {
            return Err(Flaw::Host);
        }
        url.set_fragment(None);
        let address = Self(url);
        if address.0.scheme() == "http" && !address.is_loopback() {
            return Err(Flaw::Plain);
        }
        Ok(address)
    }

    /// The canonical form of a base address: no query, no `/` at the end, no default port.
    pub(super) fn base(&self) -> String {
        format!("{}{}", self.origin(), self.0.path().trim_end_matches('/'))
    }

    /// The canonical form of a URL used verbatim, for a person and for the store: a query may hold
    /// a key, so it is masked.
    pub(crate) fn shown(&self) -> String {
        let query = if self.has_query() { "?***" } else { "" };
        format!("{}{query}", self.base())
    }

    /// True when it has a query.
    pub(super) fn has_query(&self) -> bool {
        self.0.query().is_some_and(|query| !query.is_empty())
    }

    /// The canonical form of an address used verbatim: like a base, but the query is part of it.
    pub(super) fn canonical(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.base()),
            None => self.base(),
        }
    }

    /// The address to post to, as given.
    pub(crate) fn verbatim(&self) -> &str {
        self.0.as_str()
    }

    /// `scheme://host:port`, the default port left out.
    pub(crate) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The host, as in the URL, and its port.
    pub(super) fn host_and_port(&self) -> Option<(String, u16)> {
        Some((
            self.0.host_str()?.to_owned(),
            self.0.port_or_known_default()?,
        ))
    }

    /// True for 127.0.0.0/8, `[::1]` and the word `localhost`.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }
}

/// True for a part of a host name: letters, digits, and `-` within.
fn is_label(label: &str) -> bool {
    let is_end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    is_end(label.bytes().next())
        && is_end(label.bytes().next_back())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the reference where the standard agrees, then where it deviates.
    #[test]
    fn canonical_forms() {
        for (written, base) in [
            (
                "HTTPS://Example.COM:443/A/b//?q=1#f",
                "https://example.com/A/b",
            ),
            ("https://münchen.example/", "https://xn--mnchen-3ya.example"),
            ("https://a--b.x-1.example", "https://a--b.x-1.example"),
            ("https://h:0443/", "https://h"),
            ("https://api.example.com", "https://api.example.com"),
            (" https://h:8443/a/ ", "https://h:8443/a"),
            ("http://127.0.0.1:80/", "http://127.0.0.1"),
            // Deviations.
            ("https://[::1]:8443/a/", "https://[::1]:8443/a"),
            ("https://faß.de", "https://xn--fa-hia.de"),
            ("https://h/a/../b c", "https://h/b%20c"),
            ("http://0x7f.1:8/", "http://127.0.0.1:8"),
        ] {
            assert_eq!(Address::read(written).unwrap().base(), base, "{written}");
        }
    }

    #[test]
    fn verbatim_addresses_keep_path_and_query() {
        let address = Address::read("https://H/hook/?a=1#f").unwrap();
        assert_eq!(
            (address.verbatim(), address.canonical()),
            ("https://h/hook/?a=1", "https://h/hook?a=1".into())
        );
        assert_eq!(
            (address.shown(), address.has_query()),
            ("https://h/hook?***".to_owned(), true)
        );
        assert_eq!(
            Address::read("https://h/hook?").unwrap().shown(),
            "https://h/hook"
        );
    }

    #[test]
    fn what_cannot_be_a_target() {
        for (written, flaw) in [
            ("ftp://h/x", Flaw::Scheme),
            ("file:///etc/passwd", Flaw::Scheme),
            ("http://example.com", Flaw::Plain),
            ("http://localhost.example.com", Flaw::Plain),
            ("http://127.0.0.1.example.com", Flaw::Plain),
            ("http://[::ffff:127.0.0.1]/", Flaw::Plain),
            ("https://user:pw@host.com/x/", Flaw::Userinfo),
            ("https://user@host.com", Flaw::Userinfo),
            (
                "https://sync.example.com&&{touch,pwned}&&{echo,ok}",
                Flaw::Host,
            ),
            ("https://$(id).example", Flaw::Host),
            ("https://`id`.example/", Flaw::Host),
            ("https://a'b.example", Flaw::Host),
            ("https://a;b.example", Flaw::Host),
            ("https://a_b.example", Flaw::Host),
            ("https://a!b.example", Flaw::Host),
            ("https://--yes", Flaw::Host),
            ("https://-h.example", Flaw::Host),
            ("https://h-.example", Flaw::Host),
            ("https://h..example", Flaw::Host),
            ("https://h.example.", Flaw::Host),
            ("https://.example", Flaw::Host),
            ("https://localhost.", Flaw::Host),
        ] {
            assert_eq!(Address::read(written), Err(flaw), "{written}");
        }
        for written in [
            "",
            "host",
            "host:80",
            "https://",
            "https:host",
            "https://h:99999",
            "https://h\n.com",
            "https://a b",
        ] {
            assert!(
                matches!(Address::read(written), Err(Flaw::Malformed(_))),
                "{written:?}"
            );
        }
    }

    #[test]
    fn loopback_is_an_address_or_one_word() {
        for (written, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1", true),
            ("http://LOCALHOST:1", true),
            ("https://127.0.0.1.nip.io", false),
            ("https://0.0.0.0", false),
            ("https://10.0.0.1", false),
        ] {
            assert_eq!(
                Address::read(written).unwrap().is_loopback(),
                expected,
                "{written}"
            );
        }
    }
}
