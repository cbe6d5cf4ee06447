//! The hash chain: each row's digest covers the row before, so a changed, missing or inserted row
//! is detected.
//!
//! `chain = SHA-256(previous chain, seq as 8 big-endian bytes, event_id, payload_sha256)`; the
//! first row's previous chain is 32 zero bytes. It covers nothing mutable, so marks and deleted
//! payloads do not break it.

use super::Error;
use super::state::sealed_through;
use crate::base::Sha256;
use crate::store::ReadTx;

/// The chain value before the first row.
pub(super) const START: [u8; 32] = [0; 32];

/// The chain value of a row.
pub(super) fn link(
    previous: &[u8; 32],
    seq: i64,
    event_id: &str,
    payload_sha256: &Sha256,
) -> Sha256 {
    Sha256::of_parts(&[
        previous,
        &seq.to_be_bytes(),
        event_id.as_bytes(),
        payload_sha256.as_bytes(),
    ])
}

/// A break of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChainBreak {
    /// The first row that does not follow from the one before.
    pub(crate) seq: i64,
    /// Description of the break.
    pub(crate) what: String,
}

/// Walks the whole chain, and checks each stored payload against its digest; O(rows). Calls `found`
/// for every break, and continues after it from the stored value, so that one damaged row is
/// reported once.
pub(crate) fn check_chain(tx: &ReadTx<'_>, found: &mut dyn FnMut(ChainBreak)) -> Result<(), Error> {
    let mut statement = tx.prepare(
        "SELECT e.seq, e.event_id, e.payload_sha256, e.chain, p.envelope, e.gone IS NULL AND e.discarded IS NULL, e.size,
                e.gone IS NOT NULL
         FROM journal_events AS e LEFT JOIN journal_payloads AS p ON p.seq = e.seq ORDER BY e.seq",
    )?;
    let mut rows = statement.query([])?;
    let (mut previous, mut expected_seq) = (START, 1);
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let mut report = |what: &str| {
            found(ChainBreak {
                seq,
                what: what.to_owned(),
            });
        };
        let digest = |index: usize| -> Result<Option<Sha256>, Error> {
            Ok(row
                .get_ref(index)?
                .as_blob()
                .ok()
                .and_then(Sha256::from_slice))
        };
        if seq != expected_seq {
            report(&format!("row {expected_seq} is missing"));
        }
        let event_id: String = row.get(1)?;
        let (Some(payload), Some(stored)) = (digest(2)?, digest(3)?) else {
            report("a digest does not have 32 bytes");
            expected_seq = seq + 1;
            continue;
        };
        if link(&previous, seq, &event_id, &payload) != stored {
            report("its chain value does not follow from the row before");
        }
        match row.get_ref(4)?.as_blob_or_null() {
            Ok(Some(bytes)) if Sha256::of(bytes) != payload => {
                report("the payload does not match its digest");
            }
            Ok(None) if row.get::<_, bool>(5)? => report("the payload is missing"),
            Ok(Some(_)) if row.get(7)? => {
                report("the payload is here, although its row says that it left");
            }
            Ok(Some(bytes)) if i64::try_from(bytes.len()) != Ok(row.get(6)?) => {
                report("the payload has another length than its row says");
            }
            Err(_) => report("the payload is not a blob"),
            Ok(_) => {}
        }
        previous = *stored.as_bytes();
        expected_seq = seq + 1;
    }
    // Selected rows must exist: the chain alone cannot show that its end is missing.
    let sealed = sealed_through(tx)?;
    if sealed >= expected_seq {
        found(ChainBreak {
            seq: sealed,
            what: format!(
                "it was selected once, but the journal ends at {}",
                expected_seq - 1
            ),
        });
    }
    Ok(())
}
