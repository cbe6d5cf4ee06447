//! One connection with its deadlines: for silence, for the head of a request, and for a whole
//! request.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

use super::head::{Head, Progress};
use crate::base::mutex::held;

/// How long the other side may neither send nor take a byte.
const SILENCE: Duration = Duration::from_secs(75);
/// From the first byte of a request's head to its end.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// From the end of a request's head to its answer.
const REQUEST_DEADLINE: Duration = Duration::from_mins(3);

/// What the connection is in the middle of.
#[derive(Debug)]
enum Phase {
    /// Between two requests.
    Waiting,
    /// A head that began at this time.
    Head(Instant),
    /// A request whose head ended at this time.
    Request(Instant),
}

/// How the head of a request was framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Framing {
    /// It states at most one length for its body.
    Clear,
    /// It states two lengths for its body.
    Ambiguous,
    /// It came together with the request before it, so its bytes were not looked at.
    Pipelined,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    head: Head,
    /// Of the head that arrived last, until a request takes it.
    framing: Option<Framing>,
    /// When it was accepted, or last completed a head or an answer: the idlest connection has the
    /// oldest. Single bytes do not count, so that trickling costs as much as silence.
    milestone: Instant,
}

/// What the listener, the stream and the requests of one connection share.
#[derive(Debug)]
pub(in crate::serve) struct Activity(Mutex<State>);

impl Activity {
    pub(in crate::serve) fn begin() -> Self {
        let (now, head) = (Instant::now(), Head::default());
        Self(Mutex::new(State {
            phase: Phase::Waiting,
            head,
            framing: None,
            milestone: now,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        held(&self.0)
    }

    pub(in crate::serve) fn milestone(&self) -> Instant {
        self.state().milestone
    }

    /// A request begins; says how its head was framed.
    pub(in crate::serve) fn request_begins(&self) -> Framing {
        let mut state = self.state();
        if let Some(framing) = state.framing.take() {
            return framing;
        }
        state.phase = Phase::Request(Instant::now());
        Framing::Pipelined
    }

    /// The answer to the request is made.
    pub(in crate::serve) fn request_ends(&self) {
        let mut state = self.state();
        state.phase = Phase::Waiting;
        state.milestone = Instant::now();
    }

    /// Looks at bytes that arrived; an error where a head has no end.
    fn received(&self, bytes: &[u8]) -> Result<()> {
        let mut state = self.state();
        if matches!(state.phase, Phase::Request(_)) {
            return Ok(());
        }
        match state.head.take(bytes) {
            Progress::Nothing => {}
            Progress::Partial if matches!(state.phase, Phase::Head(_)) => {}
            Progress::Partial => state.phase = Phase::Head(Instant::now()),
            Progress::Complete { states_two_lengths } => {
                state.framing = Some(if states_two_lengths {
                    Framing::Ambiguous
                } else {
                    Framing::Clear
                });
                state.milestone = Instant::now();
                state.phase = Phase::Request(state.milestone);
            }
            Progress::TooLong => return Err(Error::from(ErrorKind::InvalidData)),
        }
        Ok(())
    }

    /// When the connection is closed, if nothing more happens on it after `last_byte`.
    fn deadline(&self, last_byte: Instant) -> Instant {
        let silence = last_byte + SILENCE;
        match self.state().phase {
            Phase::Waiting => silence,
            Phase::Head(since) => silence.min(since + HEAD_DEADLINE),
            Phase::Request(since) => silence.min(since + REQUEST_DEADLINE),
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(in crate::serve) struct TimedStream {
    stream: TcpStream,
    activity: Arc<Activity>,
    last_byte: Instant,
    timer: Pin<Box<Sleep>>,
    /// Resolves when this connection has to give way; `None` once it has, since it must not be
    /// asked again.
    given_up: Option<oneshot::Receiver<()>>,
}

impl TimedStream {
    /// `given_up` resolves, or loses its sender, when the connection is to be closed.
    pub(in crate::serve) fn new(
        stream: TcpStream,
        activity: Arc<Activity>,
        given_up: oneshot::Receiver<()>,
    ) -> Self {
        let timer = Box::pin(sleep(SILENCE));
        Self {
            stream,
            activity,
            last_byte: Instant::now(),
            timer,
            given_up: Some(given_up),
        }
    }

    pub(in crate::serve) const fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Passes on what the stream did; an error once a deadline has passed, or the connection has to
    /// give way.
    fn watch<T>(&mut self, cx: &mut Context<'_>, progress: Poll<Result<T>>) -> Poll<Result<T>> {
        if self
            .given_up
            .as_mut()
            .is_none_or(|given_up| Pin::new(given_up).poll(cx).is_ready())
        {
            self.given_up = None;
            return Poll::Ready(Err(Error::from(ErrorKind::ConnectionAborted)));
        }
        if progress.is_ready() {
            self.last_byte = Instant::now();
            return progress;
        }
        // A timer that ends early finds a later deadline: the phase has changed since it was set.
        loop {
            let deadline = self.activity.deadline(self.last_byte);
            if self.timer.deadline() != deadline {
                self.timer.as_mut().reset(deadline);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= self.activity.deadline(self.last_byte) {
                return Poll::Ready(Err(Error::from(ErrorKind::TimedOut)));
            }
        }
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let progress = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.activity.received(&buffer.filled()[before..])?;
        self.watch(cx, progress)
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, progress)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
