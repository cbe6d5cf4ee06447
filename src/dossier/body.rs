//! Reads an artifact again, for its text.

use std::io::Read as _;
use std::path::Path;

use super::beneath::Beneath;

/// Why a text could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The file no longer exists.
    #[error("deleted_after_scan")]
    Deleted,
    /// The file has grown beyond the limit.
    #[error("read_error: larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// The file cannot be read, or a link leads out of the feature directory.
    #[error("read_error: {0}")]
    Failed(String),
}

/// Reads the artifact at `path` below `feature_dir` (an [`index`](super::index())ed mission's
/// directory), at most `limit_bytes`. Links are followed only as far as the index does; a link
/// created since then is not followed.
pub(crate) fn read_body(
    feature_dir: &Path,
    path: &str,
    limit_bytes: u64,
) -> Result<Vec<u8>, ReadError> {
    let file = Beneath::open_exact(feature_dir)
        .and_then(|tree| tree.open_linked("", path))
        .map_err(|e| failed(&e))?;
    let Some((file, _)) = file else {
        return Err(ReadError::Failed("not a regular file any more".to_owned()));
    };
    let mut bytes = Vec::new();
    file.take(limit_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| failed(&e))?;
    if bytes.len() as u64 > limit_bytes {
        Err(ReadError::TooLarge { limit_bytes })
    } else {
        Ok(bytes)
    }
}

fn failed(error: &std::io::Error) -> ReadError {
    match error.kind() {
        std::io::ErrorKind::NotFound => ReadError::Deleted,
        _ => ReadError::Failed(error.to_string()),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn bodies_are_read_beneath_the_feature_directory() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().canonicalize().unwrap().join("m");
        std::fs::create_dir_all(dir.join("research")).unwrap();
        std::fs::write(dir.join("research/a.md"), "12345").unwrap();
        std::fs::write(temp.path().join("secret"), "secret").unwrap();
        symlink("research/a.md", dir.join("link.md")).unwrap();
        symlink("../secret", dir.join("swapped.md")).unwrap();
        symlink("..", dir.join("up")).unwrap();
        let read = |path: &str, limit| read_body(&dir, path, limit).map_err(|e| e.to_string());
        assert_eq!(read("research/a.md", 5).as_deref(), Ok(&b"12345"[..]));
        assert_eq!(read("link.md", 5).as_deref(), Ok(&b"12345"[..]));
        assert_eq!(
            read("research/a.md", 4).unwrap_err(),
            "read_error: larger than 4 bytes"
        );
        assert_eq!(read("gone.md", 9).unwrap_err(), "deleted_after_scan");
        for path in ["swapped.md", "up/secret", "../secret", "research"] {
            assert!(
                read(path, 9).unwrap_err().starts_with("read_error: "),
                "{path}"
            );
        }
        symlink(&dir, temp.path().join("alias")).unwrap();
        assert!(
            read_body(
                &temp.path().canonicalize().unwrap().join("alias"),
                "research/a.md",
                9
            )
            .is_err()
        );
    }
}
