//! The content of one request: events in order, spliced from the stored bytes.

use crate::base::Sha256;
use crate::event::BatchForm;

/// Upper limits of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Events.
    pub(crate) events: usize,
    /// Bytes of the uncompressed body.
    pub(crate) bytes: usize,
}

/// One event of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its journal row.
    pub(crate) seq: i64,
    /// Its id, verbatim.
    pub(crate) event_id: String,
}

/// A request about to be sent; its attempt is on disk.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// The attempt's row.
    pub(crate) attempt: i64,
    /// Sent with every try of this attempt.
    pub(crate) idempotency_key: String,
    /// The events, in sending order.
    pub(crate) items: Vec<Item>,
    /// The uncompressed body.
    pub(crate) body: Vec<u8>,
    /// Number of earlier tries whose result is unknown.
    pub(crate) unknown_ends: u32,
    /// The receiver may have its events from an earlier sending.
    pub(crate) is_in_doubt: bool,
}

/// Joins events into a body, in order, while they fit.
#[derive(Debug)]
pub(super) struct Packer {
    limits: Limits,
    form: BatchForm,
    body: Vec<u8>,
    count: usize,
}

impl Packer {
    pub(super) fn new(limits: Limits, form: BatchForm) -> Self {
        Self {
            limits,
            form,
            body: form.brackets().0.as_bytes().to_vec(),
            count: 0,
        }
    }

    /// Adds an event, preceded by `head`, if it fits. The first event always fits: the receiver
    /// decides about an event that is too large for a request alone.
    pub(super) fn push(&mut self, head: &str, event: &[u8]) -> bool {
        let tail = self.form.tail();
        let added = usize::from(self.count > 0) + head.len() + event.len() + tail.len();
        let size = self.body.len() + added + self.form.brackets().1.len();
        if self.count > 0 && (self.count >= self.limits.events || size > self.limits.bytes) {
            return false;
        }
        if self.count > 0 {
            self.body.push(b',');
        }
        for part in [head.as_bytes(), event, tail.as_bytes()] {
            self.body.extend_from_slice(part);
        }
        self.count += 1;
        true
    }

    /// The finished body and its digest.
    pub(super) fn finish(mut self) -> (Vec<u8>, Sha256) {
        self.body
            .extend_from_slice(self.form.brackets().1.as_bytes());
        let digest = Sha256::of(&self.body);
        (self.body, digest)
    }
}

/// Journal rows as text: `1-5,9`. `seqs` must ascend.
pub(super) fn ranges(seqs: impl IntoIterator<Item = i64>) -> String {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for seq in seqs {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == seq => *last = seq,
            _ => spans.push((seq, seq)),
        }
    }
    let words: Vec<String> = spans
        .iter()
        .map(|(a, b)| {
            if a == b {
                a.to_string()
            } else {
                format!("{a}-{b}")
            }
        })
        .collect();
    words.join(",")
}

/// The journal rows that [`ranges`] wrote; `None` for any other text.
pub(super) fn parse_ranges(text: &str) -> Option<Vec<i64>> {
    let mut seqs = Vec::new();
    for word in text.split(',') {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last): (i64, i64) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last - first > 1_000_000 {
            return None;
        }
        seqs.extend(first..=last);
    }
    Some(seqs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_packed_to_the_exact_byte() {
        let limits = Limits {
            events: 10,
            bytes: "{\"events\":[{},{}]}".len(),
        };
        let mut packer = Packer::new(limits, BatchForm::Plain);
        assert!(packer.push("", b"{}") && packer.push("", b"{}") && !packer.push("", b"{}"));
        assert_eq!(packer.finish().0, b"{\"events\":[{},{}]}");
        let mut tight = Packer::new(
            Limits {
                bytes: limits.bytes - 1,
                ..limits
            },
            BatchForm::Plain,
        );
        assert!(tight.push("", b"{}") && !tight.push("", b"{}"));
    }

    #[test]
    fn what_goes_around_an_event_counts_as_well() {
        let whole = r#"[{"data":{}},{"data":{}}]"#;
        for (bytes, fits) in [(whole.len(), true), (whole.len() - 1, false)] {
            let mut packer = Packer::new(Limits { events: 10, bytes }, BatchForm::CloudEvents);
            assert!(packer.push(r#"{"data":"#, b"{}"));
            assert_eq!(packer.push(r#"{"data":"#, b"{}"), fits);
            if fits {
                assert_eq!(packer.finish().0, whole.as_bytes());
            }
        }
    }

    #[test]
    fn the_count_is_a_limit_too_and_one_event_always_fits() {
        let mut packer = Packer::new(
            Limits {
                events: 1,
                bytes: 3,
            },
            BatchForm::Plain,
        );
        assert!(packer.push("", b"{\"a\":1}") && !packer.push("", b"{}"));
    }

    #[test]
    fn ranges_survive_a_round_trip() {
        for seqs in [vec![1], vec![1, 2, 3], vec![1, 3, 4, 9], vec![7, 8]] {
            assert_eq!(parse_ranges(&ranges(seqs.iter().copied())), Some(seqs));
        }
        assert_eq!(ranges([1, 2, 3, 9]), "1-3,9");
        for bad in ["", "a", "3-1", "1-", "1-99999999999"] {
            assert_eq!(parse_ranges(bad), None, "{bad}");
        }
    }
}
