//! What the tests share: a sandbox to run the program in, a scripted server, and a reader of this project's sources.

pub(crate) mod older;
#[cfg(unix)]
pub(crate) mod rights;
pub(crate) mod sandbox;
pub(crate) mod server;
pub(crate) mod source;
pub(crate) mod wire;

pub(crate) use sandbox::{Run, Sandbox};

/// Lets time pass.
#[expect(clippy::disallowed_methods, reason = "a test has nobody to interrupt it")]
pub(crate) fn pause(time: std::time::Duration) {
    std::thread::sleep(time);
}
