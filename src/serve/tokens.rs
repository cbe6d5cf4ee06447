//! The operator's acts on the tokens of a storage.

use super::engine::{Engine, Trouble};
use super::server::on_engine;
use super::token::{self, Token};
use super::{Error, Options};
use crate::base::Timestamp;

/// Adds a token to the storage of `options`; its digest is filled in. Gives the token, which is
/// shown once; `None` when the team has one of that name.
pub(crate) fn add_token(options: &Options, token: Token) -> Result<Option<String>, Error> {
    let text = token::mint(options.ids.as_ref());
    let token = Token {
        digest: token::digest(&text),
        ..token
    };
    let is_new = on_engine(options, async |engine: &dyn Engine| {
        engine.add_token(token).await
    })?;
    Ok(is_new.then_some(text))
}

/// Every token of the storage of `options`.
pub(crate) fn list_tokens(options: &Options) -> Result<Vec<Token>, Error> {
    on_engine(options, async |engine: &dyn Engine| {
        engine.list_tokens().await
    })
}

/// Revokes a token; false when the team has no such token, or it was revoked before.
pub(crate) fn revoke_token(
    options: &Options,
    team: &str,
    name: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    let (team, name) = (team.to_owned(), name.to_owned());
    on_engine(options, async move |engine: &dyn Engine| {
        engine.revoke_token(team, name, at).await
    })
}

impl From<Trouble> for Error {
    fn from(_: Trouble) -> Self {
        Self::Unanswered
    }
}
