//! What readers see: separate tables, derived from the feeds of the storage and made again whenever
//! they are lost.
//!
//! ```text
//!  follow  reads the feeds, row after row      fact  an envelope -> what it changes       fold  rows -> tables
//!  lists   projects, missions, activity        file  documents and their versions         find  search
//!  changes what an open page has to be told    gone  what a snapshot does not have      scope  who reads
//!  tables  where all of it is kept
//! ```
//!
//! **Invariant:** nothing here is the only copy of anything, and nothing here takes part in a
//! transaction that keeps what clients send. Every receiver has its own tables, on any engine, and
//! the same feeds give the same rows.

mod changes;
mod fact;
mod file;
mod find;
mod fold;
mod follow;
mod gone;
mod lists;
mod scope;
mod tables;

pub(super) use changes::Changes;
pub(super) use file::{Document, Held, document, documents, versions};
pub(super) use find::{Hit, excerpt, find, words};
pub(super) use follow::follow;
pub(super) use lists::{
    Activity, Cursor, Mission, Of, Project, Work, activity, activity_after, mission, missions,
    project, projects, work,
};
pub(super) use scope::Scope;
pub(super) use tables::Model;
