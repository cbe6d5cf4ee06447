//! Long texts in an S3-compatible object store. A text is there before the row that names it, and
//! never changes.

mod address;
mod objects;

pub(crate) use address::{Keys, ObjectStore};
pub(super) use objects::Blobs;

/// Shorter texts stay in the database: a request to the object store costs more than they do.
pub(super) const INLINE_BYTES: usize = 16 << 10;
