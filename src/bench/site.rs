//! A project to measure on: a directory with an identity, a state directory of its own, and a store at some depth.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::corpus::{Kind, PROJECT, Stream};
use super::{Error, Ground, Stage};
use crate::base::clock::SystemClock;
use crate::base::ids::SystemIds;
use crate::base::{Env, Interrupt, env};
use crate::books;
use crate::ops::{Setup, StreamRequest, Workspace, World, capture_stream};

/// Lines in a transaction, as `capture` takes them.
pub(super) const BATCH: usize = 1000;

/// A project with a state directory of its own.
#[derive(Debug)]
pub(super) struct Site {
    env: Env,
    interrupt: Interrupt,
    clock: SystemClock,
    ids: SystemIds,
    workspace: Workspace,
}

impl Site {
    /// A site named `name`, without a store.
    pub(super) fn new(stage: &Stage, ground: &Ground, name: &str) -> Result<Self, Error> {
        let dir = ground.path(name);
        let repo = dir.join("repo");
        make_repository(&repo)?;
        let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
        let env = Env::of(&[
            (env::STATE_HOME, &path("state")),
            (env::HOME, &path("home")),
            ("PATH", stage.env.text("PATH").unwrap_or_default()),
        ]);
        let (clock, ids) = (SystemClock, SystemIds::default());
        let world = World { env: &env, clock: &clock, ids: &ids, random: fastrand::f64, interrupt: &stage.interrupt };
        let setup = Setup { cwd: &repo, start: &repo, config_file: None, flags: &[] };
        let workspace = Workspace::open(&world, &setup)?;
        Ok(Self { env, interrupt: stage.interrupt.clone(), clock, ids, workspace })
    }

    /// The store file.
    pub(super) fn store(&self) -> PathBuf {
        self.workspace.place.store()
    }

    fn world(&self) -> World<'_> {
        World { env: &self.env, clock: &self.clock, ids: &self.ids, random: fastrand::f64, interrupt: &self.interrupt }
    }

    /// Captures `input` as the command `capture` does, `batch` lines in a transaction; all `count` of them must be new.
    pub(super) fn capture(&self, input: Box<dyn Read + Send>, count: u64, batch: usize) -> Result<Duration, Error> {
        let request = StreamRequest { strict_envelope: true, capacity: None, batch };
        let (mut captured, mut odd) = (0, None);
        let begun = Instant::now();
        capture_stream(&self.world(), &self.workspace, &request, input, &mut |lines| {
            for line in lines {
                match line.result {
                    "captured" => captured += 1,
                    other => odd = Some(format!("line {}: {other}: {:?}", line.number, line.reason)),
                }
            }
        })?;
        let took = begun.elapsed();
        if self.interrupt.is_requested() {
            return Err(Error::Interrupted);
        }
        match odd {
            None if captured == count => Ok(took),
            None => Err(Error::Work(format!("{captured} of {count} events were captured"))),
            Some(odd) => Err(Error::Work(odd)),
        }
    }

    /// Brings the empty store to `depth` events.
    pub(super) fn prefill(&self, depth: u64) -> Result<(), Error> {
        drop(books::open(&self.store())?);
        self.capture(Box::new(Stream::new(Kind::Plain, 0, depth)), depth, 10 * BATCH)?;
        Ok(())
    }

    /// Takes over the store of `template`, on disk before this returns.
    pub(super) fn copy_of(&self, template: &Path) -> Result<(), Error> {
        copy_store(template, &self.store())
    }
}

/// A copy of a store that nobody has open, on disk before this returns: what is measured next must not pay for it.
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

/// A repository of nothing with an identity. It is one of its own even within another work tree.
fn make_repository(dir: &Path) -> Result<(), Error> {
    for name in [".git/objects", ".git/refs", ".kittify"] {
        std::fs::create_dir_all(dir.join(name))?;
    }
    for (name, text) in [
        (".git/HEAD", "ref: refs/heads/main\n".to_owned()),
        (".git/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n".to_owned()),
        (".kittify/config.yaml", format!("project:\n  uuid: {PROJECT}\n")),
    ] {
        crate::base::files::replace(&dir.join(name), text.as_bytes())?;
    }
    Ok(())
}
