//! Reading a request's body, bounded in bytes and in time.

use std::future::poll_fn;
use std::io::Read as _;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, header};

/// How long a request's body may take to arrive.
const DEADLINE: Duration = Duration::from_mins(1);
/// How much of an unwanted body is read and thrown away, so that its sender gets to see the answer
/// instead of a reset connection.
const DISCARD_BYTES: usize = 16 << 20;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Stop {
    /// It has more bytes than the limit, as sent or after decompression.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// The connection broke, or the compressed data is damaged.
    Broken,
    /// It is compressed in a way that is not understood.
    UnknownEncoding,
}

/// Reads a whole body, decompressed as its `Content-Encoding` says, of at most `limit` bytes.
pub(in crate::serve) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
) -> Result<Vec<u8>, Stop> {
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map_or(Ok("identity"), |e| e.to_str().map_err(|_| ()));
    let is_gzip = match encoding.map(|e| e.trim().to_ascii_lowercase()).as_deref() {
        Ok("gzip" | "x-gzip") => true,
        Ok("identity" | "") => false,
        _ => {
            discard(body).await;
            return Err(Stop::UnknownEncoding);
        }
    };
    // What gzip adds at most to data that it cannot make smaller.
    let wire_limit = if is_gzip {
        limit.saturating_add(limit / 1000 + 1024)
    } else {
        limit
    };
    let bytes = match tokio::time::timeout(DEADLINE, collect(&mut body, wire_limit)).await {
        Ok(Err(Stop::TooLarge)) => {
            discard(body).await;
            Err(Stop::TooLarge)
        }
        Ok(outcome) => outcome,
        Err(_) => Err(Stop::TooSlow),
    }?;
    if is_gzip {
        unpack(&bytes, limit)
    } else {
        Ok(bytes)
    }
}

async fn collect(body: &mut Body, limit: usize) -> Result<Vec<u8>, Stop> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(Stop::TooLarge);
    }
    let mut bytes = Vec::with_capacity(announced);
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        let data = frame
            .map_err(|_| Stop::Broken)?
            .into_data()
            .unwrap_or_default();
        if bytes.len() + data.len() > limit {
            return Err(Stop::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Reads and drops the rest of a body, up to a bound.
pub(in crate::serve) async fn discard(mut body: Body) {
    let all = async {
        let mut dropped = 0;
        while dropped < DISCARD_BYTES
            && let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
        {
            dropped += frame.into_data().map_or(0, |data| data.len());
        }
    };
    tokio::time::timeout(DEADLINE, all).await.ok();
}

/// Decompresses gzip data of at most `limit` bytes. However much the data would expand to, no more
/// than that is ever held in memory.
fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, Stop> {
    // The length at the end of the data is a stranger's word: it only saves memory where it is
    // true.
    let told = packed.last_chunk().map_or(0, |end| {
        usize::try_from(u32::from_le_bytes(*end)).unwrap_or(0)
    });
    let mut bytes = Vec::with_capacity(told.min(limit) + 1);
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    flate2::read::MultiGzDecoder::new(packed)
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|_| Stop::Broken)?;
    if bytes.len() > limit {
        Err(Stop::TooLarge)
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::gzip;

    #[test]
    fn unpacking_stops_at_the_limit() {
        let packed = gzip(&[b'a'; 1000]).unwrap();
        assert_eq!(unpack(&packed, 1000).map(|b| b.len()), Ok(1000));
        assert_eq!(unpack(&packed, 999), Err(Stop::TooLarge));
        let twice = [packed.clone(), packed.clone()].concat();
        assert_eq!(unpack(&twice, 2000).map(|b| b.len()), Ok(2000));
    }

    #[test]
    fn a_bomb_costs_no_more_than_the_limit() {
        let bomb = gzip(&vec![0; 64 << 20]).unwrap();
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        assert_eq!(unpack(&bomb, 1 << 20), Err(Stop::TooLarge));
    }

    #[test]
    fn damaged_data_is_no_data() {
        let packed = gzip(b"{\"events\":[]}").unwrap();
        assert_eq!(unpack(&packed[..packed.len() - 9], 1000), Err(Stop::Broken));
        assert_eq!(unpack(b"{\"events\":[]}", 1000), Err(Stop::Broken));
        let mut turned = packed;
        turned[12] ^= 0xff;
        assert!(unpack(&turned, 1000).is_err());
    }
}
