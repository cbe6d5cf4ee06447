//! Selects the documents of the next requests.

use super::{Documents, Job, SOON};
use crate::base::Timestamp;
use crate::bodies::Error;
use crate::bodies::select::{self, Row, Stored};
use crate::delivery::{self, Limits, PATIENCE, RunningDrain, Stop};
use crate::store::Store;

/// Rows read at once, without their texts.
const CHUNK: i64 = 64;

/// Approximate bytes of a document in a request besides its text, and the factor by which JSON may
/// extend the text.
const FIELDS_BYTES: usize = 1 << 10;

impl Documents<'_> {
    /// The next jobs for the pool.
    pub(super) fn hand_out(
        &mut self,
        store: &Store,
        drain: &mut RunningDrain<'_>,
        at_hand: usize,
    ) -> Result<Vec<Job>, Error> {
        let mut jobs = Vec::new();
        // Refused documents are judged one at a time.
        let is_plain = self.is_open && self.refused.is_empty() && self.push.may_send_many();
        let many = delivery::document_batch(&self.target, drain.now).filter(|_| is_plain);
        while at_hand + jobs.len() < if self.is_open { self.at_most } else { 1 } {
            let job = self.next_job(store, drain, many)?;
            if job.is_empty() {
                break;
            }
            jobs.push(job);
        }
        Ok(jobs)
    }

    /// The documents of the next request; empty if there is nothing to send, or nothing may be
    /// sent.
    fn next_job(
        &mut self,
        store: &Store,
        drain: &mut RunningDrain<'_>,
        many: Option<Limits>,
    ) -> Result<Job, Error> {
        let mut job = Job::new();
        let mut bytes = 0;
        while job.is_empty() || many.is_some_and(|many| job.len() < many.events) {
            let Some(row) = self.next_row(store, drain.now)? else {
                break;
            };
            let size = usize::try_from(row.size_bytes)
                .unwrap_or(usize::MAX)
                .saturating_add(FIELDS_BYTES);
            if !job.is_empty() && many.is_some_and(|many| size.saturating_add(bytes) > many.bytes) {
                self.rows.push_front(row);
                break;
            }
            if !self.may_go_on(drain) {
                break;
            }
            // Sending this version first would supersede an older version that is due soon.
            if self.has_waiting
                && let Some(due) = store
                    .read(|tx| delivery::older_due(tx, self.policy.target, row.id, drain.now))?
                && due.since(drain.now) <= SOON
            {
                self.soon.insert(due);
                continue;
            }
            let kept = match store.read(|tx| select::content(tx, &row))? {
                Stored::Intact(body) => Some(body),
                // A damaged text is replaced from the file.
                Stored::Damaged | Stored::Nothing => (self.policy.on_disk)(&row),
            };
            match kept {
                Some(_) if !self.at_hand.insert(row.key()) => self.behind.push_back(row),
                Some(body) => {
                    if self.policy.is_again {
                        self.push.believe([row.sha256]);
                    }
                    bytes = bytes.saturating_add(size);
                    job.push((row, body.into_text()));
                }
                None => self.report.textless.push(row),
            }
        }
        Ok(job)
    }

    /// True if another document may be sent; otherwise the reason is in `drain`.
    fn may_go_on(&self, drain: &mut RunningDrain<'_>) -> bool {
        if self.pause.is_some() && drain.stop.is_none() {
            drain.stop = Some(Stop::Throttled(
                "rate_limited: the server asked to be left alone".to_owned(),
            ));
        }
        drain.may_follow() && !drain.is_over()
    }

    fn next_row(&mut self, store: &Store, now: Timestamp) -> Result<Option<Row>, Error> {
        if let (true, Some(cursor)) = (self.rows.is_empty(), self.cursor) {
            self.rows = store
                .read(|tx| select::due(tx, self.policy.target, now, cursor, CHUNK))?
                .into();
            self.cursor = self.rows.back().map(|row| row.id);
        }
        // A document that failed this often in this drain is left to a later one.
        self.rows.retain(|row| {
            self.tries
                .get(&row.id)
                .is_none_or(|tries| *tries < PATIENCE)
        });
        Ok(self.rows.pop_front())
    }
}
