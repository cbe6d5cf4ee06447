//! Log of hooks, which run unattended: one line for each in a file of the state directory.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::base::{Timestamp, files, text};

/// Size in bytes from which the file is rotated.
const LONGEST: u64 = 256 << 10;

/// The log of the project whose store is at `store`.
pub(crate) fn log_path(store: &Path) -> PathBuf {
    store.with_file_name("hook.log")
}

/// Appends a line; creates the file, readable by its owner only, and its directory.
pub(crate) fn note(log: &Path, now: Timestamp, said: &str) -> io::Result<()> {
    if let Some(dir) = log.parent() {
        files::create_private_dir(dir)?;
    }
    if std::fs::metadata(log).is_ok_and(|meta| meta.len() >= LONGEST) {
        std::fs::rename(log, log.with_extension("log.1"))?;
    }
    files::create_private_file(log)?;
    let mut file = std::fs::OpenOptions::new().append(true).open(log)?;
    // One write for each line, so that lines of two processes do not mix.
    file.write_all(format!("{now} [{}] {}\n", std::process::id(), text::printable(said)).as_bytes())
}

/// The last line; `None` without one.
pub(crate) fn last_line(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    text.lines().next_back().map(text::printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_and_the_file_stays_bounded() {
        let temp = tempfile::tempdir().unwrap();
        let log = log_path(&temp.path().join("p/store.db"));
        let now = Timestamp::from_micros(0);
        note(&log, now, "first").unwrap();
        note(&log, now, "a\nb").unwrap();
        let text = std::fs::read_to_string(&log).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(last_line(&log).unwrap().ends_with(r"a\nb"), "{text}");
        let filler = "x".repeat(usize::try_from(LONGEST).unwrap());
        for said in [&filler, "after", "end"] {
            note(&log, now, said).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 2);
        assert!(
            std::fs::metadata(log.with_extension("log.1"))
                .unwrap()
                .len()
                >= LONGEST
        );
    }
}
