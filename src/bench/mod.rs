//! Benchmarks: the cost of work, compared with the raw limit of the same machine at the same time.
//!
//! * `subject` is what can be measured, `sizes` how much of it
//! * `suite` interleaves lanes (ours, the limit, ours, the limit, …) and makes rows of their
//!   samples; `enqueue` and its siblings are the suites; `bare` is SQLite alone.
//! * `ground` is the directory for a measurement, `corpus` generates events, `site` is a project;
//!   `plot` and `document` show the result.
//!
//! **Invariant:** a suite calls the same functions as the commands, on real files with real
//! durability; the limit writes the same bytes to the same tables of the same file system, in as
//! many commits. **Invariant:** the measured work is deterministic (events, trees, order of lanes);
//! only times differ between runs. **Invariant:** nothing outside the directory of the measurement
//! is changed; it is deleted afterwards.

mod bare;
mod corpus;
mod document;
mod drain;
mod enqueue;
mod error;
mod exchange;
mod ground;
mod hashing;
mod index;
mod memory;
mod plot;
mod receiver;
mod sample;
mod settled;
mod site;
mod sizes;
mod stage;
mod status;
mod subject;
mod suite;
mod tree;
mod usage;

pub(crate) use document::{Document, Machine};
pub use error::Error;
pub use ground::Ground;
pub(crate) use plot::depth_plot;
pub use sizes::Sizes;
pub use stage::Stage;
pub use subject::{Subject, suite};
pub use suite::{Lane, Reading, Suite};
