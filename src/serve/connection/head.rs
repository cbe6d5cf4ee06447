//! Watches the head of each request as its bytes arrive: that it ends, and that it states one
//! length for the body. Pure.

/// The longest head of a request: request line and headers.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// The bytes of one head so far.
#[derive(Debug, Default)]
pub(in crate::serve) struct Head {
    bytes: Vec<u8>,
}

/// What a head says about itself once more of it has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Progress {
    /// Nothing but the empty lines that may come before a request.
    Nothing,
    /// The head has begun and goes on.
    Partial,
    /// The head is complete. `states_two_lengths`: it has both `Content-Length` and
    /// `Transfer-Encoding`, so that two programs can disagree where the request ends.
    Complete { states_two_lengths: bool },
    /// No end within [`MAX_HEAD_BYTES`].
    TooLong,
}

impl Head {
    /// Takes the next bytes of a connection. Bytes after the end of the head are ignored.
    pub(in crate::serve) fn take(&mut self, bytes: &[u8]) -> Progress {
        let is_first = self.bytes.is_empty();
        let begin = if is_first {
            bytes
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count()
        } else {
            0
        };
        // The end can lie across two reads: look again at the last bytes of the one before.
        let from = self.bytes.len().saturating_sub(3);
        let room = MAX_HEAD_BYTES.saturating_sub(self.bytes.len());
        self.bytes.extend(bytes[begin..].iter().take(room));
        if let Some(end) = end(&self.bytes[from..]) {
            let states_two_lengths = states_two_lengths(&self.bytes[..from + end]);
            self.bytes = Vec::new();
            return Progress::Complete { states_two_lengths };
        }
        match self.bytes.len() {
            0 => Progress::Nothing,
            MAX_HEAD_BYTES.. => Progress::TooLong,
            _ => Progress::Partial,
        }
    }
}

/// Where an empty line ends the head. Lines may end with `\n` alone, as HTTP parsers accept it.
fn end(bytes: &[u8]) -> Option<usize> {
    let ends = |at: usize| bytes[at..].starts_with(b"\n\n") || bytes[at..].starts_with(b"\n\r\n");
    (0..bytes.len()).find(|at| ends(*at))
}

fn states_two_lengths(head: &[u8]) -> bool {
    let names = |wanted: &str| {
        head.split(|byte| *byte == b'\n').any(|line| {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            name.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes())
        })
    };
    names("content-length") && names("transfer-encoding")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &str = "POST / HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

    #[test]
    fn two_lengths_are_seen_however_the_bytes_arrive() {
        for size in 1..BOTH.len() {
            let mut head = Head::default();
            let last = BOTH
                .as_bytes()
                .chunks(size)
                .map(|bytes| head.take(bytes))
                .find(|seen| *seen != Progress::Partial);
            assert_eq!(
                last,
                Some(Progress::Complete {
                    states_two_lengths: true
                }),
                "{size}"
            );
        }
        let bare = BOTH.replace("\r\n", "\n");
        assert_eq!(
            Head::default().take(bare.as_bytes()),
            Progress::Complete {
                states_two_lengths: true
            }
        );
    }

    #[test]
    fn a_body_is_not_part_of_the_head() {
        let text = "\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 40\r\n\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(
            Head::default().take(text.as_bytes()),
            Progress::Complete {
                states_two_lengths: false
            }
        );
    }

    #[test]
    fn a_head_without_an_end_is_too_long() {
        let mut head = Head::default();
        assert_eq!(head.take(b"\r\n"), Progress::Nothing);
        assert_eq!(head.take(b"GET /"), Progress::Partial);
        assert_eq!(head.take(&vec![b'a'; 1 << 20]), Progress::TooLong);
    }
}
