//! The engines of one process: memory and SQLite, each owned by one thread.
//!
//! ```text
//!  storage  what a storage can do                    memory, sqlite  that do it
//!  ingest   decides each event and document          storage_thread  groups what waits into one commit
//!  threaded the engine: requests queue for the thread
//! ```

mod ingest;
pub(super) mod memory;
pub(super) mod sqlite;
pub(super) mod storage;
mod storage_thread;
pub(super) mod threaded;
