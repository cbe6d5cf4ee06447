//! What makes two targets the same.

use crate::base::Sha256;
use crate::config::ReceiverKind;

use super::link::Identity;

/// The embedded receiver's address, whatever port it got.
pub(super) const STUB_URL: &str = "stub://local";

impl Identity {
    /// The identity of a canonical URL, team and user; both may be empty and count as written.
    pub(super) fn new(
        receiver: ReceiverKind,
        canonical_url: String,
        team_slug: &str,
        user_email: &str,
    ) -> Self {
        Self {
            target_id: target_id(&canonical_url, team_slug, user_email),
            receiver,
            canonical_url,
            team_slug: team_slug.to_owned(),
            user_email: user_email.to_owned(),
        }
    }

    /// The identity of the receiver inside this program.
    pub(super) fn inside(receiver: ReceiverKind) -> Self {
        Self::new(receiver, STUB_URL.to_owned(), "", "")
    }
}

/// `tgt_`, the team with other characters than letters, digits and `_` replaced, and 32 hex digits
/// of SHA-256(`url_hash` NUL team NUL user).
fn target_id(canonical_url: &str, team: &str, user: &str) -> String {
    let url_hash = Sha256::of(canonical_url.as_bytes()).to_string();
    let digest = Sha256::of_parts(&[
        url_hash.as_bytes(),
        b"\0",
        team.as_bytes(),
        b"\0",
        user.as_bytes(),
    ])
    .to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let label: String = team
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    let label = if label.is_empty() { "anon" } else { &label };
    format!("tgt_{label}_{}", digest.get(..32).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_identities() {
        let url = "https://api.example.com";
        let identity = |team| Identity::new(ReceiverKind::Teamspace, url.to_owned(), team, "");
        let anonymous = identity("");
        assert_eq!(
            anonymous.target_id,
            "tgt_anon_38cfed331d64a31f928f91241b24331c"
        );
        assert_eq!(
            identity("Team Ä-1").target_id,
            "tgt_Team___1_d5831f7d5381961175905d47da894d44"
        );
    }

    #[test]
    fn team_and_user_count_as_written() {
        let id = |team, user| {
            Identity::new(ReceiverKind::Teamspace, "https://h".to_owned(), team, user).target_id
        };
        let ids = [
            id("a", ""),
            id("A", ""),
            id("a ", ""),
            id("", "a"),
            id("a", "x"),
            id("a", "X"),
        ];
        for (i, one) in ids.iter().enumerate() {
            assert!(!ids[..i].contains(one), "{ids:?}");
        }
    }
}
