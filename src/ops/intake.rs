//! Reading a stream of envelopes ahead of the store: while one batch is being made durable, the next is read and looked
//! at. Memory holds a few pieces, however long the stream is.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde_json::value::RawValue;

use crate::base::Interrupt;
use crate::event::{self, Inspection, NotAnEvent};

/// The longest line that is read as an envelope, in bytes.
const LONGEST_LINE: u64 = 64 << 20;
/// A piece goes on its way with this many lines or bytes, or when the input has nothing more at the moment.
const PIECE_LINES: usize = 256;
const PIECE_BYTES: usize = 1 << 20;
/// Pieces waiting for the store.
const PIECES: usize = 4;
/// A batch is closed with this many bytes, however few lines they are.
const BATCH_BYTES: usize = 16 << 20;
/// How often a stop is looked for while the input is silent.
const GLANCE: Duration = Duration::from_millis(50);
/// A batch is closed after this many silent glances: a slow producer's lines must not wait for the batch to fill.
const SILENT_GLANCES: u32 = 20;

/// Dropped at the start of the input.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Why an object without a type is refused: no receiver takes it.
const NO_TYPE: &str = "the object has no `event_type`, so it is not an event; lines of a mission's log \
                       (status.events.jsonl) are captured by `sk-sync run`";

/// A line, looked at.
#[derive(Debug)]
pub(super) enum Examined {
    /// It can be captured.
    Candidate(Candidate),
    /// It cannot.
    Refused {
        /// Its number, from 1.
        line: u64,
        /// The event's id, when the line has one.
        event_id: Option<String>,
        /// Why not.
        reason: String,
    },
}

/// An envelope on its way into a store.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The number of its line, from 1.
    pub(super) line: u64,
    /// The envelope as it came, without the end of its line.
    pub(super) bytes: Vec<u8>,
    /// What it says of itself.
    pub(super) inspection: Inspection,
    /// What breaks the contract, in words.
    pub(super) oddity: Option<String>,
}

/// What was read for one transaction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The lines, in order.
    pub(super) lines: Vec<Examined>,
    /// Why nothing comes after it.
    pub(super) end: Option<End>,
}

/// Why a stream ended.
#[derive(Debug)]
pub(super) enum End {
    /// Its end was reached.
    Finished,
    /// A stop was asked for.
    Interrupted,
    /// It could not be read further.
    Failed(std::io::Error),
}

/// The stream, read by a thread of its own.
#[derive(Debug)]
pub(super) struct Intake {
    pieces: Receiver<Piece>,
    waiting: std::collections::VecDeque<(usize, Examined)>,
    end: Option<End>,
}

/// Lines with their lengths in bytes, or why there are no more.
type Piece = Result<Vec<(usize, Examined)>, std::io::Error>;

impl Intake {
    /// Begins to read `input`.
    pub(super) fn start(input: Box<dyn Read + Send>) -> Self {
        let (sender, pieces) = sync_channel(PIECES);
        // The thread is not waited for: a read that never returns must not keep a stopped command.
        std::thread::spawn(move || read_all(input, &sender));
        Self { pieces, waiting: std::collections::VecDeque::new(), end: None }
    }

    /// The next batch: at most `most` lines, fewer where they are long, where the input is silent for a while, where it
    /// ends, or where a stop was asked for.
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

/// Reads to the end of the input, or until nobody wants the lines any more.
fn read_all(input: Box<dyn Read + Send>, pieces: &SyncSender<Piece>) {
    let mut input = BufReader::with_capacity(256 << 10, input);
    let (mut piece, mut bytes, mut number) = (Vec::new(), 0, 0);
    loop {
        match read_line(&mut input) {
            Ok(Some(line)) => {
                number += 1;
                let length = if let Line::Whole(bytes) = &line { bytes.len() } else { 0 };
                bytes += length;
                piece.extend(examine(number, line).into_iter().map(|line| (length, line)));
            }
            Ok(None) => {
                let _ = pieces.send(Ok(piece));
                return;
            }
            Err(error) => {
                let _ = pieces.send(Ok(piece)).and_then(|()| pieces.send(Err(error)));
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

/// Parses and checks a line: nothing for a blank one, and one result for each of several objects that a merge joined.
/// Gates are not asked.
fn examine(line: u64, read: Line) -> Vec<Examined> {
    let Line::Whole(mut bytes) = read else {
        let reason = format!("the line is longer than {} MiB", LONGEST_LINE >> 20);
        return vec![Examined::Refused { line, event_id: None, reason }];
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
            let objects = if why == NotAnEvent::NotJson { joined(&bytes) } else { Vec::new() };
            if objects.is_empty() {
                return vec![Examined::Refused { line, event_id: None, reason: why.to_string() }];
            }
            let one = |object: Vec<u8>| match event::inspect(&object) {
                Ok(inspection) => candidate(line, object, inspection),
                Err(why) => Examined::Refused { line, event_id: None, reason: why.to_string() },
            };
            objects.into_iter().map(one).collect()
        }
    }
}

/// The objects of a line that holds nothing but whole ones; none for any other line.
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
        return Examined::Refused { line, event_id: Some(inspection.event_id), reason: NO_TYPE.to_owned() };
    }
    let oddity = if inspection.is_strict {
        let words: Vec<String> = inspection.violations.iter().take(5).map(ToString::to_string).collect();
        (!words.is_empty()).then(|| format!("contract: {}", words.join("; ")))
    } else {
        Some("contract: not strict JSON, so it cannot be sent".to_owned())
    };
    Examined::Candidate(Candidate { line, bytes, inspection, oddity })
}

/// A line without its end.
enum Line {
    Whole(Vec<u8>),
    TooLong,
}

/// The next line; `None` at the end of the stream. Of a line that is too long, the rest is passed over.
fn read_line(input: &mut BufReader<Box<dyn Read + Send>>) -> std::io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    if input.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut bytes)? == 0 {
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
