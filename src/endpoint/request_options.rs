//! The protocol of a target: the form of a request, what an answer proves, the keys of signatures,
//! and the network.

use secrecy::{ExposeSecret as _, SecretString};

use super::link::Protocol;
use super::network;
use super::resolved::Resolved;
use super::secret::{MissingCredential, usable};
use crate::base::Env;
use crate::config::{Access, Compression, EventSyncConfig, Format};
use crate::event::BatchForm;
use crate::http::{Network, SigningKeys};

/// All of it.
#[derive(Debug, Default)]
pub(super) struct RequestOptions {
    pub(super) protocol: Protocol,
    pub(super) signing: Option<SigningKeys>,
    pub(super) network: Network,
    pub(super) queries: Queries,
}

/// The queries that go with requests to an external receiver.
#[derive(Debug, Default)]
pub(super) struct Queries {
    pub(super) events: Option<SecretString>,
    pub(super) bodies: Option<SecretString>,
}

/// The request options of a target; what is missing leaves its part out, which [`missing_parts`]
/// says.
pub(super) fn request_options(
    resolved: &Resolved,
    config: &EventSyncConfig,
    env: &Env,
) -> RequestOptions {
    RequestOptions {
        protocol: protocol(resolved, config),
        signing: signing(resolved, config, env).and_then(Result::ok),
        network: network::network(resolved, config, env),
        queries: Queries {
            events: query(
                config.external_receiver.events_query.as_deref(),
                resolved,
                env,
            )
            .and_then(Result::ok),
            bodies: query(
                config.external_receiver.bodies_query.as_deref(),
                resolved,
                env,
            )
            .and_then(Result::ok),
        },
    }
}

/// The checks that the protocol adds: the name, and what is missing. Only what is configured can be
/// missing.
pub(super) fn missing_parts(
    resolved: &Resolved,
    config: &EventSyncConfig,
    env: &Env,
) -> Vec<(&'static str, Option<MissingCredential>)> {
    let signing = signing(resolved, config, env).map(|keys| ("missing_signing_secret", keys.err()));
    let external = &config.external_receiver;
    let queries = [
        external.events_query.as_deref(),
        external.bodies_query.as_deref(),
    ];
    let queries = queries.map(|variable| query(variable, resolved, env));
    let queries = queries
        .into_iter()
        .flatten()
        .map(Result::err)
        .reduce(Option::or);
    let queries = queries.map(|missing| ("missing_url_secret", missing));
    signing
        .into_iter()
        .chain(queries)
        .chain(network::missing_parts(resolved, config, env))
        .collect()
}

/// The configuration decides for an external receiver, the published contract for any other.
fn protocol(resolved: &Resolved, config: &EventSyncConfig) -> Protocol {
    if resolved.access() != Some(Access::Headers) {
        return Protocol::default();
    }
    let external = &config.external_receiver;
    let form = match external.format {
        Format::Batch => BatchForm::Plain,
        Format::Cloudevents => BatchForm::CloudEvents,
    };
    Protocol {
        form,
        ack: external.ack,
        is_compressed: external.compression == Compression::Gzip,
    }
}

/// The query that the variable holds; `None` where none is wanted.
fn query(
    variable: Option<&str>,
    resolved: &Resolved,
    env: &Env,
) -> Option<Result<SecretString, MissingCredential>> {
    let variable = variable.filter(|_| resolved.access() == Some(Access::Headers))?;
    let missing = |flaw: &str| MissingCredential {
        reason: format!("{variable} {flaw}"),
        fix: format!("export {variable}='key=…'"),
    };
    let read = |value: &str| {
        let value = usable(value)?;
        let is_plain = !value.contains([' ', '#', '"', '<', '>']);
        is_plain
            .then(|| SecretString::from(value.trim_start_matches('?')))
            .ok_or("holds what a query cannot have")
    };
    Some(
        env.text(variable)
            .ok_or("is not set")
            .and_then(read)
            .map_err(missing),
    )
}

/// The URL with this query behind its own.
pub(super) fn with_query(url: &str, query: Option<&SecretString>) -> String {
    let Some(query) = query else {
        return url.to_owned();
    };
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}{}", query.expose_secret())
}

/// The keys that requests to an external receiver are signed with; `None` where none are wanted.
fn signing(
    resolved: &Resolved,
    config: &EventSyncConfig,
    env: &Env,
) -> Option<Result<SigningKeys, MissingCredential>> {
    let is_external = resolved.access() == Some(Access::Headers);
    let variable = config
        .external_receiver
        .signing_secret
        .as_ref()
        .filter(|_| is_external)?;
    let missing = |flaw| MissingCredential {
        reason: format!("{variable} {flaw}"),
        fix: format!("export {variable}=whsec_…"),
    };
    Some(
        env.text(variable)
            .ok_or("is not set")
            .and_then(SigningKeys::read)
            .map_err(missing),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Choice;
    use crate::endpoint::authority::tests::resolve_text;

    const OWN: &str = "preset = 'external-receiver'\n[external_receiver]\n";
    const TEAM: &str =
        "preset = 'teamspace'\nteamspace = { server_url = 'https://h.example', team_slug = 'T' }\n";
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const PEM: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/tls/authority.pem"
    );

    /// The request options, and the reasons of what is missing.
    fn spoken(
        repo: &str,
        env: &[(&str, &str)],
    ) -> (RequestOptions, Vec<(&'static str, Option<String>)>) {
        let (loaded, env, resolved) = resolve_text("", repo, env, &Choice::default());
        let resolved = resolved.unwrap();
        let missing_parts = missing_parts(&resolved, &loaded.config, &env);
        let missing_parts = missing_parts
            .into_iter()
            .map(|(name, missing)| (name, missing.map(|missing| missing.reason)))
            .collect();
        (
            request_options(&resolved, &loaded.config, &env),
            missing_parts,
        )
    }

    #[test]
    fn the_keys_of_an_external_receiver_concern_no_other() {
        let keys = "format = 'cloudevents'\nack = 'status'\nsigning_secret = { env = 'SK_SYNC_SECRET_S' }\n";
        let env = [("SK_SYNC_SECRET_S", SECRET)];
        let (own, missing_parts) = spoken(&format!("{OWN}url = 'https://h.example'\n{keys}"), &env);
        assert_eq!(own.protocol.form, BatchForm::CloudEvents);
        assert!(
            own.signing.is_some()
                && !own.protocol.is_compressed
                && missing_parts == [("missing_signing_secret", None)]
        );
        for other in [
            format!("{TEAM}[external_receiver]\n{keys}"),
            format!("preset = 'stub'\n[external_receiver]\n{keys}"),
        ] {
            let (request_options, missing_parts) = spoken(&other, &[]);
            assert_eq!(
                (
                    request_options.protocol,
                    request_options.signing.is_none(),
                    missing_parts.len()
                ),
                (Protocol::default(), true, 0)
            );
        }
    }

    #[test]
    fn what_was_asked_for_and_cannot_be_is_missing() {
        let own = format!(
            "{OWN}url = 'https://h.example'\nsigning_secret = {{ env = 'SK_SYNC_SECRET_S' }}\n"
        );
        for (repo, env, name, said) in [
            (
                own.as_str(),
                &[][..],
                "missing_signing_secret",
                "SK_SYNC_SECRET_S is not set",
            ),
            (
                &own,
                &[("SK_SYNC_SECRET_S", "topsecret")],
                "missing_signing_secret",
                "SK_SYNC_SECRET_S holds no",
            ),
            (
                TEAM,
                &[("SSL_CERT_FILE", "/nonexistent.pem")],
                "unusable_ca_file",
                "/nonexistent.pem cannot be read",
            ),
            (
                TEAM,
                &[(
                    "SSL_CERT_FILE",
                    concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
                )],
                "unusable_ca_file",
                "holds no",
            ),
        ] {
            let (_, missing_parts) = spoken(repo, env);
            let [(found, Some(reason))] = &missing_parts[..] else {
                panic!("{repo}: {missing_parts:?}")
            };
            assert!(
                *found == name && reason.contains(said) && !reason.contains("topsecret"),
                "{reason}"
            );
        }
    }

    #[test]
    fn authorities_matter_to_encrypted_addresses_alone() {
        let env = [("SSL_CERT_FILE", PEM)];
        let (request_options, missing_parts) = spoken(TEAM, &env);
        assert!(
            request_options.network.authorities.is_some()
                && missing_parts == [("unusable_ca_file", None)]
        );
        for (repo, is_concerned) in [
            (format!("{OWN}url = 'http://127.0.0.1:1'"), false),
            (
                format!("{OWN}url = 'http://127.0.0.1:1'\nbodies_url = 'https://h.example'"),
                true,
            ),
            ("preset = 'stub'".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(
                spoken(&repo, &env).1.len(),
                usize::from(is_concerned),
                "{repo}"
            );
        }
    }
}
