//! The connection to a target, and the embedded receiver behind it.

use std::any::Any;
use std::fmt;
use std::path::Path;

use crate::config::Access;
use crate::endpoint::{Credentials, Gate, Link, Resolved};
use crate::ops::{Error, Workspace};

/// The embedded receiver while it runs; dropping it stops it.
pub(crate) struct Stub {
    /// Where it listens.
    pub(crate) origin: String,
    /// Keeps it running.
    #[expect(dead_code, reason = "held for what its drop does")]
    pub(crate) guard: Box<dyn Any>,
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stub")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Starts the embedded receiver on a store file; passed in by the command line, because `ops` must
/// not depend on `serve`.
pub(crate) type StartStub<'a> = &'a dyn Fn(&Path) -> Result<Stub, String>;

/// The connection to a target, opened only when there is something to send.
pub(super) struct TargetConnection<'a> {
    workspace: &'a Workspace,
    resolved: &'a Resolved,
    credentials: &'a Credentials<'a>,
    start_stub: StartStub<'a>,
    stub: Option<Stub>,
}

impl<'a> TargetConnection<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        resolved: &'a Resolved,
        credentials: &'a Credentials<'a>,
        start_stub: StartStub<'a>,
    ) -> Self {
        Self {
            workspace,
            resolved,
            credentials,
            start_stub,
            stub: None,
        }
    }

    /// The permitted target, or the checks that fail; `None` if delivery is turned off.
    pub(super) fn link(&mut self) -> Result<Result<Option<Link>, Vec<Gate>>, Error> {
        let is_stub = self.resolved.access() == Some(Access::Inside);
        if is_stub && self.stub.is_none() {
            self.stub =
                Some((self.start_stub)(&self.workspace.place.stub_store()).map_err(Error::Stub)?);
        }
        let origin = self.stub.as_ref().map(|stub| stub.origin.as_str());
        Ok(self.credentials.link(origin))
    }
}
