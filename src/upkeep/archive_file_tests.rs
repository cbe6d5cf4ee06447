//! An archive comes back byte for byte, or is refused.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use super::archive_file::{Flaw, Item, Trailer, read_archive};
use super::archive_writer::ArchiveWriter;
use super::standing::tests::record;
use crate::base::Sha256;
use crate::books::Restorable;
use crate::journal::Listed;

fn packed(envelopes: &[&[u8]]) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Vec::new());
    for (n, envelope) in (1..).zip(envelopes) {
        let mut record = record();
        (record.seq, record.event_id, record.size) =
            (n, format!("e{n}"), i64::try_from(envelope.len()).unwrap());
        record.payload_sha256 = Sha256::of(envelope);
        writer
            .add(Listed {
                record,
                envelope: Some(envelope.to_vec()),
            })
            .unwrap();
    }
    writer.finish(Some("p"), 7).unwrap().0
}

fn read(bytes: &[u8]) -> Result<(Vec<Restorable>, Trailer), Flaw> {
    let mut events = Vec::new();
    let trailer = read_archive(bytes, None, &mut |_, item| {
        if let Item::Event(event) = item {
            events.push(event);
        }
        Ok::<_, Flaw>(())
    })?;
    Ok((events, trailer))
}

/// What `text` says, packed as an archive is.
fn repacked(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

const ENVELOPES: [&[u8]; 3] = [
    br#"{"event_id":"e1", "n":1.50}"#,
    br#"{"event_id":"e2","n":NaN}"#,
    b"{\"event_id\":\"e3\xff\"}",
];

#[test]
fn bytes_come_back_as_they_were_and_the_same_events_give_the_same_file() {
    let bytes = packed(&ENVELOPES);
    assert_eq!(bytes, packed(&ENVELOPES));
    let (events, trailer) = read(&bytes).unwrap();
    assert_eq!(
        events
            .iter()
            .map(|e| e.envelope.as_slice())
            .collect::<Vec<_>>(),
        ENVELOPES
    );
    assert_eq!(
        (
            trailer.count,
            trailer.lamport,
            trailer.project_uuid.as_deref()
        ),
        (3, 7, Some("p"))
    );
    insta::assert_snapshot!(text(&bytes).lines().next().unwrap(), @r#"{"seq":1,"event_id":"e1","event_type":"T","occurred_at":null,"captured_at":"1970-01-01T00:00:00.000000+00:00","origin":"capture","held":null,"size":27,"payload_sha256":"3450e21afd63cc25367e67273eed09806a40364a8158c285a69ebccf94da8ae4","envelope":{"event_id":"e1", "n":1.50}}"#);
    assert_eq!(read(&packed(&[])).unwrap().1.count, 0);
}

#[test]
fn no_byte_can_be_lost_added_or_changed() {
    let bytes = packed(&ENVELOPES);
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "cut to {length}");
    }
    assert!(
        read(&[&bytes[..], b"x"].concat()).is_err(),
        "something more"
    );
    assert!(read(&[&bytes[..], &bytes[..]].concat()).is_err(), "twice");
    let whole = read(&bytes).unwrap();
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        // Bytes 1 to 9 of the packing hold no content: a time, a system, hints.
        match read(&changed) {
            Ok(read) => assert!(place < 10 && read == whole, "byte {place}"),
            Err(Flaw::At { line, .. }) => {
                assert!((1..=5).contains(&line), "byte {place}: line {line}");
            }
            Err(Flaw::Io(error)) => panic!("byte {place}: {error}"),
        }
    }
}

#[test]
fn a_forged_text_is_refused_with_its_line() {
    let whole = text(&packed(&ENVELOPES));
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    for (forged, line, words) in [
        (
            whole.replace("1.50", "1.51"),
            1,
            "the payload of e1 does not match its digest",
        ),
        (
            whole.replace("\"held\":null", "\"held\":\"x\""),
            4,
            "their digest differs",
        ),
        (
            lines[1..].concat(),
            3,
            "2 events are here, and there were 3",
        ),
        (
            [lines[1], lines[0], lines[2], lines[3]].concat(),
            2,
            "the events are not in order",
        ),
        (
            lines[..3].concat(),
            4,
            "the archive ends here, before its last line",
        ),
        (whole.clone() + "\n", 5, "something follows the last line"),
        (
            whole.replace("\"version\":2", "\"version\":3"),
            4,
            "has version 3",
        ),
        (
            whole.replace("\"documents\":0", "\"documents\":1"),
            4,
            "0 documents are here, and there were 1",
        ),
        (
            "{\"seq\":1}\n".to_owned(),
            1,
            "is not an event of an archive",
        ),
        (String::new(), 1, "the archive ends here"),
    ] {
        match read(&repacked(&forged)).unwrap_err() {
            Flaw::At { line: at, what } => {
                assert!(at == line && what.contains(words), "line {at}: {what}");
            }
            Flaw::Io(error) => panic!("{error}"),
        }
    }
    assert!(read(b"no archive at all").is_err());
}
