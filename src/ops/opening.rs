//! Opens a project's store for writing, and absorbs the lines spooled next to it. Every command
//! opens the store here, so that spooled lines enter the journal before anything new.

use std::ops::AddAssign;
use std::path::Path;

use super::rule::{OPTED_OUT, Rule};
use super::{Error, Workspace, World};
use crate::base::lock::{self, Lock};
use crate::base::text::path;
use crate::books;
use crate::spool::{Flaws, Spool, Taken};
use crate::store::{Store, WriteTx};

/// Result of absorbing the spool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Absorbed {
    /// Events that were new to the journal.
    pub(crate) captured: u64,
    /// Lines that stated nothing new.
    pub(crate) unchanged: u64,
    /// Lines with a known id and other content.
    pub(crate) conflicts: u64,
    /// Lines that are discarded, each with an audit row.
    pub(crate) discarded: u64,
    /// Unreadable lines: truncated and damaged ones.
    pub(crate) unreadable: u64,
    /// Number of older events that were evicted to make room.
    pub(crate) evicted: i64,
    /// Warnings for people; whole sentences.
    pub(crate) warnings: Vec<String>,
}

impl Absorbed {
    /// Number of lines that are in the journal now.
    pub(crate) fn lines(&self) -> u64 {
        self.captured + self.unchanged + self.conflicts + self.discarded
    }
}

impl AddAssign<books::Absorbed> for Absorbed {
    fn add_assign(&mut self, part: books::Absorbed) {
        self.captured += part.captured;
        self.unchanged += part.unchanged;
        self.conflicts += part.conflicts;
        self.discarded += part.discarded;
    }
}

/// Opens the store of the workspace's project.
pub(crate) fn open(world: &World<'_>, workspace: &Workspace) -> Result<(Store, Absorbed), Error> {
    let (store, mut absorbed) = open_at(world, &Rule::of(workspace), &workspace.place.store())?;
    absorbed
        .warnings
        .extend(super::unassigned::adopt_earlier(world, workspace)?);
    Ok((store, absorbed))
}

/// Absorbs waiting lines of the spool, if there are any: only then the store is opened.
pub(super) fn absorb_waiting(world: &World<'_>, workspace: &Workspace) -> Result<Absorbed, Error> {
    if Spool::beside(&workspace.place.store()).is_written() {
        return Ok(open(world, workspace)?.1);
    }
    Ok(Absorbed::default())
}

/// Opens the store at `file`.
pub(super) fn open_at(
    world: &World<'_>,
    rule: &Rule,
    file: &Path,
) -> Result<(Store, Absorbed), Error> {
    let mut store = books::open(file)?;
    let absorbed = absorb(world, rule, &mut store, file)?;
    Ok((store, absorbed))
}

/// Absorbs the spool next to `file`, whose store this is. An error of the spool itself is a warning
/// only: its lines stay where they are.
pub(super) fn absorb(
    world: &World<'_>,
    rule: &Rule,
    store: &mut Store,
    file: &Path,
) -> Result<Absorbed, Error> {
    let mut absorbing = Absorbing {
        world,
        rule,
        store,
        spool: Spool::beside(file),
        absorbed: Absorbed::default(),
    };
    match absorbing.all() {
        Ok(()) => {}
        Err(Trouble::Store(error)) => return Err(error),
        Err(Trouble::Spool(error)) => {
            absorbing
                .absorbed
                .warnings
                .push(format!("spooled lines stay in the spool: {error}"));
        }
    }
    let mut absorbed = absorbing.absorbed;
    if absorbed.captured > 0 {
        absorbed.evicted = store
            .write(|tx| rule.evict(tx, world.clock.now(), books::NO_ARRIVALS))?
            .count();
    }
    Ok(absorbed)
}

/// The error that stopped the absorbing.
enum Trouble {
    /// The store failed, which the command needs too.
    Store(Error),
    /// A file of the spool failed.
    Spool(std::io::Error),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Spool(error)
    }
}

struct Absorbing<'a> {
    world: &'a World<'a>,
    rule: &'a Rule,
    store: &'a mut Store,
    spool: Spool,
    absorbed: Absorbed,
}

impl Absorbing<'_> {
    /// First the unfinished files of other processes, since they are older.
    fn all(&mut self) -> Result<(), Trouble> {
        if !self.spool.is_written() && self.spool.left()?.is_empty() {
            return Ok(());
        }
        let World {
            clock,
            interrupt,
            ids,
            ..
        } = self.world;
        let _lock = match Lock::take(
            &self.spool.lock(),
            "absorb",
            books::PATIENCE,
            *clock,
            interrupt,
        ) {
            Ok(lock) => lock,
            // Another process is absorbing, or this command is ending.
            Err(lock::Error::Held { .. } | lock::Error::Interrupted { .. }) => return Ok(()),
            Err(lock::Error::Io(error)) => return Err(error.into()),
            // The store's locks failed before, with a message about it.
            Err(error @ lock::Error::Unsupported { .. }) => {
                return Err(std::io::Error::other(error).into());
            }
        };
        for taken in self.spool.left()? {
            // The store records one file: the next is not begun before this one is finished.
            if !self.file(taken)? {
                return Ok(());
            }
        }
        if let Some(taken) = self.spool.take(&ids.ulid(clock.now()))? {
            self.file(taken)?;
        }
        Ok(())
    }

    /// Absorbs one file; false if it is left for a later run.
    fn file(&mut self, taken: Taken) -> Result<bool, Trouble> {
        if !taken.settle(self.world.interrupt)? {
            return Ok(false);
        }
        self.note(&taken.set_aside()?);
        let id = &taken.id;
        let mut from = self
            .store
            .read(|tx| crate::journal::spooled_through(tx, id))
            .map_err(in_store)?;
        while let Some(part) = taken.part(from)? {
            if self.world.interrupt.is_requested() {
                return Ok(false);
            }
            let now = self.world.clock.now();
            let absorb = |tx: &WriteTx<'_>| {
                self.rule.note_retention(tx)?;
                Ok::<_, Error>(books::absorb(tx, now, id, &part, OPTED_OUT)?)
            };
            let done = self.store.write(absorb).map_err(in_store)?;
            let Some(done) = done else { return Ok(false) };
            self.absorbed += done;
            from = part.through;
        }
        taken.remove()?;
        Ok(true)
    }

    fn note(&mut self, flaws: &Flaws) {
        let Some(kept) = &flaws.kept else { return };
        self.absorbed.unreadable += flaws.torn + flaws.garbled;
        let kept = path(kept);
        if flaws.torn > 0 {
            self.absorbed.warnings.push(format!(
                "{} spooled lines are incomplete: the process that captured them was stopped before it answered; kept in  {kept}",
                flaws.torn
            ));
        }
        if flaws.garbled > 0 {
            self.absorbed.warnings.push(format!(
                "{} spooled lines are damaged and not in the journal; they are kept in {kept}: look at them, then remove \
                 the file",
                flaws.garbled
            ));
        }
    }
}

fn in_store(error: impl Into<Error>) -> Trouble {
    Trouble::Store(error.into())
}
