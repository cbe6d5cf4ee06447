//! The receiver over real sockets.

mod bodies;
mod client;
mod events;
mod life;
mod limits;
pub(super) mod sample;
