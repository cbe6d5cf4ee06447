//! The state directory must belong to this user only: another user with write access could consent
//! to sending in this user's name. It contains plain files and directories only; a link or a pipe
//! in it is rejected before it is opened.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::{Error, Home, Place};

impl Home {
    /// Rejects a state directory that belongs to another user, that others may write to, or that
    /// contains anything but plain files and directories where this command reads: at its top, in
    /// the directories on the way to `place`, in `place` itself and in the cache of the `checkout`.
    /// Missing directories are accepted.
    pub(crate) fn refuse_planted(&self, place: &Place, checkout: &Path) -> Result<(), Error> {
        own_directory(&self.state)?;
        kept_parents(&self.state)?;
        plain_entries(&self.state)?;
        let on_the_way = place.dir().strip_prefix(&self.state).map(Path::components);
        let mut dir = self.state.clone();
        for part in on_the_way.into_iter().flatten() {
            dir.push(part);
            real_directory(&dir)?;
        }
        place.refuse_planted()?;
        let remembered = place.checkout(checkout);
        for dir in remembered
            .parent()
            .into_iter()
            .chain([remembered.as_path()])
        {
            real_directory(dir)?;
        }
        plain_entries(&remembered)
    }
}

impl Place {
    /// Rejects a place that belongs to another user, or that contains anything but plain files and
    /// directories.
    pub(crate) fn refuse_planted(&self) -> Result<(), Error> {
        real_directory(self.dir())?;
        plain_entries(self.dir())
    }
}

fn refused(path: &Path, what: &'static str) -> Error {
    Error::Planted {
        path: path.to_owned(),
        what,
    }
}

/// The metadata of `path`, links not followed; `None` if it does not exist.
fn look(path: &Path) -> Result<Option<std::fs::Metadata>, Error> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(e)
            if matches!(
                e.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied
            ) =>
        {
            Ok(None)
        }
        Err(e) => Err(unreadable(path, &e)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Unreadable(crate::base::files::named(error, "cannot look at", path))
}

/// The state directory itself may be a link, if link and target belong to this user.
fn own_directory(dir: &Path) -> Result<(), Error> {
    let Some(meta) = look(dir)? else {
        return Ok(());
    };
    if !is_own(&meta) {
        return Err(refused(dir, "belongs to another user"));
    }
    let target = std::fs::metadata(dir).map_err(|e| unreadable(dir, &e))?;
    if !target.is_dir() {
        return Err(refused(dir, "is not a directory"));
    }
    if !is_own(&target) {
        return Err(refused(dir, "belongs to another user"));
    }
    if is_open_to_others(&target) {
        Err(refused(dir, "can be written to by others"))
    } else {
        Ok(())
    }
}

/// Another user who may rename a directory on the path to the state directory could replace it.
/// Each directory on the path, as named and with links followed, must belong to root or this user,
/// and only they may write to it, unless it is sticky like `/tmp`.
#[cfg(unix)]
fn kept_parents(state: &Path) -> Result<(), Error> {
    let is_there = |dir: &&Path| dir.symlink_metadata().is_ok();
    let named = state.ancestors().skip(1).find(is_there);
    let real = |dir: &Path| dir.canonicalize().ok();
    let (named, followed) = (
        named.and_then(real),
        real(state).and_then(|dir| dir.parent().map(Path::to_owned)),
    );
    let mut ways: Vec<_> = named.into_iter().chain(followed).collect();
    ways.dedup();
    for dir in ways.iter().flat_map(|way| way.ancestors()) {
        if let Some(what) = look(dir)?.as_ref().and_then(flaw_of_parent) {
            return Err(refused(dir, what));
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn kept_parents(_: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(unix)]
fn flaw_of_parent(meta: &std::fs::Metadata) -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt as _;
    let (own, group) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    // In a user namespace, owners outside of it look like this one. Root works in containers whose
    // files belong to a user.
    let is_unmapped = || meta.uid() == OVERFLOW_UID && !is_first_namespace();
    if own != 0 && meta.uid() != 0 && meta.uid() != own && !is_unmapped() {
        return Some("belongs to another user");
    }
    // A private group is common (umask 002), and root's group is harmless.
    let is_foreign_group = meta.gid() != group && meta.gid() != 0;
    let writable = if is_foreign_group { 0o022 } else { 0o002 };
    (meta.mode() & 0o1000 == 0 && meta.mode() & writable != 0)
        .then_some("can be written to by others")
}

/// The owner that Linux reports for one without a number in the user namespace.
#[cfg(unix)]
const OVERFLOW_UID: u32 = 65534;

#[cfg(unix)]
fn is_first_namespace() -> bool {
    std::fs::read_to_string("/proc/self/uid_map")
        .map_or(true, |map| map.trim_end().ends_with("4294967295"))
}

fn real_directory(dir: &Path) -> Result<(), Error> {
    match look(dir)? {
        Some(meta) if !meta.is_dir() => Err(refused(dir, "is not a directory")),
        Some(meta) if !is_own(&meta) => Err(refused(dir, "belongs to another user")),
        _ => Ok(()),
    }
}

/// Checks the listing only: no entry is opened.
fn plain_entries(dir: &Path) -> Result<(), Error> {
    // A directory that cannot be listed fails where it is used, with a specific message.
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Ok(());
    };
    for entry in entries {
        let kind = entry.and_then(|entry| Ok((entry.file_type()?, entry.path())));
        match kind {
            Ok((kind, _)) if kind.is_file() || kind.is_dir() => {}
            Ok((_, path)) => return Err(refused(&path, "is neither a file nor a directory")),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(dir, &error)),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_own(meta: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(meta) == rustix::process::geteuid().as_raw()
}

#[cfg(unix)]
fn is_open_to_others(meta: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(meta) & 0o022 != 0
}

#[cfg(not(unix))]
fn is_own(_: &std::fs::Metadata) -> bool {
    true
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}
