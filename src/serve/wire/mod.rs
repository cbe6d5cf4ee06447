//! Between bytes and values: what requests say, and what answers say.
//!
//! ```text
//!  intake  a body, unpacked and bounded      batch   text -> events and refusals (entry: one of them)
//!  upload  text -> one document              answer  every status and JSON body
//!  flow    an answer piece by piece          tagged  an answer that is not sent twice
//! ```

pub(super) mod answer;
pub(super) mod batch;
mod entry;
pub(super) mod flow;
pub(super) mod intake;
pub(super) mod tagged;
pub(super) mod upload;
