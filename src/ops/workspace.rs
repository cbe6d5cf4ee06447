//! Where a command works: the checkout, the configuration that holds there, the project, and its place in the state
//! directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Error, World, owner};
use crate::base::RepositoryId;
use crate::config::{self, Delivery, Flag, GitIgnoredFiles, Home, Inputs, Loaded, Origin, Pins, Place};
use crate::dossier::{self, ProjectOverride};
use crate::endpoint;
use crate::git::{self, Checkout, Git, GitIgnored};

/// The repository's configuration file, at the top of the work tree.
const REPOSITORY_FILE: &str = "event-sync.toml";

/// Where older versions keep what concerns a project.
const KITTIFY: &str = ".kittify";

/// The file that states a project's identity.
const IDENTITY_FILE: &str = ".kittify/config.yaml";

/// What a person said on the command line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup<'a> {
    /// Where the process was started.
    pub(crate) cwd: &'a Path,
    /// The directory that names the repository.
    pub(crate) start: &'a Path,
    /// A file to read instead of the repository's.
    pub(crate) config_file: Option<&'a Path>,
    /// Flags that set configuration keys.
    pub(crate) flags: &'a [Flag<'a>],
    /// What to take for the project's settings, instead of what their file says.
    pub(crate) settings: Option<&'a str>,
    /// True when the command line agrees to the repository's file as it is, for this process.
    pub(crate) allows_file: bool,
}

/// A place to work in. Opening one creates nothing.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The work tree, or a plain directory.
    pub(crate) checkout: Checkout,
    /// The top of the project: the work tree's, or a directory below it that is a project of its own.
    pub(crate) root: PathBuf,
    /// The same directory in the main work tree, when this is a linked one.
    pub(crate) main_root: PathBuf,
    /// Every setting and its origin.
    pub(crate) loaded: Loaded,
    /// Who the project is.
    pub(crate) identity: dossier::Identity,
    /// The directories outside the repository.
    pub(crate) home: Home,
    /// The repository, as its stores are named.
    pub(crate) repository_id: RepositoryId,
    /// The project's files in the state directory.
    pub(crate) place: Place,
}

impl Workspace {
    /// Finds the checkout and reads what holds there.
    pub(crate) fn open(world: &World<'_>, setup: &Setup<'_>) -> Result<Self, Error> {
        let checkout = git::discover(setup.start)?;
        let home = Home::find(world.env, setup.cwd)?;
        if checkout.is_repository() {
            home.refuse_inside(&checkout.root)?;
        }
        let root = project_root(&checkout, setup.start);
        let main_root = match root.strip_prefix(&checkout.root) {
            Ok(below) if !below.as_os_str().is_empty() => checkout.main_root.join(below),
            _ => checkout.main_root.clone(),
        };
        git::refuse_foreign(world.env, &checkout, &obeyed(&checkout, &root, &main_root))?;
        let repo_file = match setup.config_file {
            Some(file) => setup.cwd.join(file),
            None => root.join(REPOSITORY_FILE),
        };
        let inputs = Inputs {
            env: world.env,
            user_file: home.user_file.as_deref(),
            repo_file: Some(&repo_file),
            is_explicit: setup.config_file.is_some(),
            project_file: None,
            flags: setup.flags,
            pins: Pins::These(&[], &BTreeMap::new()),
        };
        // The project's own settings lie in a directory named after it, so who it is comes from the other layers.
        let loaded = config::load(&inputs)?;
        let given =
            ProjectOverride { uuid: loaded.config.project.uuid.clone(), slug: loaded.config.project.slug.clone() };
        let mut roots = vec![main_root.as_path()];
        if root != main_root {
            roots.push(&root);
        }
        let mut identity = dossier::identity(&roots, &given)?;
        if identity.project_uuid.is_none() && loaded.config.delivery == Delivery::Stub {
            // Nothing leaves the machine, so a first try needs no file of ours.
            let first = git::first_commit(&Self::git(world), &checkout);
            identity.is_derived = first.is_some();
            identity.project_uuid = first.as_deref().map(dossier::derived_uuid);
        }
        let mut repository_id = owner::repository_id(world, &checkout)?;
        let mut copied = None;
        if let Some(uuid) = &identity.project_uuid
            && let Some((apart, words)) = owner::apart(world, &home, uuid, &repository_id, &checkout)?
        {
            (repository_id, copied) = (apart, Some(words));
        }
        let place = match &identity.project_uuid {
            Some(uuid) => home.project(uuid, &repository_id)?,
            None => home.unassigned(git::repository(&checkout)),
        };
        home.refuse_planted(&place, &root)?;
        let settings = place.settings();
        let (agreed, kept_back) = endpoint::pins(&place.grants());
        let asks = loaded.repo_file.as_ref().is_some_and(|file| !file.asks.is_empty()) || !kept_back.is_empty();
        let loaded = if asks || setup.settings.is_some() || settings.exists() {
            let pins = if setup.allows_file { Pins::Any } else { Pins::These(&agreed, &kept_back) };
            config::load_with(&Inputs { project_file: Some(&settings), pins, ..inputs }, setup.settings)?
        } else {
            loaded
        };
        let mut loaded = loaded;
        loaded.warnings.extend(copied);
        Ok(Self { checkout, root, main_root, loaded, identity, home, repository_id, place })
    }

    /// The same for a command that writes: the repository's id is written first, where there is none yet.
    pub(crate) fn open_to_write(world: &World<'_>, setup: &Setup<'_>) -> Result<Self, Error> {
        let workspace = Self::open(world, setup)?;
        match owner::claim(world, &workspace)? {
            owner::Claim::Held => Ok(workspace),
            // The settings and the store are those of the new id.
            owner::Claim::New => {
                let workspace = Self::open(world, setup)?;
                owner::note(world, &workspace);
                Ok(workspace)
            }
            owner::Claim::ByPath(why) => {
                let mut workspace = workspace;
                workspace.loaded.warnings.push(why);
                Ok(workspace)
            }
        }
    }

    /// Where the configuration has units and documents looked for.
    pub(crate) fn sources(&self) -> Result<dossier::Sources, Error> {
        let is_default = |origin: &Origin| *origin == Origin::Default;
        let is_set = |key: &str| self.loaded.values.iter().any(|v| v.key == key && !is_default(&v.origin));
        dossier::Sources::of(&self.loaded.config.artifacts, &is_set).map_err(|e| dossier::Error::Sources(e).into())
    }

    /// What git ignores, where that is not indexed.
    pub(crate) fn git_ignored(&self) -> Option<GitIgnored> {
        let is_left_out = self.loaded.config.artifacts.git_ignored == GitIgnoredFiles::Skip;
        if is_left_out { GitIgnored::of(&self.checkout) } else { None }
    }

    /// Git, as children are started for this command.
    pub(crate) fn git(world: &World<'_>) -> Git {
        Git::new(world.env)
    }

    /// The project's id, or what to do about its absence.
    pub(crate) fn project_uuid(&self) -> Result<&str, Error> {
        self.identity.project_uuid.as_deref().ok_or(Error::MissingIdentity)
    }
}

/// The directories and files whose words count for a project; what is not there is left out where that is told.
fn obeyed(checkout: &Checkout, root: &Path, main_root: &Path) -> Vec<PathBuf> {
    let words = |dir: &Path| [REPOSITORY_FILE, KITTIFY, IDENTITY_FILE].map(|file| dir.join(file));
    let mut all: Vec<PathBuf> = words(root).into_iter().chain(words(main_root)).collect();
    // A directory that says nothing of a project may be anybody's: such as `/`.
    if checkout.is_repository() || all.iter().any(|file| file.symlink_metadata().is_ok()) {
        all.push(root.to_owned());
    }
    all
}

/// Directories that are passed over when projects are looked for: they hold other people's files, and many.
const CROWDED: [&str; 3] = ["node_modules", "target", "vendor"];
/// How deep below the top of a work tree projects are looked for, and in how many directories at most.
const DEEPEST: usize = 3;
const MOST_DIRECTORIES: usize = 2000;

/// The projects in directories below `top`, ordered by path: those that have a configuration or an identity of their own.
pub(crate) fn projects_below(top: &Path) -> Vec<PathBuf> {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    let mut open = vec![(top.to_owned(), 0)];
    while let Some((dir, depth)) = open.pop() {
        let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let name = entry.file_name();
            let is_passed = name.as_encoded_bytes().starts_with(b".") || CROWDED.iter().any(|crowded| name == *crowded);
            // A repository of its own has hooks of its own.
            if is_passed || looked_at == MOST_DIRECTORIES || entry.path().join(".git").exists() {
                continue;
            }
            looked_at += 1;
            let path = entry.path();
            if path.join(REPOSITORY_FILE).is_file() || path.join(IDENTITY_FILE).is_file() {
                found.push(path.clone());
            }
            if depth + 1 < DEEPEST {
                open.push((path, depth + 1));
            }
        }
    }
    found.sort_unstable();
    found
}

/// The nearest directory from `start` up to the top of the checkout that says it is a project; else that top. A
/// repository may so hold several projects, each with its own configuration and identity.
fn project_root(checkout: &Checkout, start: &Path) -> PathBuf {
    let is_project = |dir: &&Path| dir.join(REPOSITORY_FILE).is_file() || dir.join(IDENTITY_FILE).is_file();
    let Ok(start) = std::fs::canonicalize(start) else { return checkout.root.clone() };
    let within = start.ancestors().take_while(|dir| dir.starts_with(&checkout.root));
    within.into_iter().find(is_project).map_or_else(|| checkout.root.clone(), Path::to_owned)
}
