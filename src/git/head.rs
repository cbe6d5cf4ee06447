//! Reads `HEAD` from files, if that is possible.

use std::path::Path;

use super::plain;

/// The commit and branch that are checked out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Head {
    /// The branch; the text `HEAD` if detached; `None` without a commit.
    pub(super) branch: Option<String>,
    /// The commit's id, in hex; `None` without a commit.
    pub(super) commit: Option<String>,
}

/// Reads `HEAD` without running git. `None` if the files are not enough (another ref format, a
/// branch named like a tag, a link): then git must be run.
pub(super) fn read(git_dir: &Path, common_dir: &Path) -> Option<Head> {
    let path = git_dir.join("HEAD");
    if std::fs::symlink_metadata(&path).ok()?.is_symlink() {
        return None;
    }
    let text = plain::text(&path).ok()?;
    let Some(name) = text.strip_prefix("ref:") else {
        return commit_id(&text).map(|id| Head {
            branch: Some("HEAD".to_owned()),
            commit: Some(id),
        });
    };
    let branch = name.trim().strip_prefix("refs/heads/")?;
    // `.invalid` is the text that reftable repositories write here.
    if branch.is_empty() || branch == ".invalid" || branch.contains("..") || branch.starts_with('/')
    {
        return None;
    }
    let packed = plain::packed_refs(common_dir).ok()?;
    // In this case git calls the branch `heads/…`.
    let is_ambiguous = ["refs/tags/", "refs/remotes/", "refs/"]
        .iter()
        .any(|prefix| {
            let other = format!("{prefix}{branch}");
            common_dir.join(&other).exists() || packed_id(&packed, &other).is_some()
        });
    if is_ambiguous || common_dir.join(branch).exists() {
        return None;
    }
    let full = format!("refs/heads/{branch}");
    let commit = match plain::text(&common_dir.join(&full)) {
        Ok(loose) => Some(commit_id(&loose)?),
        Err(e) if is_absent(&e) => packed_id(&packed, &full),
        Err(_) => return None,
    };
    Some(Head {
        branch: commit.is_some().then(|| branch.to_owned()),
        commit,
    })
}

/// Whether the repository has the ref `name`, without running git; `None` if its files are not
/// enough.
pub(super) fn has_ref(common_dir: &Path, name: &str) -> Option<bool> {
    if common_dir.join("reftable").exists() {
        return None;
    }
    let packed = plain::packed_refs(common_dir).ok()?;
    Some(packed_id(&packed, name).is_some() || common_dir.join(name).is_file())
}

/// The target of the symbolic ref `name`, without running git; empty if the ref does not exist,
/// `None` if the files are not enough.
pub(super) fn symbolic_ref(common_dir: &Path, name: &str) -> Option<String> {
    if common_dir.join("reftable").exists() {
        return None;
    }
    match plain::text(&common_dir.join(name)) {
        Ok(text) => Some(
            text.strip_prefix("ref:")
                .unwrap_or_default()
                .trim()
                .to_owned(),
        ),
        Err(e) if is_absent(&e) => Some(String::new()),
        Err(_) => None,
    }
}

/// True if the file does not exist: missing, not a regular file (a directory `a` next to `a/b`, a
/// pipe), or below a file.
fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound};
    matches!(
        error.kind(),
        NotFound | IsADirectory | NotADirectory | InvalidInput
    )
}

/// The id of the ref `name` in `packed-refs`; `None` if it is not listed.
pub(super) fn packed_id(packed: &[u8], name: &str) -> Option<String> {
    packed.split(|b| *b == b'\n').find_map(|line| {
        let (id, of) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        (of == name).then(|| commit_id(id)).flatten()
    })
}

/// A full object id (SHA-1 or SHA-256), trimmed; `None` for other text.
pub(super) fn commit_id(text: &str) -> Option<String> {
    let id = text.trim();
    (matches!(id.len(), 40 | 64) && id.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
        let temp = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = temp.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        temp
    }

    fn read_one(files: &[(&str, &str)]) -> Option<Head> {
        let temp = repository(files);
        read(temp.path(), temp.path())
    }

    fn head(branch: Option<&str>, commit: Option<&str>) -> Head {
        Head {
            branch: branch.map(str::to_owned),
            commit: commit.map(str::to_owned),
        }
    }

    #[test]
    fn plain_heads_are_read() {
        let packed = format!("# pack-refs with: peeled\n{ID} refs/heads/a/b\n^{ID}\n");
        let named = ("HEAD", "ref: refs/heads/a/b\n");
        for (case, files, wanted) in [
            (
                "loose",
                vec![named, ("refs/heads/a/b", ID)],
                head(Some("a/b"), Some(ID)),
            ),
            (
                "packed",
                vec![named, ("packed-refs", &packed)],
                head(Some("a/b"), Some(ID)),
            ),
            ("unborn", vec![named], head(None, None)),
            ("detached", vec![("HEAD", ID)], head(Some("HEAD"), Some(ID))),
        ] {
            assert_eq!(read_one(&files), Some(wanted), "{case}");
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_git() {
        for (case, files) in [
            ("reftable", vec![("HEAD", "ref: refs/heads/.invalid\n")]),
            (
                "named like a tag",
                vec![
                    ("HEAD", "ref: refs/heads/v1\n"),
                    ("refs/tags/v1", ID),
                    ("refs/heads/v1", ID),
                ],
            ),
            (
                "symbolic branch",
                vec![
                    ("HEAD", "ref: refs/heads/m\n"),
                    ("refs/heads/m", "ref: refs/heads/n\n"),
                ],
            ),
            ("outside", vec![("HEAD", "ref: refs/heads/../../x\n")]),
            ("no branch", vec![("HEAD", "ref: refs/remotes/o/x\n")]),
            ("garbage", vec![("HEAD", "garbage")]),
        ] {
            assert_eq!(read_one(&files), None, "{case}");
        }
    }
}
