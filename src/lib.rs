//! sk-sync delivers the specs, plans and tasks of a git repository to a server, and proves what
//! arrived.
//!
//! ```text
//! 11  PROOF       properties                                     what must hold for any untrusted bytes
//! 10  SURFACE     cli                                            arguments in, exit code out
//!  9  YARDSTICK   bench   selftest                               cost compared with raw limits | the promises, tried
//!  8  JOURNEYS    ops   upkeep   serve   hook                    run, status, the receiver, git hooks
//!  7  INHERITANCE legacy                                         import of older queues
//!  6  BOOKS       books                                          changes of journal and ledger in one transaction
//!  5  TEXTS       bodies                                         upload of documents' texts
//!  4  LEDGER      delivery                                       sending events, and recording what was accepted
//!  3  FACTS       journal   spool   endpoint dossier             captured | spooled | which server | files on disk
//!  2  ENVELOPE    event                                          the wire vocabulary
//!  1  ADAPTERS    store   http   config   git                    SQLite | HTTP | layered settings | git child process
//!  0  VOCABULARY  base                                           ids, clock, env, json, digest, files, retry
//! ```
//!
//! A module imports only from lower layers; modules of one layer never import each other.

mod base;
pub mod bench;
mod bodies;
mod books;
pub mod cli;
mod config;
mod delivery;
mod dossier;
mod endpoint;
mod event;
mod git;
mod hook;
mod http;
mod journal;
mod legacy;
mod ops;
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties;
mod selftest;
mod serve;
mod spool;
mod store;
mod upkeep;
