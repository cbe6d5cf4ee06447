//! The commands' main steps: index, capture, drain, and `run`, which is all of them.
//!
//! **Invariant:** capture comes before every check of delivery. Captured rows stay captured,
//! whatever happens to their delivery; no command ends by losing what an earlier step made durable.
//! **Invariant:** independent of terminal and command line: the environment is passed in as
//! [`World`], and results are returned as a [`report::Report`].

mod adopt_store;
mod again;
mod balances;
mod bodies;
mod captured;
mod claim;
mod everywhere;
mod failures;
mod found;
mod from_now;
mod here;
mod imported;
mod inherited;
mod intake;
mod line;
mod memory;
mod migrate;
mod mission_log;
mod missions;
mod older;
mod online;
mod opening;
#[cfg(test)]
mod opening_tests;
mod origin;
mod owner;
mod quick;
mod release;
pub(crate) mod report;
mod rule;
mod run;
mod served;
mod settings;
mod spooling;
mod stated;
mod stream;
mod tally;
#[cfg(test)]
mod trace_tests;
mod unassigned;
mod verify_target;
mod workspace;

pub(crate) use adopt_store::{Abandoned, abandoned, mark_adopted, move_here};
pub(crate) use again::{dismiss_offer, owe_again, pending_offer};
pub(crate) use captured::{CapturedDocument, captured_documents};
pub(crate) use everywhere::{Cargo, StoreHere, older_here, stores_here};
pub(crate) use failures::{GivenUp, Group, WaiveFilter, explain, given_up, waive, write_report};
pub(crate) use found::found;
pub(crate) use from_now::{KeptBack, hold_captured, kept_back, release_captured};
pub(crate) use here::{MissionHere, documents_here};
pub(crate) use inherited::{clean_up, decide, import_conflicts};
pub(crate) use line::Line;
pub(crate) use migrate::{adopt_older, imported_sources, migrate, release_imported, waiting_older};
pub(crate) use missions::mission_slugs;
pub(crate) use online::{Health, Online, online, pages};
pub(crate) use opening::{Absorbed, open};
pub(crate) use owner::Presence;
pub(crate) use quick::capture_quickly;
pub(crate) use release::{Lifted, count_held, release_held};
pub(crate) use rule::evicted_words;
pub(crate) use run::{Request, Scope, Stub, run};
pub(crate) use settings::change_settings;
pub(crate) use stream::{News, StreamRequest, capture_stream};
pub(crate) use unassigned::{adopt_unassigned, unassigned};
pub(crate) use verify_target::{Compared, NotCompared, TargetProof, verify_target};
pub(crate) use workspace::{Setup, Workspace, projects_below};

use crate::base::ids::Ids;
use crate::base::{Clock, Env, Interrupt};

/// The environment of the program, as values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World<'a> {
    /// The environment.
    pub(crate) env: &'a Env,
    /// The clock.
    pub(crate) clock: &'a dyn Clock,
    /// Source of new ids.
    pub(crate) ids: &'a dyn Ids,
    /// Random numbers in 0..1, for waits.
    pub(crate) random: fn() -> f64,
    /// A request to stop.
    pub(crate) interrupt: &'a Interrupt,
}

/// Progress of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Reading files.
    Indexing {
        /// Files read.
        done: u64,
        /// Files to read.
        total: u64,
    },
    /// Delivering events.
    Delivering {
        /// Settled so far.
        done: u64,
        /// Left to send at the beginning.
        total: u64,
    },
    /// Delivering documents.
    Uploading {
        /// Settled so far.
        done: u64,
        /// Left to send at the beginning.
        total: u64,
    },
}

/// Why a command ended without its report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Finding the checkout failed.
    #[error(transparent)]
    Git(#[from] crate::git::Error),
    /// Reading the configuration failed.
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    /// Reading the project's identity file failed.
    #[error(transparent)]
    Identity(#[from] crate::dossier::IdentityError),
    /// Reading the feature directories failed.
    #[error(transparent)]
    Dossier(#[from] crate::dossier::Error),
    /// The target's URLs are invalid.
    #[error(transparent)]
    Target(#[from] crate::endpoint::Error),
    /// Opening the store failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// Journal or ledger failed.
    #[error(transparent)]
    Books(#[from] crate::books::Error),
    /// Delivery failed.
    #[error(transparent)]
    Delivery(#[from] crate::delivery::Error),
    /// Handling of documents failed.
    #[error(transparent)]
    Bodies(#[from] crate::bodies::Error),
    /// Importing older stores failed.
    #[error(transparent)]
    Legacy(#[from] crate::legacy::Error),
    /// Another process holds the drain lock.
    #[error(transparent)]
    Lock(#[from] crate::base::lock::Error),
    /// The embedded receiver failed.
    #[error("the embedded receiver cannot start: {0}")]
    Stub(String),
    /// An envelope of this program cannot be written as JSON.
    #[error("cannot write an envelope: {0}")]
    Envelope(#[from] serde_json::Error),
    /// The input of `capture` cannot be read.
    #[error("cannot read the input: {0}")]
    Input(#[source] std::io::Error),
    /// A requested output file cannot be written.
    #[error(transparent)]
    Output(std::io::Error),
    /// Neither the store nor the spool next to it can be written.
    #[error("{why}, and what is captured cannot be kept next to it either: {source}")]
    Spool {
        /// Error of the store.
        why: String,
        /// Error of the spool.
        source: std::io::Error,
    },
    /// The project has no identity, so no dossier event can be made.
    #[error(
        "this project has no ID: neither .kittify/config.yaml nor event-sync.toml \
         gives a project `uuid`"
    )]
    MissingIdentity,
    /// The store to adopt still belongs to another repository.
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
