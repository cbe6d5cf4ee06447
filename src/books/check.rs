//! Checks the books against the rows, for `verify` and at the end of tests.

use super::counters::{self, Correction, LAST_BALANCE};
use super::{Error, Part};
use crate::store::ReadTx;
use crate::{delivery, journal};

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Facts are damaged or missing.
    Damage,
    /// Only derived numbers are wrong; the facts they count are intact.
    Derived,
}

impl Part {
    const fn check(self) -> fn(&ReadTx<'_>, &mut Vec<Finding>) -> Result<(), Error> {
        match self {
            Self::File => check_file,
            Self::Journal => check_journal,
            Self::Ledger => check_ledger,
            Self::Bodies => check_bodies,
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Part of the store.
    pub(crate) part: Part,
    pub(crate) severity: Severity,
    /// A sentence: what is wrong, where, which row.
    pub(crate) what: String,
}

/// Checks everything: SQLite's own integrity, the chain and every payload's digest, the journal's
/// counters, each target's books and rules, the body queue. O(rows). Empty if everything is
/// correct. A part that is too damaged to be read is a finding; the other parts are still checked.
pub(crate) fn check(tx: &ReadTx<'_>) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for part in Part::ALL {
        match part.check()(tx, &mut findings) {
            Err(error) if error.is_damage() => {
                let what = format!("the check of this part ended early: {error}");
                findings.push(Finding {
                    part,
                    severity: Severity::Damage,
                    what,
                });
            }
            other => other?,
        }
    }
    Ok(findings)
}

fn check_file(tx: &ReadTx<'_>, findings: &mut Vec<Finding>) -> Result<(), Error> {
    let mut statement = tx.prepare("PRAGMA integrity_check(20)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let lines: String = row.get(0)?;
        let wrong = lines
            .lines()
            .filter(|line| *line != "ok" && !line.starts_with("***"));
        findings.extend(wrong.map(|line| Finding {
            part: Part::File,
            severity: Severity::Damage,
            what: format!("SQLite: {line}"),
        }));
    }
    Ok(())
}

fn check_journal(tx: &ReadTx<'_>, findings: &mut Vec<Finding>) -> Result<(), Error> {
    let part = Part::Journal;
    journal::check_chain(tx, &mut |found| {
        let what = format!("journal row {}: {}", found.seq, found.what);
        findings.push(Finding {
            part,
            severity: Severity::Damage,
            what,
        });
    })?;
    let mut damaged = journal::damaged_texts(tx)?;
    damaged.extend(journal::false_claims(tx)?);
    findings.extend(damaged.into_iter().map(|what| Finding {
        part,
        severity: Severity::Damage,
        what,
    }));
    let (mut is_wrong, mut is_row_lost) = (false, false);
    for kind in journal::Kind::ALL {
        let (kept, counted) = (
            journal::totals_of(tx, kind)?,
            journal::recount_of(tx, kind)?,
        );
        is_wrong |= kept != counted;
        // Rows are never deleted, and the hash chain cannot show that its end is missing. Every
        // lost row was counted twice: as captured and in its class. If only one of the two counts
        // is too high, a counter is wrong.
        let became = kept.live + kept.superseded + kept.discarded + kept.gone;
        is_row_lost |= kept.captured.min(became) > counted.captured;
    }
    if is_wrong {
        let what = miscounted("the journal's counters", &counters::wrong(tx, part)?);
        findings.push(Finding {
            part,
            severity: if is_row_lost {
                Severity::Damage
            } else {
                Severity::Derived
            },
            what,
        });
    }
    Ok(())
}

fn check_ledger(tx: &ReadTx<'_>, findings: &mut Vec<Finding>) -> Result<(), Error> {
    let part = Part::Ledger;
    let missing = delivery::lost_attempts(tx)?;
    if missing > 0 {
        let what = format!("{missing} attempts are missing");
        findings.push(Finding {
            part,
            severity: Severity::Damage,
            what,
        });
    }
    let wrong = counters::wrong(tx, part)?;
    let captured = journal::recount(tx)?.captured;
    for target in delivery::targets(tx)? {
        let scopes = journal::Kind::ALL.map(|kind| delivery::scope_of(target.id, kind));
        let wrong: Vec<_> = wrong
            .iter()
            .filter(|c| scopes.contains(&c.scope) && c.name != LAST_BALANCE)
            .cloned()
            .collect();
        if !wrong.is_empty() {
            let what = miscounted(
                &format!("the counters of {}", target.identity.target_id),
                &wrong,
            );
            findings.push(Finding {
                part,
                severity: Severity::Derived,
                what,
            });
        }
        let mut broken = delivery::unreferenced(tx, &target)?;
        broken.extend(delivery::contradictions(tx, &target)?);
        let said = delivery::last_balance(tx, target.id)?;
        let fewer = said.and_then(|said| delivery::loss(&said, captured));
        broken.extend(fewer.map(|what| format!("{what} (target {})", target.identity.target_id)));
        findings.extend(broken.into_iter().map(|what| Finding {
            part,
            severity: Severity::Damage,
            what,
        }));
    }
    Ok(())
}

fn check_bodies(tx: &ReadTx<'_>, findings: &mut Vec<Finding>) -> Result<(), Error> {
    let part = Part::Bodies;
    let wrong = counters::wrong(tx, part)?;
    if !wrong.is_empty() {
        findings.push(Finding {
            part,
            severity: Severity::Derived,
            what: miscounted("older refusals", &wrong),
        });
    }
    Ok(())
}

/// Sentence about wrong counters: their values and the correct ones.
fn miscounted(whose: &str, wrong: &[Correction]) -> String {
    let one = |c: &Correction| format!("{} {} instead of {}", c.name, c.kept, c.counted);
    format!(
        "{whose} say {}",
        wrong.iter().map(one).collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::books;
    use crate::endpoint::{Identity, ReceiverKind};
    use crate::event::inspect;
    use crate::journal::Entry;
    use crate::store::{Counter, Store, set_counter};

    const NOW: Timestamp = Timestamp::from_micros(0);

    /// A store with one event and one target.
    fn store(dir: &tempfile::TempDir) -> Store {
        let mut store = books::open(&dir.path().join("s.db")).unwrap();
        let envelope = br#"{"event_id":"a"}"#;
        let entry = Entry {
            event_id: "a",
            event_type: "T",
            occurred_at: None,
            envelope,
            wire: inspect(envelope).unwrap().wire,
            coalesce: None,
            held: None,
            origin: "capture",
        };
        let identity = Identity {
            target_id: "tgt_a".to_owned(),
            receiver: ReceiverKind::Stub,
            canonical_url: String::new(),
            team_slug: String::new(),
            user_email: String::new(),
        };
        let filled: Result<(), Error> = store.write(|tx| {
            books::append(tx, NOW, |appending| appending.append(&entry))?;
            delivery::register_for_tests(tx, &identity, NOW)?;
            Ok(())
        });
        filled.unwrap();
        store
    }

    /// The findings after one counter was changed.
    fn found_after(scope: &str, name: &str, value: i64) -> Vec<(Severity, String)> {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(&dir);
        store
            .write(|tx| set_counter(tx, Counter { scope, name }, value))
            .unwrap();
        let found = store.read(check).unwrap();
        found
            .into_iter()
            .map(|finding| (finding.severity, finding.what))
            .collect()
    }

    #[test]
    fn sound_books_have_no_findings() {
        assert_eq!(found_after("journal", "live", 1), []);
    }

    #[test]
    fn a_wrong_number_is_told_from_a_missing_row() {
        let wrong = found_after("journal", "live", 7);
        assert!(matches!(&wrong[..], [(Severity::Derived, _)]), "{wrong:?}");
        let captured = found_after("journal", "captured", 2);
        assert!(
            captured
                .iter()
                .all(|(severity, _)| *severity == Severity::Derived),
            "one counter alone: {captured:?}"
        );
        // The chain cannot show that its end is missing: more events were captured and counted in a
        // class than exist.
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(&dir);
        let lost: Result<_, Error> = store.write(|tx| {
            tx.conn()
                .execute_batch("DELETE FROM journal_payloads; DELETE FROM journal_events")?;
            check(tx)
        });
        let lost = lost.unwrap();
        assert!(
            lost.iter()
                .any(|f| f.severity == Severity::Damage && f.what.contains("counters")),
            "{lost:?}"
        );
        let books = found_after("delivery/1", "untried", 0);
        assert!(
            matches!(&books[..], [(Severity::Derived, what)] if what.contains("tgt_a")),
            "{books:?}"
        );
    }
}
