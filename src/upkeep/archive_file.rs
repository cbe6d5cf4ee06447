//! The form of an archive: gzip over JSON Lines, one event a line in the order of the journal, each
//! followed by the versions of documents that it announces with their texts, and a last line that
//! says how many there are and what the digest of all lines before it is. The same events give the
//! same bytes.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::archive_claims::Claims;
use crate::base::digest::{Hasher, unhex};
use crate::base::text::printable;
use crate::base::{Sha256, Timestamp};
use crate::books::{Restorable, RestorableDocument};
use crate::journal::Document;

/// The form this program writes, and the newest it reads. The first one had no documents.
pub(super) const VERSION: u32 = 2;
/// The longest line that is read: an envelope of the longest kind, in hexadecimal.
const LONGEST_LINE: u64 = 160 << 20;
/// How a last line begins.
const TRAILER: &[u8] = b"{\"count\":";
/// How the line of a document begins.
const DOCUMENT: &[u8] = b"{\"document_id\":";

/// What a line before the last one holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// An event.
    Event(Restorable),
    /// A version of a document.
    Document(RestorableDocument),
}

/// One version of a document, as it is written and read. Its text is not there where only the file
/// had it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DocumentLine {
    pub(super) document_id: String,
    pub(super) seq: i64,
    pub(super) captured_at: String,
    pub(super) origin: String,
    pub(super) held: Option<String>,
    pub(super) announced_by: Option<String>,
    pub(super) document: Box<RawValue>,
    pub(super) text: Option<String>,
}

/// One event as it is read.
#[derive(Debug, Deserialize)]
struct Line {
    seq: i64,
    event_id: String,
    event_type: String,
    occurred_at: Option<String>,
    captured_at: String,
    origin: String,
    held: Option<String>,
    size: u64,
    payload_sha256: String,
    envelope: Option<Box<RawValue>>,
    envelope_hex: Option<String>,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trailer {
    /// Events before it.
    pub(crate) count: u64,
    /// Versions of documents before it.
    #[serde(default)]
    pub(crate) documents: u64,
    /// Digest of every byte before it, unpacked.
    pub(crate) sha256: String,
    /// The form of the archive.
    pub(crate) version: u32,
    /// Whose events these are, where that is known.
    pub(crate) project_uuid: Option<String>,
    /// The Lamport clock; a store that continues from here starts above it.
    pub(crate) lamport: i64,
}

/// Why a file is not a complete archive, and where.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Flaw {
    /// It cannot be read at all.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not what an archive is.
    #[error("line {line}: {what}")]
    At {
        /// The line, from 1, of the unpacked text.
        line: u64,
        /// What is wrong there.
        what: String,
    },
}

/// Reads a whole archive and checks all of it: the packing, each line, each payload's digest, their
/// number and their digest together, and that nothing follows; and that it is of one project, the
/// one that it names, else `project_uuid`. Calls `take` with each event on the way, which is before
/// the end is known.
pub(super) fn read_archive<E: From<Flaw>>(
    from: impl Read,
    project_uuid: Option<&str>,
    take: &mut dyn FnMut(i64, Item) -> Result<(), E>,
) -> Result<Trailer, E> {
    let mut lines = Lines {
        from: BufReader::new(GzDecoder::new(BufReader::new(from))),
        line: 0,
        text: Vec::new(),
    };
    let (mut hasher, mut count, mut documents, mut last) = (Hasher::default(), 0, 0, 0);
    let mut claims = Claims::default();
    loop {
        lines.next()?;
        if lines.text.starts_with(TRAILER) {
            let mut trailer: Trailer = lines.parse("is not a trailer of an archive")?;
            lines.check(trailer.version <= VERSION, || {
                format!(
                    "the archive has version {}; this sk-sync knows up to {VERSION}",
                    trailer.version
                )
            })?;
            lines.check(trailer.count == count, || {
                format!("{count} events are here, and there were {}", trailer.count)
            })?;
            lines.check(trailer.documents == documents, || {
                format!(
                    "{documents} documents are here, and there were {}",
                    trailer.documents
                )
            })?;
            lines.check(trailer.sha256 == hasher.finish().to_string(), || {
                "the lines before are not what was written: their digest differs".to_owned()
            })?;
            lines.end()?;
            if let Some(line) = claims.stranger(trailer.project_uuid.as_deref().or(project_uuid)) {
                let what = "the event is of another project than the archive".to_owned();
                return Err(Flaw::At { line, what }.into());
            }
            trailer.lamport = claims.clock(trailer.lamport);
            return Ok(trailer);
        }
        hasher.update(&lines.text);
        if lines.text.starts_with(DOCUMENT) {
            documents += 1;
            let read: DocumentLine = lines.parse("is not a document of an archive")?;
            let (seq, document) = (read.seq, lines.document(read)?);
            claims.look_at_document(lines.line, &document.document);
            take(seq, Item::Document(document))?;
            continue;
        }
        count += 1;
        let read: Line = lines.parse("is not an event of an archive")?;
        lines.check(read.seq > last, || "the events are not in order".to_owned())?;
        last = read.seq;
        let event = lines.event(read)?;
        if let Some(what) = claims.look(lines.line, &event) {
            return Err(lines.flaw(what).into());
        }
        take(last, Item::Event(event))?;
    }
}

/// The unpacked text, line by line.
struct Lines<R: Read> {
    from: BufReader<GzDecoder<BufReader<R>>>,
    line: u64,
    text: Vec<u8>,
}

impl<R: Read> Lines<R> {
    fn flaw(&self, what: impl Into<String>) -> Flaw {
        Flaw::At {
            line: self.line,
            what: what.into(),
        }
    }

    fn check(&self, holds: bool, what: impl FnOnce() -> String) -> Result<(), Flaw> {
        if holds {
            Ok(())
        } else {
            Err(self.flaw(what()))
        }
    }

    /// Reads the next line; an archive never ends before its last line.
    fn next(&mut self) -> Result<(), Flaw> {
        self.text.clear();
        self.line += 1;
        let read = self
            .from
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut self.text);
        read.map_err(|error| self.unreadable(&error))?;
        if self.text.last() == Some(&b'\n') {
            return Ok(());
        }
        let what = if self.text.len() as u64 >= LONGEST_LINE {
            "is too long"
        } else {
            "the archive ends here, before its last line"
        };
        Err(self.flaw(what))
    }

    /// Checks that nothing follows.
    fn end(&mut self) -> Result<(), Flaw> {
        self.line += 1;
        let mut rest = [0; 1];
        let more = self
            .from
            .read(&mut rest)
            .map_err(|error| self.unreadable(&error))?;
        let after = self.from.get_mut().get_mut().fill_buf()?.len();
        self.check(more == 0 && after == 0, || {
            "something follows the last line".to_owned()
        })
    }

    /// What it means that the packed bytes cannot be read.
    fn unreadable(&self, error: &io::Error) -> Flaw {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.flaw("the file ends here: it is not whole"),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                self.flaw(format!("the packed bytes are damaged: {error}"))
            }
            _ => Flaw::Io(io::Error::new(error.kind(), error.to_string())),
        }
    }

    fn parse<T: for<'a> Deserialize<'a>>(&self, otherwise: &str) -> Result<T, Flaw> {
        serde_json::from_slice(&self.text)
            .map_err(|error| self.flaw(format!("{otherwise}: {error}")))
    }

    /// The event of a line, its payload checked against its digest.
    fn event(&self, read: Line) -> Result<Restorable, Flaw> {
        let bytes = match (read.envelope, read.envelope_hex) {
            (Some(raw), None) => Some(raw.get().as_bytes().to_vec()),
            (None, Some(hex)) => unhex(&hex),
            _ => None,
        };
        let envelope = bytes.ok_or_else(|| self.flaw("the event has no readable payload"))?;
        let is_whole = envelope.len() as u64 == read.size
            && Sha256::of(&envelope).to_string() == read.payload_sha256;
        self.check(is_whole, || {
            format!(
                "the payload of {} does not match its digest",
                printable(&read.event_id)
            )
        })?;
        let captured_at = Timestamp::parse(&read.captured_at)
            .ok_or_else(|| self.flaw("`captured_at` is not a time"))?;
        Ok(Restorable {
            event_id: read.event_id,
            event_type: read.event_type,
            occurred_at: read.occurred_at,
            captured_at,
            origin: read.origin,
            held: read.held,
            envelope,
        })
    }

    /// The document of a line, its text checked against its digest.
    fn document(&self, read: DocumentLine) -> Result<RestorableDocument, Flaw> {
        let name = printable(&read.document_id);
        let document = Document::from_bytes(read.document.get().as_bytes());
        let document = document
            .ok_or_else(|| self.flaw(format!("{name} does not say which document it is")))?;
        let text = read.text.map(String::into_bytes);
        let is_whole = text
            .as_ref()
            .is_none_or(|text| Sha256::of(text) == document.sha256);
        self.check(is_whole, || {
            format!("the text of {name} does not match its digest")
        })?;
        let captured_at = Timestamp::parse(&read.captured_at)
            .ok_or_else(|| self.flaw("`captured_at` is not a time"))?;
        let DocumentLine {
            document_id: id,
            origin,
            held,
            announced_by,
            ..
        } = read;
        Ok(RestorableDocument {
            id,
            document,
            captured_at,
            origin,
            held,
            announced_by,
            text,
        })
    }
}
