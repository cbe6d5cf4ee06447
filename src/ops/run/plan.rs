//! What a run is asked to do, and with what: fixed before the first step, changed by none.

use std::time::Duration;

use super::connection::{StartStub, TargetConnection};
use crate::base::Timestamp;
use crate::config::Resubmit;
use crate::dossier::Edition;
use crate::endpoint::{Choice, Credentials, Resolved};
use crate::ops::bodies::NoUpload;
use crate::ops::report::Gate;
use crate::ops::{Step, Workspace, World};

/// The steps of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct Scope {
    /// The command's name in the report.
    pub(crate) command: &'static str,
    /// Import older stores.
    pub(crate) migrates: bool,
    /// Index and capture.
    pub(crate) indexes: bool,
    /// Report the state of each document, and store the texts of those that are not sent now.
    pub(crate) offers_bodies: bool,
    /// Deliver.
    pub(crate) drains: bool,
}

/// Options of a run.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(crate) struct Request<'a> {
    /// The steps.
    pub(crate) scope: Scope,
    /// Only these missions.
    pub(crate) missions: Option<&'a [String]>,
    /// Only missions that changed since these steps were last done for them in this checkout.
    pub(crate) only_changed: bool,
    /// Use the cache of the checkout.
    pub(crate) uses_memory: bool,
    /// The step whose missing artifacts are reported.
    pub(crate) step: Option<&'a str>,
    /// Edition of the manifests.
    pub(crate) edition: Edition,
    /// Time limit of delivery; `None` for the configured one.
    pub(crate) max_time: Option<Duration>,
    /// Send documents again that the target acknowledged.
    pub(crate) resubmits: bool,
    /// List each line of the mission logs.
    pub(crate) lists_lines: bool,
    /// Change nothing.
    pub(crate) dry_run: bool,
    /// The target options of the command line.
    pub(crate) choice: Choice<'a>,
}

impl Request<'_> {
    /// These steps, over everything, with the cache, and nothing else asked for.
    pub(crate) fn of(scope: Scope) -> Self {
        Self {
            scope,
            missions: None,
            only_changed: false,
            uses_memory: true,
            step: None,
            edition: Edition::default(),
            max_time: None,
            resubmits: false,
            lists_lines: false,
            dry_run: false,
            choice: Choice::default(),
        }
    }
}

/// The plan of a run.
pub(super) struct Plan<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) workspace: &'a Workspace,
    pub(super) request: &'a Request<'a>,
    pub(super) resolved: &'a Resolved,
    pub(super) credentials: &'a Credentials<'a>,
    pub(super) start_stub: StartStub<'a>,
    pub(super) progress: &'a (dyn Fn(Step) + Sync),
    /// The checks, as known before any request; none if the command does not deliver.
    pub(super) gates: Vec<Gate>,
}

impl<'a> Plan<'a> {
    pub(super) fn target_id(&self) -> Option<&str> {
        self.resolved.target_id()
    }

    /// The command delivers, and there is a target to deliver to.
    pub(super) fn delivers(&self) -> bool {
        self.request.scope.drains && self.resolved.receiver.is_some()
    }

    /// Why no document is sent; `None` if they are.
    pub(super) fn no_upload(&self) -> Option<NoUpload> {
        match (self.resolved.receiver, &self.resolved.endpoints) {
            (None, _) => Some(NoUpload::NoTarget),
            (Some(_), Some(endpoints)) if endpoints.bodies.is_none() => Some(NoUpload::NoEndpoint),
            (Some(_), _) => None,
        }
    }

    /// True when what the target acknowledged is sent again.
    pub(super) fn resubmits(&self) -> bool {
        let is_always = self.workspace.loaded.config.bodies.resubmit == Resubmit::Always;
        self.request.scope.offers_bodies && (self.request.resubmits || is_always)
    }

    /// When a delivery that begins now has to end.
    pub(super) fn deadline(&self) -> Timestamp {
        let configured = self.workspace.loaded.config.drain.max_time;
        self.world
            .clock
            .now()
            .after(self.request.max_time.unwrap_or(configured))
    }

    /// A connection to the target, not opened yet.
    pub(super) fn connection(&self) -> TargetConnection<'a> {
        TargetConnection::new(
            self.workspace,
            self.resolved,
            self.credentials,
            self.start_stub,
        )
    }
}

/// True if a check fails.
pub(super) fn is_shut(gates: &[Gate]) -> bool {
    gates.iter().any(|gate| !gate.open)
}
