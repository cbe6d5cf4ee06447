//! The engine on PostgreSQL: any number of receivers in front of one database, or of several that
//! share the projects.
//!
//! ```text
//!  databases where they are                  error   why one cannot be used
//!  pool      connections, bounded; what is tried again   tls     encrypted connections
//!  migrate   the schema's steps              durable what a database must promise
//!  shared    which database has a project    shard   one of them       turns   one writer for each project
//!  events, bodies  the statements that keep something    keys    of documents   row     values of rows
//!  keep      a request, project by project   removal deleting, and what is refused then
//!  tokens, inventory, webhooks, read         what else is asked        samples numbers for operators
//!  engine    opens the databases, and is the Engine
//! ```
//!
//! **Invariant:** a receiver holds no state that another one needs: no lock, no listener, no
//! sequence. Each write is one statement in one transaction, sent in one go, and its answer comes
//! after the commit. Statements have no names, so a pooler may stand in between. Every key begins
//! with the tenant.

mod bodies;
mod databases;
mod durable;
mod engine;
mod error;
mod events;
mod inventory;
mod keep;
mod keys;
mod migrate;
mod pool;
mod read;
mod removal;
mod row;
mod samples;
mod shard;
mod shared;
mod tls;
mod tokens;
mod turns;
mod webhooks;

pub(crate) use databases::{Databases, Migrate};
pub(crate) use error::Error;
pub(super) use shared::Postgres;
