//! What clients, operators and probes ask over HTTP; pages and the API for reading are apart.
//!
//! **Invariant:** every answer about what is kept comes from the engine, and an accepted request was
//! committed before its answer.

pub(super) mod documents;
pub(super) mod events;
pub(super) mod have;
pub(super) mod inquiry;
pub(super) mod probes;
pub(super) mod status;
