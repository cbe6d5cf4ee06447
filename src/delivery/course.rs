//! How a drain goes on, whatever it carries: its time, its waits, its end, and what the answers say of the server.

use std::time::Duration;

use super::failures::masked;
use crate::base::{Clock, Interrupt, Timestamp};
use crate::endpoint::ServerStand;
use crate::http::{Cause, Meaning, Reading, Refusal};

/// How often one thing is sent without a usable answer, and how many such answers in a row end a drain: then it seems to
/// be the server that fails.
pub(crate) const PATIENCE: u32 = 3;
/// Refusals of single events or documents with the same words, and nothing accepted: the server refuses every request.
const ALIKE: u32 = 3;
/// The least time for an exchange that begins.
const LEAST: Duration = Duration::from_secs(1);

/// Why a drain ended before everything was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The target refuses everything for now.
    Halted(String),
    /// The target asked to be left alone.
    Throttled(String),
    /// There is no connection.
    Unreachable(String),
    /// What the server did with the last request is not known.
    Unknown(String),
    /// The run's time is over.
    Deadline,
    /// A person or the system asked to stop.
    Interrupted,
}

impl Stop {
    /// For a person.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Halted(said) | Self::Unreachable(said) | Self::Unknown(said) => said.clone(),
            Self::Throttled(said) => format!("the target asks to wait ({said})"),
            Self::Deadline => "the time of this run is over (max_time)".to_owned(),
            Self::Interrupted => "interrupted".to_owned(),
        }
    }
}

/// What a drain needs from outside.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    /// The time.
    pub(crate) clock: &'a dyn Clock,
    /// Random numbers in 0..1, for the waits.
    pub(crate) random: &'a (dyn Fn() -> f64 + Sync),
    /// A request to stop early.
    pub(crate) interrupt: &'a Interrupt,
    /// When to stop starting requests.
    pub(crate) deadline: Timestamp,
}

impl Means<'_> {
    /// How long an exchange may take that begins now.
    pub(crate) fn time_left(&self, longest: Duration) -> Duration {
        self.deadline.since(self.clock.now()).clamp(LEAST, longest)
    }

    /// Why no request may begin any more.
    pub(crate) fn end(&self) -> Option<Stop> {
        let is_late = self.clock.now() >= self.deadline;
        if self.interrupt.is_requested() { Some(Stop::Interrupted) } else { is_late.then_some(Stop::Deadline) }
    }
}

/// How a refusal of a single event or document stands to those before it in the drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alike {
    /// Its words are new, or the server accepts other things: it is about what was sent.
    New,
    /// The words are those of the last one, and nothing was accepted so far.
    Same,
    /// So many had them that it is the server which refuses every request.
    Everything,
}

/// A drain on its way.
pub(crate) struct Course<'a> {
    pub(crate) means: Means<'a>,
    /// When something happened last.
    pub(crate) now: Timestamp,
    /// Why it stands still, if it does.
    pub(crate) stop: Option<Stop>,
    /// What the last exchange was, if it stopped the drain.
    pub(crate) cause: Option<Cause>,
    /// Whether the server accepts requests, or refuses every one.
    pub(crate) server: ServerStand,
    unknown_in_a_row: u32,
    has_accepted: bool,
    /// The words of the refusals so far, and how many had them.
    alike: (String, u32),
}

impl<'a> Course<'a> {
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

    /// Whether the run's time is over, or a stop was asked for; the reason is noted then.
    pub(crate) fn is_over(&mut self) -> bool {
        self.now = self.means.clock.now();
        let end = self.means.end();
        if end.is_some() {
            self.stop = end;
            self.cause = None;
        }
        self.stop.as_ref().is_some_and(|stop| matches!(stop, Stop::Deadline | Stop::Interrupted))
    }

    /// Notes how an exchange ended, and why no other follows it, if so. The first reason stays, but for an unknown end,
    /// which any later answer replaces.
    pub(crate) fn note(&mut self, reading: &Reading, stop: Option<Stop>) {
        let stand = ServerStand::of(reading.refusal().as_ref(), reading.meaning == Meaning::Accepted);
        self.server = std::mem::take(&mut self.server).then(stand);
        let is_unknown = matches!(stop, Some(Stop::Unknown(_)));
        // A server that says when to come again is there.
        let is_asked = reading.wait.is_some_and(|wait| !wait.is_zero());
        self.unknown_in_a_row = if is_unknown && !is_asked { self.unknown_in_a_row + 1 } else { 0 };
        if matches!(self.stop, None | Some(Stop::Unknown(_))) {
            self.cause = stop.as_ref().map(|_| reading.cause);
            self.stop = stop;
        }
    }

    /// Notes that the server accepted something: it does not refuse everything.
    pub(crate) fn note_accepted(&mut self) {
        self.has_accepted = true;
    }

    /// True while a refusal may yet turn out to be the server's refusal of everything.
    pub(crate) fn is_in_question(&self) -> bool {
        !self.has_accepted
    }

    /// Notes that a single event or document was refused.
    pub(crate) fn note_refused(&mut self, reading: &Reading) -> Alike {
        let words = masked(&reading.said);
        let before = if words == self.alike.0 { self.alike.1 } else { 0 };
        self.alike = (words, before + 1);
        if self.has_accepted || before == 0 {
            return Alike::New;
        }
        if before + 1 < ALIKE {
            return Alike::Same;
        }
        let Reading { cause, status, said, .. } = reading;
        self.server = ServerStand::Refuses(Refusal { cause: *cause, status: *status, said: said.clone() });
        Alike::Everything
    }

    /// Whether another request may go out now.
    pub(crate) fn may_follow(&self) -> bool {
        matches!(self.stop, None | Some(Stop::Unknown(_))) && self.unknown_in_a_row < PATIENCE
    }

    /// Waits until something may go again; false when that is not within the run, or a wait does not help.
    pub(super) fn wait_until(&mut self, until: Timestamp) -> bool {
        if until >= self.means.deadline {
            return false;
        }
        if self.means.interrupt.wait(until.since(self.now)) {
            self.stop = Some(Stop::Interrupted);
            return false;
        }
        // A clock that stands still would make this an endless loop.
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
