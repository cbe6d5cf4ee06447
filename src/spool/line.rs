//! One line of the spool. Pure.
//!
//! ```text
//! sk-sync-spool-1 <sha256> <length> <captured_at> <origin> <fate> <envelope>
//! ```
//!
//! The digest is that of everything after it; the length is that of the envelope in bytes, so that
//! a truncated line differs from a changed one; the time is in microseconds since the Unix epoch;
//! the fate is `keep`, `held:<reason>` or `audit`. The envelope is unchanged: it has no line end,
//! since it was one line.

use serde::{Deserialize, Serialize};

use crate::base::{Sha256, Timestamp};
use crate::event;

/// Name and version of the form.
const FORM: &[u8] = b"sk-sync-spool-1";

/// Bytes that a disk writes as a whole, at least.
const SECTOR: usize = 512;

/// What happens to a line. Decided at capture, by the rule that applied then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate<'a> {
    /// It is captured.
    Keep,
    /// It is captured, on hold for this reason.
    Hold(&'a str),
    /// It is discarded, with an audit row; a [`Dropped`] replaces the envelope.
    Audit,
}

/// A captured event that waits for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spooled<'a> {
    /// When it was captured.
    pub(crate) captured_at: Timestamp,
    /// Producer; one word.
    pub(crate) origin: &'a str,
    /// What happens to it.
    pub(crate) fate: Fate<'a>,
    /// The envelope bytes, without the line end.
    pub(crate) envelope: &'a [u8],
}

/// Content of the audit row of an event discarded by opting out; its payload is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dropped {
    /// The id, verbatim.
    pub(crate) event_id: String,
    /// The type.
    pub(crate) event_type: String,
    /// Digest of the payload, in hex.
    pub(crate) sha256: String,
}

/// Why a line cannot be absorbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is shorter than it states, or parts of it never reached the disk: its writer ended, the
    /// disk was full, or the power was cut before it was acknowledged.
    Torn,
    /// It was changed after writing, or has a form that this version does not know.
    Garbled,
}

/// Appends `line` to `out`, with its line end.
pub(super) fn encode(line: &Spooled<'_>, out: &mut Vec<u8>) {
    let fate = match line.fate {
        Fate::Keep => "keep".to_owned(),
        Fate::Hold(reason) => format!("held:{reason}"),
        Fate::Audit => "audit".to_owned(),
    };
    let said = format!(
        "{} {} {} {fate} ",
        line.envelope.len(),
        line.captured_at.as_micros(),
        line.origin
    );
    let digest = Sha256::of_parts(&[said.as_bytes(), line.envelope]).to_string();
    for part in [
        FORM,
        b" ",
        digest.as_bytes(),
        b" ",
        said.as_bytes(),
        line.envelope,
        b"\n",
    ] {
        out.extend_from_slice(part);
    }
}

/// Reads a line without its line end. A line that it accepts was written exactly so.
pub(crate) fn decode(line: &[u8]) -> Result<Spooled<'_>, Flaw> {
    if has_lost_parts(line) {
        Err(Flaw::Torn)
    } else {
        decode_written(line)
    }
}

/// True for a line of this form with parts that a power cut kept from the disk, which read as
/// zeros: at one of its ends, or whole sectors. A changed byte inside the line is something else.
fn has_lost_parts(line: &[u8]) -> bool {
    let Some(end) = line.iter().position(|byte| *byte == 0) else {
        return false;
    };
    let written = line.get(..end).unwrap_or_default();
    let is_ours = FORM.starts_with(written) || written.starts_with(FORM);
    is_ours
        && (end == 0
            || line.last() == Some(&0)
            || line
                .windows(SECTOR)
                .any(|part| part.iter().all(|byte| *byte == 0)))
}

fn decode_written(line: &[u8]) -> Result<Spooled<'_>, Flaw> {
    let Some(rest) = line
        .strip_prefix(FORM)
        .and_then(|rest| rest.strip_prefix(b" "))
    else {
        return Err(if FORM.starts_with(line) {
            Flaw::Torn
        } else {
            Flaw::Garbled
        });
    };
    let mut fields = rest.splitn(2, |byte| *byte == b' ');
    let (Some(digest), Some(said)) = (fields.next(), fields.next()) else {
        return Err(Flaw::Torn);
    };
    let mut fields = said.splitn(5, |byte| *byte == b' ');
    let (Some(length), Some(at), Some(origin), Some(fate), Some(envelope)) = (
        fields.next(),
        fields.next(),
        fields.next(),
        fields.next(),
        fields.next(),
    ) else {
        return Err(Flaw::Torn);
    };
    let (stated, found) = (number(length), i64::try_from(envelope.len()).ok());
    if stated.is_some_and(|stated| found.is_some_and(|found| found < stated)) {
        return Err(Flaw::Torn);
    }
    if Sha256::of(said).to_string().as_bytes() != digest || stated != found {
        return Err(Flaw::Garbled);
    }
    let line = (|| {
        let captured_at = Timestamp::from_micros(number(at)?);
        let (origin, fate) = (
            std::str::from_utf8(origin).ok()?,
            std::str::from_utf8(fate).ok()?,
        );
        let fate = match (fate, fate.strip_prefix("held:")) {
            ("keep", _) => Fate::Keep,
            ("audit", _) => Fate::Audit,
            (_, reason) => Fate::Hold(reason?),
        };
        Some(Spooled {
            captured_at,
            origin,
            fate,
            envelope,
        })
    })();
    line.filter(Spooled::is_understood).ok_or(Flaw::Garbled)
}

impl Spooled<'_> {
    /// True if the store can absorb it.
    fn is_understood(&self) -> bool {
        match self.fate {
            Fate::Audit => self.dropped().is_some(),
            Fate::Keep | Fate::Hold(_) => event::inspect(self.envelope).is_ok(),
        }
    }

    /// Content of the audit row, if the line is for the audit.
    pub(crate) fn dropped(&self) -> Option<(Dropped, Sha256)> {
        let dropped: Dropped = serde_json::from_slice(self.envelope).ok()?;
        let sha256 = Sha256::from_hex(&dropped.sha256)?;
        Some((dropped, sha256))
    }
}

/// A number in the one spelling that is written.
fn number(field: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(field).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == field).then_some(number)
}

/// A line of this content, with its digest.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn sealed(content: &[u8]) -> Vec<u8> {
    [
        FORM,
        b" ",
        Sha256::of(content).to_string().as_bytes(),
        b" ",
        content,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fate: Fate<'_>, envelope: &[u8]) -> Vec<u8> {
        let captured_at = Timestamp::from_micros(1_770_890_400_000_000);
        let mut out = Vec::new();
        encode(
            &Spooled {
                captured_at,
                origin: "capture",
                fate,
                envelope,
            },
            &mut out,
        );
        assert_eq!(out.pop(), Some(b'\n'));
        out
    }

    const ENVELOPE: &[u8] = br#"{"event_id": "a b",  "x":NaN}"#;

    #[test]
    fn the_form_is_for_good() {
        let text = String::from_utf8(line(Fate::Hold("opted_out"), ENVELOPE)).unwrap();
        insta::assert_snapshot!(text, @r#"sk-sync-spool-1 4e0636db47fbbca5b24be9c696c054701d68588fc40a68a0ebda4d833fa5c797 29 1770890400000000 capture held:opted_out {"event_id": "a b",  "x":NaN}"#);
    }

    #[test]
    fn a_line_comes_back_as_it_was() {
        let dropped = serde_json::to_vec(&Dropped {
            event_id: "a".to_owned(),
            event_type: "T".to_owned(),
            sha256: Sha256::of(b"x").to_string(),
        })
        .unwrap();
        for (fate, envelope) in [
            (Fate::Keep, ENVELOPE),
            (Fate::Hold("local_only"), b"{\"event_id\":\"\\u0000\"}\r"),
            (Fate::Audit, &dropped),
        ] {
            let bytes = line(fate, envelope);
            let back = decode(&bytes).unwrap();
            assert_eq!(
                (back.fate, back.envelope, back.origin),
                (fate, envelope, "capture")
            );
        }
        assert_eq!(
            decode(&line(Fate::Audit, &dropped))
                .unwrap()
                .dropped()
                .unwrap()
                .1,
            Sha256::of(b"x")
        );
    }

    #[test]
    fn every_cut_is_torn_and_every_changed_bit_is_garbled_or_torn() {
        let whole = line(Fate::Keep, ENVELOPE);
        for at in 0..whole.len() {
            assert_eq!(decode(&whole[..at]), Err(Flaw::Torn), "cut at {at}");
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                let flaw = decode(&changed).unwrap_err();
                // Only before the envelope can a changed byte look like truncation.
                assert!(
                    flaw == Flaw::Garbled || at < whole.len() - ENVELOPE.len(),
                    "bit {bit} of byte {at}"
                );
            }
        }
    }

    /// A power cut leaves zeros where a part of the line did not reach the disk.
    #[test]
    fn zeros_in_a_line_are_torn() {
        let long = format!(
            "{{\"event_id\":\"a\",\"x\":\"{}\"}}",
            "x".repeat(2 * SECTOR)
        );
        let whole = line(Fate::Keep, long.as_bytes());
        let lost = |from: usize, to: usize| {
            let mut lost = whole.clone();
            lost[from..to].fill(0);
            decode(&lost).map(|_| ()).unwrap_err()
        };
        for at in 0..whole.len() {
            assert_eq!(lost(0, at + 1), Flaw::Torn, "the first {at}");
            assert_eq!(lost(at, whole.len()), Flaw::Torn, "from {at}");
        }
        for from in 1..whole.len() - SECTOR {
            assert_eq!(
                lost(from, from + SECTOR),
                Flaw::Torn,
                "a sector from {from}"
            );
        }
        assert_eq!(lost(300, 301), Flaw::Garbled, "a changed byte");
        assert_eq!(
            decode(b"x\0y"),
            Err(Flaw::Garbled),
            "not a line of this form"
        );
    }

    #[test]
    fn what_is_whole_and_not_understood_is_garbled() {
        for (fate, envelope) in [
            (Fate::Keep, &b"[1]"[..]),
            (Fate::Audit, b"{}"),
            (Fate::Keep, b""),
        ] {
            assert_eq!(
                decode(&line(fate, envelope)),
                Err(Flaw::Garbled),
                "{envelope:?}"
            );
        }
        let newer = [b"sk-sync-spool-2 ", &line(Fate::Keep, ENVELOPE)[16..]].concat();
        assert_eq!(decode(&newer), Err(Flaw::Garbled));
        let longer = [&line(Fate::Keep, ENVELOPE)[..], b"}"].concat();
        assert_eq!(decode(&longer), Err(Flaw::Garbled));
        assert_eq!(decode(b"x"), Err(Flaw::Garbled));
        for said in [
            "15 5 capture keep {\"event_id\":\"a\"}",
            "+16 5 capture keep {\"event_id\":\"a\"}",
        ] {
            assert_eq!(
                decode(&sealed(said.as_bytes())),
                Err(Flaw::Garbled),
                "sealed by a stranger: {said}"
            );
        }
    }
}
