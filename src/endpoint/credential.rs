//! Secrets: what authorises a request, and nowhere shown.

use secrecy::SecretString;

use crate::base::Env;
use crate::config::{Access, EventSyncConfig, ExternalReceiver, ReceiverKind};

use super::grants::Secret;
use super::resolved::Resolved;
use super::secret::{MissingCredential, usable};
use super::token::Sources;

/// What authorises requests to one target.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// Header names and values.
    pub(super) headers: Vec<(String, SecretString)>,
}

/// Where the keys of a resolved target come from: a bearer token, own headers, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct CredentialSource<'a> {
    /// The target.
    pub(super) resolved: &'a Resolved,
    /// The configuration.
    pub(super) config: &'a EventSyncConfig,
    /// The environment.
    pub(super) env: &'a Env,
}

impl CredentialSource<'_> {
    /// The keys, or what is missing, when that can be told without starting a program; else `None`.
    pub(super) fn at_hand(&self) -> Option<Result<Keys, MissingCredential>> {
        match self.resolved.access() {
            None | Some(Access::Inside) => Some(Ok(Keys {
                headers: Vec::new(),
            })),
            Some(Access::Token) => Some(self.tokens().at_hand()?.map(|token| bearer(&token))),
            Some(Access::Headers) => Some(self.own_headers().map(|headers| Keys { headers })),
        }
    }

    fn own_headers(&self) -> Result<Vec<(String, SecretString)>, MissingCredential> {
        let headers = own_headers(&self.config.external_receiver, self.env)?;
        match self
            .resolved
            .secrets
            .iter()
            .find_map(|secret| self.resolved.uncovered(secret))
        {
            Some(missing) => Err(missing),
            None => Ok(headers),
        }
    }

    /// The keys, or what is missing; runs the programs that have to be asked.
    pub(super) fn asked(&self) -> Result<Keys, MissingCredential> {
        self.at_hand()
            .unwrap_or_else(|| self.tokens().asked().map(|token| bearer(&token)))
    }

    /// Why it is not known yet, for a person.
    pub(super) fn question(&self) -> String {
        format!(
            "{} is asked for the token when there is something to send",
            self.tokens().whom()
        )
    }

    /// Where the token comes from; `None` for receivers without one, and without a source.
    pub(super) fn token_place(&self) -> Option<String> {
        self.tokens()
            .place()
            .filter(|_| self.resolved.access() == Some(Access::Token))
    }

    fn tokens(&self) -> Sources<'_> {
        Sources {
            teamspace: &self.config.teamspace,
            env: self.env,
            resolved: self.resolved,
        }
    }
}

/// The secrets that go with a request to this receiver.
pub(super) fn secrets(receiver: Option<ReceiverKind>, config: &EventSyncConfig) -> Vec<Secret> {
    match receiver.map(ReceiverKind::access) {
        None | Some(Access::Inside) => Vec::new(),
        Some(Access::Token) => vec![Secret::Token],
        Some(Access::Headers) => {
            let external = &config.external_receiver;
            let headers = external.headers.iter().map(|header| &header.variable);
            let others = [
                &external.signing_secret,
                &external.events_query,
                &external.bodies_query,
            ];
            let mut variables: Vec<_> = headers
                .chain(others.into_iter().flatten())
                .cloned()
                .collect();
            variables.sort_unstable();
            variables.dedup();
            variables.into_iter().map(Secret::Variable).collect()
        }
    }
}

fn bearer(token: &str) -> Keys {
    Keys {
        headers: vec![("Authorization".to_owned(), format!("Bearer {token}").into())],
    }
}

/// The headers of a request to an external receiver, in configuration order.
fn own_headers(
    config: &ExternalReceiver,
    env: &Env,
) -> Result<Vec<(String, SecretString)>, MissingCredential> {
    let header = |h: &crate::config::Header| Ok((h.name.clone(), referred(&h.variable, env)?));
    config.headers.iter().map(header).collect()
}

fn referred(variable: &str, env: &Env) -> Result<SecretString, MissingCredential> {
    let missing = |flaw: &str| MissingCredential {
        reason: format!("{variable} {flaw}"),
        fix: format!("export {variable}=…"),
    };
    let value = env.text(variable).ok_or_else(|| missing("is not set"))?;
    usable(value).map(SecretString::from).map_err(missing)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn headers_are_read_by_reference() {
        let mut config = EventSyncConfig::default().external_receiver;
        let header = |name: &str, variable: &str| crate::config::Header {
            name: name.into(),
            variable: variable.into(),
        };
        config.headers = vec![
            header("X-A", "SK_SYNC_SECRET_A"),
            header("X-B", "SK_SYNC_SECRET_B"),
        ];
        let env = Env::of(&[("SK_SYNC_SECRET_A", "a"), ("SK_SYNC_SECRET_B", "b")]);
        let headers = own_headers(&config, &env).unwrap();
        let plain: Vec<_> = headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.expose_secret()))
            .collect();
        assert_eq!(plain, [("X-A", "a"), ("X-B", "b")]);
        let missing = own_headers(&config, &Env::of(&[("SK_SYNC_SECRET_A", "a")])).unwrap_err();
        assert_eq!(missing.reason, "SK_SYNC_SECRET_B is not set");
    }
}
