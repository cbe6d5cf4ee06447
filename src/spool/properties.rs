//! Properties of the spool's lines.

use super::line::{Fate, Flaw, Spooled, decode, encode, sealed};
use crate::base::Timestamp;
use crate::event;

/// A line that is accepted was written exactly so, also if its digest was computed by a stranger.
/// An event survives the way into a line and back, and a line that is cut is not accepted.
pub(crate) fn spool_line(bytes: &[u8]) {
    for line in [bytes.to_vec(), sealed(bytes)] {
        let Ok(read) = decode(&line) else { continue };
        assert_eq!(
            String::from_utf8_lossy(&written(&read)),
            String::from_utf8_lossy(&line)
        );
    }
    if event::inspect(bytes).is_err() {
        return;
    }
    for fate in [Fate::Keep, Fate::Hold("opted_out")] {
        let spooled = Spooled {
            captured_at: Timestamp::from_micros(-1),
            origin: "capture",
            fate,
            envelope: bytes,
        };
        let line = written(&spooled);
        assert_eq!(decode(&line), Ok(spooled));
        let cut = bytes
            .first()
            .map_or(0, |byte| usize::from(*byte) * line.len() / 256);
        assert_eq!(decode(&line[..cut]), Err(Flaw::Torn), "cut at {cut}");
    }
}

/// The line without its line end.
fn written(line: &Spooled<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode(line, &mut out);
    assert_eq!(out.pop(), Some(b'\n'));
    out
}
