//! The engine of one process: SQLite, in a file or in memory, owned by one thread.
//!
//! ```text
//!  sqlite    what the storage can do                 ingest  decides each event and document
//!  storage_thread  groups what waits into one commit
//!  threaded  the engine: requests queue for the thread
//! ```

mod ingest;
pub(super) mod sqlite;
mod storage_thread;
pub(super) mod threaded;
