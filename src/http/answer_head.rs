//! Responses with very many headers. The HTTP library rejects more than 128 as if there were no
//! response; a proxy or a debug build of a server may send them. Below the library, this module
//! removes header lines that are not read here.

use std::collections::VecDeque;
use std::io::Read as _;

use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

/// Most header lines that are passed on.
const LINES: usize = 100;
/// The longest head that is examined, in bytes; the library rejects longer ones.
const LONGEST: usize = 1 << 20;
/// Headers that the library or this program reads; never removed.
const READ: [&str; 8] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "location",
    "retry-after",
    "transfer-encoding",
    "x-request-id",
];

/// A head with at most [`LINES`] header lines: those that are read, and the first of the others.
fn shortened(head: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = head.split_inclusive(|byte| *byte == b'\n').collect();
    // The status line and the empty line are not headers.
    let Some(mut spare) = lines
        .len()
        .checked_sub(2)
        .filter(|headers| *headers > LINES)
        .map(|_| LINES)
    else {
        return head.to_vec();
    };
    let is_read = |line: &[u8]| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        READ.iter()
            .any(|read| name.eq_ignore_ascii_case(read.as_bytes()))
    };
    spare -= lines.iter().filter(|line| is_read(line)).count().min(spare);
    let mut kept = Vec::with_capacity(head.len());
    let (mut is_first, mut is_kept) = (true, true);
    for line in lines {
        let is_end = line.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        // A line that begins with a blank continues the one before it.
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            is_kept = is_first || is_end || is_read(line) || spare > 0;
            spare -= usize::from(is_kept && !is_first && !is_end && !is_read(line));
        }
        if is_kept {
            kept.extend_from_slice(line);
        }
        is_first = false;
    }
    kept
}

/// Bytes from a server, with shortened heads.
#[derive(Debug, Default)]
struct Answers {
    /// Bytes of an incomplete head.
    head: Vec<u8>,
    /// True while the next bytes belong to a head.
    is_head: bool,
    /// Bytes that may be read.
    ready: VecDeque<u8>,
}

impl Answers {
    /// A request is sent: the next bytes are the head of its response.
    fn asked(&mut self) {
        self.is_head = true;
    }

    /// Adds received bytes.
    fn take(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while self.is_head && !rest.is_empty() {
            let line = rest
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(line);
            self.head.extend_from_slice(line);
            rest = after;
            if self.head.len() > LONGEST {
                self.is_head = false;
                self.ready.extend(std::mem::take(&mut self.head));
            } else if self.head.ends_with(b"\n\r\n") || self.head.ends_with(b"\n\n") {
                let head = std::mem::take(&mut self.head);
                // An interim response (100, 103) is followed by another head.
                let status = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
                self.is_head = status.starts_with(b"1") && status != b"101";
                self.ready.extend(shortened(&head));
            }
        }
        self.ready.extend(rest);
    }

    /// The connection ended: an incomplete head is passed on unchanged.
    fn end(&mut self) {
        self.ready.extend(std::mem::take(&mut self.head));
    }
}

/// The readable bytes of a connection on which these pieces arrive, in order, after one request.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn passed_on<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut answers = Answers::default();
    answers.asked();
    pieces.into_iter().for_each(|piece| answers.take(piece));
    answers.end();
    answers.ready.into()
}

/// A connection that limits the headers of its responses.
#[derive(Debug)]
pub(super) struct AnswerHeads {
    inner: Box<dyn Transport>,
    buffers: LazyBuffers,
    answers: Answers,
    /// True for a connection through a proxy, which is a tunnel to the server: its bytes are not
    /// HTTP.
    is_tunnel: bool,
}

impl AnswerHeads {
    /// The connection `inner`, with buffers of these sizes.
    pub(super) fn of(inner: Box<dyn Transport>, input: usize, output: usize) -> Self {
        Self {
            inner,
            buffers: LazyBuffers::new(input, output),
            answers: Answers::default(),
            is_tunnel: false,
        }
    }
}

impl Transport for AnswerHeads {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let mut rest = self.buffers.output().get(..amount).unwrap_or_default();
        self.is_tunnel |= rest.starts_with(b"CONNECT ");
        if !self.is_tunnel {
            self.answers.asked();
        }
        while !rest.is_empty() {
            let room = self.inner.buffers().output();
            let (now, later) = rest.split_at(rest.len().min(room.len()));
            room.get_mut(..now.len())
                .unwrap_or_default()
                .copy_from_slice(now);
            self.inner.transmit_output(now.len(), timeout)?;
            rest = later;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let mut has_come = true;
        if self.answers.ready.is_empty() {
            // The library computes every wait from the remaining time: a part of a head counts as
            // progress.
            has_come = self.inner.await_input(timeout)?;
            if has_come {
                let came = self.inner.buffers().input();
                let amount = came.len();
                self.answers.take(came);
                self.inner.buffers().input_consume(amount);
            } else {
                self.answers.end();
            }
        }
        let amount = self.answers.ready.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(has_come || amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // Unrequested bytes must not be taken for the next response.
        self.answers.ready.is_empty() && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: usize) -> String {
        let many = (0..headers)
            .map(|n| format!("X-H{n}: v\r\n"))
            .collect::<Vec<_>>()
            .concat();
        format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 2\r\nRetry-After: 7\r\n\r\n")
    }

    fn read(pieces: &[&[u8]]) -> String {
        String::from_utf8(passed_on(pieces.iter().copied())).unwrap()
    }

    #[test]
    fn few_headers_stay_as_they_are() {
        for text in [head(0), head(98), "HTTP/1.1 204 No\n\n".to_owned()] {
            assert_eq!(read(&[text.as_bytes(), b"{}"]), text.clone() + "{}");
        }
    }

    #[test]
    fn of_many_headers_those_stay_that_are_read() {
        for count in [99, 150, 5000] {
            let short = read(&[head(count).as_bytes(), b"{}"]);
            assert_eq!(
                short.lines().filter(|line| line.contains(':')).count(),
                LINES,
                "{short}"
            );
            assert!(
                short.starts_with("HTTP/1.1 200 OK\r\nX-H0: v\r\n"),
                "{short}"
            );
            assert!(
                short.ends_with("Content-Length: 2\r\nRetry-After: 7\r\n\r\n{}"),
                "{short}"
            );
        }
        let folded = head(150).replace(
            "X-H149: v\r\n",
            "X-H149: v\r\n Content-Length: 9\r\n\tmore\r\n",
        );
        let short = read(&[folded.as_bytes()]);
        assert!(
            !short.contains("Content-Length: 9") && short.contains("Content-Length: 2"),
            "{short}"
        );
    }

    #[test]
    fn pieces_interim_answers_and_bodies_are_told_apart() {
        let whole = format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n{}\r\n\r\nX: y",
            head(200)
        );
        let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
        let short = read(&bytes);
        assert_eq!(short, read(&[whole.as_bytes()]));
        assert!(
            short.starts_with(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200"
            ),
            "{short}"
        );
        assert!(
            short.ends_with("Retry-After: 7\r\n\r\n\r\n\r\nX: y"),
            "{short}"
        );
        let endless = vec![b'a'; LONGEST + 9];
        assert_eq!(read(&[&endless]).len(), endless.len());
    }
}
