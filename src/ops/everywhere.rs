//! Every store of this machine, for `status --all`: its owner, whether its repository still exists,
//! and its counts.

use std::path::Path;

use serde::Serialize;

use super::owner::{Owner, Presence, presence};
use super::{Error, Workspace};
use crate::base::Timestamp;
use crate::base::text::path;
use crate::books;
use crate::config::Place;
use crate::delivery::{self, Class, Target};
use crate::journal::{self, Kind};
use crate::legacy::{OlderRows, older_rows};
use crate::store::ReadTx;

/// A store and the repository that it belongs to.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct StoreHere {
    /// The project; null for events captured before the project had an identity.
    pub(crate) project_uuid: Option<String>,
    /// Name of the project at the last command there.
    pub(crate) project_slug: Option<String>,
    /// Id of the repository, as accepted by `migrate adopt --store`.
    pub(crate) repository_id: String,
    /// The repository: its git directory, a plain directory, or a name.
    pub(crate) repository: Option<String>,
    /// Whether the repository still exists.
    pub(crate) presence: Presence,
    /// True for the store of the current repository.
    pub(crate) is_here: bool,
    pub(crate) store: String,
    /// Size of the store's file.
    pub(crate) bytes: u64,
    /// When it was last written to, RFC 3339.
    pub(crate) changed_at: Option<String>,
    /// Its counts.
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// Id of the repository that adopted its content.
    pub(crate) adopted_by: Option<String>,
    /// Why it cannot be read; null if it can.
    pub(crate) error: Option<String>,
}

/// Counts of a store.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Counts {
    /// Events and documents that are stored.
    pub(crate) kept: Cargo,
    /// Left to send: at the live target that lacks most; without one, everything that was never
    /// sent.
    pub(crate) waiting: Cargo,
    /// Failed: given up at a live target.
    pub(crate) failed: Cargo,
    /// Events on hold.
    pub(crate) on_hold: u64,
    /// Number of open conflicts.
    pub(crate) conflicts: u64,
    /// URLs of the live targets.
    pub(crate) targets: Vec<String>,
}

/// Numbers of events and documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Cargo {
    pub(crate) events: u64,
    pub(crate) documents: u64,
}

impl Cargo {
    fn largest(self, other: Self) -> Self {
        Self {
            events: self.events.max(other.events),
            documents: self.documents.max(other.documents),
        }
    }
}

/// Every store below the state directory. An unreadable one is listed with its error.
pub(crate) fn stores_here(workspace: &Workspace) -> Vec<StoreHere> {
    let listed = workspace.home.places().into_iter().map(|listed| {
        let owner = if listed.refused.is_none() {
            Owner::read(&listed.place)
        } else {
            None
        };
        let mut found = StoreHere {
            project_uuid: Some(listed.project_uuid),
            repository_id: listed.repository.as_str().to_owned(),
            presence: presence(&listed.repository, owner.as_ref()),
            ..StoreHere::of(&listed.place, workspace)
        };
        if let Some(owner) = owner {
            found.project_slug = owner.project_slug;
            found.repository = owner.path.as_deref().map(path).or(owner.name);
        }
        found.look(&listed.place, listed.refused.map(|error| error.to_string()));
        found
    });
    let nameless = workspace
        .home
        .unassigned_places()
        .into_iter()
        .map(|(id, place)| {
            let mut found = StoreHere {
                repository_id: id,
                ..StoreHere::of(&place, workspace)
            };
            found.repository = Owner::read(&place)
                .and_then(|owner| owner.path)
                .as_deref()
                .map(path);
            found.look(
                &place,
                place.refuse_planted().err().map(|error| error.to_string()),
            );
            found
        });
    listed.chain(nameless).collect()
}

/// Rows of older stores, per project, that no repository has imported.
pub(crate) fn older_here(workspace: &Workspace) -> Vec<OlderRows> {
    older_rows(&workspace.home)
}

impl StoreHere {
    fn of(place: &Place, workspace: &Workspace) -> Self {
        Self {
            store: path(&place.store()),
            is_here: *place == workspace.place,
            adopted_by: super::adopt_store::adopter(place),
            ..Self::default()
        }
    }

    /// Reads the counts, unless the place is `refused` with a reason.
    fn look(&mut self, place: &Place, refused: Option<String>) {
        self.error = refused;
        if self.error.is_some() {
            return;
        }
        let file = place.store();
        if let Ok(meta) = file.symlink_metadata() {
            self.bytes = meta.len();
            self.changed_at = changed_at(&file);
        }
        let read = || match books::open_read(&file)? {
            Some(store) => store.read(Counts::read),
            None => Ok(Counts::default()),
        };
        match read() {
            Ok(counts) => self.counts = counts,
            Err(error) => self.error = Some(error.to_string()),
        }
    }
}

impl Counts {
    fn read(tx: &ReadTx<'_>) -> Result<Self, Error> {
        let (events, documents) = (
            journal::totals(tx)?,
            journal::totals_of(tx, Kind::Document)?,
        );
        let targets: Vec<_> = delivery::targets(tx)?
            .into_iter()
            .filter(|target| target.is_live)
            .collect();
        let mut counts = Self {
            kept: Cargo {
                events: unsigned(events.live),
                documents: unsigned(documents.live),
            },
            on_hold: unsigned(events.held),
            conflicts: unsigned(events.conflicts),
            targets: targets
                .iter()
                .map(|target| target.identity.canonical_url.clone())
                .collect(),
            ..Self::default()
        };
        let is_real = |target: &&Target| target.identity.receiver.is_server();
        let has_real = targets.iter().any(|target| is_real(&target));
        for target in targets.iter().filter(|target| !has_real || is_real(target)) {
            counts.waiting = counts
                .waiting
                .largest(cargo_in(tx, Some(target), &WAITING)?);
            counts.failed =
                counts
                    .failed
                    .largest(cargo_in(tx, Some(target), &[Class::Undeliverable])?);
        }
        if targets.is_empty() {
            counts.waiting = cargo_in(tx, None, &WAITING)?;
        }
        Ok(counts)
    }
}

const WAITING: [Class; 3] = [Class::Untried, Class::InFlight, Class::Retryable];

fn cargo_in(tx: &ReadTx<'_>, target: Option<&Target>, classes: &[Class]) -> Result<Cargo, Error> {
    let (events, documents) = (
        delivery::balance(tx, target)?,
        delivery::balance_of(tx, target, Kind::Document)?,
    );
    let sum = |of: &delivery::Balance| unsigned(classes.iter().map(|class| of.of(*class)).sum());
    Ok(Cargo {
        events: sum(&events),
        documents: sum(&documents),
    })
}

/// When the store's file or its WAL last changed, RFC 3339; `None` if unknown.
fn changed_at(file: &Path) -> Option<String> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let at = |file: &Path| file.symlink_metadata().ok()?.modified().ok();
    let newest = at(file).into_iter().chain(at(Path::new(&log))).max()?;
    let since = newest.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_micros(i64::try_from(since.as_micros()).ok()?).to_string())
}

fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
