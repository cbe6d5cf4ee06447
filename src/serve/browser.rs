//! Requests that a browser sends for a web page of another site. Pure.
//!
//! A page can make its visitor's browser send requests to this machine. It can neither choose
//! `Origin`, `Sec-Fetch-Site` and `Host`, nor send JSON without the receiver's agreement, which is
//! never given.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};

/// Why a request is refused before anything else of it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It does not say, once and readably, to which host it was sent.
    NoHost,
    /// It was sent to a name that this receiver does not know, as after DNS rebinding.
    ForeignHost,
    /// A page of another site sent it.
    ForeignPage,
}

/// Checks who a request says it is from and for. `needs_known_host`: without a token, only an IP
/// address or `localhost` is a host that a web page cannot bind to this machine.
pub(super) fn check(uri: &Uri, headers: &HeaderMap, needs_known_host: bool) -> Result<(), Refusal> {
    let host = host(uri, headers)?;
    if needs_known_host && !is_known(&host) {
        return Err(Refusal::ForeignHost);
    }
    let mut sites = headers.get_all("sec-fetch-site").iter();
    if sites.any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none")) {
        return Err(Refusal::ForeignPage);
    }
    let is_own = |origin: &str| {
        let authority = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|name| host.as_str().eq_ignore_ascii_case(name))
    };
    let mut origins = headers.get_all(header::ORIGIN).iter();
    if origins.all(|origin| origin.to_str().is_ok_and(is_own)) {
        Ok(())
    } else {
        Err(Refusal::ForeignPage)
    }
}

/// Checks only that a request says it is for a host that a web page cannot bind to this machine.
pub(super) fn check_host(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    if is_known(&host(uri, headers)?) {
        Ok(())
    } else {
        Err(Refusal::ForeignHost)
    }
}

/// The host that the request was sent to: that of an absolute URL, else that of the header.
fn host(uri: &Uri, headers: &HeaderMap) -> Result<Authority, Refusal> {
    let mut named = headers.get_all(header::HOST).iter();
    let header = named
        .next()
        .map(|host| Authority::try_from(host.as_bytes()).map_err(|_| Refusal::NoHost))
        .transpose()?;
    if named.next().is_some() {
        return Err(Refusal::NoHost);
    }
    uri.authority().cloned().or(header).ok_or(Refusal::NoHost)
}

fn is_known(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(
        target: &str,
        headers: &[(&'static str, &str)],
        has_token: bool,
    ) -> Result<(), Refusal> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        check(&target.parse().unwrap(), &headers, !has_token)
    }

    #[test]
    fn a_name_that_is_not_this_machine_is_refused_without_a_token() {
        for (host, expected) in [
            ("127.0.0.1:8400", Ok(())),
            ("localhost", Ok(())),
            ("LocalHost:1", Ok(())),
            ("[::1]:8400", Ok(())),
            ("192.168.0.4", Ok(())),
            ("evil.example:8400", Err(Refusal::ForeignHost)),
            ("localhost.evil.example", Err(Refusal::ForeignHost)),
            ("127.0.0.1.evil.example", Err(Refusal::ForeignHost)),
            ("", Err(Refusal::NoHost)),
            ("a b", Err(Refusal::NoHost)),
        ] {
            assert_eq!(checked("/", &[("host", host)], false), expected, "{host}");
        }
        assert_eq!(checked("/", &[("host", "sync.example.com")], true), Ok(()));
        assert_eq!(checked("/", &[], true), Err(Refusal::NoHost));
        assert_eq!(
            checked("/", &[("host", "localhost"), ("host", "localhost")], false),
            Err(Refusal::NoHost)
        );
        assert_eq!(
            checked("http://evil.example/", &[("host", "localhost")], false),
            Err(Refusal::ForeignHost)
        );
        assert_eq!(checked("/", &[], false), Err(Refusal::NoHost));
    }

    #[test]
    fn a_page_of_another_site_is_refused_with_and_without_a_token() {
        for (name, value, expected) in [
            ("origin", "http://127.0.0.1:8400", Ok(())),
            ("origin", "https://127.0.0.1:8400", Ok(())),
            ("origin", "http://127.0.0.1:3000", Err(Refusal::ForeignPage)),
            ("origin", "https://evil.example", Err(Refusal::ForeignPage)),
            ("origin", "null", Err(Refusal::ForeignPage)),
            ("origin", "", Err(Refusal::ForeignPage)),
            ("sec-fetch-site", "same-origin", Ok(())),
            ("sec-fetch-site", "none", Ok(())),
            ("sec-fetch-site", "same-site", Err(Refusal::ForeignPage)),
            ("sec-fetch-site", "cross-site", Err(Refusal::ForeignPage)),
        ] {
            for has_token in [false, true] {
                let headers = [("host", "127.0.0.1:8400"), (name, value)];
                assert_eq!(
                    checked("/", &headers, has_token),
                    expected,
                    "{name}: {value}"
                );
            }
        }
    }
}
