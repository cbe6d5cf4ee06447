//! Compares the columns of rows with their envelopes, for `verify`.

use serde::Deserialize;

use super::Error;
use super::state::{HIGHEST_CLOCK, lamport};
use crate::store::ReadTx;

/// Number of rows listed by name; more would not add information.
const NAMED: usize = 20;

/// Findings, as sentences: rows that are sent unchanged although their envelope has another id, and
/// an impossible Lamport clock. O(rows). An envelope that is not valid JSON is not sent unchanged.
pub(crate) fn false_claims(tx: &ReadTx<'_>) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        event_id: Option<std::borrow::Cow<'a, str>>,
    }
    let mut found = Vec::new();
    let clock = lamport(tx)?;
    if !(0..=HIGHEST_CLOCK).contains(&clock) {
        found.push(format!(
            "the Lamport clock is {clock}, which no journal reaches; the next event corrects it"
        ));
    }
    let mut statement = tx.prepare(
        "SELECT e.seq, e.event_id, p.envelope FROM journal_events AS e JOIN journal_payloads AS p USING (seq)
         WHERE e.kind = 0 AND e.wire IN (1, 2) ORDER BY e.seq",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, event_id): (i64, String) = (row.get(0)?, row.get(1)?);
        let Ok(envelope) = row.get_ref(2)?.as_blob() else {
            continue;
        };
        let named = serde_json::from_slice::<Named<'_>>(envelope)
            .ok()
            .and_then(|named| named.event_id);
        if named.is_some_and(|named| !named.eq_ignore_ascii_case(&event_id)) {
            found.push(format!(
                "journal row {seq}: its envelope has another id than the row"
            ));
        }
        if found.len() >= NAMED {
            break;
        }
    }
    Ok(found)
}
