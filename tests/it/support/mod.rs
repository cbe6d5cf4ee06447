//! What the tests share: a sandbox to run the program in, a scripted server, and a reader of this project's sources.

pub(crate) mod sandbox;
pub(crate) mod server;
pub(crate) mod source;

pub(crate) use sandbox::Sandbox;
