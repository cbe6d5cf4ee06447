//! Answers that are written while they are read: whatever their length, one piece is in memory.

use std::io::{self, Write as _};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;

use crate::serve::engine::Trouble;

/// What an answer is made of, piece by piece.
pub(in crate::serve) trait Source: Send + 'static {
    /// The next piece; `None` after the last one.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, Trouble>> + Send;
}

/// A JSON answer, compressed where the client takes that. Trouble in the middle cuts the answer,
/// which its reader sees.
pub(in crate::serve) fn respond(headers: &HeaderMap, source: impl Source) -> Response {
    let accepts = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_packed = accepts.split(',').any(|coding| coding.trim() == "gzip");
    let frames = stream::try_unfold(Some((source, Packing::new(is_packed))), async |state| {
        let Some((mut source, mut packing)) = state else {
            return Ok(None);
        };
        while let Some(piece) = source
            .next()
            .await
            .map_err(|_| io::Error::other("the storage cannot be read"))?
        {
            let frame = packing.pack(piece)?;
            if !frame.is_empty() {
                return Ok(Some((frame, Some((source, packing)))));
            }
        }
        Ok::<_, io::Error>(Some((packing.finish()?, None)))
    });
    let mut response = (
        [(header::CONTENT_TYPE, "application/json")],
        Body::from_stream(frames),
    )
        .into_response();
    if is_packed {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// How an answer is written.
enum Packing {
    Plain,
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

impl Packing {
    fn new(is_packed: bool) -> Self {
        if is_packed {
            Self::Gzip(Box::new(GzEncoder::new(Vec::new(), Compression::fast())))
        } else {
            Self::Plain
        }
    }

    /// Takes a piece; gives what can be sent of it and of earlier ones.
    fn pack(&mut self, piece: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(piece),
            Self::Gzip(encoder) => {
                encoder.write_all(&piece)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(Vec::new()),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}
