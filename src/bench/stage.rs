//! What a measurement runs in: the program under test, and the environment of its processes.

use std::path::PathBuf;

use crate::base::{Env, Interrupt};

/// The environment of a measurement.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The program under test, for measurements of whole processes.
    pub program: PathBuf,
    pub(super) env: Env,
    pub(super) interrupt: Interrupt,
}

impl Stage {
    /// A stage for `program`, in this environment.
    pub(crate) fn new(program: PathBuf, env: Env, interrupt: Interrupt) -> Self {
        Self {
            program,
            env,
            interrupt,
        }
    }

    /// A stage for `program` in the environment of this process.
    pub fn of_process(program: PathBuf) -> Self {
        Self::new(program, Env::of_process(), Interrupt::default())
    }
}
