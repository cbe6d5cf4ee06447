//! The receiver over real sockets.

mod bodies;
mod capabilities;
mod client;
mod conformance;
mod engines;
mod events;
mod forget;
mod life;
mod limits;
mod live;
mod openapi;
mod pages;
#[cfg(feature = "postgres")]
mod postgres;
mod probes;
mod raw;
mod reading;
pub(super) mod sample;
mod tokens;
mod webhooks;
