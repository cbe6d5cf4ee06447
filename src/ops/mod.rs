//! The journeys: index, capture, drain, and `run`, which is all of them.
//!
//! **Invariant:** capture comes before any gate. What is captured stays captured, whatever happens to the delivery of
//! it; no journey ends by losing what an earlier step made durable.
//! **Invariant:** knows neither terminal nor command line: the world comes in as [`World`], and everything there is to
//! say goes out as a [`report::Report`].

mod adopt_store;
mod again;
mod bodies;
mod capturing;
mod documents;
mod dossier;
mod drain;
mod everywhere;
mod failures;
mod foresight;
mod found;
mod from_now;
mod here;
mod inherited;
mod intake;
mod memory;
mod migrate;
mod mission_log;
mod online;
mod opening;
#[cfg(test)]
mod opening_tests;
mod origin;
mod owner;
mod preview;
mod quick;
mod release;
pub(crate) mod report;
mod rule;
mod run;
mod sending;
mod settings;
mod spooling;
mod stream;
mod tally;
mod told;
#[cfg(test)]
mod trace_tests;
mod trail;
mod unassigned;
mod unchanged;
mod workspace;

pub(crate) use adopt_store::{Abandoned, abandoned, mark_adopted, move_here};
pub(crate) use again::{dismiss_offer, owe_again, pending_offer};
pub(crate) use drain::Stub;
pub(crate) use everywhere::{Cargo, StoreHere, older_here, stores_here};
pub(crate) use failures::{GivenUp, Group, WaiveFilter, explain, given_up, waive, write_report};
pub(crate) use found::found;
pub(crate) use from_now::{KeptBack, hold_captured, kept_back, release_captured};
pub(crate) use here::{MissionHere, documents_here};
pub(crate) use inherited::{clean_up, decide, import_conflicts};
pub(crate) use migrate::{adopt_older, imported_sources, migrate, release_imported, waiting_older};
pub(crate) use online::{Health, Online, online};
pub(crate) use opening::{Absorbed, open};
pub(crate) use owner::Presence;
pub(crate) use quick::capture_quickly;
pub(crate) use release::{Lifted, count_held, release_held};
pub(crate) use rule::evicted_words;
pub(crate) use run::{Request, Scope, run};
pub(crate) use settings::change_settings;
pub(crate) use stream::{Line, News, StreamRequest, capture_stream};
pub(crate) use unassigned::{adopt_unassigned, unassigned};
pub(crate) use workspace::{Setup, Workspace, projects_below};

use crate::base::ids::Ids;
use crate::base::{Clock, Env, Interrupt};

/// The world outside, as values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World<'a> {
    /// The environment.
    pub(crate) env: &'a Env,
    /// The time.
    pub(crate) clock: &'a dyn Clock,
    /// New ids.
    pub(crate) ids: &'a dyn Ids,
    /// Random numbers in 0..1, for waits.
    pub(crate) random: fn() -> f64,
    /// A request to stop.
    pub(crate) interrupt: &'a Interrupt,
}

/// How far a journey is, for whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Files read of files to read.
    Indexing {
        /// Read.
        done: u64,
        /// In all.
        total: u64,
    },
    /// Events that the target has.
    Delivering {
        /// Settled so far.
        done: u64,
        /// Owed at the beginning.
        total: u64,
    },
    /// Documents that the target has.
    Uploading {
        /// Settled so far.
        done: u64,
        /// Owed at the beginning.
        total: u64,
    },
}

/// Why a journey ended without its report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The place to work in.
    #[error(transparent)]
    Git(#[from] crate::git::Error),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    /// The project's identity file.
    #[error(transparent)]
    Identity(#[from] crate::dossier::IdentityError),
    /// The feature directories.
    #[error(transparent)]
    Dossier(#[from] crate::dossier::Error),
    /// The target's addresses.
    #[error(transparent)]
    Target(#[from] crate::endpoint::Error),
    /// The store's file.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// Journal and ledger.
    #[error(transparent)]
    Books(#[from] crate::books::Error),
    /// Delivery.
    #[error(transparent)]
    Delivery(#[from] crate::delivery::Error),
    /// The body queue.
    #[error(transparent)]
    Bodies(#[from] crate::bodies::Error),
    /// Older stores.
    #[error(transparent)]
    Legacy(#[from] crate::legacy::Error),
    /// Somebody else drains.
    #[error(transparent)]
    Lock(#[from] crate::base::lock::Error),
    /// The embedded receiver.
    #[error("the embedded receiver cannot start: {0}")]
    Stub(String),
    /// An envelope of ours cannot be written as JSON.
    #[error("cannot write an envelope: {0}")]
    Envelope(#[from] serde_json::Error),
    /// The input of `capture` cannot be read.
    #[error("cannot read the input: {0}")]
    Input(#[source] std::io::Error),
    /// A file that was asked for cannot be written.
    #[error(transparent)]
    Output(std::io::Error),
    /// Neither the store nor the spool beside it takes what was captured.
    #[error("{why}, and what is captured cannot be kept beside it either: {source}")]
    Spool {
        /// What the store said.
        why: String,
        /// What the spool said.
        source: std::io::Error,
    },
    /// There is no project identity, so no dossier event can be made.
    #[error(
        "this project has no identity, so its artifacts cannot be named: neither .kittify/config.yaml nor event-sync.toml \
         gives a project `uuid`"
    )]
    MissingIdentity,
    /// A store that was to be taken over is not one that nobody has.
    #[error("cannot take that store over: {0}")]
    NotAdoptable(String),
}

impl From<crate::journal::Error> for Error {
    fn from(error: crate::journal::Error) -> Self {
        Self::Books(error.into())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
