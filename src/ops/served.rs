//! What a target has already, for a journal that has nothing yet: a run in CI, a new clone.
//!
//! Of what a server says, only that is taken which states exactly what is on disk here, and of that
//! only which event it is (id, clock, time, commit): the envelope is written here, see
//! [`crate::event::restate`]. A server that lies makes this run send less to itself; no word that
//! it invents is captured. Whatever goes wrong, everything is captured and sent as without it.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;

use super::Error;
use crate::base::{Sha256, Timestamp, ids};
use crate::delivery::{self, Answered, Inherited, NewestEvent};
use crate::endpoint::Identity;
use crate::event::{Coalesce, WireContext, WireForm, for_wire, inspect};
use crate::journal::{self, HIGHEST_CLOCK};
use crate::store::WriteTx;

/// A clock of an envelope closer than this to the highest one was forged: nothing could tick after
/// it.
const CLOCK_ROOM: i64 = 1 << 40;
/// The most bytes of an envelope.
const ENVELOPE_BYTES: usize = 1 << 20;

/// What a target has.
#[derive(Debug)]
pub(super) struct Served {
    identity: Identity,
    /// The newest events, by what they are about.
    facts: HashMap<[u8; 16], Fact>,
    /// The digests of other events, by id.
    logged: BTreeMap<String, Sha256>,
}

/// One event that a target has, in the words of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) envelope: Vec<u8>,
    /// The target has the document that it announces.
    pub(super) has_document: bool,
    event_id: String,
    coalesce: Coalesce,
    /// Its place in the order in which the target got them.
    place: usize,
}

/// What a capture found at the target, to be settled in its transaction.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Rows of events.
    pub(super) events: Vec<i64>,
    /// Rows of documents, each with the digest of its text.
    pub(super) documents: Vec<(i64, Sha256)>,
    /// The highest clock of the events.
    pub(super) lamport: i64,
}

impl Served {
    /// What `events` and `logged` say of a project; what is not fit to be an event of it is left
    /// out.
    pub(super) fn of(
        identity: Identity,
        project_uuid: &str,
        events: Vec<NewestEvent>,
        logged: BTreeMap<String, Sha256>,
    ) -> Self {
        let read: Vec<_> = events
            .into_par_iter()
            .enumerate()
            .filter_map(|(at, e)| fact(at, e, project_uuid))
            .collect();
        let mut ids = HashSet::new();
        let mut facts = HashMap::new();
        for fact in read {
            if ids.insert(fact.event_id.to_ascii_uppercase()) {
                facts.insert(fact.coalesce.key, fact);
            }
        }
        Self {
            identity,
            facts,
            logged,
        }
    }

    /// The target's own event that states this, unless it was told something newer that contradicts
    /// it.
    pub(super) fn fact(&self, said: &Coalesce) -> Option<&Fact> {
        let fact = self
            .facts
            .get(&said.key)
            .filter(|fact| fact.coalesce.facts == said.facts)?;
        let rival = said.rival.and_then(|rival| self.facts.get(&rival));
        rival
            .is_none_or(|rival| rival.place < fact.place)
            .then_some(fact)
    }

    /// True when the target has this very event, in the form in which it would be sent.
    pub(super) fn has_logged(&self, event_id: &str, envelope: &[u8], wire: WireForm) -> bool {
        let id = ids::normalize(event_id);
        let Some(digest) = id.and_then(|id| self.logged.get(&id)) else {
            return false;
        };
        let context = WireContext {
            team_slug: &self.identity.team_slug,
            ..WireContext::default()
        };
        let sent = for_wire(envelope, wire, context);
        sent.is_ok_and(|sent| *digest == Sha256::of(sent.as_deref().unwrap_or(envelope)))
    }

    /// Notes that the target has what was found: events first, so that their documents are left to
    /// send, and then these.
    pub(super) fn settle(
        &self,
        tx: &WriteTx<'_>,
        found: &Found,
        now: Timestamp,
    ) -> Result<(), Error> {
        if found.events.is_empty() {
            return Ok(());
        }
        let mut events = found.events.clone();
        events.sort_unstable();
        let has = |seq| Inherited {
            seq,
            was_duplicate: true,
            settled_at: Some(now),
        };
        delivery::inherit(
            tx,
            &self.identity,
            &events.into_iter().map(has).collect::<Vec<_>>(),
            now,
        )?;
        let Some(target) = delivery::current(tx, &self.identity.target_id)? else {
            return Ok(());
        };
        for document in &found.documents {
            delivery::settle_document(
                tx,
                target.id,
                *document,
                &Answered::Stored { before: true },
                false,
                now,
            )?;
        }
        delivery::advance(tx, target.id)?;
        Ok(journal::raise_lamport(tx, found.lamport)?)
    }
}

/// The event, checked as one of an archive is: whole, of this project, with an id and a clock that
/// can be its own.
fn fact(place: usize, event: NewestEvent, project_uuid: &str) -> Option<Fact> {
    #[derive(serde::Deserialize)]
    struct Clock {
        lamport_clock: i64,
    }
    let NewestEvent {
        envelope,
        has_document,
    } = event;
    if envelope.len() > ENVELOPE_BYTES {
        return None;
    }
    let seen = inspect(&envelope).ok()?;
    let project = seen
        .project_uuid
        .as_deref()
        .and_then(|project| uuid::Uuid::parse_str(project).ok())?;
    let is_own = uuid::Uuid::parse_str(project_uuid).is_ok_and(|own| own == project);
    let is_plain = seen.violations.is_empty()
        && matches!(seen.wire, WireForm::AsIs | WireForm::AsIsWithoutTeam);
    ids::normalize(&seen.event_id)?;
    let lamport = serde_json::from_slice::<Clock>(&envelope)
        .ok()?
        .lamport_clock;
    let coalesce = seen.coalesce?;
    let is_sound = is_own && is_plain && (0..=HIGHEST_CLOCK - CLOCK_ROOM).contains(&lamport);
    is_sound.then_some(Fact {
        event_id: seen.event_id,
        envelope,
        has_document,
        coalesce,
        place,
    })
}
