//! A store with journal and ledger for the tests of this module, and one target.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::batch::Batch;
use super::limits::Policy;
use super::record::{self, Settled};
use super::select::{self, Selection};
use super::step::Settling;
use super::{
    Balance, Conditions, DeliveryReceiver, Error, Outcome, Report, Row, Target, Verdict, register,
};
use crate::base::clock::FixedClock;
use crate::base::digest::Sha256;
use crate::base::ids::Ids;
use crate::base::{Interrupt, Timestamp};
use crate::endpoint::{Identity, ReceiverKind};
use crate::event::{BatchForm, Coalesce, WireContext, WireForm};
use crate::journal::{self, Appender, Entry};
use crate::store::{Schema, Store, WriteTx};

const SCHEMA: Schema = Schema {
    application_id: 1,
    steps: &[&[journal::SCHEMA, super::SCHEMA]],
};

/// Ids that count.
#[derive(Debug, Default)]
struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn ulid(&self, _at: Timestamp) -> String {
        self.uuid()
    }

    fn uuid(&self) -> String {
        format!("key-{}", self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// A store, a target, a policy, and a clock that is set by hand.
pub(super) struct Books {
    _dir: tempfile::TempDir,
    store: Store,
    ids: CountedIds,
    now: Cell<Timestamp>,
    pub(super) policy: Policy,
    /// The project that is known.
    pub(super) project: Option<&'static str>,
    /// The form of the next requests.
    pub(super) form: BatchForm,
    /// HTTP status of the next answers.
    pub(super) http_status: u16,
    /// Time limit of a drain.
    pub(super) max_time: Duration,
}

impl Books {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("s.db"), &SCHEMA, Duration::from_secs(5)).unwrap();
        Self {
            _dir: dir,
            store,
            ids: CountedIds::default(),
            now: Cell::new(Timestamp::from_micros(1_770_000_000_000_000)),
            policy: Policy {
                max_events: 4,
                max_bytes: 100_000,
                max_rejections: 3,
                sends_personal_data: false,
            },
            project: Some("p"),
            form: BatchForm::Plain,
            http_status: 200,
            // Shorter than any wait: this clock stands still.
            max_time: Duration::from_millis(400),
        }
    }

    pub(super) fn write<T>(&mut self, work: impl FnOnce(&WriteTx<'_>) -> Result<T, Error>) -> T {
        self.try_write(work).unwrap()
    }

    fn try_write<T>(
        &mut self,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.store.write(work)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now.get()
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.now.set(self.now().after(Duration::from_secs(seconds)));
    }

    pub(super) fn turn_back(&self, seconds: i64) {
        self.now.set(Timestamp::from_micros(
            self.now().as_micros() - seconds * 1_000_000,
        ));
    }

    /// Appends one event.
    pub(super) fn add(
        &mut self,
        id: &str,
        envelope: &str,
        wire: WireForm,
        coalesce: Option<Coalesce>,
    ) {
        let now = self.now();
        self.write(|tx| {
            let mut appender = Appender::new(tx, now)?;
            appender.append(&Entry {
                event_id: id,
                event_type: "T",
                occurred_at: None,
                envelope: envelope.as_bytes(),
                wire,
                coalesce,
                held: None,
                origin: "capture",
            })?;
            super::post_appended(tx, &appender.finish()?)
        });
    }

    /// Appends `count` events without a key.
    pub(super) fn add_plain(&mut self, count: usize) {
        for _ in 0..count {
            let id = self.ids.uuid();
            self.add(
                &id,
                &format!(r#"{{"event_id":"{id}"}}"#),
                WireForm::AsIs,
                None,
            );
        }
    }

    /// Appends `count` events of one key, each with new facts.
    pub(super) fn add_keyed(&mut self, count: usize) {
        for _ in 0..count {
            let id = self.ids.uuid();
            let coalesce = Coalesce {
                key: [7; 16],
                facts: Sha256::of(id.as_bytes()),
                rival: None,
            };
            self.add(
                &id,
                &format!(r#"{{"event_id":"{id}"}}"#),
                WireForm::AsIs,
                Some(coalesce),
            );
        }
    }

    /// The target as it is now.
    pub(super) fn target(&mut self) -> Target {
        let identity = Identity {
            target_id: "tgt_a".to_owned(),
            receiver: ReceiverKind::ExternalReceiver,
            canonical_url: String::new(),
            team_slug: String::new(),
            user_email: String::new(),
        };
        let now = self.now();
        self.write(|tx| register::register(tx, &identity, now))
    }

    pub(super) fn try_select(&mut self) -> Result<Selection, Error> {
        let target = self.target();
        let (policy, now) = (self.policy, self.now());
        let context = WireContext {
            project_uuid: self.project,
            form: self.form,
            ..WireContext::default()
        };
        let ids = &self.ids;
        self.store
            .write(|tx| select::select(tx, &target, &policy, context, ids, (now, now)))
    }

    pub(super) fn select(&mut self) -> Selection {
        self.try_select().unwrap()
    }

    /// The next batch; panics if there is none.
    pub(super) fn batch(&mut self) -> Batch {
        self.select().batch.expect("something to send")
    }

    /// The journal rows of the next batch; empty if there is none.
    pub(super) fn selected(&mut self) -> Vec<i64> {
        self.select()
            .batch
            .map_or_else(Vec::new, |batch| seqs(&batch))
    }

    pub(super) fn record(&mut self, batch: &Batch, verdict: &Verdict) -> Settled {
        let target = self.target();
        let settling = Settling {
            policy: &self.policy,
            form: self.form,
            http_status: Some(self.http_status),
            ids: &self.ids,
            random: 1.0,
            now: self.now.get(),
        };
        self.store
            .write(|tx| record::record(tx, &target, batch, verdict, &settling))
            .unwrap()
    }

    /// Selects a batch, records this outcome for each event; returns the rows.
    pub(super) fn exchange(&mut self, outcome: &Outcome) -> Vec<i64> {
        let batch = self.batch();
        self.record(
            &batch,
            &Verdict::Settled(vec![outcome.clone(); batch.items.len()]),
        );
        seqs(&batch)
    }

    pub(super) fn drain(
        &mut self,
        receiver: &dyn DeliveryReceiver,
        interrupt: &Interrupt,
    ) -> Report {
        self.try_drain(receiver, interrupt).unwrap()
    }

    pub(super) fn try_drain(
        &mut self,
        receiver: &dyn DeliveryReceiver,
        interrupt: &Interrupt,
    ) -> Result<Report, Error> {
        let clock = FixedClock(self.now());
        let conditions = Conditions {
            health_asked: false,
            policy: self.policy,
            project_uuid: self.project,
            clock: &clock,
            ids: &self.ids,
            random: &|| 1.0,
            begun: self.now(),
            deadline: self.now().after(self.max_time),
            interrupt,
        };
        super::drain(&mut self.store, receiver, &conditions, &mut |_| {})
    }

    pub(super) fn row(&mut self, seq: i64) -> Row {
        let target = self.target();
        self.write(|tx| super::row_of(tx, target.id, seq))
            .expect("a row")
    }

    /// The balance; asserts that it equals the count of the rows and that the rows are sound.
    pub(super) fn balance(&mut self) -> Balance {
        let target = self.target();
        self.write(|tx| {
            let balance = super::balance(tx, Some(&target))?;
            assert!(balance.holds(), "{balance:?}");
            assert_eq!(balance, super::recount(tx, &target)?);
            assert_eq!(super::unreferenced(tx, &target)?, Vec::<String>::new());
            Ok(balance)
        })
    }

    /// Every value of the ledger, to detect any change.
    pub(super) fn ledger(&mut self) -> Vec<String> {
        self.target();
        self.write(|tx| {
            let mut all = Vec::new();
            for table in ["delivery_targets", "delivery_rows", "delivery_attempts"] {
                let mut statement = tx.prepare(&format!("SELECT * FROM {table}"))?;
                let columns = statement.column_count();
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let values = (0..columns).map(|i| row.get::<_, rusqlite::types::Value>(i));
                    all.push(format!(
                        "{table}: {:?}",
                        values.collect::<rusqlite::Result<Vec<_>>>()?
                    ));
                }
            }
            Ok(all)
        })
    }
}

/// The journal rows of a batch.
pub(super) fn seqs(batch: &Batch) -> Vec<i64> {
    batch.items.iter().map(|item| item.seq).collect()
}

/// The verdict when the answer was lost.
pub(super) fn lost() -> Verdict {
    Verdict::Unknown {
        reason: "lost".to_owned(),
        wait: None,
        is_halved: false,
    }
}
