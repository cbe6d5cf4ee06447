//! The environment of a command, as values.

use std::path::PathBuf;

use crate::base::clock::SystemClock;
use crate::base::ids::{Ids, SystemIds};
use crate::base::{Clock, Env, Interrupt, text};
use crate::cli::{Exit, Failure, Globals, Printer, Progress};
use crate::git::{self, Checkout};

/// The environment of one command.
#[derive(Debug)]
pub(crate) struct Context {
    /// The environment, read once.
    pub(crate) env: Env,
    /// The clock.
    pub(crate) clock: Box<dyn Clock>,
    /// Source of new ids.
    pub(crate) ids: Box<dyn Ids>,
    /// Random numbers in 0..1 for back-off; not for secrets.
    pub(crate) random: fn() -> f64,
    /// Set by Ctrl-C and by termination signals.
    pub(crate) interrupt: Interrupt,
    /// The global options.
    pub(crate) globals: Globals,
    /// Working directory of the process.
    pub(crate) cwd: PathBuf,
    /// Output to both streams.
    pub(crate) printer: Printer,
}

impl Context {
    /// With the system's clock and randomness.
    pub(crate) fn new(env: Env, globals: Globals, printer: Printer) -> Result<Self, Failure> {
        let cwd = std::env::current_dir().map_err(|error| {
            Failure::new(
                Exit::Internal,
                "io",
                format!("cannot tell the current directory: {error}"),
            )
            .with_hint("change to a directory that exists")
        })?;
        Ok(Self {
            env,
            clock: Box::new(SystemClock),
            ids: Box::new(SystemIds::default()),
            random: fastrand::f64,
            interrupt: Interrupt::default(),
            globals,
            cwd,
            printer,
        })
    }

    /// Makes Ctrl-C request a stop between two steps, instead of ending the process at once.
    pub(crate) fn listen(&self) {
        listen(&self.interrupt);
    }

    /// The directory that names the repository: `--repo`, or the working directory.
    pub(crate) fn start_dir(&self) -> Result<PathBuf, Failure> {
        let Some(repo) = &self.globals.repo else {
            return Ok(self.cwd.clone());
        };
        let dir = self.cwd.join(repo);
        if dir.is_dir() {
            return Ok(dir);
        }
        Err(Failure::usage(format!(
            "--repo: {} is not a directory",
            text::path(repo)
        )))
    }

    /// The checkout that the command works in.
    pub(crate) fn checkout(&self) -> Result<Checkout, Failure> {
        let checkout = git::discover(&self.start_dir()?)?;
        git::refuse_foreign(&self.env, &checkout, &[])?;
        Ok(checkout)
    }

    /// Progress for this command; drop it before printing results.
    pub(crate) fn progress(&self) -> Progress {
        Progress::of_process(&self.env, &self.globals, self.printer.is_json())
    }
}

/// The first signal requests a stop between two steps; the second ends the process at once.
/// Captured rows are on disk either way.
fn listen(interrupt: &Interrupt) {
    let interrupt = interrupt.clone();
    let handler = ctrlc::set_handler(move || {
        if interrupt.is_requested() {
            end_now();
        }
        interrupt.request();
    });
    if let Err(error) = handler {
        log::warn!("Ctrl-C will end this command at once: {error}");
    }
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the second Ctrl-C does not wait for the current step"
)]
fn end_now() -> ! {
    std::process::exit(i32::from(Exit::Interrupted.code()))
}
