//! `verify`: checks the whole store against its rows.

use std::path::Path;

use serde::Serialize;

use crate::base::Clock;
use crate::books::{self, Correction, Error, Part, Severity};
use crate::spool::{Spool, Waiting};
use crate::store::ReadTx;
use crate::{delivery, journal};

/// Numbers of checked objects, and the findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Proof {
    /// Nothing is wrong.
    pub(crate) ok: bool,
    /// True if facts are damaged, not only derived numbers.
    pub(crate) is_damaged: bool,
    /// Numbers of checked objects.
    pub(crate) checked: Checked,
    /// The findings.
    pub(crate) findings: Vec<Finding>,
    /// Parts that were proved to be intact, as sentences.
    pub(crate) safe: Vec<&'static str>,
}

/// Numbers of checked objects; null if damage prevents counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Checked {
    /// Events in the journal.
    pub(crate) events: Option<i64>,
    /// Targets whose balance was recounted.
    pub(crate) targets: Option<usize>,
    /// Waiting documents.
    pub(crate) bodies: Option<u64>,
    /// Lines in the spool.
    pub(crate) spooled: u64,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// `damage`: facts are wrong or missing. `derived`: a number is wrong that can be recomputed.
    pub(crate) severity: &'static str,
    /// `file`, `journal`, `ledger`, `bodies` or `spool`.
    pub(crate) part: &'static str,
    /// Description with its place.
    pub(crate) what: String,
}

/// Checks the store at `store` and its spool; a missing store has no findings.
pub(crate) fn verify(store: &Path) -> Result<Proof, Error> {
    // Read first: lines that are absorbed meanwhile are then counted twice rather than not at all.
    let spool = Spool::beside(store).check();
    let proof = match books::open_read(store)? {
        Some(store) => store.read(|tx| Ok::<_, Error>(prove(checked(tx)?, books::check(tx)?)))?,
        None => prove(
            Checked {
                events: Some(0),
                targets: Some(0),
                bodies: Some(0),
                spooled: 0,
            },
            Vec::new(),
        ),
    };
    Ok(with_spool(
        proof,
        &spool.map_err(crate::store::Error::from)?,
    ))
}

/// A counter that was or would be recomputed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Repair {
    /// Its scope and name.
    pub(crate) counter: String,
    /// Value before.
    pub(crate) before: i64,
    /// Value according to the rows.
    pub(crate) after: i64,
}

/// The counters that differ from their rows, in every part of the store at `store` that is
/// otherwise intact. Changes nothing.
pub(crate) fn plan_repair(store: &Path) -> Result<Vec<Repair>, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(Vec::new());
    };
    store.read(|tx| {
        Ok(books::plan_mending(tx)?
            .into_iter()
            .map(Repair::from)
            .collect())
    })
}

/// Recomputes them, in one transaction that checks everything again. Nothing else changes.
pub(crate) fn apply_repair(store: &Path, clock: &dyn Clock) -> Result<Vec<Repair>, Error> {
    let mut store = books::open(store)?;
    let done = store.write(|tx| books::mend(tx, clock.now()))?;
    Ok(done.into_iter().map(Repair::from).collect())
}

impl From<Correction> for Repair {
    fn from(correction: Correction) -> Self {
        let Correction {
            scope,
            name,
            kept,
            counted,
            ..
        } = correction;
        Self {
            counter: format!("{scope}/{name}"),
            before: kept,
            after: counted,
        }
    }
}

/// Adds the findings about the spool. A truncated line was never acknowledged, so it is not a
/// finding.
fn with_spool(mut proof: Proof, spool: &Waiting) -> Proof {
    proof.checked.spooled = spool.lines;
    if spool.damaged > 0 {
        let place = if spool.kept.is_empty() {
            "the spool".to_owned()
        } else {
            spool.kept.join(", ")
        };
        let what = format!(
            "{} spooled lines are not what was written, in {place}",
            spool.damaged
        );
        proof.findings.push(Finding {
            severity: "damage",
            part: "spool",
            what,
        });
        (proof.ok, proof.is_damaged) = (false, true);
    }
    proof
}

fn checked(tx: &ReadTx<'_>) -> Result<Checked, Error> {
    Ok(Checked {
        events: countable(journal::recount(tx).map(|totals| totals.captured))?,
        targets: countable(delivery::targets(tx).map(|targets| targets.len()))?,
        bodies: countable(journal::kept_texts(tx).map(|(texts, _)| texts))?,
        spooled: 0,
    })
}

/// A count, or `None` if damage prevents counting; the check reports the damage.
fn countable<T, E: Into<Error>>(counted: Result<T, E>) -> Result<Option<T>, Error> {
    match counted.map_err(E::into) {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.is_damage() => Ok(None),
        Err(error) => Err(error),
    }
}

fn prove(checked: Checked, found: Vec<books::Finding>) -> Proof {
    let is_damage = |finding: &&books::Finding| finding.severity == Severity::Damage;
    let is_whole = |part: &Part| {
        !found
            .iter()
            .filter(is_damage)
            .any(|finding| finding.part == *part)
    };
    Proof {
        ok: found.is_empty(),
        is_damaged: found.iter().any(|finding| is_damage(&finding)),
        checked,
        safe: Part::ALL
            .into_iter()
            .filter(is_whole)
            .map(soundness)
            .collect(),
        findings: found
            .into_iter()
            .map(|finding| Finding {
                severity: match finding.severity {
                    Severity::Damage => "damage",
                    Severity::Derived => "derived",
                },
                part: match finding.part {
                    Part::File => "file",
                    Part::Journal => "journal",
                    Part::Ledger => "ledger",
                    Part::Bodies => "bodies",
                },
                what: finding.what,
            })
            .collect(),
    }
}

/// The meaning of a part without damage, for people.
const fn soundness(part: Part) -> &'static str {
    match part {
        Part::File => "the database file is whole",
        Part::Journal => {
            "every event is here: the chain is unbroken and every payload matches its digest"
        }
        Part::Ledger => {
            "what every target has is known: every delivery belongs to an event and keeps the rules"
        }
        Part::Bodies => "every waiting document has its text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Checked = Checked {
        events: Some(1),
        targets: Some(1),
        bodies: Some(1),
        spooled: 0,
    };

    fn finding(part: Part, severity: Severity) -> books::Finding {
        books::Finding {
            part,
            severity,
            what: "w".to_owned(),
        }
    }

    #[test]
    fn without_a_store_nothing_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let proof = verify(&dir.path().join("none.db")).unwrap();
        assert_eq!(
            (proof.ok, proof.checked.events, proof.findings.len()),
            (true, Some(0), 0)
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_spool_is_damage_and_a_torn_one_is_not() {
        let torn = Waiting {
            lines: 3,
            torn: 1,
            ..Waiting::default()
        };
        let proof = with_spool(prove(ONE, Vec::new()), &torn);
        assert_eq!(
            (proof.ok, proof.is_damaged, proof.checked.spooled),
            (true, false, 3)
        );
        let damaged = Waiting {
            damaged: 2,
            kept: vec!["/s/spool-1.damaged".to_owned()],
            ..torn
        };
        let proof = with_spool(prove(ONE, Vec::new()), &damaged);
        assert_eq!(
            (proof.ok, proof.is_damaged, proof.findings[0].part),
            (false, true, "spool")
        );
        assert_eq!(
            proof.findings[0].what,
            "2 spooled lines are not what was written, in /s/spool-1.damaged"
        );
    }

    #[test]
    fn only_damage_makes_a_part_unsafe() {
        let proof = prove(ONE, vec![finding(Part::Ledger, Severity::Derived)]);
        assert_eq!(
            (proof.ok, proof.is_damaged, proof.safe.len()),
            (false, false, 4)
        );
        let proof = prove(ONE, vec![finding(Part::Journal, Severity::Damage)]);
        assert_eq!((proof.ok, proof.is_damaged), (false, true));
        assert_eq!(
            proof.safe,
            [
                soundness(Part::File),
                soundness(Part::Ledger),
                soundness(Part::Bodies)
            ],
            "the journal is not among what is safe"
        );
    }
}
