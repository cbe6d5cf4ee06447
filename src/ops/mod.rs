//! (being written)

pub(crate) mod report;
