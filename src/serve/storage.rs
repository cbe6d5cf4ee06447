//! What is kept, and what the decisions of an engine in this process are made over.

use std::collections::BTreeMap;

use super::Error;
use super::arrivals::{Arrival, Heads};
use super::inventory::{Ask, DigestOf, Page, Place};
use super::removal::{Forgot, Refused, Removal};
use super::token::{Found, Token};
use super::webhook::{Added, Sending, Sent, Webhook};
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;

/// One acceptable event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its project, a lower-case hyphenated UUID.
    pub(super) project_uuid: String,
    /// Its normalised id, unique within the project.
    pub(super) id: String,
    /// Its type (`WPStatusChanged`, …).
    pub(super) kind: String,
    /// The envelope's JSON text, byte for byte as it was sent.
    pub(super) envelope: Vec<u8>,
    /// The artifact it announces, when it is a `MissionDossierArtifactIndexed`.
    pub(super) announces: Option<Artifact>,
    /// The digest of the content that it announces.
    pub(super) content: Option<Sha256>,
    /// What it says something about, when it is any other dossier event that has a successor.
    pub(super) about: Option<Subject>,
}

/// What dossier events of one family say something about, of which the newest word counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    /// The key that the events have in common.
    pub(super) key: [u8; 16],
    /// Whose it is.
    pub(super) namespace: NamespaceRef,
}

/// One artifact, whatever its content. A body is taken once its path was announced: the event of
/// the very version it belongs to may have been replaced by a later one before it was sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Artifact {
    pub(super) namespace: NamespaceRef,
    pub(super) path: String,
}

/// One version of one artifact: the seven fields that tell bodies apart, the hash algorithm being
/// SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ArtifactVersion {
    pub(super) namespace: NamespaceRef,
    pub(super) path: String,
    pub(super) sha256: Sha256,
}

/// A body whose hash was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) version: ArtifactVersion,
    /// `None` where the sender believes that the text is here, of whatever artifact of the project.
    pub(super) content: Option<String>,
}

/// What the events of a project say of a version of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// None has named the document.
    Never,
    /// The newest one that names it is about another version.
    Otherwise,
    /// The newest one that names it is about this version.
    This,
}

/// Result of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is stored now.
    New,
    /// It was there.
    There,
    /// Its text came not with it, and is not here.
    NoText,
}

macro_rules! counts {
    ($($variant:ident = $name:literal: $meaning:literal,)*) => {
        /// A number that is kept with what it counts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Count {
            $(#[doc = $meaning] $variant,)*
        }

        impl Count {
            /// Every number, in the order of the report.
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in the report and in storage.
            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

counts! {
    Events = "events": "Events stored.",
    Duplicates = "duplicates": "Events that came again with the same content.",
    Rejected = "rejected": "Events that broke the contract.",
    Conflicts = "conflicts": "Events whose id was taken by other content.",
    Bodies = "bodies": "Artifact versions with a stored text.",
    BodiesAlreadyExist = "bodies_already_exists": "Bodies that came again.",
    BodiesNotIndexed = "bodies_not_indexed": "Bodies that came before the event that announces them.",
    Projects = "projects": "Projects with at least one event.",
    EventRequests = "event_requests": "Requests to the events endpoint, whatever was answered.",
    BodyRequests = "body_requests": "Requests to the documents endpoint, with any answer.",
    RepeatedRequests = "repeated_requests": "Requests whose `Idempotency-Key` had come before.",
    Connections = "connections": "Connections accepted.",
}

/// The value of every number.
pub(super) type Counts = BTreeMap<Count, i64>;

/// The records within one durable step.
pub(super) trait Records {
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
pub(super) type Work<'a> = dyn FnMut(&mut dyn Records) -> Result<(), Error> + 'a;

/// The tokens of a storage in this process; see [`super::token::Tokens`].
pub(super) trait LocalTokens {
    fn find_token(&self, digest: Option<Sha256>) -> Result<Found, Error>;
    fn add_token(&mut self, token: &Token) -> Result<bool, Error>;
    fn list_tokens(&self) -> Result<Vec<Token>, Error>;
    fn revoke_token(&mut self, team: &str, name: &str, at: Timestamp) -> Result<bool, Error>;
}

/// What a storage in this process has; see [`super::inventory::Inventory`].
pub(super) trait LocalInventory {
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

/// What can be deleted from a storage in this process; see [`super::removal::Removals`].
pub(super) trait LocalRemovals {
    fn forget(&mut self, order: &Removal, is_trial: bool) -> Result<Forgot, Error>;
    fn removals(&self) -> Result<Vec<Removal>, Error>;
}

/// The webhooks of a storage in this process; see [`super::webhook::Webhooks`].
pub(super) trait LocalWebhooks {
    fn add_webhook(&mut self, webhook: &Webhook, from_start: bool) -> Result<Added, Error>;
    fn list_webhooks(&self) -> Result<Vec<Webhook>, Error>;
    fn remove_webhook(&mut self, team: &str, name: &str) -> Result<bool, Error>;
    fn take_webhook(&mut self, now: Timestamp) -> Result<Option<Sending>, Error>;
    fn settle_webhook(&mut self, sending: &Sending, sent: &Sent) -> Result<(), Error>;
}

/// A storage in this process, with one owner.
pub(super) trait LocalEngine:
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
