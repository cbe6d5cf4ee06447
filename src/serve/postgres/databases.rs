//! Where the databases are, and what to do with them.

use secrecy::SecretString;

use crate::http::Authorities;
use crate::serve::blobs::ObjectStore;

/// The databases of a receiver.
#[derive(Debug, Clone)]
pub(crate) struct Databases {
    /// The URL of each; they hold passwords. Projects are shared out by their digest, so the order
    /// and number of the databases stay as they were when the first event came.
    pub(crate) urls: Vec<SecretString>,
    /// What to do about a database without the tables of this version.
    pub(crate) migrate: Migrate,
    /// The authorities for the databases' certificates; `None` for the built-in ones.
    pub(crate) authorities: Option<Authorities>,
    /// Where long texts go; `None` keeps them in the databases.
    pub(crate) bodies: Option<ObjectStore>,
}

/// What to do about a database without the tables of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Migrate {
    /// Say so, and change nothing.
    Refuse,
    /// Bring it to this version.
    Apply,
}
