//! Checks the owner of a checkout. As in git, files of another user in a directory are not trusted:
//! another user of a shared directory could create a repository there to get this user's token and
//! documents. Git's list of exceptions (`safe.directory`) applies here too. It is read without
//! running git in the directory itself.

use std::path::{Path, PathBuf};

use super::{Checkout, Error, Git};
#[cfg(unix)]
use crate::base::env::SUDO_UID;
use crate::base::{Env, text};

/// Rejects a checkout if one of these belongs to another user: its top, its `.git`, its git
/// directories, and `files`, as far as they exist. Unless the user's own git configuration lists
/// the checkout as safe.
pub(crate) fn refuse_foreign(
    env: &Env,
    checkout: &Checkout,
    files: &[PathBuf],
) -> Result<(), Error> {
    let user = User::of(env);
    let mut all = files.to_vec();
    if checkout.is_repository() {
        all.extend([checkout.root.clone(), checkout.root.join(".git")]);
        all.extend(
            [&checkout.git_dir, &checkout.common_dir]
                .into_iter()
                .flatten()
                .cloned(),
        );
    }
    let Some(foreign) = all.iter().find(|path| !user.owns(path)) else {
        return Ok(());
    };
    let answer = Git::new(env).safe_directories(env);
    let named = answer
        .map(|answer| values(&answer.stdout))
        .unwrap_or_default();
    if is_safe(&checkout.root, &named) {
        return Ok(());
    }
    Err(Error::ForeignOwner {
        path: text::path(foreign),
        root: checkout.root.clone(),
    })
}

/// The values in the output of `git config --show-scope -z`, without those of the repository's own
/// configuration.
fn values(output: &[u8]) -> Vec<PathBuf> {
    let mut parts = output.split(|byte| *byte == 0);
    let mut found = Vec::new();
    while let (Some(scope), Some(value)) = (parts.next(), parts.next()) {
        if matches!(scope, b"system" | b"global" | b"command") {
            found.push(text::os_path(value));
        }
    }
    found
}

/// Applies the values of `safe.directory` in order, like git: an empty one removes those before it,
/// `*` matches everything, and a trailing `/*` everything below.
fn is_safe(root: &Path, named: &[PathBuf]) -> bool {
    let mut safe = false;
    for value in named {
        if value.as_os_str().is_empty() {
            safe = false;
        } else if value.as_os_str() == "*" {
            safe = true;
        } else if value.is_absolute() {
            safe |= match (value.file_name(), value.parent()) {
                (Some(last), Some(parent)) if last == "*" => {
                    let parent = parent.canonicalize().unwrap_or_else(|_| parent.to_owned());
                    root != parent && root.starts_with(parent)
                }
                _ => value.canonicalize().is_ok_and(|value| value == root) || value == root,
            };
        }
    }
    safe
}

/// The users whose files are trusted.
#[cfg(unix)]
struct User {
    id: u32,
    /// Under `sudo`, the calling user: root works for that user.
    caller: Option<u32>,
}

#[cfg(unix)]
impl User {
    fn of(env: &Env) -> Self {
        let id = rustix::process::geteuid().as_raw();
        let caller = (id == 0)
            .then(|| env.text(SUDO_UID)?.parse().ok())
            .flatten();
        Self { id, caller }
    }

    /// True if the file belongs to this user, or does not exist.
    fn owns(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::symlink_metadata(path).map_or(true, |meta| {
            meta.uid() == self.id || Some(meta.uid()) == self.caller
        })
    }
}

#[cfg(not(unix))]
struct User;

#[cfg(not(unix))]
impl User {
    fn of(_: &Env) -> Self {
        Self
    }

    /// Ownership is not checked on this system.
    fn owns(&self, _: &Path) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_those_of_git() {
        for (named, is_ok) in [
            (&[][..], false),
            (&["/srv/repo"][..], true),
            (&["/srv"], false),
            (&["/srv/*"], true),
            (&["/srv/repo/*"], false),
            (&["/other/*"], false),
            (&["*"], true),
            (&["/srv/repo", ""], false),
            (&["*", "", "/srv/repo"], true),
            (&["srv/repo"], false),
            (&["."], false),
        ] {
            let named: Vec<PathBuf> = named.iter().map(PathBuf::from).collect();
            assert_eq!(is_safe(Path::new("/srv/repo"), &named), is_ok, "{named:?}");
        }
    }

    #[test]
    fn a_repository_cannot_name_itself_safe() {
        let output = b"local\0*\0global\0/a\0worktree\0/b\0system\0\0command\0/c\0";
        assert_eq!(values(output), ["/a", "", "/c"].map(PathBuf::from));
        assert_eq!(values(b""), Vec::<PathBuf>::new());
    }
}
