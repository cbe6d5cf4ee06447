//! Vocabulary for every other module: time, ids, digests, JSON forms, private files, back-off,
//! environment.
//!
//! **Invariant:** independent of domain, SQL, HTTP and command line. Time, randomness and the
//! environment are passed in as values or through the traits here, so that tests of every layer can
//! fix them.

pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod digest;
pub(crate) mod env;
pub(crate) mod failpoint;
pub(crate) mod files;
pub(crate) mod ids;
pub(crate) mod interrupt;
pub(crate) mod json;
pub(crate) mod lock;
pub(crate) mod mutex;
pub(crate) mod object;
pub(crate) mod pattern;
pub(crate) mod repository_id;
pub(crate) mod retry;
pub(crate) mod shell;
pub(crate) mod text;

pub(crate) use clock::{Clock, Deadline, Timestamp};
pub(crate) use digest::Sha256;
pub(crate) use env::Env;
pub(crate) use interrupt::Interrupt;
pub(crate) use object::Object;
pub(crate) use repository_id::RepositoryId;
