//! Which server, who says so, and whether anything may be sent there.
//!
//! **Invariant:** the only module that reads URLs from anywhere or builds one; and the only one that makes a
//! [`Permit`], without which no socket is opened. Knows neither SQLite nor the network.

mod link;

pub(crate) use link::{Endpoints, Identity, Link, Permit, ReceiverKind};
