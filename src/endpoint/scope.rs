//! Scopes of older queues: which of their files would have been ours.

use std::io::Read as _;
use std::path::Path;

use crate::base::Sha256;

/// Longer marker files hold no scope.
const LONGEST_MARKER: u64 = 16 << 10;

/// How the marker file of older versions relates to the target; it never decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScopeStatus {
    /// There is none.
    Absent,
    /// It names this target.
    Matches,
    /// It names another, and is ignored.
    StaleNonAuthoritative,
}

impl ScopeStatus {
    /// Compares the marker's text with the derived scope.
    pub(super) fn of(marker: Option<&str>, derived: &str) -> Self {
        match marker {
            None => Self::Absent,
            Some(scope) if scope == derived => Self::Matches,
            Some(_) => Self::StaleNonAuthoritative,
        }
    }
}

/// `server|user|team`, each trimmed, other than ASCII escaped, lower-cased; empty where unknown.
pub(crate) fn queue_scope(server: &str, user: &str, team: &str) -> String {
    let normal = |part: &str| ascii(part.trim()).to_ascii_lowercase();
    format!(
        "{}|{}|{}",
        normal(server).trim_end_matches('/'),
        normal(user),
        normal(team)
    )
}

/// The same as the queue itself spelled it (section 2.5): other characters than ASCII stay as they
/// are.
pub(crate) fn plain_queue_scope(server: &str, user: &str, team: &str) -> String {
    let normal = |part: &str| part.trim().to_lowercase();
    format!(
        "{}|{}|{}",
        normal(server).trim_end_matches('/'),
        normal(user),
        normal(team)
    )
}

/// The server of an older version that was told of none.
pub(crate) const OLDER_DEFAULT_SERVER: &str = "https://spec-kitty-dev.fly.dev";

/// The 16 hex digits in the name of a scope's queue file, `queues/queue-<digest>.db`.
pub(crate) fn queue_digest(scope: &str) -> String {
    let mut digest = Sha256::of(scope.as_bytes()).to_string();
    digest.truncate(16);
    digest
}

/// The scope in `active_queue_scope` of an older home directory; `None` when it is missing, blank
/// or no text.
pub(crate) fn active_scope(legacy_home: &Path) -> Option<String> {
    let mut text = String::new();
    let file = std::fs::File::open(legacy_home.join("active_queue_scope")).ok()?;
    file.take(LONGEST_MARKER).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned()).filter(|t| !t.is_empty())
}

/// Each character beyond ASCII as `_uXXXX_`, lower-case hex of at least four digits.
fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                format!("_u{:04x}_", u32::from(c))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_scope() {
        let scope = queue_scope("https://Spec-Kitty-Dev.fly.dev/ ", " User@X.com ", "Team-A");
        assert_eq!(scope, "https://spec-kitty-dev.fly.dev|user@x.com|team-a");
        assert_eq!(queue_digest(&scope), "27a4c087fb3fc56c");
        assert_eq!(queue_scope("https://x", "", ""), "https://x||");
        assert_eq!(queue_scope("", "é😀", ""), "|_u00e9__u1f600_|");
    }

    #[test]
    fn a_marker_is_read_trimmed_and_a_blank_one_is_none() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(active_scope(temp.path()), None);
        for (text, scope) in [(" a|b|c\n", Some("a|b|c")), ("\n", None)] {
            std::fs::write(temp.path().join("active_queue_scope"), text).unwrap();
            assert_eq!(active_scope(temp.path()).as_deref(), scope);
        }
        assert_eq!(ScopeStatus::of(Some("a"), "a"), ScopeStatus::Matches);
        assert_eq!(
            serde_json::to_value(ScopeStatus::of(Some("a"), "b")).unwrap(),
            "stale_non_authoritative"
        );
    }
}
