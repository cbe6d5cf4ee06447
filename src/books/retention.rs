//! Deletes payloads where the operator chose `retention = "off"`.
//!
//! Acknowledged: the active target has the event, so its payload is deleted. Evicted: the queue is
//! over its capacity, so the oldest event that is neither on hold nor in flight is given up, with
//! an audit row.

use std::collections::BTreeSet;

use super::Error;
use super::append::leave;
use crate::base::Timestamp;
use crate::delivery::{self, Class};
use crate::journal::{self, Audit, Kind, Live, Mark};
use crate::store::{Counter, WriteTx, counter, set_counter};

/// Rows examined in one transaction.
const CHUNK: i64 = 1000;

/// Deletes the payloads that the target has acknowledged, among the next live rows above `after`;
/// returns how many, and the last row examined, `None` at the end. Payloads in flight at another
/// target are kept.
pub(crate) fn acknowledge(
    tx: &WriteTx<'_>,
    now: Timestamp,
    target: i64,
    after: i64,
) -> Result<(i64, Option<i64>), Error> {
    let rows = journal::live_after(tx, after, CHUNK)?;
    let mut gone = 0;
    // Documents are deleted before the event that announces them.
    let documents = rows.iter().filter(|row| row.kind == Kind::Document);
    for Live { seq, kind, .. } in documents.chain(rows.iter().filter(|row| row.kind == Kind::Event))
    {
        let is_delivered = delivery::row_of(tx, target, *seq)?
            .is_some_and(|row| row.status.class() == Class::Delivered);
        // A document is sent only to targets that have its event, so the event stays while its
        // documents do.
        let is_announcing = *kind == Kind::Event && !journal::announced(tx, *seq)?.is_empty();
        if !is_delivered || is_announcing || delivery::is_in_flight(tx, *seq)? {
            continue;
        }
        if leave(tx, now, *seq, Mark::Gone("acknowledged"), Class::Purged)?.is_some() {
            gone += i64::from(*kind == Kind::Event);
        }
    }
    Ok((gone, rows.last().map(|row| row.seq)))
}

/// The last row that was captured while payloads were retained: eviction considers only later rows.
/// [`ALL`] while they are retained, 0 if they never were.
const RETAINED_THROUGH: Counter<'static> = Counter {
    scope: Kind::Event.scope(),
    name: "retained_through",
};

/// Every present and future row.
const ALL: i64 = i64::MAX;

/// Records, before a capture, whether payloads are retained now. Events captured while they are
/// retained are never evicted, whatever is chosen later. Writes only on a change.
pub(crate) fn note_retention(tx: &WriteTx<'_>, is_retained: bool) -> Result<(), Error> {
    let through = counter(tx, RETAINED_THROUGH)?;
    match is_retained {
        true if through != ALL => set_counter(tx, RETAINED_THROUGH, ALL)?,
        false if through == ALL => set_counter(tx, RETAINED_THROUGH, journal::last_seq(tx)?)?,
        _ => {}
    }
    Ok(())
}

/// Larger than any row: no event counts as an arrival.
pub(crate) const NO_ARRIVALS: i64 = i64::MAX;

/// Evicts the oldest events until at most `capacity` are live besides those captured while payloads
/// were retained; returns their rows. Events on hold or in flight stay, so fewer may be evicted
/// than needed: of the events above `arrived_after`, which this transaction added, the newest
/// `capacity` stay too.
pub(crate) fn evict(
    tx: &WriteTx<'_>,
    now: Timestamp,
    capacity: i64,
    arrived_after: i64,
) -> Result<BTreeSet<i64>, Error> {
    let through = counter(tx, RETAINED_THROUGH)?;
    let mut evicted = BTreeSet::new();
    if through == ALL {
        return Ok(evicted);
    }
    let live = journal::size(tx)?;
    if live <= capacity {
        return Ok(evicted);
    }
    // The rows are counted only while some retained ones are still stored; otherwise the counter is
    // enough.
    let is_mixed = journal::live_after(tx, 0, 1)?
        .first()
        .is_some_and(|oldest| oldest.seq <= through);
    let mut over = if is_mixed {
        journal::live_events_after(tx, through)?
    } else {
        live
    } - capacity;
    // Number of arrivals that may be evicted; computed only once the scan has reached them, which
    // is rare.
    let mut spare = None;
    let (mut after, mut chunk) = (through, over);
    while over > 0 {
        let candidates = journal::live_after(tx, after, chunk.min(CHUNK))?;
        // Many rows may have to stay, so each step examines more rows than the one before.
        chunk = chunk.saturating_mul(2);
        let Some(last) = candidates.last() else { break };
        after = last.seq;
        for Live { seq, is_held, kind } in candidates {
            if over == 0 {
                break;
            }
            if is_held || kind != Kind::Event || delivery::is_in_flight(tx, seq)? {
                continue;
            }
            if seq > arrived_after {
                let left = match spare {
                    Some(left) => left,
                    None => journal::live_events_after(tx, arrived_after)? - capacity,
                };
                if left <= 0 {
                    return Ok(evicted);
                }
                spare = Some(left - 1);
            }
            let Some(left) = leave(tx, now, seq, Mark::Discarded("evicted"), Class::Discarded)?
            else {
                continue;
            };
            let reason = format!("the queue held more than {capacity} events");
            let audit = Audit {
                act: "evicted",
                event_id: &left.event_id,
                event_type: &left.event_type,
                sha256: left.sha256,
                reason: &reason,
            };
            journal::audit(tx, now, &audit)?;
            evicted.insert(seq);
            over -= 1;
        }
    }
    Ok(evicted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Sha256;
    use crate::books::{self, SCHEMA, append, check};
    use crate::endpoint::{Identity, ReceiverKind};
    use crate::event::WireForm;
    use crate::journal::Entry;
    use crate::store::Store;

    const NOW: Timestamp = Timestamp::from_micros(1);

    fn store(dir: &tempfile::TempDir) -> Store {
        Store::open(
            &dir.path().join("s.db"),
            &SCHEMA,
            std::time::Duration::from_secs(5),
        )
        .unwrap()
    }

    fn identity(name: &str) -> Identity {
        Identity {
            target_id: name.to_owned(),
            receiver: ReceiverKind::Stub,
            canonical_url: name.to_owned(),
            team_slug: String::new(),
            user_email: String::new(),
        }
    }

    fn add(store: &mut Store, ids: std::ops::Range<usize>, held: Option<&'static str>) {
        store
            .write(|tx| {
                append(tx, NOW, |appending| {
                    for id in ids {
                        let envelope = format!("{{\"event_id\":\"e{id}\"}}");
                        let entry = Entry {
                            event_id: &format!("e{id}"),
                            event_type: "T",
                            occurred_at: None,
                            envelope: envelope.as_bytes(),
                            wire: WireForm::AsIs,
                            coalesce: None,
                            held,
                            origin: "test",
                        };
                        appending.append(&entry)?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .unwrap();
    }

    /// Puts rows into a state at a target like a drain, with the postings.
    fn settle(store: &mut Store, target: i64, seqs: &[i64], status: &str, class: Class) {
        store
            .write(|tx| {
                for seq in seqs {
                    tx.conn().execute(
                        "INSERT INTO delivery_rows (target, seq, status) VALUES (?1, ?2, ?3)",
                        rusqlite::params![target, seq, status],
                    )?;
                    for (name, by) in [("untried", -1), (class.name(), 1)] {
                        let scope = format!("delivery/{target}");
                        crate::store::add_to_counter(
                            tx,
                            Counter {
                                scope: &scope,
                                name,
                            },
                            by,
                        )?;
                    }
                }
                Ok::<_, Error>(())
            })
            .unwrap();
    }

    /// The findings of the check, without those about attempts: the rows are put into their states
    /// by hand.
    fn findings(store: &Store) -> Vec<String> {
        let all = store.read(check).unwrap().into_iter();
        all.filter(|f| f.severity == books::Severity::Derived)
            .map(|f| f.what)
            .collect()
    }

    #[test]
    fn only_acknowledged_payloads_go_and_never_one_in_flight_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(&dir);
        let (a, b) = store
            .write(|tx| {
                let a = delivery::register_for_tests(tx, &identity("a"), NOW)?.id;
                Ok::<_, Error>((a, delivery::register_for_tests(tx, &identity("b"), NOW)?.id))
            })
            .unwrap();
        add(&mut store, 0..6, None);
        settle(&mut store, a, &[1, 2, 3], "success", Class::Delivered);
        settle(&mut store, b, &[2], "in_flight", Class::InFlight);
        settle(&mut store, b, &[3], "success", Class::Delivered);
        let (gone, last) = store.write(|tx| acknowledge(tx, NOW, a, 0)).unwrap();
        assert_eq!((gone, last), (2, Some(6)));
        let kept: Vec<i64> = store
            .read(|tx| journal::live_after(tx, 0, 99))
            .unwrap()
            .iter()
            .map(|r| r.seq)
            .collect();
        assert_eq!(kept, [2, 4, 5, 6]);
        let balance = |t: &str| {
            store
                .read(|tx| delivery::balance(tx, delivery::current(tx, t)?.as_ref()))
                .unwrap()
        };
        assert_eq!(
            (
                balance("a").of(Class::Delivered),
                balance("a").of(Class::Purged)
            ),
            (3, 0)
        );
        assert_eq!(
            (
                balance("b").of(Class::Delivered),
                balance("b").of(Class::Purged)
            ),
            (1, 1)
        );
        assert_eq!(findings(&store), Vec::<String>::new());
    }

    #[test]
    fn what_was_captured_while_payloads_were_retained_is_never_evicted() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(&dir);
        let note = |store: &mut Store, is_retained| {
            store.write(|tx| note_retention(tx, is_retained)).unwrap();
        };
        let over = |store: &mut Store| {
            store
                .write(|tx| evict(tx, NOW, 2, NO_ARRIVALS))
                .unwrap()
                .len()
        };
        let kept = |store: &Store| -> Vec<i64> {
            store
                .read(|tx| journal::live_after(tx, 0, 99))
                .unwrap()
                .iter()
                .map(|row| row.seq)
                .collect()
        };
        note(&mut store, true);
        add(&mut store, 0..3, None);
        assert_eq!(
            over(&mut store),
            0,
            "nothing leaves while payloads are retained"
        );
        note(&mut store, false);
        add(&mut store, 3..8, None);
        assert_eq!(
            (over(&mut store), kept(&store)),
            (3, vec![1, 2, 3, 7, 8]),
            "the queue is what came since"
        );
        // Retained rows that are removed in another way do not make room for more.
        let gone =
            |tx: &WriteTx<'_>, seq| leave(tx, NOW, seq, Mark::Discarded("test"), Class::Discarded);
        store
            .write(|tx| Ok::<_, Error>((gone(tx, 1)?, gone(tx, 2)?, gone(tx, 3)?)))
            .unwrap();
        add(&mut store, 8..9, None);
        assert_eq!((over(&mut store), kept(&store)), (1, vec![8, 9]));
        // Retained, and then not again: events captured in between stay as well.
        note(&mut store, true);
        note(&mut store, false);
        add(&mut store, 9..12, None);
        assert_eq!((over(&mut store), kept(&store)), (1, vec![8, 9, 11, 12]));
        assert_eq!(findings(&store), Vec::<String>::new());
    }

    #[test]
    fn eviction_takes_the_oldest_and_ends_at_the_capacity() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(&dir);
        let target = store
            .write(|tx| Ok::<_, Error>(delivery::register_for_tests(tx, &identity("a"), NOW)?.id))
            .unwrap();
        add(&mut store, 0..1, Some("opted_out"));
        add(&mut store, 1..6, None);
        settle(&mut store, target, &[2], "in_flight", Class::InFlight);
        settle(&mut store, target, &[3], "rejected", Class::Retryable);
        store
            .write(|tx| {
                Ok::<_, Error>(
                    tx.conn()
                        .execute("UPDATE delivery_rows SET due_at = 0 WHERE seq = 3", [])?,
                )
            })
            .unwrap();
        assert_eq!(
            store.write(|tx| evict(tx, NOW, 3, NO_ARRIVALS)).unwrap(),
            [3, 4, 5].into()
        );
        let kept: Vec<i64> = store
            .read(|tx| journal::live_after(tx, 0, 99))
            .unwrap()
            .iter()
            .map(|r| r.seq)
            .collect();
        assert_eq!(kept, [1, 2, 6], "the held one and the one in flight stay");
        assert_eq!(store.read(journal::totals).unwrap().live, 3);
        assert_eq!(findings(&store), Vec::<String>::new());
        let audited: i64 = store
            .read(|tx| {
                Ok::<_, Error>(tx.conn().query_row(
                    "SELECT COUNT(*) FROM journal_audit WHERE act = 'evicted' AND sha256 = ?1",
                    [&Sha256::of(b"{\"event_id\":\"e3\"}").as_bytes()[..]],
                    |r| r.get(0),
                )?)
            })
            .unwrap();
        assert_eq!(audited, 1);
        assert_eq!(
            store.write(|tx| evict(tx, NOW, 1, NO_ARRIVALS)).unwrap(),
            [6].into(),
            "held and in flight are no candidates"
        );
        drop(store);
        assert!(books::open(&dir.path().join("s.db")).is_ok());
    }
}
