//! The real store: on disk, opened twice, with a manual clock and counting ids.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::acts::{Appending, append, remove, replace};
use super::event::Event;
use super::model::Model;
use super::ops::{Op, Removal, Reply, Spec};
use super::receiver::{Log, Scripted, Stored};
use super::surroundings::{CountedIds, POLICY, TestClock, identity};
use crate::base::{Clock as _, Interrupt, retry};
use crate::books::removal::Removed;
use crate::delivery::{self, Among, Conditions, Stop};
use crate::journal;
use crate::store::{ReadTx, Store};
use crate::{books, store};

/// The environment of one history.
pub(super) struct World {
    _dir: tempfile::TempDir,
    path: PathBuf,
    /// `None` only while a process is being replaced.
    pub(super) stores: Option<[Store; 2]>,
    pub(super) clock: TestClock,
    ids: CountedIds,
    poison: BTreeSet<String>,
    next_id: u64,
    pub(super) servers: [RefCell<Stored>; 3],
    pub(super) model: Model,
}

fn open(path: &std::path::Path) -> [Store; 2] {
    [books::open(path).unwrap(), books::open(path).unwrap()]
}

impl World {
    pub(super) fn new() -> Self {
        // The property is about what is written, not about the disk: use memory if available.
        let memory = std::path::Path::new("/dev/shm");
        let dir = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        }
        .unwrap();
        let path = dir.path().join("store.db");
        Self {
            stores: Some(open(&path)),
            _dir: dir,
            path,
            clock: TestClock(AtomicI64::new(1_770_000_000_000_000)),
            ids: CountedIds::default(),
            poison: BTreeSet::new(),
            next_id: 0,
            servers: <[RefCell<Stored>; 3]>::default(),
            model: Model::default(),
        }
    }

    pub(super) fn read<T>(&self, work: impl FnOnce(&ReadTx<'_>) -> T) -> T {
        let read: Result<T, store::Error> =
            self.stores.as_ref().unwrap()[0].read(|tx| Ok(work(tx)));
        read.unwrap()
    }

    /// The result for both handles and for a new one.
    pub(super) fn everybody<T>(&self, work: impl Fn(&ReadTx<'_>) -> T) -> [T; 3] {
        let [one, two] = self.stores.as_ref().unwrap();
        let cold = books::open_read(&self.path).unwrap().unwrap();
        let work = |tx: &ReadTx<'_>| Ok::<_, store::Error>(work(tx));
        [
            one.read(work).unwrap(),
            two.read(work).unwrap(),
            cold.read(work).unwrap(),
        ]
    }

    /// Performs one step in the store and in the model.
    #[expect(clippy::too_many_lines, reason = "one arm for each operation")]
    pub(super) fn step(&mut self, op: Op) {
        match op {
            Op::Append {
                handle,
                entries,
                capacity,
            } => {
                let events = entries.into_iter().map(|spec| self.mint(spec)).collect();
                self.append(handle, events, capacity);
            }
            Op::StartFrom {
                handle,
                target,
                entries,
            } => self.start_from(handle, target, &entries),
            Op::Again { handle, pick, how } => {
                if let Some(known) = self.model.pick(pick) {
                    let event = known.respelled(how);
                    self.append(handle, vec![event], None);
                }
            }
            Op::Drain {
                handle,
                target,
                replies,
                rest,
                during,
            } => {
                let during = during.map(|spec| self.mint(spec));
                self.drain(handle, target, replies, rest, during);
            }
            Op::Outage {
                handle,
                target,
                drains,
                is_stored,
            } => {
                for _ in 0..drains {
                    self.drain(handle, target, Vec::new(), Reply::Lost { is_stored }, None);
                    self.clock.advance(600_000_000);
                }
            }
            Op::Replace { handle, pick } => {
                if let Some(known) = self.model.pick(pick) {
                    let (event, now) = (known.rewritten(), self.clock.now());
                    let store = &mut self.stores.as_mut().unwrap()[handle];
                    let (sealed, replaced) = store.write(|tx| replace(tx, now, &event)).unwrap();
                    self.model.replaced(event, sealed, replaced);
                }
            }
            Op::Release { handle, pick } => {
                if let Some(seq) = self.model.pick(pick).map(|event| event.seq) {
                    let now = self.clock.now();
                    let stores = self.stores.as_mut().unwrap();
                    let released = stores[handle]
                        .write(|tx| books::release(tx, now, seq))
                        .unwrap();
                    self.model.release(seq, released);
                }
            }
            Op::OweAgain {
                handle,
                target,
                which,
            } => {
                let target_id = identity(target).target_id;
                let owed: Result<_, books::Error> =
                    self.stores.as_mut().unwrap()[handle].write(|tx| {
                        let Some(target) = delivery::current(tx, &target_id)? else {
                            return Ok(0);
                        };
                        Ok(delivery::owe_again(tx, target.id, which, &Among::default(), 0)?.events)
                    });
                self.model.owed_again(&target_id, which, owed.unwrap());
            }
            Op::Evict { handle, capacity } => {
                let now = self.clock.now();
                let stores = self.stores.as_mut().unwrap();
                let evicted = stores[handle]
                    .write(|tx| books::evict(tx, now, capacity, books::NO_ARRIVALS))
                    .unwrap();
                self.model.evicted(capacity, &evicted);
            }
            Op::Archive { handle, missing } => self.archive(handle, missing),
            Op::Collect { handle, rule } => self.collect(handle, rule),
            Op::Restore {
                handle,
                missing,
                entries,
            } => self.restore(handle, missing, entries),
            Op::Forget { handle, target } => self.forget(handle, &identity(target).target_id),
            Op::Acknowledge { handle, target } => {
                self.acknowledge(handle, &identity(target).target_id);
            }
            Op::Remove { handle, removal } => self.remove(handle, removal),
            Op::Lost {
                handle,
                entries,
                pick,
                removal,
                is_crash,
            } => {
                self.lose(handle, entries, pick, removal);
                if is_crash {
                    self.reopen();
                }
            }
            Op::Wait { seconds } => self.clock.advance(i64::from(seconds) * 1_000_000),
            Op::ClockBack { seconds } => self.clock.advance(-i64::from(seconds) * 1_000_000),
            Op::Reopen => self.reopen(),
        }
    }

    fn acknowledge(&mut self, handle: usize, target_id: &str) {
        let now = self.clock.now();
        let (mut gone, mut next) = (0, Some(0));
        while let Some(after) = next {
            let store = &mut self.stores.as_mut().unwrap()[handle];
            let chunk: Result<_, books::Error> = store.write(|tx| {
                let target = delivery::current(tx, target_id)?;
                target.map_or(Ok((0, None)), |target| {
                    books::acknowledge(tx, now, target.id, after)
                })
            });
            let (left, last) = chunk.unwrap();
            (gone, next) = (gone + left, last);
        }
        self.model.acknowledged(target_id, gone);
    }

    fn remove(&mut self, handle: usize, removal: Removal) {
        let now = self.clock.now();
        let listed: Vec<i64> = self
            .model
            .events
            .keys()
            .copied()
            .filter(|seq| removal.concerns(*seq))
            .collect();
        let store = &mut self.stores.as_mut().unwrap()[handle];
        let (mut all, mut next) = (Removed::default(), Some(0));
        while let Some(after) = next {
            let removed = store
                .write(|tx| remove(tx, now, removal, after, &listed))
                .unwrap();
            next = removed.last;
            all.events += removed.events;
            all.in_flight += removed.in_flight;
        }
        self.model.removed(removal, all);
    }

    /// Performs several acts in one transaction that does not commit.
    fn lose(&mut self, handle: usize, entries: Vec<Spec>, pick: usize, removal: Option<Removal>) {
        let now = self.clock.now();
        let events: Vec<Event> = entries.into_iter().map(|spec| self.mint(spec)).collect();
        let picked = self.model.pick(pick).map(|event| event.seq);
        let listed: Vec<i64> = self.model.events.keys().copied().collect();
        let store = &mut self.stores.as_mut().unwrap()[handle];
        let lost: Result<(), books::Error> = store.write(|tx| {
            append(tx, now, events, None)?;
            if let Some(seq) = picked {
                books::release(tx, now, seq)?;
            }
            if let Some(removal) = removal {
                remove(tx, now, removal, 0, &listed)?;
            }
            assert_eq!(journal::totals(tx)?, journal::recount(tx)?);
            Err(store::Error::Io(std::io::Error::other("lost")).into())
        });
        assert_eq!(lost.unwrap_err().to_string(), "lost");
    }

    fn reopen(&mut self) {
        self.stores = None;
        self.stores = Some(open(&self.path));
    }

    pub(super) fn mint(&mut self, spec: Spec) -> Event {
        let id = format!("event-{}", self.next_id);
        self.next_id += 1;
        if spec.is_poison {
            self.poison.insert(id.clone());
        }
        Event::new(id, spec)
    }

    fn append(&mut self, handle: usize, events: Vec<Event>, capacity: Option<i64>) {
        let stores = self.stores.as_mut().unwrap();
        let appended = Appending {
            store: &mut stores[handle],
            now: self.clock.now(),
            events,
            capacity,
        }
        .run();
        self.model.appended(appended);
    }

    /// One drain; returns why it stopped. A process that died is replaced.
    fn drain(
        &mut self,
        handle: usize,
        target: usize,
        replies: Vec<Reply>,
        rest: Reply,
        during: Option<Event>,
    ) -> Option<Stop> {
        let [first, second] = self.stores.as_mut().unwrap();
        let (store, other) = if handle == 0 {
            (first, second)
        } else {
            (second, first)
        };
        let now = self.clock.now();
        let receiver = Scripted {
            identity: identity(target),
            stored: &self.servers[target],
            poison: &self.poison,
            script: RefCell::new(replies.into()),
            rest,
            clock: &self.clock,
            during: Cell::new(during.map(|event| Appending {
                store: other,
                now,
                events: vec![event],
                capacity: None,
            })),
            log: RefCell::default(),
        };
        let turns = AtomicU64::new(0);
        let random =
            || f64::from(u32::try_from(turns.fetch_add(1, Ordering::SeqCst) % 8).unwrap()) / 8.0;
        let conditions = Conditions {
            health_asked: false,
            policy: POLICY,
            project_uuid: Some("p"),
            clock: &self.clock,
            ids: &self.ids,
            random: &random,
            begun: now,
            // Shorter than any wait: this clock stands still.
            deadline: now.after(std::time::Duration::from_millis(400)),
            interrupt: &Interrupt::default(),
        };
        let outcome = delivery::drain(store, &receiver, &conditions, &mut |_| {});
        let target_id = receiver.identity.target_id.clone();
        // Its books are maintained again from here on.
        self.model
            .ledgers
            .entry(target_id.clone())
            .or_default()
            .begin();
        let log = receiver.log.into_inner();
        let has_crashed = matches!(log.last(), Some(Log::Posted(p)) if matches!(p.told, super::receiver::Told::Crash));
        assert_eq!(outcome.is_err(), has_crashed, "{outcome:?}");
        for entry in log {
            match entry {
                Log::Appended(appended) => self.model.appended(appended),
                Log::Posted(posted) => self.model.posted(&target_id, &posted),
            }
        }
        let report = outcome.unwrap_or_default();
        if has_crashed {
            self.reopen();
        }
        let is_quiet = !has_crashed && report.stop.is_none();
        let not_sendable = self.read(|tx| self.model.ended_unsent(tx, &target_id, is_quiet));
        self.model.registered(&target_id, not_sendable);
        let is_left_alone = self.read(|tx| {
            let target = delivery::current(tx, &target_id).unwrap().unwrap();
            target
                .not_before
                .is_some_and(|until| !retry::is_due(until, self.clock.now()))
        });
        if is_quiet && !is_left_alone {
            self.model.check_nothing_is_left(&target_id);
        }
        report.stop
    }

    /// Lets time pass with every receiver accepting, until nothing is left to send.
    pub(super) fn let_everything_end(&mut self) {
        for target in 0..self.servers.len() {
            let target_id = identity(target).target_id;
            if !self.model.is_registered(&target_id) {
                continue;
            }
            for round in 0.. {
                let is_owed = self.read(|tx| {
                    let target = delivery::current(tx, &target_id).unwrap().unwrap();
                    !target.is_live || delivery::owed(tx, &target).unwrap()
                });
                if !is_owed {
                    break;
                }
                assert!(
                    round < 20,
                    "{target_id} still owes something: {:?}",
                    self.model
                );
                self.clock.advance(1_800_000_000);
                assert_eq!(
                    self.drain(round % 2, target, Vec::new(), Reply::well(), None),
                    None
                );
            }
        }
    }
}
