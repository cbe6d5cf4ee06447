//! A storage in SQLite: the file or memory, what a step records, and what is asked of it.
//!
//! **Invariant:** each step is one transaction, and in a file it is durable when it returns.

mod engine;
mod file;
mod inventory;
pub(in crate::serve) mod records;
mod removal;
mod tokens;
mod webhooks;

pub(in crate::serve) use file::Sqlite;
