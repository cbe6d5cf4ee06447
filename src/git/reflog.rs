//! Movements of a work tree's `HEAD`, from git's reflog.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::{Checkout, Git};
use crate::base::files::open_regular;

/// Bytes at the end of a log that are read.
const TAIL: u64 = 256 << 10;
/// Limit of counted commits.
const MOST: usize = 100;

/// Commits that arrived in a work tree during a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// `HEAD` before the first of them; `None` if there was no commit yet.
    old: Option<String>,
    /// `HEAD` after the last of them.
    new: String,
}

/// The commits, merges and rebases that reached the work tree of `checkout` after `since`, in
/// seconds since 1970; `None` without any, or if git keeps no log.
pub(crate) fn arrived_after(checkout: &Checkout, since: i64) -> Option<Arrived> {
    let log = read_tail(&checkout.git_dir.as_ref()?.join("logs/HEAD"))?;
    let later: Vec<_> = log
        .lines()
        .filter_map(arrival)
        .filter(|(at, ..)| *at > since)
        .collect();
    let ((_, old, _), (_, _, new)) = (later.first()?, later.last()?);
    let old = old.bytes().any(|b| b != b'0').then(|| (*old).to_owned());
    Some(Arrived {
        old,
        new: (*new).to_owned(),
    })
}

/// Number of these commits that changed something below `below`, at most [`MOST`]; zero if git no
/// longer has them.
pub(crate) fn count_changing(
    git: &Git,
    checkout: &Checkout,
    arrived: &Arrived,
    below: &str,
) -> usize {
    let range = match &arrived.old {
        Some(old) => format!("{old}..{}", arrived.new),
        None => arrived.new.clone(),
    };
    let (most, below) = (
        format!("--max-count={MOST}"),
        format!(":(top,literal){below}"),
    );
    let args = ["rev-list", &most, "--end-of-options", &range, "--", &below];
    let answer = git
        .ask(checkout, &args)
        .ok()
        .filter(|answer| answer.is_success);
    answer.map_or(0, |answer| {
        String::from_utf8_lossy(&answer.stdout).lines().count()
    })
}

/// Time and both ids of a line of the log, if it records a commit after which a hook runs.
pub(super) fn arrival(line: &str) -> Option<(i64, &str, &str)> {
    let (head, action) = line.split_once('\t')?;
    let is_commit = [
        "commit",
        "merge",
        "pull",
        "rebase (finish)",
        "am",
        "cherry-pick",
        "revert",
    ];
    if !is_commit.iter().any(|word| {
        action
            .strip_prefix(word)
            .is_some_and(|rest| rest.starts_with([':', ' ']))
    }) {
        return None;
    }
    let (old, rest) = head.split_once(' ')?;
    let (new, who) = rest.split_once(' ')?;
    if !is_object_id(old) || !is_object_id(new) {
        return None;
    }
    let at = who.rsplit(' ').nth(1)?.parse().ok()?;
    Some((at, old, new))
}

/// An archive can contain any log: text that is not an id could be an option of git.
fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn read_tail(path: &Path) -> Option<String> {
    let mut file = open_regular(path).ok()?;
    let start = file.metadata().ok()?.len().saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_told_from_other_moves_and_by_time() {
        let temp = tempfile::tempdir().unwrap();
        let checkout = Checkout {
            root: temp.path().to_owned(),
            kind: crate::git::checkout::Kind::Main,
            git_dir: Some(temp.path().to_owned()),
            common_dir: Some(temp.path().to_owned()),
            main_root: temp.path().to_owned(),
        };
        assert_eq!(arrived_after(&checkout, 0), None, "no log");
        std::fs::create_dir(temp.path().join("logs")).unwrap();
        let log = "0000 aaaa A B <a@x> 10 +0000\tcommit (initial): one\n\
                   aaaa bbbb A B <a@x> 20 +0100\tcommit: two\n\
                   bbbb cccc A B <a@x> 30 +0100\tcheckout: moving from main to x\n\
                   cccc dddd A B <a@x> 40 +0100\trebase (finish): returning to refs/heads/x\n\
                   --output=/x dddd A B <a@x> 50 +0000\tcommit: an option\n\
                   odd\n";
        // Ids of ten times the first four digits.
        let id = |text: &str| text.repeat(10);
        let log = ["0000", "aaaa", "bbbb", "cccc", "dddd"]
            .iter()
            .fold(log.to_owned(), |log, s| log.replace(s, &id(s)));
        std::fs::write(temp.path().join("logs/HEAD"), log).unwrap();
        let arrived = |old: Option<&str>, new: &str| {
            Some(Arrived {
                old: old.map(id),
                new: id(new),
            })
        };
        for (since, expected) in [
            (0, arrived(None, "dddd")),
            (10, arrived(Some("aaaa"), "dddd")),
            (20, arrived(Some("cccc"), "dddd")),
            (40, None),
        ] {
            assert_eq!(arrived_after(&checkout, since), expected, "{since}");
        }
    }
}
