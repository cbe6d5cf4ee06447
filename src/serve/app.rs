//! What every request needs to know of the receiver that it came to.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Deployment;
use super::access::Known;
use super::engine::{Engine, Trouble};
use super::limits::Limits;
use super::metrics::Metrics;
use super::model::Model;
use super::traffic::Traffic;
use super::wire::answer::Answer;
use crate::base::{Clock, Sha256};

/// How far apart clients that were put off come back; the earliest after a second.
const RETRY_SPREAD: Duration = Duration::from_secs(4);

/// What every request needs to know.
#[derive(Debug)]
pub(super) struct App {
    pub(super) limits: Limits,
    /// The digest of the operator's own token.
    pub(super) token: Option<Sha256>,
    /// What was found out about other tokens.
    pub(super) known: Known,
    pub(super) deployment: Deployment,
    pub(super) traffic: Arc<Traffic>,
    pub(super) engine: Arc<dyn Engine>,
    /// What readers see, if this receiver is read.
    pub(super) model: Option<Arc<Model>>,
    /// Numbers from 0 to 1, to spread what would come back at once.
    pub(super) random: fn() -> f64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    /// Receives one line per request, if they are logged.
    pub(super) requests: Option<fn(&str)>,
    /// True once a stop was asked for: no balancer should send anything more.
    pub(super) is_draining: Arc<AtomicBool>,
}

impl App {
    /// The answer to a request that has no outcome. Clients come back over a few seconds, not all
    /// at once.
    pub(super) fn trouble(&self, trouble: Trouble) -> Answer {
        let spread = ((self.random)() * RETRY_SPREAD.as_secs_f64()).round();
        self.metrics.put_off(trouble);
        Answer::trouble(
            trouble,
            1 + Duration::try_from_secs_f64(spread).map_or(0, |spread| spread.as_secs()),
        )
    }
}
