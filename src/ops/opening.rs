//! Opening a project's store for writing. Whoever does that also takes over what was spooled beside it: this is the one
//! place, so that spooled lines come into the journal before anything new does, whichever command is next.

use std::ops::AddAssign;
use std::path::Path;

use super::rule::{OPTED_OUT, Rule};
use super::{Error, Workspace, World};
use crate::base::lock::{self, Lock};
use crate::base::text::path;
use crate::books;
use crate::spool::{Flaws, Spool, Taken};
use crate::store::{Store, WriteTx};

/// What was taken over from the spool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Absorbed {
    /// Events that were news to the journal.
    pub(crate) captured: u64,
    /// Lines that said nothing new.
    pub(crate) unchanged: u64,
    /// Lines with a known id and another content.
    pub(crate) conflicts: u64,
    /// Lines that are not kept, each audited.
    pub(crate) discarded: u64,
    /// Lines that cannot be read: torn and damaged ones.
    pub(crate) unreadable: u64,
    /// Older events that had to be given up for them.
    pub(crate) evicted: i64,
    /// What a person should know; plain sentences.
    pub(crate) warnings: Vec<String>,
}

impl Absorbed {
    /// Lines that are in the journal now.
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
    absorbed.warnings.extend(super::unassigned::adopt_earlier(world, workspace)?);
    Ok((store, absorbed))
}

/// Takes over what waits in the spool, if something does: only then is the store opened.
pub(super) fn absorb_waiting(world: &World<'_>, workspace: &Workspace) -> Result<Absorbed, Error> {
    if Spool::beside(&workspace.place.store()).is_written() {
        return Ok(open(world, workspace)?.1);
    }
    Ok(Absorbed::default())
}

/// Opens the store at `file`.
pub(super) fn open_at(world: &World<'_>, rule: &Rule, file: &Path) -> Result<(Store, Absorbed), Error> {
    let mut store = books::open(file)?;
    let absorbed = absorb(world, rule, &mut store, file)?;
    Ok((store, absorbed))
}

/// Takes over what lies in the spool beside `file`, whose store this is. What is wrong with the spool itself is a warning
/// and stops nothing: its lines stay where they are.
pub(super) fn absorb(world: &World<'_>, rule: &Rule, store: &mut Store, file: &Path) -> Result<Absorbed, Error> {
    let mut absorbing = Absorbing { world, rule, store, spool: Spool::beside(file), absorbed: Absorbed::default() };
    match absorbing.all() {
        Ok(()) => {}
        Err(Trouble::Store(error)) => return Err(error),
        Err(Trouble::Spool(error)) => {
            absorbing.absorbed.warnings.push(format!("spooled lines stay in the spool: {error}"));
        }
    }
    let mut absorbed = absorbing.absorbed;
    if absorbed.captured > 0 {
        absorbed.evicted = store.write(|tx| rule.evict(tx, world.clock.now(), books::NO_ARRIVALS))?.count();
    }
    Ok(absorbed)
}

/// What stops the taking over.
enum Trouble {
    /// The store, which the command needs as well.
    Store(Error),
    /// The spool's files.
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
    /// First the files that somebody left, since they are older.
    fn all(&mut self) -> Result<(), Trouble> {
        if !self.spool.is_written() && self.spool.left()?.is_empty() {
            return Ok(());
        }
        let World { clock, interrupt, ids, .. } = self.world;
        let _lock = match Lock::take(&self.spool.lock(), "absorb", books::PATIENCE, *clock, interrupt) {
            Ok(lock) => lock,
            // Somebody else is at it, or this command is to end.
            Err(lock::Error::Held { .. } | lock::Error::Interrupted { .. }) => return Ok(()),
            Err(lock::Error::Io(error)) => return Err(error.into()),
            // The store's own locks failed before, with the words for it.
            Err(error @ lock::Error::Unsupported { .. }) => return Err(std::io::Error::other(error).into()),
        };
        for taken in self.spool.left()? {
            // The store remembers one file: the next is not begun before this one is finished.
            if !self.file(taken)? {
                return Ok(());
            }
        }
        if let Some(taken) = self.spool.take(&ids.ulid(clock.now()))? {
            self.file(taken)?;
        }
        Ok(())
    }

    /// Takes one file over; false when it is left for a later run.
    fn file(&mut self, taken: Taken) -> Result<bool, Trouble> {
        if !taken.settle(self.world.interrupt)? {
            return Ok(false);
        }
        self.note(&taken.set_aside()?);
        let id = &taken.id;
        let mut from = self.store.read(|tx| crate::journal::spooled_through(tx, id)).map_err(in_store)?;
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
