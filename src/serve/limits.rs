//! What requests may hold.

use serde_json::{Value, json};

/// The most bytes of one body's text.
pub(super) const MAX_BODY_BYTES: usize = 512 << 10;

/// What a batch may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) max_events: usize,
    pub(super) max_bytes: usize,
}

impl Limits {
    /// The limits in the words of the wire.
    pub(super) fn to_json(self) -> Value {
        json!({"max_events_per_batch": self.max_events, "max_decompressed_bytes_per_batch": self.max_bytes})
    }
}
