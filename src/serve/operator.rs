//! The operator's acts on a storage that no receiver of this process has open: tokens, webhooks,
//! deletions, and bringing databases to this version.

use std::sync::Arc;

use super::engine::removal::{Forgot, Removal};
use super::engine::token::{self, Token};
use super::engine::webhook::{Added, Webhook};
use super::engine::{Engine, Trouble};
use super::opening::{open, runtime};
use super::{Error, Options};
use crate::base::Timestamp;

/// Does something with a storage that no receiver of this process has open.
fn on_engine<T>(
    options: &Options,
    work: impl AsyncFnOnce(&dyn Engine) -> Result<T, Trouble>,
) -> Result<T, Error> {
    let runtime = runtime(&options.store)?;
    let (engine, keeping) = open(&runtime, options, &Arc::default())?;
    let outcome = runtime.block_on(work(engine.as_ref()));
    drop(engine);
    keeping.map_or(Ok(()), |keeping| {
        keeping.join().map_err(|_| Trouble::Unknown)
    })?;
    Ok(outcome?)
}

/// Opens these databases as a receiver would, and brings their tables to this version.
#[cfg(feature = "postgres")]
pub(crate) fn migrate(options: &Options) -> Result<(), Error> {
    let runtime = runtime(&options.store)?;
    open(&runtime, options, &Arc::default()).map(drop)
}

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

/// Adds a webhook to the storage of `options`.
pub(crate) fn add_webhook(
    options: &Options,
    webhook: Webhook,
    from_start: bool,
) -> Result<Added, Error> {
    on_engine(options, async move |engine: &dyn Engine| {
        engine.add_webhook(webhook, from_start).await
    })
}

/// Every webhook of the storage of `options`.
pub(crate) fn list_webhooks(options: &Options) -> Result<Vec<Webhook>, Error> {
    on_engine(options, async |engine: &dyn Engine| {
        engine.list_webhooks().await
    })
}

/// Removes a webhook; false if the team has none of that name.
pub(crate) fn remove_webhook(options: &Options, team: &str, name: &str) -> Result<bool, Error> {
    let (team, name) = (team.to_owned(), name.to_owned());
    on_engine(options, async move |engine: &dyn Engine| {
        engine.remove_webhook(team, name).await
    })
}

/// Deletes a part from the storage of `options`, or in a trial only counts it.
pub(crate) fn forget(options: &Options, order: Removal, is_trial: bool) -> Result<Forgot, Error> {
    on_engine(options, async move |engine: &dyn Engine| {
        engine.forget(order, is_trial).await
    })
}

/// Every removal in the storage of `options`.
pub(crate) fn list_removals(options: &Options) -> Result<Vec<Removal>, Error> {
    on_engine(options, async |engine: &dyn Engine| engine.removals().await)
}
