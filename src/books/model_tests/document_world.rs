//! A world of documents: files on disk, a store, servers, and every act on them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use serde_json::json;

use super::document_ops::{NO_DOCUMENT, Op, Said, TARGETS, document, owed_classes, text_of};
use super::ops::Reply;
use super::receiver::{Scripted, Stored};
use super::surroundings::{CountedIds, POLICY, TestClock, identity};
use crate::base::ids::Ids as _;
use crate::base::{Clock as _, Interrupt, Sha256};
use crate::books::{self, GcRule};
use crate::delivery::{self, Answered, Conditions, Owed, Settled};
use crate::event::inspect;
use crate::journal::{self, Appended, Entry, HeldFilter, Kind};
use crate::store::{Store, WriteTx};

pub(super) struct World {
    pub(super) _dir: tempfile::TempDir,
    pub(super) path: PathBuf,
    pub(super) store: Store,
    pub(super) clock: TestClock,
    pub(super) ids: CountedIds,
    /// The files on disk: text by path.
    pub(super) disk: BTreeMap<u8, u8>,
    /// The content of each server: events by id, and the last accepted text of each path.
    pub(super) servers: Vec<(RefCell<Stored>, BTreeMap<String, Sha256>)>,
}

impl World {
    pub(super) fn new() -> Self {
        let memory = std::path::Path::new("/dev/shm");
        let dir = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        }
        .unwrap();
        let path = dir.path().join("store.db");
        Self {
            store: books::open(&path).unwrap(),
            _dir: dir,
            path,
            clock: TestClock(AtomicI64::new(1_770_000_000_000_000)),
            ids: CountedIds::default(),
            disk: BTreeMap::new(),
            servers: (0..=TARGETS)
                .map(|_| (RefCell::default(), BTreeMap::new()))
                .collect(),
        }
    }

    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, books::Error>,
    ) -> T {
        self.store.write(work).unwrap()
    }

    pub(super) fn step(&mut self, op: Op) {
        let now = self.clock.now();
        match op {
            Op::Write { path, text } => drop(self.disk.insert(path, text)),
            Op::Delete { path } => drop(self.disk.remove(&path)),
            Op::Index {
                keeps_texts,
                is_held,
            } => self.index(keeps_texts, is_held),
            Op::Events { target, replies } => self.events(target, replies),
            Op::Documents {
                target,
                words,
                sees_disk,
            } => self.documents(target, &words, sees_disk),
            Op::Collect { configured } => {
                let rule = GcRule {
                    configured: configured.map(identity),
                    ..GcRule::default()
                };
                let plan = self
                    .store
                    .read(|tx| books::plan_collection(tx, rule))
                    .unwrap();
                let mut next = Some(0);
                while let Some(after) = next {
                    next = self.write(|tx| books::collect(tx, now, &plan, after)).last;
                }
            }
            Op::Release => {
                let filter = HeldFilter::default();
                let held = self
                    .store
                    .read(|tx| journal::held_rows(tx, &filter, 0, i64::MAX))
                    .unwrap();
                for row in held {
                    self.write(|tx| books::release_late(tx, now, row.seq));
                }
            }
            Op::Hold { target } => self.hold(target),
            Op::Retry { target } => self.retry(target),
            Op::Resubmit { target } => self.resubmit(target),
            Op::Replay { target } => self.owe_again(target, Settled::Delivered),
            Op::Evict { capacity } => {
                drop(self.write(|tx| books::evict(tx, now, capacity, books::NO_ARRIVALS)));
            }
            Op::Clear => drop(self.write(|tx| books::clear(tx, now, 0))),
            Op::Forget { target } => {
                self.write(
                    |tx| match delivery::current(tx, &identity(target).target_id)? {
                        Some(target) => Ok(delivery::forget(tx, &target, now)?),
                        None => Ok(0),
                    },
                );
            }
            Op::Wait { seconds } => self.clock.advance(i64::from(seconds) * 1_000_000),
            Op::Reopen => self.store = books::open(&self.path).unwrap(),
        }
    }

    /// Captures what an index would: each existing file, and its text if it is a document.
    pub(super) fn index(&mut self, keeps_texts: bool, is_held: bool) {
        let now = self.clock.now();
        let held = is_held.then_some("opted_out");
        let (disk, ids) = (&self.disk, &self.ids);
        let captured: Result<_, books::Error> = self.store.write(|tx| {
            books::append(tx, now, |appending| {
                for (path, text) in disk {
                    let document = document(*path, *text);
                    let id = ids.uuid();
                    let envelope = json!({"event_id": id, "event_type": "MissionDossierArtifactIndexed", "payload": {
                        "artifact_id": {"path": document.path}, "content_ref": {"hash": document.sha256.to_string()},
                        "namespace": document.namespace}, "project_uuid": "p", "team_slug": "t"});
                    let envelope = serde_json::to_vec(&envelope).unwrap();
                    let looked_at = inspect(&envelope).unwrap();
                    let coalesce = looked_at.coalesce;
                    let stated = appending.stated(coalesce.unwrap())?;
                    let event = if let Some(seq) = stated {
                        seq
                    } else {
                        let event_type = &looked_at.event_type;
                        let (wire, origin) = (looked_at.wire, "index");
                        let entry = Entry {
                            event_id: &id,
                            event_type,
                            occurred_at: None,
                            envelope: &envelope,
                            wire,
                            coalesce,
                            held,
                            origin,
                        };
                        let Appended::Captured { seq, .. } = appending.append(&entry)? else { panic!("not captured") };
                        seq
                    };
                    if *text != NO_DOCUMENT {
                        let held = journal::held(tx, event)?;
                        let id = format!("doc:{}", ids.uuid());
                        appending.append_document(&id, &document, Some(event), held.as_deref(), "index")?;
                        if keeps_texts {
                            journal::keep_text(tx, document.sha256, text_of(*text).as_bytes())?;
                        }
                    }
                }
                Ok::<_, books::Error>(())
            })
        });
        captured.unwrap();
    }

    pub(super) fn events(&mut self, target: usize, replies: Vec<Reply>) {
        let now = self.clock.now();
        let receiver = Scripted {
            identity: identity(target),
            stored: &self.servers[target].0,
            poison: &BTreeSet::new(),
            script: RefCell::new(replies.into()),
            rest: Reply::well(),
            clock: &self.clock,
            during: Cell::new(None),
            log: RefCell::default(),
        };
        let conditions = Conditions {
            health_asked: false,
            policy: POLICY,
            project_uuid: Some("p"),
            clock: &self.clock,
            ids: &self.ids,
            random: &|| 0.5,
            begun: now,
            deadline: now.after(Duration::from_hours(10_000)),
            interrupt: &Interrupt::default(),
        };
        if delivery::drain(&mut self.store, &receiver, &conditions, &mut |_| {}).is_err() {
            self.store = books::open(&self.path).unwrap();
        }
    }

    /// Sends what is due; ends versions whose text is neither stored nor on disk.
    pub(super) fn documents(&mut self, target: usize, words: &[Said], sees_disk: bool) {
        let target_id = identity(target).target_id;
        let Some(known) = self
            .store
            .read(|tx| delivery::current(tx, &target_id))
            .unwrap()
        else {
            return;
        };
        if !known.is_live {
            return;
        }
        let mut words = words.iter().cycle().take(words.len() * 3);
        let (mut after, now) = (0, self.clock.now());
        while let Some(owed) = self
            .store
            .read(|tx| delivery::due(tx, known.id, now, after, 1))
            .unwrap()
            .pop()
        {
            after = owed.seq;
            let kept = self
                .store
                .read(|tx| journal::text(tx, owed.document.sha256))
                .unwrap();
            let text = kept.or_else(|| if sees_disk { self.on_disk(&owed) } else { None });
            let Some(text) = text else {
                if sees_disk {
                    self.write(|tx| books::without_text(tx, now, &owed));
                }
                continue;
            };
            assert_eq!(
                Sha256::of(&text),
                owed.document.sha256,
                "what was captured is what is sent"
            );
            let indexed = self.servers[target].0.borrow().values().any(|event| {
                String::from_utf8_lossy(event).contains(&owed.document.sha256.to_string())
            });
            assert!(indexed, "{owed:?} was sent before its event");
            let Some(said) = words.next() else { return };
            if !matches!(said, Said::Again | Said::Refused) {
                self.servers[target]
                    .1
                    .insert(owed.document.path.clone(), owed.document.sha256);
            }
            let answered = match said {
                Said::Dies => return,
                Said::Stored => Answered::Stored { before: false },
                Said::Again => Answered::Again {
                    reason: "busy",
                    due_at: now.after(Duration::from_secs(9)),
                },
                Said::Refused => Answered::Refused { reason: "no" },
            };
            self.write(|tx| {
                Ok(delivery::settle_document(
                    tx,
                    known.id,
                    (owed.seq, owed.document.sha256),
                    &answered,
                    false,
                    now,
                )?)
            });
        }
    }

    pub(super) fn on_disk(&self, owed: &Owed) -> Option<Vec<u8>> {
        let mut texts = self
            .disk
            .iter()
            .filter(|(path, text)| document(**path, **text) == owed.document);
        texts.next().map(|(_, text)| text_of(*text).into_bytes())
    }

    /// Asserts that the balance holds, by counters and by rows, for events and documents.
    pub(super) fn check(&self) {
        self.store
            .read(|tx| {
                assert_eq!(books::check(tx)?, []);
                for target in delivery::targets(tx)?
                    .iter()
                    .filter(|target| target.is_live)
                {
                    for kind in Kind::ALL {
                        let balance = delivery::balance_of(tx, Some(target), kind)?;
                        assert!(balance.holds(), "{kind:?}: {balance:?}");
                    }
                }
                Ok::<_, books::Error>(())
            })
            .unwrap();
    }

    /// Servers accept everything, holds are released, refused documents are retried, and one target
    /// is added.
    pub(super) fn end_well(&mut self) {
        self.step(Op::Release);
        self.index(false, false);
        for target in 0..=TARGETS {
            let is_known = |world: &Self| {
                world
                    .store
                    .read(|tx| delivery::current(tx, &identity(target).target_id))
                    .unwrap()
                    .is_some()
            };
            if target < TARGETS && !is_known(self) {
                continue;
            }
            self.retry(target);
            for round in 0.. {
                self.clock.advance(3_600_000_000);
                self.events(target, Vec::new());
                self.documents(target, &[Said::Stored; 40], true);
                self.check();
                let (events, documents) = self.balances(target);
                if owed_classes(&events) + owed_classes(&documents) == 0 {
                    break;
                }
                assert!(
                    round < 12,
                    "target {target} still owes: {events:?} {documents:?} {:?}",
                    self.disk
                );
            }
            for (path, text) in self.disk.iter().filter(|(_, text)| **text != NO_DOCUMENT) {
                let expected = document(*path, *text);
                let has = self.servers[target].1.get(&expected.path);
                assert_eq!(
                    has,
                    Some(&expected.sha256),
                    "{} at target {target}",
                    expected.path
                );
            }
        }
        self.write(books::sweep_texts);
        let kept = self.store.read(journal::kept_texts).unwrap();
        assert_eq!(kept.0, 0, "every live target has every text");
    }

    pub(super) fn balances(&self, target: usize) -> (delivery::Balance, delivery::Balance) {
        self.store
            .read(|tx| {
                let target = delivery::current(tx, &identity(target).target_id)?;
                let of = |kind| delivery::balance_of(tx, target.as_ref(), kind);
                Ok::<_, delivery::Error>((of(Kind::Event)?, of(Kind::Document)?))
            })
            .unwrap()
    }
}
