//! How an engine answers: later, or with the trouble that it has.

use std::pin::Pin;

/// The answer of an engine, later.
pub(in crate::serve) type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a request has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Trouble {
    /// Nothing of the request was begun.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "a local engine lets requests wait instead")
    )]
    Busy,
    /// The request may be kept as a whole, in part, or not at all; sending it again finds out.
    Unknown,
}
