//! Opening the engine that a receiver is to have, with what it runs on.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Runtime;

use super::engine::Engine;
use super::local::sqlite::Sqlite;
use super::local::threaded::ThreadedEngine;
#[cfg(feature = "postgres")]
use super::postgres::Postgres;
use super::traffic::Traffic;
use super::{Error, Options, Storage};

/// An engine, with its thread.
pub(super) type Opened = (Arc<dyn Engine>, Option<JoinHandle<()>>);

/// An engine in this process has a thread for the work; in front of a database the receiver's own
/// part is the most of it.
pub(super) fn runtime(store: &Storage) -> Result<Runtime, Error> {
    let mut builder = match store {
        Storage::Memory | Storage::File(_) => tokio::runtime::Builder::new_current_thread(),
        #[cfg(feature = "postgres")]
        Storage::Databases(_) => tokio::runtime::Builder::new_multi_thread(),
    };
    builder
        .enable_io()
        .enable_time()
        .build()
        .map_err(Error::Start)
}

/// Opens the engine; with the thread that it runs on, if it has one.
#[cfg_attr(
    not(feature = "postgres"),
    expect(unused_variables, reason = "only a database needs the runtime")
)]
pub(super) fn open(
    runtime: &Runtime,
    options: &Options,
    traffic: &Arc<Traffic>,
) -> Result<Opened, Error> {
    let local: Sqlite = match &options.store {
        Storage::Memory => Sqlite::in_memory(options.ids.as_ref())?,
        Storage::File(path) => Sqlite::open(path, options.ids.as_ref())?,
        #[cfg(feature = "postgres")]
        Storage::Databases(databases) => {
            let opening = Postgres::open(
                databases,
                Arc::clone(traffic),
                Arc::clone(&options.clock),
                options.ids.as_ref(),
                options.random,
            );
            return Ok((Arc::new(runtime.block_on(opening)?), None));
        }
    };
    let (kept, keeping) =
        ThreadedEngine::start(local, Arc::clone(traffic), Arc::clone(&options.clock))?;
    Ok((Arc::new(kept), Some(keeping)))
}
