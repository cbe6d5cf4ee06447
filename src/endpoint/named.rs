//! A source that names an address.

use crate::config::Origin;

/// An address, and who names it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Named {
    /// The key in a file; empty for a variable or a flag without a key.
    pub(crate) key: &'static str,
    /// The address as written, without name and password.
    pub(crate) url: String,
    /// The source.
    pub(crate) origin: Origin,
}
