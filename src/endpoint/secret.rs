//! A secret that is missing, and the checks of one that is there: its characters, and who else can
//! read its file.

/// The line that names a file for the token.
pub(super) const SET_FILE: &str =
    "sk-sync target set --token-file PATH   # a file that only you can read; or SK_SYNC_TOKEN";

/// A secret that is not there or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MissingCredential {
    /// What is wrong; never the secret.
    pub(super) reason: String,
    /// A shell line that fixes it.
    pub(super) fix: String,
}

/// The secret without blanks around it; or why no header can carry it.
pub(super) fn usable(secret: &str) -> Result<String, &'static str> {
    // Some editors write a byte order mark before the first character.
    let secret = secret.trim_start_matches('\u{feff}').trim();
    match secret.bytes().all(|b| matches!(b, b' '..=b'~')) {
        _ if secret.is_empty() => Err("is empty"),
        true => Ok(secret.to_owned()),
        false => Err("holds characters that a header cannot carry"),
    }
}

/// True when others than the owner may read or change the file, and its user could keep them from
/// it. A secret that is mounted read-only, or that belongs to another user, cannot be changed by
/// the user: what counts then is that no other user can put another file in its place.
#[cfg(unix)]
pub(super) fn is_open_to_others(file: &std::fs::File, path: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(meta) = file.metadata() else {
        return true;
    };
    let is_open = meta.mode() & 0o077 != 0;
    if !is_open {
        return false;
    }
    let read_only = rustix::fs::StatVfsMountFlags::RDONLY;
    if rustix::fs::fstatvfs(file).is_ok_and(|system| system.f_flag.contains(read_only)) {
        return false;
    }
    let own = rustix::process::geteuid();
    let is_anothers = meta.uid() != own.as_raw() && !own.is_root();
    let dir = path
        .canonicalize()
        .ok()
        .and_then(|path| path.parent()?.metadata().ok());
    let is_dir_closed = dir.is_some_and(|dir| dir.mode() & 0o022 == 0);
    !(is_anothers && is_dir_closed && meta.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
pub(super) fn is_open_to_others(_: &std::fs::File, _: &std::path::Path) -> bool {
    false
}
