//! Threads with names.

use std::thread::{self, JoinHandle};

use super::Error;

/// Runs `work` on a thread of this name.
pub(super) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(Error::Start)
}
