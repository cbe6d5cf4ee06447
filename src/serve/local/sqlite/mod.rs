//! A storage in a SQLite file: the file, what a step records, and what is asked of it.
//!
//! **Invariant:** each step is one transaction of the file, and it is durable when it returns.

mod engine;
mod file;
mod inventory;
mod records;
mod removal;
mod tokens;
mod webhooks;

pub(in crate::serve) use file::Sqlite;
