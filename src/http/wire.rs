//! Compression and limits of bytes on the wire.

use std::io::{Read, Write as _};

/// `bytes` compressed with gzip at the fastest level (on 600 kB of JSON: five times faster than the
/// default level). No time stamp is written, so equal bytes give equal bytes.
pub(crate) fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(
        Vec::with_capacity(bytes.len() / 4),
        flate2::Compression::fast(),
    );
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// True if the value of a `Content-Encoding` header is gzip.
pub(super) fn is_gzip(coding: &str) -> bool {
    ["gzip", "x-gzip"]
        .iter()
        .any(|gzip| coding.trim().eq_ignore_ascii_case(gzip))
}

/// At most `limit` bytes, and whether there are more.
pub(super) fn read_within(reader: impl Read, limit: usize) -> std::io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    reader
        .take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1))
        .read_to_end(&mut bytes)?;
    let is_cut = bytes.len() > limit;
    bytes.truncate(limit);
    Ok((bytes, is_cut))
}

/// A compressed body decompressed to at most `limit` bytes, and whether there are more; the
/// unchanged body if it is damaged.
pub(super) fn unpacked((body, is_cut): (Vec<u8>, bool), limit: usize) -> (Vec<u8>, bool) {
    if is_cut {
        return (body, true);
    }
    read_within(flate2::read::MultiGzDecoder::new(&body[..]), limit).unwrap_or((body, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_deterministic_and_reversible() {
        let bytes = b"{\"events\":[]}".repeat(100);
        let packed = gzip(&bytes).unwrap();
        assert_eq!(packed, gzip(&bytes).unwrap());
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&packed[..])
            .read_to_end(&mut out)
            .unwrap();
        assert_eq!(out, bytes);
    }

    #[test]
    fn a_packed_answer_is_read_within_the_limit() {
        let packed = gzip(&b"a".repeat(1_000_000)).unwrap();
        assert_eq!(
            unpacked((packed.clone(), false), 9),
            (b"a".repeat(9), true),
            "a small answer may be large inside"
        );
        assert_eq!(
            unpacked((gzip(b"ok").unwrap(), false), 9),
            (b"ok".to_vec(), false)
        );
        assert_eq!(unpacked((packed.clone(), true), 9), (packed.clone(), true));
        let half = packed[..packed.len() / 2].to_vec();
        assert_eq!(
            unpacked((half.clone(), false), 2_000_000),
            (half, false),
            "damaged"
        );
        assert!(is_gzip(" GZIP ") && is_gzip("x-gzip") && !is_gzip("br"));
    }
}
