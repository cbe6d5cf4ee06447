//! Where a command works: the checkout, its configuration, the project, and the project's place in
//! the state directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Error, World, owner};
use crate::base::RepositoryId;
use crate::config::{self, Flag, GitIgnoredFiles, Home, Inputs, Loaded, Origin, Pins, Place};
use crate::dossier::{self, ProjectOverride};
use crate::endpoint;
use crate::git::{self, Checkout, Git, GitIgnored};

/// The repository's configuration file, at the top of the work tree.
const REPOSITORY_FILE: &str = "event-sync.toml";

/// Directory with the project files of older versions.
const KITTIFY: &str = ".kittify";

/// The file that states a project's identity.
const IDENTITY_FILE: &str = ".kittify/config.yaml";

/// Input from the command line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup<'a> {
    /// Where the process was started.
    pub(crate) cwd: &'a Path,
    /// The directory that names the repository.
    pub(crate) start: &'a Path,
    /// A file to read instead of the repository's.
    pub(crate) config_file: Option<&'a Path>,
    /// Configuration keys set by flags.
    pub(crate) flags: &'a [Flag<'a>],
    /// Text to use as the project's settings, instead of their file.
    pub(crate) settings: Option<&'a str>,
    /// True if the command line allows the repository's file as it is, for this process.
    pub(crate) allows_file: bool,
}

/// An opened workspace. Opening one creates nothing.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The work tree, or a plain directory.
    pub(crate) checkout: Checkout,
    /// The top of the project: that of the work tree, or a directory below it that is a separate
    /// project.
    pub(crate) root: PathBuf,
    /// The same directory in the main work tree, if this is a linked one.
    pub(crate) main_root: PathBuf,
    /// Every setting with its origin.
    pub(crate) loaded: Loaded,
    /// Identity of the project.
    pub(crate) identity: dossier::Identity,
    /// The directories outside the repository.
    pub(crate) home: Home,
    /// Id of the repository, used in the names of its stores.
    pub(crate) repository_id: RepositoryId,
    /// The project's files in the state directory.
    pub(crate) place: Place,
}

impl Workspace {
    /// Finds the checkout and reads its configuration and identity.
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
        // The project's own settings are in a directory named after its id, so the id must come
        // from the other layers.
        let loaded = config::load(&inputs)?;
        let given = ProjectOverride {
            uuid: loaded.config.project.uuid.clone(),
            slug: loaded.config.project.slug.clone(),
        };
        let mut roots = vec![main_root.as_path()];
        if root != main_root {
            roots.push(&root);
        }
        let mut identity = dossier::identity(&roots, &given)?;
        let receiver = loaded.config.delivery.receiver();
        if identity.project_uuid.is_none() && receiver.is_some_and(|kind| !kind.is_server()) {
            // Nothing leaves the machine, so a first try needs no configuration file.
            let first = git::first_commit(&Self::git(world), &checkout);
            identity.is_derived = first.is_some();
            identity.project_uuid = first.as_deref().map(dossier::derived_uuid);
        }
        let mut repository_id = owner::repository_id(world, &checkout)?;
        let mut copied = None;
        if let Some(uuid) = &identity.project_uuid
            && let Some((apart, words)) =
                owner::apart(world, &home, uuid, &repository_id, &checkout)?
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
        let asks = loaded
            .repo_file
            .as_ref()
            .is_some_and(|file| !file.asks.is_empty())
            || !kept_back.is_empty();
        let loaded = if asks || setup.settings.is_some() || settings.exists() {
            let pins = if setup.allows_file {
                Pins::Any
            } else {
                Pins::These(&agreed, &kept_back)
            };
            config::load_with(
                &Inputs {
                    project_file: Some(&settings),
                    pins,
                    ..inputs
                },
                setup.settings,
            )?
        } else {
            loaded
        };
        let mut loaded = loaded;
        loaded.warnings.extend(copied);
        Ok(Self {
            checkout,
            root,
            main_root,
            loaded,
            identity,
            home,
            repository_id,
            place,
        })
    }

    /// The configured sources of units and documents.
    pub(crate) fn sources(&self) -> Result<dossier::Sources, Error> {
        let is_default = |origin: &Origin| *origin == Origin::Default;
        let is_set = |key: &str| {
            self.loaded
                .values
                .iter()
                .any(|v| v.key == key && !is_default(&v.origin))
        };
        dossier::Sources::of(&self.loaded.config.artifacts, &is_set)
            .map_err(|e| dossier::Error::Sources(e).into())
    }

    /// Git's ignore rules, if ignored files are not indexed.
    pub(crate) fn git_ignored(&self) -> Option<GitIgnored> {
        let is_left_out = self.loaded.config.artifacts.git_ignored == GitIgnoredFiles::Skip;
        if is_left_out {
            GitIgnored::of(&self.checkout)
        } else {
            None
        }
    }

    /// Git, with the settings for child processes of this command.
    pub(crate) fn git(world: &World<'_>) -> Git {
        Git::new(world.env)
    }

    /// The project's id; the error says how to set one.
    pub(crate) fn project_uuid(&self) -> Result<&str, Error> {
        self.identity
            .project_uuid
            .as_deref()
            .ok_or(Error::MissingIdentity)
    }
}

/// The files and directories whose content controls a project; missing ones are omitted if their
/// absence is harmless.
fn obeyed(checkout: &Checkout, root: &Path, main_root: &Path) -> Vec<PathBuf> {
    let words = |dir: &Path| [REPOSITORY_FILE, KITTIFY, IDENTITY_FILE].map(|file| dir.join(file));
    let mut all: Vec<PathBuf> = words(root).into_iter().chain(words(main_root)).collect();
    // A directory without project files may belong to anyone, such as `/`.
    if checkout.is_repository() || all.iter().any(|file| file.symlink_metadata().is_ok()) {
        all.push(root.to_owned());
    }
    all
}

/// Directories that are skipped in the search for projects: they contain many files of other
/// projects.
const CROWDED: [&str; 3] = ["node_modules", "target", "vendor"];
/// Depth below the top of a work tree, and number of directories, that are searched for projects at
/// most.
const DEEPEST: usize = 3;
const MOST_DIRECTORIES: usize = 2000;

/// The projects in directories below `top`, ordered by path: those with a configuration or an
/// identity.
pub(crate) fn projects_below(top: &Path) -> Vec<PathBuf> {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    let mut open = vec![(top.to_owned(), 0)];
    while let Some((dir, depth)) = open.pop() {
        let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let name = entry.file_name();
            let is_passed = name.as_encoded_bytes().starts_with(b".")
                || CROWDED.iter().any(|crowded| name == *crowded);
            // A nested repository has its own hooks.
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

/// The nearest directory from `start` up to the top of the checkout that says it is a project; else
/// that top. So a repository may contain several projects, each with its own configuration and
/// identity.
fn project_root(checkout: &Checkout, start: &Path) -> PathBuf {
    let is_project =
        |dir: &&Path| dir.join(REPOSITORY_FILE).is_file() || dir.join(IDENTITY_FILE).is_file();
    let Ok(start) = std::fs::canonicalize(start) else {
        return checkout.root.clone();
    };
    let within = start
        .ancestors()
        .take_while(|dir| dir.starts_with(&checkout.root));
    within
        .into_iter()
        .find(is_project)
        .map_or_else(|| checkout.root.clone(), Path::to_owned)
}
