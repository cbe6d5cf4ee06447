//! The next state of a row, from the result that an answer has for its event and from its history.
//! Pure.

use std::time::Duration;

use super::limits::Policy;
use super::{Outcome, Status};
use crate::base::ids::Ids;
use crate::base::{Timestamp, retry};
use crate::event::BatchForm;

/// The first wait for an event the receiver accepted but has not stored; it doubles.
const PENDING_WAIT: Duration = Duration::from_mins(1);

/// Inputs of settling besides the verdict.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settling<'a> {
    pub(super) policy: &'a Policy,
    /// How the batch was built.
    pub(super) form: BatchForm,
    pub(super) http_status: Option<u16>,
    pub(super) ids: &'a dyn Ids,
    /// In 0..1, for the waits.
    pub(super) random: f64,
    pub(super) now: Timestamp,
}

/// History of a row so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tried {
    pub(super) failures: u32,
    pub(super) rejections: i64,
    pub(super) is_alone: bool,
}

/// The next state of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step<'a> {
    pub(super) status: Status,
    pub(super) due: Option<Timestamp>,
    pub(super) error: Option<&'a str>,
    pub(super) failures: u32,
    pub(super) rejections: i64,
    pub(super) is_alone: bool,
    pub(super) is_by_status: bool,
}

/// Computes the next state (pure).
pub(super) fn next<'a>(
    outcome: &'a Outcome,
    tried: Tried,
    was_single: bool,
    s: &Settling<'_>,
) -> Step<'a> {
    let Tried {
        failures,
        rejections,
        is_alone,
    } = tried;
    let end = |status, error| Step {
        status,
        due: None,
        error,
        failures,
        rejections,
        is_alone,
        is_by_status: false,
    };
    let wait = |status, error, wait| Step {
        due: Some(s.now.after(wait)),
        failures: failures.saturating_add(1),
        ..end(status, error)
    };
    let backoff = retry::backoff(failures, None, s.random);
    match outcome {
        Outcome::Success => end(Status::Success, None),
        Outcome::Acknowledged => Step {
            is_by_status: true,
            ..end(Status::Success, None)
        },
        Outcome::Duplicate => end(Status::Duplicate, None),
        Outcome::Terminal(reason) => end(Status::TerminalFailed, Some(reason.as_str())),
        Outcome::Pending => {
            let longer = PENDING_WAIT
                .saturating_mul(2u32.saturating_pow(failures.min(16)))
                .min(retry::LONGEST);
            wait(Status::Pending, None, longer)
        }
        Outcome::Transient(reason) => wait(Status::Transient, Some(reason.as_str()), backoff),
        Outcome::Rejected(reason) if rejections + 1 >= s.policy.max_rejections => Step {
            rejections: rejections + 1,
            ..end(Status::TerminalFailed, Some(reason.as_str()))
        },
        Outcome::Rejected(reason) => {
            let step = wait(Status::Rejected, Some(reason.as_str()), backoff);
            // Refused in a request of one event: a request with others would fail for them too.
            let is_culprit = was_single && s.http_status.is_some_and(|status| status >= 400);
            Step {
                rejections: rejections + 1,
                is_alone: is_alone || is_culprit,
                ..step
            }
        }
        Outcome::Requeue => end(Status::Queued, None),
    }
}
