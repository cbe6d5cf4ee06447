//! The receiver over real sockets.

mod bodies;
mod client;
mod conformance;
mod documents;
mod engines;
mod events;
mod forget;
mod forget_meanwhile;
mod inquiry;
mod life;
mod limits;
mod listing;
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
