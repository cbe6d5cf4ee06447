//! A queue for the tests of acts: a real store, real drains, and a receiver that answers as
//! scripted.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use super::answering::Answering;
pub(super) use super::answering::Said;
use super::{Error, append, check, evict};
use crate::base::clock::FixedClock;
use crate::base::ids::SystemIds;
use crate::base::{Interrupt, Sha256, Timestamp};
use crate::delivery::{self, Class, Conditions, Policy};
use crate::endpoint::{Identity, ReceiverKind};
use crate::event::{Coalesce, WireForm};
use crate::journal::{self, Appended, Entry, Totals};
use crate::store::{ReadTx, Store, WriteTx};

/// Time that passes between two steps.
const HOURS: Duration = Duration::from_hours(2);
/// Time limit of a drain.
const SHORT: Duration = Duration::from_millis(400);

/// An event to capture.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    id: String,
    said: String,
    coalesce: Option<Coalesce>,
    is_held: bool,
}

/// An event of a family that never coalesces.
pub(super) fn plain(id: &str) -> Spec {
    Spec {
        id: id.to_owned(),
        said: String::new(),
        coalesce: None,
        is_held: false,
    }
}

/// An event that states `facts` about the key `key`.
pub(super) fn keyed(id: &str, key: u8, facts: &str) -> Spec {
    let coalesce = Some(Coalesce {
        key: [key; 16],
        facts: Sha256::of(facts.as_bytes()),
        rival: None,
    });
    Spec {
        said: facts.to_owned(),
        coalesce,
        ..plain(id)
    }
}

impl Spec {
    pub(super) fn held(self) -> Self {
        Self {
            is_held: true,
            ..self
        }
    }

    pub(super) fn saying(self, said: &str) -> Self {
        Self {
            said: said.to_owned(),
            ..self
        }
    }
}

/// The identity of a target with this name.
pub(super) fn identity(name: &str) -> Identity {
    Identity {
        target_id: name.to_owned(),
        receiver: ReceiverKind::ExternalReceiver,
        canonical_url: name.to_owned(),
        team_slug: String::new(),
        user_email: String::new(),
    }
}

/// A handle on a store.
pub(super) struct Queue {
    /// Keeps the store's directory.
    dir: Option<Rc<tempfile::TempDir>>,
    path: PathBuf,
    store: Store,
    now: Timestamp,
    posts: BTreeMap<String, usize>,
}

impl Queue {
    /// A handle on the store at `path`, which is created.
    pub(super) fn at(path: PathBuf) -> Self {
        let store = super::open(&path).unwrap();
        Self {
            dir: None,
            path,
            store,
            now: Timestamp::from_micros(1_770_000_000_000_000),
            posts: BTreeMap::new(),
        }
    }

    /// An empty store with the target `a`.
    pub(super) fn new() -> Self {
        let dir = Rc::new(tempfile::tempdir().unwrap());
        let mut queue = Self {
            dir: Some(Rc::clone(&dir)),
            ..Self::at(dir.path().join("s.db"))
        };
        queue.write(|tx, now| Ok(delivery::register_for_tests(tx, &identity("a"), now)?));
        queue
    }

    /// The same with the events `e0`, `e1`, …
    pub(super) fn with_events(count: usize) -> Self {
        let mut queue = Self::new();
        let events: Vec<Spec> = (0..count).map(|n| plain(&format!("e{n}"))).collect();
        queue.capture(&events);
        queue
    }

    /// Another handle on the same file.
    pub(super) fn another(&self) -> Self {
        Self {
            dir: self.dir.clone(),
            ..Self::at(self.path.clone())
        }
    }

    /// Replaces the handle, like a new process.
    pub(super) fn reopen(&mut self) {
        self.store = super::open(&self.path).unwrap();
    }

    /// One transaction.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&WriteTx<'_>, Timestamp) -> Result<T, Error>,
    ) -> T {
        let now = self.now;
        self.store.write(|tx| work(tx, now)).unwrap()
    }

    /// One transaction that fails at its end.
    pub(super) fn fail(&mut self, work: impl FnOnce(&WriteTx<'_>, Timestamp) -> Result<(), Error>) {
        let now = self.now;
        let failed: Result<(), Error> = self.store.write(|tx| {
            work(tx, now)?;
            Err(crate::store::Error::Io(std::io::Error::other("failed")).into())
        });
        assert_eq!(failed.unwrap_err().to_string(), "failed");
    }

    /// Copies the files within a transaction; returns a new handle on the copy.
    pub(super) fn copy_within(
        &mut self,
        work: impl FnOnce(&WriteTx<'_>, Timestamp) -> Result<(), Error>,
    ) -> Self {
        let dir = Rc::new(tempfile::tempdir().unwrap());
        let copy = dir.path().join("s.db");
        let wal = |path: &Path| path.with_file_name("s.db-wal");
        let from = self.path.clone();
        self.fail(|tx, now| {
            let before = std::fs::metadata(wal(&from)).unwrap().len();
            work(tx, now)?;
            tx.conn().cache_flush()?;
            assert!(
                std::fs::metadata(wal(&from)).unwrap().len() > before,
                "nothing of it is in the file yet"
            );
            std::fs::copy(&from, &copy).unwrap();
            std::fs::copy(wal(&from), wal(&copy)).unwrap();
            Ok(())
        });
        Self {
            dir: Some(dir),
            ..Self::at(copy)
        }
    }

    fn append(
        &mut self,
        specs: &[Spec],
        strictly: Option<i64>,
        at_most: Option<i64>,
    ) -> Vec<Appended> {
        self.write(|tx, now| {
            let before = journal::last_seq(tx)?;
            let (told, _) = append(tx, now, |appending| {
                strictly.map_or(Ok(()), |capacity| appending.refuse_beyond(capacity))?;
                let each = specs.iter().map(|spec| {
                    let envelope =
                        format!(r#"{{"event_id":"{}","said":"{}"}}"#, spec.id, spec.said);
                    appending.append(&Entry {
                        event_id: &spec.id,
                        event_type: "T",
                        occurred_at: None,
                        envelope: envelope.as_bytes(),
                        wire: WireForm::AsIs,
                        coalesce: spec.coalesce,
                        held: spec.is_held.then_some("opted_out"),
                        origin: "test",
                    })
                });
                each.collect::<Result<Vec<_>, Error>>()
            })?;
            if let Some(capacity) = at_most {
                evict(tx, now, capacity, before)?;
            }
            Ok(told)
        })
    }

    /// Captures events in one transaction.
    pub(super) fn capture(&mut self, specs: &[Spec]) -> Vec<Appended> {
        self.append(specs, None, None)
    }

    /// Captures events, and evicts the oldest beyond the capacity.
    pub(super) fn capture_at_most(&mut self, capacity: i64, specs: &[Spec]) -> Vec<Appended> {
        self.append(specs, None, Some(capacity))
    }

    /// Captures events, refusing those beyond the capacity.
    pub(super) fn capture_strictly(&mut self, capacity: i64, specs: &[Spec]) -> Vec<Appended> {
        self.append(specs, Some(capacity), None)
    }

    /// One drain, with everything that waits due.
    pub(super) fn drain(&mut self, target: &str, words: &[Said]) {
        self.now = self.now.after(HOURS);
        let receiver = Answering {
            identity: identity(target),
            words,
            posts: Cell::new(0),
        };
        let conditions = Conditions {
            health_asked: false,
            policy: Policy {
                max_events: 100,
                max_bytes: 100_000,
                max_rejections: 9,
                sends_personal_data: false,
            },
            project_uuid: Some("p"),
            clock: &FixedClock(self.now),
            ids: &SystemIds::default(),
            random: &|| 0.5,
            begun: self.now,
            // Shorter than any wait: this clock stands still.
            deadline: self.now.after(SHORT),
            interrupt: &Interrupt::default(),
        };
        delivery::drain(&mut self.store, &receiver, &conditions, &mut |_| {}).unwrap();
        *self.posts.entry(target.to_owned()).or_default() += receiver.posts.get();
    }

    /// Number of requests that a target got from this handle.
    pub(super) fn posts(&self, target: &str) -> usize {
        self.posts.get(target).copied().unwrap_or(0)
    }

    fn read<T>(&self, work: impl Fn(&ReadTx<'_>) -> Result<T, Error>) -> T {
        self.store.read(work).unwrap()
    }

    /// The number of live events, asserted to be equal for this handle, a new handle, the rows, and
    /// the books of every target.
    pub(super) fn size(&self) -> i64 {
        let look = |tx: &ReadTx<'_>| -> Result<_, Error> {
            Ok([
                journal::size(tx)?,
                journal::totals(tx)?.live,
                journal::size_from_disk(tx)?,
            ])
        };
        let here = self.read(look);
        let cold = super::open_read(&self.path)
            .unwrap()
            .unwrap()
            .read(look)
            .unwrap();
        assert_eq!((here, cold), ([here[0]; 3], [here[0]; 3]));
        assert_eq!(self.read(check), []);
        here[0]
    }

    pub(super) fn totals(&self) -> Totals {
        self.read(|tx| Ok(journal::totals(tx)?))
    }

    /// The row of a target.
    pub(super) fn target(&self, name: &str) -> i64 {
        self.read(|tx| Ok(delivery::current(tx, name)?.unwrap().id))
    }

    /// Number of events in each non-empty class at a target; of the journal alone if there is no
    /// such target.
    pub(super) fn classes(&self, target: &str) -> Vec<(Class, i64)> {
        let balance = self.read(|tx| {
            Ok(delivery::balance(
                tx,
                delivery::current(tx, target)?.as_ref(),
            )?)
        });
        assert!(balance.holds(), "{balance:?}");
        Class::ALL
            .into_iter()
            .map(|class| (class, balance.of(class)))
            .filter(|(_, count)| *count != 0)
            .collect()
    }

    fn number(&self, sql: &str) -> i64 {
        self.read(|tx| Ok(tx.conn().query_row(sql, [], |r| r.get(0))?))
    }

    /// How many counters there are.
    pub(super) fn counter_rows(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM store_counters")
    }

    /// How many payloads there are.
    pub(super) fn payloads(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM journal_payloads")
    }

    /// Bytes of all stored events, conflicts included.
    pub(super) fn bytes_kept(&self) -> i64 {
        self.number(
            "SELECT (SELECT COALESCE(SUM(LENGTH(envelope)), 0) FROM journal_payloads)
                  + (SELECT COALESCE(SUM(LENGTH(envelope)), 0) FROM journal_conflicts)",
        )
    }

    /// Number of audit rows of an act.
    pub(super) fn audits(&self, act: &str) -> i64 {
        self.number(&format!(
            "SELECT COUNT(*) FROM journal_audit WHERE act = '{act}'"
        ))
    }

    /// The stored envelopes, in order.
    pub(super) fn envelopes(&self) -> Vec<Vec<u8>> {
        self.column("SELECT envelope FROM journal_payloads ORDER BY seq")
    }

    /// Marks of the events that are not live.
    pub(super) fn marks(&self) -> Vec<String> {
        self.column(
            "SELECT discarded FROM journal_events WHERE discarded IS NOT NULL
             UNION SELECT gone FROM journal_events WHERE gone IS NOT NULL ORDER BY 1",
        )
    }

    fn column<T: rusqlite::types::FromSql>(&self, sql: &str) -> Vec<T> {
        self.read(|tx| {
            Ok(tx
                .conn()
                .prepare(sql)?
                .query_map([], |r| r.get(0))?
                .collect::<Result<_, _>>()?)
        })
    }

    /// The bytes of the store's file after every handle is closed.
    pub(super) fn into_file(self) -> Vec<u8> {
        let Self {
            dir, path, store, ..
        } = self;
        drop(store);
        let bytes = std::fs::read(path).unwrap();
        drop(dir);
        bytes
    }
}
