//! Reading a stream of envelopes ahead of the store: while one batch is being made durable, the
//! next is read and parsed. Memory holds a few pieces, for a stream of any length.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde_json::value::RawValue;

use crate::base::Interrupt;
use crate::event::{self, Inspection, NotAnEvent};

/// The longest line that is parsed as an envelope, in bytes.
const LONGEST_LINE: u64 = 64 << 20;
/// A piece is passed on with this many lines or bytes, or when the input has nothing more at the
/// moment.
const PIECE_LINES: usize = 256;
const PIECE_BYTES: usize = 1 << 20;
/// Number of pieces that may wait for the store.
const PIECES: usize = 4;
/// A batch is closed with this many bytes, even if it has few lines.
const BATCH_BYTES: usize = 16 << 20;
/// How often a stop is checked for while the input is silent.
const GLANCE: Duration = Duration::from_millis(50);
/// A batch is closed after this many silent polls: lines of a slow producer must not wait for a
/// full batch.
const SILENT_GLANCES: u32 = 20;

/// Byte-order mark, dropped at the start of the input.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Reason for rejecting an object without a type: no receiver accepts it.
const NO_TYPE: &str = "the object has no `event_type`, so it is not an event; lines of a mission's log \
                       (status.events.jsonl) are captured by `sk-sync run`";

/// A parsed line.
#[derive(Debug)]
pub(super) enum Examined {
    /// It can be captured.
    Candidate(Candidate),
    /// It is rejected.
    Refused {
        /// Its number, from 1.
        line: u64,
        /// The event's id, if the line has one.
        event_id: Option<String>,
        /// The reason.
        reason: String,
    },
}

/// An envelope to be captured.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The number of its line, from 1.
    pub(super) line: u64,
    /// The envelope bytes, without the line end.
    pub(super) bytes: Vec<u8>,
    /// The fields of the envelope.
    pub(super) inspection: Inspection,
    /// How it breaks the contract, for people; `None` if it does not.
    pub(super) oddity: Option<String>,
}

/// The input for one transaction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The lines, in order.
    pub(super) lines: Vec<Examined>,
    /// Why no batch follows; `None` if one may.
    pub(super) end: Option<End>,
}

/// Why a stream ended.
#[derive(Debug)]
pub(super) enum End {
    /// Its end was reached.
    Finished,
    /// A stop was requested.
    Interrupted,
    /// Reading failed.
    Failed(std::io::Error),
}

/// The stream, read by a separate thread.
#[derive(Debug)]
pub(super) struct Intake {
    pieces: Receiver<Piece>,
    waiting: std::collections::VecDeque<(usize, Examined)>,
    end: Option<End>,
}

/// Lines with their lengths in bytes, or the error that ended the stream.
type Piece = Result<Vec<(usize, Examined)>, std::io::Error>;

impl Intake {
    /// Starts reading `input`.
    pub(super) fn start(input: Box<dyn Read + Send>) -> Self {
        let (sender, pieces) = sync_channel(PIECES);
        // The thread is not joined: a read that never returns must not block a stopped command.
        std::thread::spawn(move || read_all(input, &sender));
        Self {
            pieces,
            waiting: std::collections::VecDeque::new(),
            end: None,
        }
    }

    /// The next batch: at most `most` lines, fewer if they are long, if the input is silent for a
    /// while, ends, or a stop was requested.
    pub(super) fn next(&mut self, most: usize, interrupt: &Interrupt) -> Batch {
        let mut batch = Batch::default();
        let (mut bytes, mut silent) = (0, 0);
        loop {
            while batch.lines.len() < most
                && bytes < BATCH_BYTES
                && let Some((length, line)) = self.waiting.pop_front()
            {
                bytes += length;
                batch.lines.push(line);
            }
            if batch.lines.len() >= most || bytes >= BATCH_BYTES {
                return batch;
            }
            if self.end.is_some() {
                batch.end = self.end.take();
                return batch;
            }
            match self.pieces.recv_timeout(GLANCE) {
                Ok(Ok(piece)) => {
                    self.waiting.extend(piece);
                    silent = 0;
                }
                Ok(Err(error)) => self.end = Some(End::Failed(error)),
                Err(RecvTimeoutError::Disconnected) => self.end = Some(End::Finished),
                Err(RecvTimeoutError::Timeout) => silent += 1,
            }
            if interrupt.is_requested() {
                self.end.get_or_insert(End::Interrupted);
            }
            if silent >= SILENT_GLANCES && !batch.lines.is_empty() {
                return batch;
            }
        }
    }
}

/// Reads until the end of the input, or until the receiving side is dropped.
fn read_all(input: Box<dyn Read + Send>, pieces: &SyncSender<Piece>) {
    let mut input = BufReader::with_capacity(256 << 10, input);
    let (mut piece, mut bytes, mut number) = (Vec::new(), 0, 0);
    loop {
        match read_line(&mut input) {
            Ok(Some(line)) => {
                number += 1;
                let length = if let Line::Whole(bytes) = &line {
                    bytes.len()
                } else {
                    0
                };
                bytes += length;
                piece.extend(examine(number, line).into_iter().map(|line| (length, line)));
            }
            Ok(None) => {
                let _ = pieces.send(Ok(piece));
                return;
            }
            Err(error) => {
                let _ = pieces
                    .send(Ok(piece))
                    .and_then(|()| pieces.send(Err(error)));
                return;
            }
        }
        if piece.len() >= PIECE_LINES || bytes >= PIECE_BYTES || !input.buffer().contains(&b'\n') {
            bytes = 0;
            if pieces.send(Ok(std::mem::take(&mut piece))).is_err() {
                return;
            }
        }
    }
}

/// Parses and checks a line: no result for a blank line, several for a line in which a merge joined
/// several objects. Checks for delivery are not made here.
fn examine(line: u64, read: Line) -> Vec<Examined> {
    let Line::Whole(mut bytes) = read else {
        let reason = format!("the line is longer than {} MiB", LONGEST_LINE >> 20);
        return vec![Examined::Refused {
            line,
            event_id: None,
            reason,
        }];
    };
    if line == 1 && bytes.starts_with(BOM) {
        bytes.drain(..BOM.len());
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Vec::new();
    }
    match event::inspect(&bytes) {
        Ok(inspection) => vec![candidate(line, bytes, inspection)],
        Err(why) => {
            let objects = if why == NotAnEvent::NotJson {
                joined(&bytes)
            } else {
                Vec::new()
            };
            if objects.is_empty() {
                return vec![Examined::Refused {
                    line,
                    event_id: None,
                    reason: why.to_string(),
                }];
            }
            let one = |object: Vec<u8>| match event::inspect(&object) {
                Ok(inspection) => candidate(line, object, inspection),
                Err(why) => Examined::Refused {
                    line,
                    event_id: None,
                    reason: why.to_string(),
                },
            };
            objects.into_iter().map(one).collect()
        }
    }
}

/// The objects of a line that contains only complete objects; empty for any other line.
fn joined(line: &[u8]) -> Vec<Vec<u8>> {
    let values = serde_json::Deserializer::from_slice(line).into_iter::<&RawValue>();
    let objects = values.map(|value| value.ok().filter(|value| value.get().starts_with('{')));
    objects
        .map(|object| object.map(|object| object.get().as_bytes().to_vec()))
        .collect::<Option<_>>()
        .unwrap_or_default()
}

fn candidate(line: u64, bytes: Vec<u8>, inspection: Inspection) -> Examined {
    if inspection.event_type.is_empty() {
        return Examined::Refused {
            line,
            event_id: Some(inspection.event_id),
            reason: NO_TYPE.to_owned(),
        };
    }
    let oddity = if inspection.is_strict {
        let words: Vec<String> = inspection
            .violations
            .iter()
            .take(5)
            .map(ToString::to_string)
            .collect();
        (!words.is_empty()).then(|| format!("contract: {}", words.join("; ")))
    } else {
        Some("contract: not strict JSON, so it cannot be sent".to_owned())
    };
    Examined::Candidate(Candidate {
        line,
        bytes,
        inspection,
        oddity,
    })
}

/// A line without its line end.
enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// The next line; `None` at the end of the stream. The rest of a line that is too long is skipped.
fn read_line(input: &mut BufReader<Box<dyn Read + Send>>) -> std::io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    if input
        .by_ref()
        .take(LONGEST_LINE + 1)
        .read_until(b'\n', &mut bytes)?
        == 0
    {
        return Ok(None);
    }
    let is_complete = bytes.last() == Some(&b'\n');
    if !is_complete && bytes.len() as u64 > LONGEST_LINE {
        input.skip_until(b'\n')?;
        return Ok(Some(Line::TooLong));
    }
    if is_complete {
        bytes.pop();
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(Line::Whole(bytes)))
}
