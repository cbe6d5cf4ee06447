//! `verify`: the whole store, proved from its rows.

use std::path::Path;

use serde::Serialize;

use crate::bodies;
use crate::books::{self, Error, Severity};
use crate::{delivery, journal};

/// What was checked and what was found.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Proof {
    /// Nothing is wrong.
    pub(crate) ok: bool,
    /// True when facts are damaged, not only derived numbers.
    pub(crate) is_damaged: bool,
    /// What was looked at.
    pub(crate) checked: Checked,
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Checked {
    /// Events in the journal.
    pub(crate) events: i64,
    /// Targets whose books were recounted.
    pub(crate) targets: usize,
    /// Bodies in the queue.
    pub(crate) bodies: u64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// `damage`: facts are wrong or missing. `derived`: a number is wrong that can be counted again.
    pub(crate) severity: &'static str,
    /// What, and where.
    pub(crate) what: String,
}

/// Checks the store at `store`; `None` when there is none.
pub(crate) fn verify(store: &Path) -> Result<Option<Proof>, Error> {
    let Some(store) = books::open_read(store)? else { return Ok(None) };
    store.read(|tx| {
        let checked = Checked {
            events: journal::recount(tx)?.captured,
            targets: delivery::targets(tx)?.len(),
            bodies: bodies::recount(tx)?.rows,
        };
        let found = books::check(tx)?;
        let findings: Vec<_> = found
            .into_iter()
            .map(|f| Finding {
                severity: match f.severity {
                    Severity::Damage => "damage",
                    Severity::Derived => "derived",
                },
                what: f.what,
            })
            .collect();
        let is_damaged = findings.iter().any(|f| f.severity == "damage");
        Ok(Some(Proof { ok: findings.is_empty(), is_damaged, checked, findings }))
    })
}
