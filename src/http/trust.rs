//! Who is believed to be the server that an address names: the authorities that vouch for certificates, and what a
//! person is told when nobody does.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, Error, RootCertStore};

/// Authorities that a person named, in place of the built-in ones. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Authorities(Arc<Vec<CertificateDer<'static>>>);

impl Authorities {
    /// Reads certificates from PEM text; whatever else is in it is passed over. The error is what is wrong with it.
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

    /// Each certificate, as DER.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// Why there is no TLS connection with `host`, and what mends it.
pub(super) fn words(error: &Error, host: &str) -> String {
    let certificate = |what: &str| format!("the certificate of {host} {what}");
    // The library quotes them, with their kind before them.
    let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let names = |names: &[String]| names.iter().map(bare).collect::<Vec<_>>().join(", ");
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => certificate(
            "is not from an authority that is trusted here. If the authority is your own, name its certificate: \
             SSL_CERT_FILE=FILE (PEM)",
        ),
        Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => {
            certificate(&format!("is for {}: check the address, or whether something stands between", names(presented)))
        }
        Error::InvalidCertificate(CertificateError::NotValidForName) => certificate("is for another name"),
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            certificate("has expired: it must be renewed at the server (or the clock here is wrong)")
        }
        Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            certificate("is not valid yet: is the clock right, here and there?")
        }
        Error::InvalidCertificate(other) => certificate(&format!("cannot be accepted ({other})")),
        Error::InvalidMessage(_) => format!("{host} does not speak TLS at this port"),
        other => format!("{host} and sk-sync do not agree on a TLS connection ({other})"),
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
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(), Err("that can be used")),
            ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_owned(), Err("is damaged")),
            (AUTHORITY.replace("-----END CERTIFICATE-----", ""), Err("is damaged")),
        ] {
            let found = Authorities::read(text.as_bytes()).map(|found| found.certificates().count());
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
            (bad(CertificateError::NotValidForName), "another name"),
            (bad(CertificateError::Expired), "has expired"),
            (bad(CertificateError::NotValidYet), "not valid yet"),
            (bad(CertificateError::Revoked), "cannot be accepted"),
            (Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType), "does not speak TLS"),
            (Error::DecryptError, "do not agree"),
        ] {
            let words = words(&error, "h.example");
            assert!(words.contains(said) && words.contains("h.example"), "{words}");
        }
    }
}
