//! The user's network settings: proxy, trusted authorities, client certificate.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::trust::Authorities;

/// Network settings. The default is a direct connection and the built-in authorities.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network {
    /// The proxy for connections; `None` for a direct connection.
    pub(crate) proxy: Option<Proxy>,
    /// The trusted authorities; `None` for the built-in ones.
    pub(crate) authorities: Option<Authorities>,
    /// The client certificate, if one is configured.
    pub(crate) identity: Option<ClientIdentity>,
}

/// A proxy used with `CONNECT`. Its user name and password are never shown.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    inner: ureq::Proxy,
}

impl Proxy {
    /// Parses `http://host:port`, optionally with `user:password@`, `https://…`, or `host:port`.
    /// The error does not contain the text.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        let inner = ureq::Proxy::new(text.trim())
            .map_err(|_| "is not a proxy URL; expected http://host:port")?;
        if !matches!(
            inner.protocol(),
            ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https
        ) {
            return Err("is not an http:// or https:// proxy; SOCKS is not supported");
        }
        if inner.host().is_empty() {
            return Err("names no host");
        }
        Ok(Self { inner })
    }

    /// Scheme, host and port, for people.
    pub(crate) fn shown(&self) -> String {
        let scheme = if self.inner.protocol() == ureq::ProxyProtocol::Https {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}:{}", self.inner.host(), self.inner.port())
    }

    /// True if it has a user name or a password.
    pub(super) fn has_credentials(&self) -> bool {
        self.inner.username().is_some() || self.inner.password().is_some()
    }

    pub(super) fn inner(&self) -> &ureq::Proxy {
        &self.inner
    }
}

/// A client certificate with its key. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ClientIdentity(Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>);

impl ClientIdentity {
    /// Reads them from PEM texts, which may be the same. The error does not quote the texts.
    pub(crate) fn read(certificate: &[u8], key: &[u8]) -> Result<Self, String> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|e| format!("client_cert is damaged: {e:?}"))?;
        if chain.is_empty() {
            return Err("client_cert holds no certificate (PEM was expected)".to_owned());
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| "client_key holds no private key that can be used (PEM without a passphrase was expected)")?;
        let provider = rustls::crypto::ring::default_provider();
        rustls::sign::CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider)
            .map_err(|e| format!("client_cert and client_key do not fit together ({e})"))?;
        Ok(Self(Arc::new((chain, key))))
    }

    pub(super) fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.0.0.clone(), self.0.1.clone_key())
    }
}

impl std::fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientIdentity")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        for (text, shown, has_credentials) in [
            (
                "http://proxy.example:3128",
                "http://proxy.example:3128",
                false,
            ),
            ("proxy.example:3128", "http://proxy.example:3128", false),
            (
                " http://me:s3cr%40t@proxy.example:8080/ ",
                "http://proxy.example:8080",
                true,
            ),
            ("https://proxy.example", "https://proxy.example:443", false),
            ("http://[::1]:8080", "http://[::1]:8080", false),
        ] {
            let proxy = Proxy::read(text).unwrap();
            assert_eq!(
                (proxy.shown().as_str(), proxy.has_credentials()),
                (shown, has_credentials)
            );
            assert!(!format!("{proxy:?}").contains("s3cr"), "{proxy:?}");
        }
        for text in ["socks5://h:1", "ftp://h:1", "", "http://", "no proxy"] {
            assert!(Proxy::read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_client_identity_needs_a_certificate_and_its_own_key() {
        let pem = include_str!("../../tests/fixtures/tls/here.pem");
        let key = include_str!("../../tests/fixtures/tls/here.key");
        let identity = ClientIdentity::read(pem.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(format!("{identity:?}"), "ClientIdentity");
        let other = include_str!("../../tests/fixtures/tls/authority.pem");
        for (pem, key, said) in [
            (key, key, "client_cert holds no certificate"),
            (pem, pem, "client_key holds no private key"),
            (other, key, "do not fit"),
        ] {
            let flaw = ClientIdentity::read(pem.as_bytes(), key.as_bytes()).unwrap_err();
            assert!(flaw.contains(said), "{flaw}");
        }
    }
}
