//! sk-sync gets what happens in spec-driven repositories to a server, provably.
//!
//! ```text
//! 10  SURFACE     cli                                            words in, exit code out
//!  9  YARDSTICK   bench                                          what the journeys cost, beside raw limits
//!  8  JOURNEYS    ops   upkeep   serve   hook                    run, status, the receiver, git hooks
//!  7  INHERITANCE legacy                                         old queues -> books
//!  6  BOOKS       books                                          acts that touch journal and ledger in one transaction
//!  5  TEXTS       bodies                                         upload the texts of documents
//!  4  LEDGER      delivery                                       send events, and remember what was accepted
//!  3  FACTS       journal   spool   endpoint dossier             what happened | and waits | which server | what is on disk
//!  2  ENVELOPE    event                                          the wire vocabulary and who emitted it
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
mod serve;
mod spool;
mod store;
mod upkeep;
