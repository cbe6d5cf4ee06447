//! The state directory and the user's file.

use std::path::{Path, PathBuf};

use crate::base::env::{
    HOME, LEGACY_HOME, STATE_HOME, USER_CONFIG, XDG_CONFIG_HOME, XDG_STATE_HOME,
};
use crate::base::{Env, RepositoryId, Sha256};

use super::Error;

/// The directories outside the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    /// The state directory: stores, consents, logs. Absolute; it need not exist.
    pub(crate) state: PathBuf,
    /// The user's configuration file; `None` without a home directory.
    pub(crate) user_file: Option<PathBuf>,
    /// Where older queues and journals are looked for; `None` without a home directory.
    pub(crate) legacy: Option<PathBuf>,
}

impl Home {
    /// Finds them. Relative paths in `SK_SYNC_HOME` and `SK_SYNC_CONFIG` are relative to `cwd`; the
    /// XDG rules ignore relative paths in their variables.
    pub(crate) fn find(env: &Env, cwd: &Path) -> Result<Self, Error> {
        let home = env.path(HOME).filter(|p| p.is_absolute());
        let xdg = |name| {
            env.path(name)
                .filter(|p| p.is_absolute())
                .map(|p| p.join("sk-sync"))
        };
        let at_home = |below: &str| home.as_ref().map(|h| h.join(below));
        let state = env
            .path(STATE_HOME)
            .map(|p| cwd.join(p))
            .or_else(|| xdg(XDG_STATE_HOME))
            .or_else(|| at_home(".local/state/sk-sync"))
            .ok_or(Error::Homeless {
                what: "the state directory",
                variable: STATE_HOME,
            })?;
        let user_file = env.path(USER_CONFIG).map(|p| cwd.join(p)).or_else(|| {
            xdg(XDG_CONFIG_HOME)
                .or_else(|| at_home(".config/sk-sync"))
                .map(|dir| dir.join("config.toml"))
        });
        let legacy = env
            .path(LEGACY_HOME)
            .map(|p| cwd.join(p))
            .or_else(|| at_home(".spec-kitty"));
        Ok(Self {
            state,
            user_file,
            legacy,
        })
    }

    /// Rejects a state directory inside `work_tree`, links followed: its files must neither be
    /// committed nor change what git sees.
    pub(crate) fn refuse_inside(&self, work_tree: &Path) -> Result<(), Error> {
        if resolved(&self.state).starts_with(resolved(work_tree)) {
            return Err(Error::StateInWorkTree {
                state: self.state.clone(),
                work_tree: work_tree.to_owned(),
            });
        }
        Ok(())
    }

    /// The place of a project in one repository. Another repository that states the same project
    /// has another place. The identity names a directory, so it must be a UUID.
    pub(crate) fn project(
        &self,
        project_uuid: &str,
        repository: &RepositoryId,
    ) -> Result<Place, Error> {
        let uuid = uuid::Uuid::parse_str(project_uuid.trim())
            .map_err(|_| Error::ProjectUuid(project_uuid.to_owned()))?;
        Ok(Place {
            dir: self
                .projects()
                .join(uuid.to_string())
                .join(repository.as_str()),
        })
    }

    /// The directory that contains the places of all projects.
    pub(crate) fn projects(&self) -> PathBuf {
        self.state.join("projects")
    }

    /// The place of events from older stores that belong to no project.
    pub(crate) fn unassigned_imports(&self) -> Place {
        Place {
            dir: self.state.join("unassigned/older"),
        }
    }

    /// The places of repositories that have or had no project identity, by the names of their
    /// directories.
    pub(crate) fn unassigned_places(&self) -> Vec<(String, Place)> {
        let entries = std::fs::read_dir(self.state.join("unassigned"))
            .into_iter()
            .flatten()
            .flatten();
        let is_place =
            |name: &String| name.len() == 16 && name.bytes().all(|b| b.is_ascii_hexdigit());
        let names = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut names: Vec<_> = names
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(is_place)
            .collect();
        names.sort_unstable();
        let place = |name: String| {
            (
                name.clone(),
                Place {
                    dir: self.state.join("unassigned").join(name),
                },
            )
        };
        names.into_iter().map(place).collect()
    }

    /// The place of a repository without a project identity, by its common git directory.
    pub(crate) fn unassigned(&self, common_git_dir: &Path) -> Place {
        Place {
            dir: self
                .state
                .join("unassigned")
                .join(short_digest(common_git_dir)),
        }
    }
}

/// The files of one project in the state directory. None need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    dir: PathBuf,
}

impl Place {
    /// The directory of its files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// File that names the repository it belongs to.
    pub(crate) fn repository(&self) -> PathBuf {
        self.dir.join("repository.json")
    }

    /// The store: journal, ledger, queues.
    pub(crate) fn store(&self) -> PathBuf {
        self.dir.join("store.db")
    }

    /// Store of the embedded receiver.
    pub(crate) fn stub_store(&self) -> PathBuf {
        self.dir.join("stub.db")
    }

    /// The project's settings: a layer of the configuration.
    pub(crate) fn settings(&self) -> PathBuf {
        self.dir.join("settings.toml")
    }

    /// Cache directory of the checkout at `root`.
    pub(crate) fn checkout(&self, root: &Path) -> PathBuf {
        self.dir.join("checkouts").join(short_digest(root))
    }

    /// Exists once a user has assigned older stores of the project to this repository.
    pub(crate) fn adopted(&self) -> PathBuf {
        self.dir.join("older-stores.adopted")
    }

    /// The recorded consents.
    pub(crate) fn grants(&self) -> PathBuf {
        self.dir.join("grants.json")
    }

    /// Lock that allows one drain at a time.
    pub(crate) fn drain_lock(&self) -> PathBuf {
        self.dir.join("drain.lock")
    }
}

/// A file name derived from a path.
fn short_digest(path: &Path) -> String {
    let mut name = Sha256::of(path.as_os_str().as_encoded_bytes()).to_string();
    name.truncate(16);
    name
}

/// `path` with the links of its existing part followed.
fn resolved(path: &Path) -> PathBuf {
    path.ancestors()
        .find_map(|part| {
            Some(
                std::fs::canonicalize(part)
                    .ok()?
                    .join(path.strip_prefix(part).ok()?),
            )
        })
        .unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pairs: &[(&str, &str)]) -> Result<Home, Error> {
        Home::find(&Env::of(pairs), Path::new("/w"))
    }

    #[test]
    fn own_variables_come_before_xdg_and_home() {
        let own = [
            ("HOME", "/h"),
            ("XDG_STATE_HOME", "/xs"),
            ("XDG_CONFIG_HOME", "/xc"),
            ("SK_SYNC_HOME", "s"),
            ("SK_SYNC_CONFIG", "/c.toml"),
            ("SPEC_KITTY_HOME", "/k"),
        ];
        for (set, state, user_file, legacy) in [
            (
                &own[..1],
                "/h/.local/state/sk-sync",
                "/h/.config/sk-sync/config.toml",
                "/h/.spec-kitty",
            ),
            (
                &own[..3],
                "/xs/sk-sync",
                "/xc/sk-sync/config.toml",
                "/h/.spec-kitty",
            ),
            (&own[..], "/w/s", "/c.toml", "/k"),
            (
                &[("HOME", "/h"), ("XDG_STATE_HOME", "relative")],
                "/h/.local/state/sk-sync",
                "/h/.config/sk-sync/config.toml",
                "/h/.spec-kitty",
            ),
        ] {
            let expected = Home {
                state: state.into(),
                user_file: Some(user_file.into()),
                legacy: Some(legacy.into()),
            };
            assert_eq!(find(set).unwrap(), expected);
        }
    }

    #[test]
    fn without_a_home_the_state_directory_must_be_named() {
        let error = find(&[]).unwrap_err().to_string();
        assert!(
            error.contains("HOME is not set") && error.contains("SK_SYNC_HOME"),
            "{error}"
        );
        let home = find(&[("SK_SYNC_HOME", "/s")]).unwrap();
        assert_eq!((home.user_file, home.legacy), (None, None));
    }

    #[test]
    fn a_project_has_its_own_directory_and_only_a_uuid_names_one() {
        let home = find(&[("SK_SYNC_HOME", "/s")]).unwrap();
        let id = RepositoryId::read(b"0123456789abcdef0123456789abcdef").unwrap();
        let place = home
            .project("8A4A7DA6-A97C-4BB4-893A-B31664ABFEE4", &id)
            .unwrap();
        let dir =
            "/s/projects/8a4a7da6-a97c-4bb4-893a-b31664abfee4/0123456789abcdef0123456789abcdef";
        assert_eq!(place.store(), Path::new(dir).join("store.db"));
        assert_eq!(place.stub_store(), place.store().with_file_name("stub.db"));
        for bad in ["", "..", "../../etc", "acme"] {
            assert!(
                matches!(home.project(bad, &id), Err(Error::ProjectUuid(_))),
                "{bad}"
            );
        }
        let unassigned = home.unassigned(Path::new("/repo/.git")).store();
        assert_eq!(
            unassigned,
            Path::new("/s/unassigned/6b4ca2db35cfaf43/store.db")
        );
    }

    #[test]
    fn state_inside_the_work_tree_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let tree = temp.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        let at = |state: PathBuf| {
            Home {
                state,
                user_file: None,
                legacy: None,
            }
            .refuse_inside(&tree)
        };
        assert!(at(tree.join("a/b")).is_err());
        assert!(at(tree.clone()).is_err());
        assert!(at(temp.path().join("tree2")).is_ok());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&tree, temp.path().join("link")).unwrap();
            assert!(at(temp.path().join("link/new")).is_err());
        }
    }
}
