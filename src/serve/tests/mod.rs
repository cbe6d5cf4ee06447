//! The receiver over real sockets.

mod bodies;
mod capabilities;
mod client;
mod conformance;
mod engines;
mod events;
mod life;
mod limits;
#[cfg(feature = "postgres")]
mod postgres;
mod probes;
pub(super) mod sample;
mod tokens;
