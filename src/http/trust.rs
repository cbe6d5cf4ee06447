//! Trusted certificate authorities, and messages when a server's certificate is not trusted.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, Error, RootCertStore};

/// Authorities that the user named, replacing the built-in ones. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Authorities(Arc<Vec<CertificateDer<'static>>>);

impl Authorities {
    /// Reads certificates from PEM text; other content is skipped. The error is a message about the
    /// text.
    pub(crate) fn read(pem: &[u8]) -> Result<Self, String> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let all = all.map_err(|e| format!("is damaged: {e:?}"))?;
        let (usable, odd) = RootCertStore::empty().add_parsable_certificates(all.iter().cloned());
        match usable {
            0 if odd == 0 => Err("holds no certificate (PEM was expected)".to_owned()),
            0 => Err("holds no certificate of an authority that can be used".to_owned()),
            _ => Ok(Self(Arc::new(all))),
        }
    }

    /// Each certificate.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.0.iter()
    }
}

/// Hint if a server requires a client certificate, or rejects the one it got.
pub(super) const CLIENT_WANTED: &str = "the server wants a client certificate that it accepts: set client_cert and \
                                        client_key in [network] of the user configuration file";

/// True if the server ended the connection because of the client certificate.
pub(super) fn wants_a_client(error: &Error) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        error,
        Error::AlertReceived(
            Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::NoCertificate
        )
    )
}

/// Why there is no TLS connection to `host`, and the fix.
pub(super) fn words(error: &Error, host: &str) -> String {
    let certificate = |what: &str| format!("the certificate of {host} {what}");
    // The library quotes names, with their kind before them.
    let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let names = |names: &[String]| names.iter().map(bare).collect::<Vec<_>>().join(", ");
    let own = "If the server or its authority is your own, name its certificate: SSL_CERT_FILE=FILE (PEM)";
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => certificate(&format!(
            "is not from an authority that is trusted here. {own}"
        )),
        Error::InvalidCertificate(CertificateError::Other(other))
            if other.to_string().contains("CaUsedAsEndEntity") =>
        {
            certificate(&format!(
                "is self-signed, by an authority's own certificate. {own}"
            ))
        }
        Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented, ..
        }) => certificate(&format!(
            "is for {}: check the URL, or whether something stands between",
            names(presented)
        )),
        Error::InvalidCertificate(CertificateError::NotValidForName) => {
            certificate("is for another name: check the URL, or whether something stands between")
        }
        Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => certificate(
            "has expired: it must be renewed at the server (or the clock here is wrong)",
        ),
        Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => certificate("is not valid yet: is the clock right, here and there?"),
        Error::InvalidCertificate(other) => certificate(&format!(
            "cannot be accepted ({other}): it must be replaced at the server"
        )),
        Error::InvalidMessage(_) => {
            format!("{host} does not speak TLS at this port: check the port in the URL")
        }
        Error::FailedToGetCurrentTime => {
            format!(
                "the certificate of {host} cannot be judged: the clock of this machine stands before 1970; set it"
            )
        }
        error if wants_a_client(error) => format!("{host}: {CLIENT_WANTED}"),
        other => format!(
            "{host} and sk-sync do not agree on a TLS connection ({other}): the server must offer TLS 1.2 or 1.3"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHORITY: &str = include_str!("../../tests/fixtures/tls/authority.pem");
    const KEY: &str = include_str!("../../tests/fixtures/tls/here.key");

    #[test]
    fn certificates_are_read_from_pem_among_other_things() {
        for (text, expected) in [
            (AUTHORITY.to_owned(), Ok(1)),
            (format!("some words\n{AUTHORITY}{KEY}\n{AUTHORITY}"), Ok(2)),
            (String::new(), Err("no certificate (PEM")),
            (KEY.to_owned(), Err("no certificate (PEM")),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
                Err("that can be used"),
            ),
            (
                "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_owned(),
                Err("is damaged"),
            ),
            (
                AUTHORITY.replace("-----END CERTIFICATE-----", ""),
                Err("is damaged"),
            ),
        ] {
            let found =
                Authorities::read(text.as_bytes()).map(|found| found.certificates().count());
            match (found, expected) {
                (Ok(count), Ok(expected)) => assert_eq!(count, expected),
                (Err(flaw), Err(said)) => assert!(flaw.contains(said), "{flaw}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn each_flaw_has_its_own_words() {
        let bad = |flaw| Error::InvalidCertificate(flaw);
        for (error, said) in [
            (bad(CertificateError::UnknownIssuer), "SSL_CERT_FILE"),
            (bad(CertificateError::NotValidForName), "check the URL"),
            (bad(CertificateError::Expired), "has expired"),
            (bad(CertificateError::NotValidYet), "not valid yet"),
            (
                bad(CertificateError::Revoked),
                "must be replaced at the server",
            ),
            (
                Error::AlertReceived(rustls::AlertDescription::CertificateRequired),
                "client_cert",
            ),
            (
                Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType),
                "check the port",
            ),
            (Error::FailedToGetCurrentTime, "stands before 1970"),
            (Error::DecryptError, "must offer TLS 1.2"),
        ] {
            let words = words(&error, "h.example");
            assert!(
                words.contains(said) && words.contains("h.example"),
                "{words}"
            );
        }
    }
}
