//! Progress of a drain of events or documents: its time, its waits, its end, and the conclusions
//! about the server.

use std::time::Duration;

use super::failures::masked;
use crate::base::{Clock, Interrupt, Timestamp};
use crate::endpoint::ServerStand;
use crate::http::{Cause, Meaning, Reading, Refusal};

/// Number of sendings of one item without a usable answer, and number of such answers in a row
/// after which a drain ends: then the server itself seems to fail.
pub(crate) const PATIENCE: u32 = 3;
/// Number of refusals of single events or documents with the same words, and nothing accepted,
/// after which the server is taken to refuse every request.
const ALIKE: u32 = 3;
/// Minimum time that must be left for an exchange to begin.
const LEAST: Duration = Duration::from_secs(1);

/// Why a drain ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The target refuses everything for now; the text is its reason.
    Halted(String),
    /// The target asked for a pause.
    Throttled(String),
    /// No connection to the target.
    Unreachable(String),
    /// The result of the last request is unknown.
    Unknown(String),
    /// The time budget of the run is used up.
    Deadline,
    /// A person or the system requested a stop.
    Interrupted,
}

impl Stop {
    /// Text for people.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Halted(said) | Self::Unreachable(said) | Self::Unknown(said) => said.clone(),
            Self::Throttled(said) => format!("the target asks to wait ({said})"),
            Self::Deadline => "the time of this run is over (max_time)".to_owned(),
            Self::Interrupted => "interrupted".to_owned(),
        }
    }
}

/// Time, randomness and interruption for a drain.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    /// The time.
    pub(crate) clock: &'a dyn Clock,
    /// Random numbers in 0..1, for the waits.
    pub(crate) random: &'a (dyn Fn() -> f64 + Sync),
    /// A request to stop early; checked between steps.
    pub(crate) interrupt: &'a Interrupt,
    /// No request starts after this time.
    pub(crate) deadline: Timestamp,
}

impl Means<'_> {
    /// Time limit of an exchange that begins now.
    pub(crate) fn time_left(&self, longest: Duration) -> Duration {
        self.deadline.since(self.clock.now()).clamp(LEAST, longest)
    }

    /// Reason why no request may start any more; `None` while one may.
    pub(crate) fn end(&self) -> Option<Stop> {
        let is_late = self.clock.now() >= self.deadline;
        if self.interrupt.is_requested() {
            Some(Stop::Interrupted)
        } else {
            is_late.then_some(Stop::Deadline)
        }
    }
}

/// How a refusal of a single event or document relates to earlier ones in the drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alike {
    /// A new reason, or the server accepts other items: the refusal is about the item.
    New,
    /// The same reason as the last one, and nothing was accepted so far.
    Same,
    /// [`ALIKE`] refusals with the same reason: the server refuses every request.
    Everything,
}

/// A running drain.
pub(crate) struct RunningDrain<'a> {
    pub(crate) means: Means<'a>,
    /// Time of the last step.
    pub(crate) now: Timestamp,
    /// Why the drain stopped; `None` while it runs.
    pub(crate) stop: Option<Stop>,
    /// The exchange that stopped the drain, if one did.
    pub(crate) cause: Option<Cause>,
    /// Whether the server accepts requests, or refuses every one.
    pub(crate) server: ServerStand,
    unknown_in_a_row: u32,
    has_accepted: bool,
    /// The reason of the refusals so far, and how many had it.
    alike: (String, u32),
}

impl<'a> RunningDrain<'a> {
    pub(crate) fn new(means: Means<'a>) -> Self {
        Self {
            means,
            now: means.clock.now(),
            stop: None,
            cause: None,
            server: ServerStand::default(),
            unknown_in_a_row: 0,
            has_accepted: false,
            alike: (String::new(), 0),
        }
    }

    /// True when the time budget is used up or a stop was requested; records the reason.
    pub(crate) fn is_over(&mut self) -> bool {
        self.now = self.means.clock.now();
        let end = self.means.end();
        if end.is_some() {
            self.stop = end;
            self.cause = None;
        }
        self.stop
            .as_ref()
            .is_some_and(|stop| matches!(stop, Stop::Deadline | Stop::Interrupted))
    }

    /// Records how an exchange ended and, with `stop`, why no other follows. The first reason is
    /// kept, except that any later answer replaces an unknown end.
    pub(crate) fn note(&mut self, reading: &Reading, stop: Option<Stop>) {
        let stand = ServerStand::of(
            reading.refusal().as_ref(),
            reading.meaning == Meaning::Accepted,
        );
        self.server = std::mem::take(&mut self.server).then(stand);
        let is_unknown = matches!(stop, Some(Stop::Unknown(_)));
        // A server that names a wait is reachable.
        let is_asked = reading.wait.is_some_and(|wait| !wait.is_zero());
        self.unknown_in_a_row = if is_unknown && !is_asked {
            self.unknown_in_a_row + 1
        } else {
            0
        };
        if matches!(self.stop, None | Some(Stop::Unknown(_))) {
            self.cause = stop.as_ref().map(|_| reading.cause);
            self.stop = stop;
        }
    }

    /// Records that the server accepted something: it does not refuse everything.
    pub(crate) fn note_accepted(&mut self) {
        self.has_accepted = true;
    }

    /// True while a refusal may still turn out to mean that the server refuses everything.
    pub(crate) fn is_in_question(&self) -> bool {
        !self.has_accepted
    }

    /// Records that a single event or document was refused.
    pub(crate) fn note_refused(&mut self, reading: &Reading) -> Alike {
        let words = masked(&reading.said);
        let before = if words == self.alike.0 {
            self.alike.1
        } else {
            0
        };
        self.alike = (words, before + 1);
        if self.has_accepted || before == 0 {
            return Alike::New;
        }
        if before + 1 < ALIKE {
            return Alike::Same;
        }
        let Reading {
            cause,
            status,
            said,
            ..
        } = reading;
        self.server = ServerStand::Refuses(Refusal {
            cause: *cause,
            status: *status,
            said: said.clone(),
        });
        Alike::Everything
    }

    /// True if another request may be sent now.
    pub(crate) fn may_follow(&self) -> bool {
        matches!(self.stop, None | Some(Stop::Unknown(_))) && self.unknown_in_a_row < PATIENCE
    }

    /// Waits until `until`; false if that is beyond the run's time, or a wait does not help.
    pub(super) fn wait_until(&mut self, until: Timestamp) -> bool {
        if until >= self.means.deadline {
            return false;
        }
        if self.means.interrupt.wait(until.since(self.now)) {
            self.stop = Some(Stop::Interrupted);
            return false;
        }
        // A clock that stands still (in tests) would make this an endless loop.
        if self.is_over() || self.now < until {
            return false;
        }
        if matches!(self.stop, Some(Stop::Throttled(_))) {
            (self.stop, self.cause) = (None, None);
        }
        true
    }

    /// Whether waiting can help.
    pub(super) fn may_wait(&self) -> bool {
        self.may_follow() || matches!(self.stop, Some(Stop::Throttled(_)))
    }
}
