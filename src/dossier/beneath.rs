//! Opens files and directories below one directory without ever leaving it through a link.

use std::fs::File;
use std::path::{Path, PathBuf};

#[cfg(not(unix))]
use super::beneath_std as system;
#[cfg(unix)]
use super::beneath_unix as system;

use super::Reason;
use super::entry::Entry;
use super::stat::Stat;

/// A directory below which files and directories are opened. Paths are relative to it, with `/`,
/// without `.` and `..`; a link anywhere on the way makes opening fail, so a link that replaces a
/// listed entry has no effect.
#[derive(Debug)]
pub(super) struct Beneath {
    path: PathBuf,
    handle: system::Handle,
}

impl Beneath {
    /// Opens a directory; links in `path` itself are followed.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let path = path.canonicalize()?;
        Ok(Self {
            handle: system::open_root(&path)?,
            path,
        })
    }

    /// Opens a directory whose path contains no link; fails if it does.
    pub(super) fn open_exact(path: &Path) -> std::io::Result<Self> {
        Ok(Self {
            handle: system::open_root(path)?,
            path: path.to_owned(),
        })
    }

    /// Path of the directory, links resolved.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The entries of the directory at `path`, unordered.
    pub(super) fn list(&self, path: &str) -> std::io::Result<Vec<Entry>> {
        system::list(&self.handle, path)
    }

    /// State of the file at `path`, without opening it and without following a link; `None` if it
    /// is not a regular file. Use it only to recognise a file that was opened before.
    pub(super) fn stat(&self, path: &str) -> std::io::Result<Option<Stat>> {
        system::stat(&self.handle, path)
    }

    /// Opens a regular file for reading without blocking; `None` if it is not a regular file.
    pub(super) fn open_file(&self, path: &str) -> std::io::Result<Option<(File, Stat)>> {
        let file = system::open_file(&self.handle, path)?;
        Ok(Stat::of_metadata(&file.metadata()?).map(|stat| (file, stat)))
    }

    /// Opens a regular file, following links that stay below `within`; `None` if it is not a
    /// regular file.
    pub(super) fn open_linked(
        &self,
        within: &str,
        path: &str,
    ) -> std::io::Result<Option<(File, Stat)>> {
        match self.open_file(path) {
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => Err(gone),
            Err(first) => match self.target_of_link(within, path) {
                Ok(target) if target != path => self.open_file(&target),
                Ok(_) => Err(first),
                Err(reason) => Err(std::io::Error::other(reason.explanation())),
            },
            done => done,
        }
    }

    /// The path, without links, of the file that the link at `path` leads to, if that is a regular
    /// file below `within` (a path, or empty for the whole tree).
    pub(super) fn target_of_link(&self, within: &str, path: &str) -> Result<String, Reason> {
        let target = self
            .path
            .join(path)
            .canonicalize()
            .map_err(|e| match e.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                    Reason::LinkDangling
                }
                std::io::ErrorKind::PermissionDenied => Reason::LinkUnreadable,
                _ => Reason::LinkLoop,
            })?;
        let inner = target
            .strip_prefix(&self.path)
            .ok()
            .filter(|inner| inner.starts_with(within));
        let Some(inner) = inner else {
            return Err(Reason::LinkOutside);
        };
        match std::fs::symlink_metadata(&target) {
            Ok(meta) if meta.is_file() => {}
            Ok(meta) if meta.is_dir() => return Err(Reason::LinkToDirectory),
            Ok(_) => return Err(Reason::SpecialFile),
            Err(_) => return Err(Reason::LinkDangling),
        }
        let parts: Option<Vec<&str>> = inner
            .components()
            .map(|part| part.as_os_str().to_str())
            .collect();
        parts
            .map(|parts| parts.join("/"))
            .ok_or(Reason::NameNotUtf8)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::dossier::entry::EntryKind;

    fn tree() -> (tempfile::TempDir, Beneath) {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(temp.path().join("top/in/deep")).unwrap();
        std::fs::write(temp.path().join("secret"), "secret").unwrap();
        std::fs::write(temp.path().join("top/other"), "other").unwrap();
        std::fs::write(temp.path().join("top/in/deep/f"), "f").unwrap();
        let beneath = Beneath::open(&temp.path().join("top")).unwrap();
        (temp, beneath)
    }

    #[test]
    fn a_link_on_the_way_is_never_followed() {
        let (temp, beneath) = tree();
        symlink(temp.path().join("secret"), temp.path().join("top/in/out")).unwrap();
        symlink("deep", temp.path().join("top/in/door")).unwrap();
        symlink("..", temp.path().join("top/in/up")).unwrap();
        for path in [
            "in/out",
            "in/door/f",
            "in/up/other",
            "../secret",
            "in/../../secret",
        ] {
            assert!(beneath.open_file(path).is_err(), "{path}");
        }
        assert!(beneath.list("in/door").is_err());
        let mut text = String::new();
        beneath
            .open_file("in/deep/f")
            .unwrap()
            .unwrap()
            .0
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "f");
    }

    #[test]
    fn links_lead_only_to_files_inside() {
        let (temp, beneath) = tree();
        let top = temp.path().join("top");
        let inside = top.canonicalize().unwrap().join("in/deep/f");
        symlink("deep/f", top.join("in/relative")).unwrap();
        symlink(inside, top.join("in/absolute")).unwrap();
        symlink("relative", top.join("in/twice")).unwrap();
        for path in ["in/relative", "in/absolute", "in/twice"] {
            assert_eq!(
                beneath.target_of_link("in", path),
                Ok("in/deep/f".to_owned()),
                "{path}"
            );
            assert!(beneath.open_linked("in", path).unwrap().is_some(), "{path}");
        }
        for (name, to, reason) in [
            ("sibling", "../other", Reason::LinkOutside),
            ("secret", "../../secret", Reason::LinkOutside),
            ("gone", "nothing", Reason::LinkDangling),
            ("loop", "loop", Reason::LinkLoop),
            ("dir", "deep", Reason::LinkToDirectory),
        ] {
            symlink(to, top.join("in").join(name)).unwrap();
            assert_eq!(
                beneath.target_of_link("in", &format!("in/{name}")),
                Err(reason),
                "{name}"
            );
            assert!(
                beneath.open_linked("in", &format!("in/{name}")).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let (temp, beneath) = tree();
        let made = std::process::Command::new("mkfifo")
            .arg(temp.path().join("top/pipe"))
            .status()
            .unwrap();
        assert!(made.success());
        assert!(beneath.open_file("pipe").unwrap().is_none());
        let kinds = beneath.list("").unwrap();
        assert!(
            kinds
                .iter()
                .any(|e| e.name.as_deref() == Ok("pipe") && e.kind == EntryKind::Special)
        );
    }

    #[test]
    fn an_exact_root_must_be_free_of_links() {
        let (temp, _) = tree();
        symlink("top", temp.path().join("alias")).unwrap();
        let real = temp.path().canonicalize().unwrap();
        assert!(Beneath::open_exact(&real.join("top")).is_ok());
        assert!(Beneath::open_exact(&real.join("alias")).is_err());
        assert!(Beneath::open_exact(&real.join("alias/in")).is_err());
        assert_eq!(
            Beneath::open(&real.join("alias")).unwrap().path(),
            real.join("top")
        );
    }
}
