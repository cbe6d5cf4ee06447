//! Writes an archive, in the form that `archive_file` reads.

use std::io::{self, BufWriter, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde::Serialize;
use serde_json::value::RawValue;

use super::archive_file::{DocumentLine, Trailer, VERSION};
use super::envelope::Envelope;
use crate::base::Timestamp;
use crate::base::digest::Hasher;
use crate::journal::Listed;

/// One event as it is written.
#[derive(Debug, Serialize)]
struct Written<'a> {
    seq: i64,
    event_id: &'a str,
    event_type: &'a str,
    occurred_at: Option<&'a str>,
    captured_at: String,
    origin: &'a str,
    held: Option<&'a str>,
    size: i64,
    payload_sha256: String,
    #[serde(flatten)]
    envelope: Envelope,
}

/// Writes an archive.
pub(super) struct ArchiveWriter<W: Write> {
    to: GzEncoder<BufWriter<W>>,
    hasher: Hasher,
    count: u64,
    documents: u64,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins one; neither time nor name is written, so that the same events give the same bytes.
    pub(super) fn new(to: W) -> Self {
        let to = GzBuilder::new()
            .mtime(0)
            .operating_system(255)
            .write(BufWriter::new(to), Compression::fast());
        Self {
            to,
            hasher: Hasher::default(),
            count: 0,
            documents: 0,
        }
    }

    /// Adds an event with its payload.
    pub(super) fn add(&mut self, listed: Listed) -> io::Result<()> {
        let Listed { record, envelope } = listed;
        let line = Written {
            seq: record.seq,
            event_id: &record.event_id,
            event_type: &record.event_type,
            occurred_at: record.occurred_at.as_deref(),
            captured_at: Timestamp::from_micros(record.captured_at).to_string(),
            origin: &record.origin,
            held: record.held.as_deref(),
            size: record.size,
            payload_sha256: record.payload_sha256.to_string(),
            envelope: Envelope::of(envelope),
        };
        self.count += 1;
        self.line(&line)
    }

    /// Adds a version of a document, announced by the event of this id, with its text where that is
    /// kept.
    pub(super) fn add_document(
        &mut self,
        listed: Listed,
        announced_by: Option<&str>,
        text: Option<Vec<u8>>,
    ) -> io::Result<()> {
        let Listed { record, envelope } = listed;
        let odd = |what: &str| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{}: {what}", record.event_id),
            )
        };
        let document = String::from_utf8(envelope.unwrap_or_default())
            .map_err(|_| odd("its payload is not text"))?;
        let text = text
            .map(String::from_utf8)
            .transpose()
            .map_err(|_| odd("its text is not UTF-8"))?;
        let line = DocumentLine {
            document_id: record.event_id.clone(),
            seq: record.seq,
            captured_at: Timestamp::from_micros(record.captured_at).to_string(),
            origin: record.origin.clone(),
            held: record.held.clone(),
            announced_by: announced_by.map(str::to_owned),
            document: RawValue::from_string(document)?,
            text,
        };
        self.documents += 1;
        self.line(&line)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.hasher.update(&text);
        self.to.write_all(&text)
    }

    /// Ends it; what it was written to comes back, flushed.
    pub(super) fn finish(
        mut self,
        project_uuid: Option<&str>,
        lamport: i64,
    ) -> io::Result<(W, Trailer)> {
        let trailer = Trailer {
            count: self.count,
            documents: self.documents,
            sha256: self.hasher.finish().to_string(),
            version: VERSION,
            project_uuid: project_uuid.map(str::to_owned),
            lamport,
        };
        let mut text = serde_json::to_vec(&trailer)?;
        text.push(b'\n');
        self.to.write_all(&text)?;
        let inner = self
            .to
            .finish()?
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        Ok((inner, trailer))
    }
}
