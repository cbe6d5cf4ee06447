//! Which server, who says so, and whether anything may be sent there.
//!
//! [`resolve()`] decides from configuration, environment and flags alone; a [`Credentials`] says
//! what stands in the way, and gives what the sending modules need, or the gates that are shut.
//!
//! **Invariant:** the only module that reads URLs from anywhere or builds one; and the only one
//! that makes a permit, without which no socket is opened. Nothing here shows a secret. Knows
//! neither SQLite nor the network.

mod address;
mod agreement;
mod authority;
mod choice;
mod consent;
mod credential;
mod gate;
mod grants;
mod identity;
mod link;
mod named;
mod network;
mod no_proxy;
mod older;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod refused;
mod request_options;
mod resolved;
mod scope;
mod secret;
mod sources;
mod token;

pub(crate) use crate::config::ReceiverKind;
pub(crate) use address::Address;
pub(crate) use authority::resolve;
pub(crate) use choice::Choice;
pub(crate) use consent::{Consent, read_origin};
pub(crate) use gate::{Credentials, Gate};
pub(crate) use grants::{Grant, LOCAL, grants, pins, record, revoke};
pub(crate) use link::{Identity, Link, Protocol};
pub(crate) use named::Named;
pub(crate) use network::{ProxyUse, proxy_use};
pub(crate) use older::older;
pub(crate) use refused::{SERVER_REFUSED, ServerStand};
pub(crate) use resolved::{Authority, Granting, Resolved, Route};
pub(crate) use scope::{
    OLDER_DEFAULT_SERVER, active_scope, plain_queue_scope, queue_digest, queue_scope,
};
pub(crate) use sources::check_address;

use crate::config::Origin;

/// Why there is no answer to which target: mistakes of configuration or usage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// A source names an address that cannot be one.
    #[error("{from}: `{url}` cannot be the target: {flaw}")]
    Address {
        /// The source.
        from: Origin,
        /// What it says, without name and password.
        url: String,
        /// What is wrong with it.
        flaw: address::Flaw,
    },
    /// Delivery goes to an external receiver, and nothing says where that is.
    #[error(
        "delivery is `external-receiver`, but no URL is configured: set external_receiver.url (or .events_url), \
         SK_SYNC_TARGET_URL, or --target-url"
    )]
    NoReceiverAddress,
    /// An origin that a person wrote cannot be one.
    #[error("{from}: `{text}` is not an origin: {what}")]
    Origin {
        /// The option or argument.
        from: &'static str,
        /// What it says, without name and password.
        text: String,
        /// What is wrong with it.
        what: String,
    },
    /// The file of the agreements to send cannot be read or written.
    #[error("the agreements to send, {path}: {what}")]
    GrantsFile {
        /// The file.
        path: String,
        /// What the file system says.
        what: String,
        /// The kind of that.
        kind: std::io::ErrorKind,
    },
    /// The grants are malformed, or another process is changing them.
    #[error("the agreements to send, {path}: {what}")]
    Grants {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
}
