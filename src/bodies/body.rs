//! The text of an artifact, verified to be the one that the index saw.

use super::Decision;
use crate::base::Sha256;

/// A body fit to be uploaded: UTF-8, not empty, and with the digest in the index. Only
/// [`Body::verify`] and [`Body::kept`] make one, and the queue accepts nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    text: String,
    sha256: Sha256,
}

impl Body {
    /// Checks the bytes of a file that the index saw as `indexed`: same digest, UTF-8, not empty.
    /// The bytes are kept unchanged, byte-order mark and line ends included.
    pub(crate) fn verify(bytes: Vec<u8>, indexed: Sha256) -> Result<Self, Decision> {
        if Sha256::of(&bytes) != indexed {
            return Err(Decision::skipped("content_hash_mismatch"));
        }
        let text = String::from_utf8(bytes).map_err(|_| Decision::skipped("not_valid_utf8"))?;
        if text.is_empty() {
            return Err(Decision::skipped("empty_content"));
        }
        Ok(Self {
            text,
            sha256: indexed,
        })
    }

    /// A text that is already stored under its digest, here or in an older queue; older queues
    /// accepted empty ones too.
    pub(crate) fn kept(bytes: Vec<u8>, stated: Sha256) -> Result<Self, Decision> {
        if bytes.is_empty() && Sha256::of(&bytes) == stated {
            return Ok(Self {
                text: String::new(),
                sha256: stated,
            });
        }
        Self::verify(bytes, stated)
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text, without a copy.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Its digest.
    pub(crate) fn sha256(&self) -> Sha256 {
        self.sha256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_the_index_saw() {
        let (bom, latin) = (b"\xef\xbb\xbfa\r\n", b"caf\xe9");
        assert_eq!(
            Body::verify(bom.to_vec(), Sha256::of(bom))
                .unwrap()
                .text()
                .as_bytes(),
            bom
        );
        for (bytes, indexed, reason) in [
            (&bom[..], Sha256::of(b"a"), "content_hash_mismatch"),
            (b"", Sha256::of(b"a"), "content_hash_mismatch"),
            (latin, Sha256::of(latin), "not_valid_utf8"),
            (b"", Sha256::of(b""), "empty_content"),
        ] {
            assert_eq!(
                Body::verify(bytes.to_vec(), indexed),
                Err(Decision::skipped(reason))
            );
        }
    }
}
