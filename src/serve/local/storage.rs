//! What a storage in this process can do: the records that decisions are made over, and the traits
//! that memory and SQLite implement.

use crate::base::{Sha256, Timestamp};
use crate::serve::Error;
use crate::serve::engine::arrivals::{Arrival, Heads};
use crate::serve::engine::content::{ArtifactVersion, Event, Upload};
use crate::serve::engine::count::{Count, Counts};
use crate::serve::engine::inventory::{Ask, DigestOf, Page, Place};
use crate::serve::engine::removal::{Forgot, Refused, Removal};
use crate::serve::engine::token::{Found, Token};
use crate::serve::engine::webhook::{Added, Sending, Sent, Webhook};

/// What the events of a project say of a version of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Announced {
    /// None has named the document.
    Never,
    /// The newest one that names it is about another version.
    Otherwise,
    /// The newest one that names it is about this version.
    This,
}

/// Result of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Kept {
    /// It is stored now.
    New,
    /// It was there.
    There,
    /// Its text came not with it, and is not here.
    NoText,
}

/// The records within one durable step.
pub(in crate::serve) trait Records {
    /// From here on, everything is of this team.
    fn enter(&mut self, team: i32);
    /// What is refused of a project of this team, because it was deleted here.
    fn refused(&mut self, project_uuid: &str) -> Result<&Refused, Error>;
    /// Stores an event, with what it announces, unless its project has one with this id; gives the
    /// envelope that was there.
    fn keep_event(&mut self, event: &Event, at: Timestamp) -> Result<Option<Vec<u8>>, Error>;
    /// What the events say of this version.
    fn announced(&mut self, version: &ArtifactVersion) -> Result<Announced, Error>;
    /// Stores a body unless this artifact version has one. Equal contents are stored once.
    fn keep_body(&mut self, upload: &Upload, at: Timestamp) -> Result<Kept, Error>;
    /// Remembers the key of a request; true when it had come before.
    fn keep_request_key(&mut self, key: &str, at: Timestamp) -> Result<bool, Error>;
    /// Adds to a number.
    fn add(&mut self, count: Count, by: i64) -> Result<(), Error>;
}

/// What a step does with the records.
pub(in crate::serve) type Work<'a> = dyn FnMut(&mut dyn Records) -> Result<(), Error> + 'a;

/// The tokens of a storage in this process; see [`crate::serve::engine::token::Tokens`].
pub(in crate::serve) trait LocalTokens {
    fn find_token(&self, digest: Option<Sha256>) -> Result<Found, Error>;
    fn add_token(&mut self, token: &Token) -> Result<bool, Error>;
    fn list_tokens(&self) -> Result<Vec<Token>, Error>;
    fn revoke_token(&mut self, team: &str, name: &str, at: Timestamp) -> Result<bool, Error>;
}

/// What a storage in this process has; see [`crate::serve::engine::inventory::Inventory`].
pub(in crate::serve) trait LocalInventory {
    fn facts(&self, ask: &Ask) -> Result<Page<Place>, Error>;
    fn envelopes(&self, ask: &Ask, places: &[Place]) -> Result<Vec<Vec<u8>>, Error>;
    fn event_states(
        &self,
        ask: &Ask,
        of: DigestOf,
        rows: usize,
    ) -> Result<Page<(String, Sha256)>, Error>;
    fn documents(&self, ask: &Ask, rows: usize) -> Result<Page<ArtifactVersion>, Error>;
}

/// What can be deleted from a storage in this process; see [`crate::serve::engine::removal::Removals`].
pub(in crate::serve) trait LocalRemovals {
    fn forget(&mut self, order: &Removal, is_trial: bool) -> Result<Forgot, Error>;
    fn removals(&self) -> Result<Vec<Removal>, Error>;
}

/// The webhooks of a storage in this process; see [`crate::serve::engine::webhook::Webhooks`].
pub(in crate::serve) trait LocalWebhooks {
    fn add_webhook(&mut self, webhook: &Webhook, from_start: bool) -> Result<Added, Error>;
    fn list_webhooks(&self) -> Result<Vec<Webhook>, Error>;
    fn remove_webhook(&mut self, team: &str, name: &str) -> Result<bool, Error>;
    fn take_webhook(&mut self, now: Timestamp) -> Result<Option<Sending>, Error>;
    fn settle_webhook(&mut self, sending: &Sending, sent: &Sent) -> Result<(), Error>;
}

/// A storage in this process, with one owner.
pub(in crate::serve) trait LocalEngine:
    LocalTokens + LocalInventory + LocalRemovals + LocalWebhooks + Send
{
    /// Runs `work` as one step: durable when this returns `Ok`, without any effect when it does
    /// not.
    fn step(&mut self, work: &mut Work<'_>) -> Result<(), Error>;
    /// True when this artifact version of a team has its body.
    fn has_body(&self, team: i32, version: &ArtifactVersion) -> Result<bool, Error>;
    /// The numbers as of the last step.
    fn counts(&self) -> Result<Counts, Error>;
    /// The feeds, with how far each goes.
    fn heads(&self) -> Result<Heads, Error>;
    /// The rows of a feed after this position, in order; a bounded number of them.
    fn feed(&self, stream: &str, after: i64) -> Result<Vec<Arrival>, Error>;
    /// The text of a team with this digest.
    fn text(&self, team: i32, sha256: Sha256) -> Result<Option<String>, Error>;
    /// The id of this storage, the same for its whole life.
    fn instance_id(&self) -> &str;
}
