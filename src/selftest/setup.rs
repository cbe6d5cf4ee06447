//! How a self-test is to run.

use std::path::{Path, PathBuf};

use crate::base::ids::Ids;
use crate::base::{Clock, Env, Interrupt};
use crate::ops::Stub;

/// How a self-test is to run.
pub(crate) struct Setup<'a> {
    /// This program.
    pub(crate) program: PathBuf,
    /// Where its directory is made; `None` for the system's temporary directory.
    pub(crate) dir: Option<&'a Path>,
    /// The environment of this process, for `PATH` and the like.
    pub(crate) env: &'a Env,
    /// The time of events.
    pub(crate) clock: &'a dyn Clock,
    /// The ids of events.
    pub(crate) ids: &'a dyn Ids,
    /// Starts the embedded receiver on a store file.
    pub(crate) start_receiver: &'a dyn Fn(&Path) -> Result<Stub, String>,
    /// Ends it between two checks.
    pub(crate) interrupt: &'a Interrupt,
}
