//! A project for measurements: a directory with an identity, a separate state directory, and a
//! store of some depth.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::corpus::{Kind, PROJECT, Stream};
use super::error::Error;
use super::ground::Ground;
use super::stage::Stage;
use crate::base::clock::SystemClock;
use crate::base::ids::SystemIds;
use crate::base::{Env, Interrupt, env};
use crate::books;
use crate::endpoint::Choice;
use crate::ops::report::Drain;
use crate::ops::{
    News, Request, Scope, Setup, StreamRequest, Workspace, World, capture_stream, run,
};

/// Lines per transaction, as in `capture`.
pub(super) const BATCH: usize = 1000;

/// Longer than any drain here.
const LONG: Duration = Duration::from_hours(1);

/// A project with a separate state directory.
#[derive(Debug)]
pub(super) struct Site {
    program: PathBuf,
    repo: PathBuf,
    env: Env,
    interrupt: Interrupt,
    clock: SystemClock,
    ids: SystemIds,
    workspace: Workspace,
}

impl Site {
    /// A site named `name`, without a store, with local retention and no delivery.
    pub(super) fn new(stage: &Stage, ground: &Ground, name: &str) -> Result<Self, Error> {
        Self::with(stage, ground, name, "local-retention")
    }

    /// A site named `name`, without a store, that sends to the server named at each drain.
    pub(super) fn that_sends(stage: &Stage, ground: &Ground, name: &str) -> Result<Self, Error> {
        Self::with(stage, ground, name, "external-receiver")
    }

    fn with(stage: &Stage, ground: &Ground, name: &str, preset: &str) -> Result<Self, Error> {
        let dir = ground.path(name);
        let repo = dir.join("repo");
        make_repository(&repo)?;
        let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
        let env = Env::of(&[
            (env::STATE_HOME, &path("state")),
            (env::HOME, &path("home")),
            (env::PRESET, preset),
            ("PATH", stage.env.text("PATH").unwrap_or_default()),
        ]);
        let (clock, ids) = (SystemClock, SystemIds::default());
        let world = World {
            env: &env,
            clock: &clock,
            ids: &ids,
            random: fastrand::f64,
            interrupt: &stage.interrupt,
        };
        let setup = Setup {
            cwd: &repo,
            start: &repo,
            config_file: None,
            flags: &[],
            settings: None,
            allows_file: false,
        };
        let workspace = Workspace::open(&world, &setup)?;
        let (program, interrupt) = (stage.program.clone(), stage.interrupt.clone());
        Ok(Self {
            program,
            repo,
            env,
            interrupt,
            clock,
            ids,
            workspace,
        })
    }

    /// The store file.
    pub(super) fn store(&self) -> PathBuf {
        self.workspace.place.store()
    }

    fn world(&self) -> World<'_> {
        World {
            env: &self.env,
            clock: &self.clock,
            ids: &self.ids,
            random: fastrand::f64,
            interrupt: &self.interrupt,
        }
    }

    /// Captures `input` like the command `capture`, `batch` lines per transaction; all `count` of
    /// them must be new.
    pub(super) fn capture(
        &self,
        input: Box<dyn Read + Send>,
        count: u64,
        batch: usize,
    ) -> Result<Duration, Error> {
        let request = StreamRequest {
            strict_envelope: false,
            capacity: None,
            batch,
        };
        let (mut captured, mut odd) = (0, None);
        let begun = Instant::now();
        capture_stream(
            &self.world(),
            &self.workspace,
            &request,
            input,
            &mut |news| {
                let News::Lines(lines) = news else {
                    odd = Some(format!("{news:?}"));
                    return;
                };
                for line in lines {
                    match line.result {
                        "captured" if line.reason.is_none() => captured += 1,
                        other => {
                            odd = Some(format!("line {}: {other}: {:?}", line.number, line.reason));
                        }
                    }
                }
            },
        )?;
        let took = begun.elapsed();
        if self.interrupt.is_requested() {
            return Err(Error::Interrupted);
        }
        match odd {
            None if captured == count => Ok(took),
            None => Err(Error::Work(format!(
                "{captured} of {count} events were captured"
            ))),
            Some(odd) => Err(Error::Work(odd)),
        }
    }

    /// Fills the empty store with `depth` events.
    pub(super) fn prefill(&self, depth: u64) -> Result<(), Error> {
        drop(books::open(&self.store())?);
        self.capture(
            Box::new(Stream::new(Kind::Plain, 0, depth)),
            depth,
            10 * BATCH,
        )?;
        Ok(())
    }

    /// Delivers what is left to send to the server at `url`, like the command `drain`.
    pub(super) fn drain(&self, url: &str) -> Result<(Drain, Duration), Error> {
        let request = Request {
            max_time: Some(LONG),
            choice: Choice {
                target_url: Some(url),
                ..Choice::default()
            },
            ..Request::of(Scope {
                command: "drain",
                migrates: false,
                indexes: false,
                offers_bodies: false,
                drains: true,
            })
        };
        let no_stub = |_: &Path| Err("no receiver inside".to_owned());
        let begun = Instant::now();
        let report = run(&self.world(), &self.workspace, &request, &no_stub, &|_| {})?;
        let took = begun.elapsed();
        if self.interrupt.is_requested() {
            return Err(Error::Interrupted);
        }
        let drain = report
            .drain
            .ok_or_else(|| Error::Work(format!("nothing was sent: {:?}", report.gates)))?;
        Ok((drain, took))
    }

    /// The program with `args`, in the repository and with the environment of this site only.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(&self.repo)
            .env_clear()
            .envs(self.env.pairs());
        command
    }

    /// Run time of the program with `args`, which must succeed.
    pub(super) fn process(&self, args: &[&str]) -> Result<Duration, Error> {
        let mut command = self.command(args);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let begun = Instant::now();
        let status = command.status()?;
        let took = begun.elapsed();
        if !status.success() {
            return Err(Error::Work(format!(
                "sk-sync {} ended with {status}",
                args.join(" ")
            )));
        }
        Ok(took)
    }

    /// Most events and bytes of a request.
    pub(super) fn limits(&self) -> (usize, usize) {
        let drain = &self.workspace.loaded.config.drain;
        (
            drain.max_events,
            usize::try_from(drain.max_bytes).unwrap_or(usize::MAX),
        )
    }

    /// The work tree.
    pub(super) fn repo(&self) -> &Path {
        &self.repo
    }

    /// Deletes the store, so that everything is new again. The program may have put it into another
    /// directory of its project than an empty repository has.
    pub(super) fn forget(&self) -> Result<(), Error> {
        match self.store().ancestors().nth(2) {
            Some(project) if project.exists() => Ok(std::fs::remove_dir_all(project)?),
            _ => Ok(()),
        }
    }

    /// Replaces the store with a copy of `template`, on disk when this returns.
    pub(super) fn copy_of(&self, template: &Path) -> Result<(), Error> {
        copy_store(template, &self.store())
    }
}

/// A copy of a store that no process has open, on disk when this returns, so that writing it does
/// not slow down the next measurement.
pub(super) fn copy_store(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(dir) = to.parent() {
        crate::base::files::create_private_dir(dir)?;
    }
    for side in ["-wal", "-shm"] {
        let mut name = to.as_os_str().to_owned();
        name.push(side);
        // There is none after a clean close.
        let _absent = std::fs::remove_file(name);
    }
    std::fs::copy(from, to)?;
    std::fs::File::open(to)?.sync_all()?;
    Ok(())
}

/// An empty repository with an identity; separate even inside another work tree.
fn make_repository(dir: &Path) -> Result<(), Error> {
    for name in [".git/objects", ".git/refs", ".kittify"] {
        std::fs::create_dir_all(dir.join(name))?;
    }
    for (name, text) in [
        (".git/HEAD", "ref: refs/heads/main\n".to_owned()),
        (
            ".git/config",
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n".to_owned(),
        ),
        (
            ".kittify/config.yaml",
            format!("project:\n  uuid: {PROJECT}\n"),
        ),
    ] {
        crate::base::files::replace(&dir.join(name), text.as_bytes())?;
    }
    Ok(())
}
