//! Properties of archives.

use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::archive_file::{Flaw, Item, Trailer, read_archive};
use super::archive_writer::ArchiveWriter;
use crate::base::Sha256;
use crate::journal::{Listed, Record};

/// What an archive holds is written again to an archive that holds the same. The size of the pieces
/// in which a file is read does not matter, nor does what is read decide how much memory it takes.
/// The bytes are tried as a file, as its text, and as its lines, with a last line that fits them.
pub(crate) fn archive(bytes: &[u8]) {
    let text: Vec<u8> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.ends_with(b"\n"))
        .flatten()
        .copied()
        .collect();
    for file in [bytes.to_vec(), packed(bytes), packed(&ended(&text))] {
        let whole = read(&file[..]);
        let pieces = read(Bytes(&file));
        // Of several flaws, that of the packing or that of a line may be met first.
        assert_eq!(whole.as_ref().ok(), pieces.as_ref().ok());
        let Ok((items, trailer)) = whole else {
            continue;
        };
        let Some(again) = written(&items, &trailer) else {
            continue;
        };
        let (read, _) = read(&again[..]).unwrap_or((Vec::new(), trailer));
        assert_eq!(read, items, "written and read again");
        assert!(read_cut(&again), "a cut archive is whole");
    }
}

/// A file that gives one byte at a time.
struct Bytes<'a>(&'a [u8]);

impl Read for Bytes<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(1);
        self.0.read(&mut into[..most])
    }
}

type Content = (Vec<(i64, Item)>, Trailer);

fn read(from: impl Read) -> Result<Content, Flaw> {
    let mut items = Vec::new();
    let trailer = read_archive(from, None, &mut |seq, item| {
        items.push((seq, item));
        Ok::<_, Flaw>(())
    })?;
    Ok((items, trailer))
}

/// True if the file without its last byte, and its first half, are refused.
fn read_cut(file: &[u8]) -> bool {
    [file.len() - 1, file.len() / 2]
        .iter()
        .all(|end| read(&file[..*end]).is_err())
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::none());
    packer
        .write_all(text)
        .and_then(|()| packer.finish())
        .unwrap_or_default()
}

/// The lines of a text with the last line that they need.
fn ended(lines: &[u8]) -> Vec<u8> {
    let all = lines.split_inclusive(|byte| *byte == b'\n');
    let documents = all
        .clone()
        .filter(|line| line.starts_with(b"{\"document_id\":"))
        .count();
    let count = all.count() - documents;
    let trailer = format!(
        "{{\"count\":{count},\"documents\":{documents},\"sha256\":\"{}\",\"version\":2,\"project_uuid\":null,\"lamport\":7}}\n",
        Sha256::of(lines)
    );
    [lines, trailer.as_bytes()].concat()
}

/// The same content as a new archive; `None` if a row could not be in a journal.
fn written(items: &[(i64, Item)], trailer: &Trailer) -> Option<Vec<u8>> {
    let mut writer = ArchiveWriter::new(Vec::new());
    for (seq, item) in items {
        match item {
            Item::Event(event) => {
                let mut record = record(
                    *seq,
                    &event.event_id,
                    &event.event_type,
                    &event.origin,
                    event.held.as_deref(),
                );
                record.occurred_at.clone_from(&event.occurred_at);
                record.captured_at = event.captured_at.as_micros();
                record.payload_sha256 = Sha256::of(&event.envelope);
                record.size = i64::try_from(event.envelope.len()).ok()?;
                writer
                    .add(Listed {
                        record,
                        envelope: Some(event.envelope.clone()),
                    })
                    .ok()?;
            }
            Item::Document(document) => {
                let mut record = record(
                    *seq,
                    &document.id,
                    "document",
                    &document.origin,
                    document.held.as_deref(),
                );
                record.captured_at = document.captured_at.as_micros();
                let listed = Listed {
                    record,
                    envelope: Some(document.document.to_bytes()),
                };
                writer
                    .add_document(
                        listed,
                        document.announced_by.as_deref(),
                        document.text.clone(),
                    )
                    .ok()?;
            }
        }
    }
    writer
        .finish(trailer.project_uuid.as_deref(), trailer.lamport)
        .ok()
        .map(|(file, _)| file)
}

fn record(seq: i64, event_id: &str, event_type: &str, origin: &str, held: Option<&str>) -> Record {
    Record {
        seq,
        event_id: event_id.to_owned(),
        event_type: event_type.to_owned(),
        occurred_at: None,
        captured_at: 0,
        origin: origin.to_owned(),
        payload_sha256: Sha256::of(b""),
        size: 0,
        chain: Sha256::of(b""),
        held: held.map(str::to_owned),
        superseded_by: None,
        follows: None,
        discarded: None,
        gone: None,
        left_at: None,
        archived_at: None,
    }
}
