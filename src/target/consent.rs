//! Whether a socket may be opened to an origin. The only place that makes a [`Permit`].

use super::address::Address;
use super::link::Permit;

/// Leave to connect to the origin of `url`. Loopback needs no grant; grants for other origins cannot be recorded yet,
/// so there are none.
pub(super) fn permit(url: &str) -> Option<Permit> {
    let address = Address::read(url).ok().filter(Address::is_loopback)?;
    Some(Permit { origin: address.origin(), is_loopback: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::OriginGrant as _;

    #[test]
    fn only_loopback_is_permitted() {
        for (url, origin) in [
            ("http://127.0.0.1:8080/api/", Some("http://127.0.0.1:8080")),
            ("https://localhost/x", Some("https://localhost")),
            ("http://[::1]:9", Some("http://[::1]:9")),
            ("https://example.com/x", None),
            ("https://127.0.0.1.example.com", None),
            ("stub://local", None),
            ("nonsense", None),
        ] {
            let permit = permit(url);
            assert_eq!(permit.as_ref().map(Permit::origin), origin, "{url}");
            assert!(permit.is_none_or(|p| p.is_loopback()), "{url}");
        }
    }
}
