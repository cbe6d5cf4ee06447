//! Signatures of requests according to the Standard Webhooks specification 1.0 (symmetric scheme,
//! `v1`): HMAC-SHA256 over `id.timestamp.body`, where the body is the sent bytes.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice};

use crate::base::Timestamp;

/// Prefix of secrets in their text form.
const PREFIX: &str = "whsec_";
/// Length of a key in bytes, as specified.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The keys for signatures: one, or several while an old one is being replaced.
#[derive(Debug, Clone)]
pub(crate) struct SigningKeys(Vec<SecretSlice<u8>>);

/// The headers of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    id: String,
    timestamp: String,
    signatures: String,
}

impl SigningKeys {
    /// Reads secrets, separated by blanks: base64 of 24 to 64 bytes each, with or without `whsec_`
    /// before it. The error never contains the secret.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        let key = |word: &str| {
            let bytes = STANDARD
                .decode(word.strip_prefix(PREFIX).unwrap_or(word))
                .map_err(
                    |_| "holds no Standard Webhooks secret: whsec_ and base64 were expected",
                )?;
            if !KEY_BYTES.contains(&bytes.len()) {
                return Err(
                    "holds a secret that is not 24 to 64 bytes long before it is put into base64",
                );
            }
            Ok(SecretSlice::from(bytes))
        };
        let keys: Vec<_> = text
            .split_ascii_whitespace()
            .map(key)
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            Err("is empty")
        } else {
            Ok(Self(keys))
        }
    }

    /// Signs a request. `id` must be the same whenever the same message is sent again.
    pub(crate) fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> Signature {
        let timestamp = (at.as_millis() / 1000).to_string();
        let mut signatures = String::new();
        for key in &self.0 {
            // HMAC accepts a key of any length.
            let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(key.expose_secret()) else {
                continue;
            };
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(part);
            }
            let blank = if signatures.is_empty() { "" } else { " " };
            let _infallible = write!(
                signatures,
                "{blank}v1,{}",
                STANDARD.encode(mac.finalize().into_bytes())
            );
        }
        Signature {
            id: id.to_owned(),
            timestamp,
            signatures,
        }
    }
}

impl Signature {
    /// The headers.
    pub(crate) fn headers(&self) -> [(&str, &str); 3] {
        [
            ("webhook-id", &self.id),
            ("webhook-timestamp", &self.timestamp),
            ("webhook-signature", &self.signatures),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_micros(1_614_265_330_999_999);
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn signed(secret: &str) -> Signature {
        SigningKeys::read(secret).unwrap().sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            AT,
            br#"{"test": 2432232314}"#,
        )
    }

    /// The test vector of the specification's own libraries.
    #[test]
    fn the_published_vector() {
        let expected = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", SIGNED),
        ];
        assert_eq!(signed(SECRET).headers(), expected);
        assert_eq!(
            signed(SECRET.strip_prefix(PREFIX).unwrap()).headers(),
            expected,
            "the prefix is for people"
        );
    }

    #[test]
    fn every_part_and_every_key_counts() {
        let keys = SigningKeys::read(SECRET).unwrap();
        let one = keys.sign("a", AT, b"b");
        for other in [
            keys.sign("b", AT, b"b"),
            keys.sign("a", AT, b"c"),
            keys.sign("a", Timestamp::from_micros(0), b"b"),
        ] {
            assert_ne!(one.signatures, other.signatures);
        }
        let other = format!("{PREFIX}{}", STANDARD.encode([7; 64]));
        let both = signed(&format!(" {SECRET}\n{other} "));
        assert_eq!(
            both.signatures,
            format!("{SIGNED} {}", signed(&other).signatures),
            "while a secret is replaced"
        );
    }

    #[test]
    fn what_is_no_secret_is_told_without_being_shown() {
        for (text, said) in [
            ("", "is empty"),
            (" ", "is empty"),
            ("whsec_topsecret!", "whsec_ and base64"),
            ("topsecret", "whsec_ and base64"),
            ("whsec_", "24 to 64 bytes"),
            (
                &format!("{PREFIX}{}", STANDARD.encode([7; 23])),
                "24 to 64 bytes",
            ),
            (
                &format!("{PREFIX}{}", STANDARD.encode([7; 65])),
                "24 to 64 bytes",
            ),
            (&format!("{SECRET} odd"), "whsec_ and base64"),
        ] {
            let flaw = SigningKeys::read(text).unwrap_err();
            assert!(flaw.contains(said), "{text:?}: {flaw}");
        }
        assert!(!format!("{:?}", SigningKeys::read(SECRET)).contains("MfKQ"));
    }
}
