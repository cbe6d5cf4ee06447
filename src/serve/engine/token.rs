//! Bearer tokens: what each allows, and how it is kept. A token is shown once and kept as its
//! digest: it has so many random bits that a slow digest would protect nothing more.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::reply::{Reply, Trouble};
use crate::base::ids::Ids;
use crate::base::{Sha256, Timestamp};

/// How each token begins, so that scanners for secrets find it.
const PREFIX: &str = "sks_";
/// The team of a receiver that has one only, and of `--token-env`.
pub(crate) const OWN_TEAM: i32 = 0;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Sending events and documents, and asking what of them is there.
    Write,
    /// Reading what arrived.
    Read,
    /// Everything, the numbers for operators included.
    Admin,
}

impl Scope {
    pub(crate) const ALL: [Self; 3] = [Self::Write, Self::Read, Self::Admin];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// True when a token of this scope may do what needs `needed`.
    pub(in crate::serve) fn covers(self, needed: Self) -> bool {
        self == Self::Admin || self == needed
    }
}

/// A token, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// SHA-256 of the token.
    pub(crate) digest: Sha256,
    /// The name of its team; empty for [`OWN_TEAM`].
    pub(crate) team: String,
    /// Its name, unique within the team.
    pub(crate) name: String,
    pub(crate) scope: Scope,
    /// The only project that it is for, a lower-case hyphenated UUID; `None` for all of the team.
    pub(crate) project: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
}

impl Token {
    /// True when it is accepted at `now`.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A new token: a prefix and 43 characters of the system's randomness.
pub(crate) fn mint(ids: &dyn Ids) -> String {
    let seed = [ids.uuid(), ids.uuid(), ids.uuid()].concat();
    format!(
        "{PREFIX}{}",
        URL_SAFE_NO_PAD.encode(Sha256::of(seed.as_bytes()).as_bytes())
    )
}

/// The digest that a token is kept and compared by, so that comparing takes the same time however
/// much of a guess is right.
pub(crate) fn digest(token: &str) -> Sha256 {
    Sha256::of(token.trim().as_bytes())
}

/// What is known of a digest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::serve) struct Found {
    /// The token, with the number of its team.
    pub(in crate::serve) token: Option<(i32, Token)>,
    /// The storage has tokens, valid or not: requests need one.
    pub(in crate::serve) is_any: bool,
}

/// Where tokens are kept. Rows are never deleted: a storage that had a token stays closed.
pub(in crate::serve) trait Tokens {
    /// The token of this digest.
    fn find_token(&self, digest: Option<Sha256>) -> Reply<'_, Result<Found, Trouble>>;
    /// Keeps a new token and, if its team is new, the team. False when the team has a token of that
    /// name.
    fn add_token(&self, token: Token) -> Reply<'_, Result<bool, Trouble>>;
    /// Every token, by team and name.
    fn list_tokens(&self) -> Reply<'_, Result<Vec<Token>, Trouble>>;
    /// Revokes a token from `at` on. False when the team has no such token, or it was revoked
    /// before.
    fn revoke_token(
        &self,
        team: String,
        name: String,
        at: Timestamp,
    ) -> Reply<'_, Result<bool, Trouble>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::SystemIds;

    #[test]
    fn a_token_is_long_random_text() {
        let (one, other) = (mint(&SystemIds::default()), mint(&SystemIds::default()));
        assert_ne!(one, other);
        assert_eq!(one.len(), PREFIX.len() + 43);
        assert!(
            one.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')),
            "{one}"
        );
        assert_eq!(digest(&format!(" {one}\n")), digest(&one));
    }

    #[test]
    fn scopes_cover_themselves_and_admin_all() {
        for scope in Scope::ALL {
            assert_eq!(Scope::of_name(scope.name()), Some(scope));
            assert!(Scope::Admin.covers(scope) && scope.covers(scope));
        }
        assert!(!Scope::Write.covers(Scope::Read) && !Scope::Read.covers(Scope::Write));
        assert!(!Scope::Write.covers(Scope::Admin) && !Scope::Read.covers(Scope::Admin));
    }
}
