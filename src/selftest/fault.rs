//! Why a check failed, and what to do where the machine is the likely cause.

/// Why a check failed, for people.
#[derive(Debug)]
pub(super) struct Fault(pub(super) String);

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// What to do where the directory is the likely cause.
pub(super) const ELSEWHERE: &str = "set SK_SYNC_HOME to a directory on a local disk, after `sk-sync selftest --dir THERE` passed on it";
/// What to do where a program between two processes of this machine is the likely cause.
pub(super) const LOOPBACK: &str = "follow the reason, or look for a firewall that changes connections to 127.0.0.1, then try again";
