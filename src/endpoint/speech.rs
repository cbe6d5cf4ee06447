//! The protocol of a target: the form of a request, what an answer proves, the keys of signatures, and the network.

use secrecy::{ExposeSecret as _, SecretString};

use super::credential::{Lack, usable};
use super::link::{Manner, ReceiverKind};
use super::network;
use super::resolved::Resolved;
use crate::base::Env;
use crate::config::{Compression, EventSyncConfig, Format};
use crate::event::BatchForm;
use crate::http::{Network, SigningKeys};

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Speech {
    pub(super) manner: Manner,
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

/// The speech for a target; what is missing leaves its part out, which [`lacks`] says.
pub(super) fn speech(resolved: &Resolved, config: &EventSyncConfig, env: &Env) -> Speech {
    Speech {
        manner: manner(resolved, config),
        signing: signing(resolved, config, env).and_then(Result::ok),
        network: network::network(resolved, config, env),
        queries: Queries {
            events: query(config.external_receiver.events_query.as_deref(), resolved, env).and_then(Result::ok),
            bodies: query(config.external_receiver.bodies_query.as_deref(), resolved, env).and_then(Result::ok),
        },
    }
}

/// The checks that the protocol adds: the name, and what is missing. Only what is configured can be missing.
pub(super) fn lacks(resolved: &Resolved, config: &EventSyncConfig, env: &Env) -> Vec<(&'static str, Option<Lack>)> {
    let signing = signing(resolved, config, env).map(|keys| ("missing_signing_secret", keys.err()));
    let external = &config.external_receiver;
    let queries = [external.events_query.as_deref(), external.bodies_query.as_deref()];
    let queries = queries.map(|variable| query(variable, resolved, env));
    let queries = queries.into_iter().flatten().map(Result::err).reduce(Option::or);
    let queries = queries.map(|lack| ("missing_url_secret", lack));
    signing.into_iter().chain(queries).chain(network::lacks(resolved, config, env)).collect()
}

/// The configuration decides for an external receiver, the published contract for any other.
fn manner(resolved: &Resolved, config: &EventSyncConfig) -> Manner {
    if resolved.receiver != Some(ReceiverKind::ExternalReceiver) {
        return Manner::default();
    }
    let external = &config.external_receiver;
    let form = match external.format {
        Format::Batch => BatchForm::Plain,
        Format::Cloudevents => BatchForm::CloudEvents,
    };
    Manner { form, ack: external.ack, is_compressed: external.compression == Compression::Gzip }
}

/// The query that the variable holds; `None` where none is wanted.
fn query(variable: Option<&str>, resolved: &Resolved, env: &Env) -> Option<Result<SecretString, Lack>> {
    let variable = variable.filter(|_| resolved.receiver == Some(ReceiverKind::ExternalReceiver))?;
    let lack = |flaw: &str| Lack { reason: format!("{variable} {flaw}"), fix: format!("export {variable}='key=…'") };
    let read = |value: &str| {
        let value = usable(value)?;
        let is_plain = !value.contains([' ', '#', '"', '<', '>']);
        is_plain.then(|| SecretString::from(value.trim_start_matches('?'))).ok_or("holds what a query cannot have")
    };
    Some(env.text(variable).ok_or("is not set").and_then(read).map_err(lack))
}

/// The URL with this query behind its own.
pub(super) fn with_query(url: &str, query: Option<&SecretString>) -> String {
    let Some(query) = query else { return url.to_owned() };
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}{}", query.expose_secret())
}

/// The keys that requests to an external receiver are signed with; `None` where none are wanted.
fn signing(resolved: &Resolved, config: &EventSyncConfig, env: &Env) -> Option<Result<SigningKeys, Lack>> {
    let is_external = resolved.receiver == Some(ReceiverKind::ExternalReceiver);
    let variable = config.external_receiver.signing_secret.as_ref().filter(|_| is_external)?;
    let lack = |flaw| Lack { reason: format!("{variable} {flaw}"), fix: format!("export {variable}=whsec_…") };
    Some(env.text(variable).ok_or("is not set").and_then(SigningKeys::read).map_err(lack))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Choice;
    use crate::endpoint::authority::tests::resolve_text;

    const OWN: &str = "preset = 'external-receiver'\n[external_receiver]\n";
    const TEAM: &str = "preset = 'teamspace'\nteamspace = { server_url = 'https://h.example', team_slug = 'T' }\n";
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const PEM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/authority.pem");

    /// The speech, and the reasons of what is missing.
    fn spoken(repo: &str, env: &[(&str, &str)]) -> (Speech, Vec<(&'static str, Option<String>)>) {
        let (loaded, env, resolved) = resolve_text("", repo, env, &Choice::default());
        let resolved = resolved.unwrap();
        let lacks = lacks(&resolved, &loaded.config, &env);
        let lacks = lacks.into_iter().map(|(name, lack)| (name, lack.map(|lack| lack.reason))).collect();
        (speech(&resolved, &loaded.config, &env), lacks)
    }

    #[test]
    fn the_keys_of_an_external_receiver_concern_no_other() {
        let keys = "format = 'cloudevents'\nack = 'status'\nsigning_secret = { env = 'SK_SYNC_SECRET_S' }\n";
        let env = [("SK_SYNC_SECRET_S", SECRET)];
        let (own, lacks) = spoken(&format!("{OWN}url = 'https://h.example'\n{keys}"), &env);
        assert_eq!(own.manner.form, BatchForm::CloudEvents);
        assert!(own.signing.is_some() && !own.manner.is_compressed && lacks == [("missing_signing_secret", None)]);
        for other in
            [format!("{TEAM}[external_receiver]\n{keys}"), format!("preset = 'stub'\n[external_receiver]\n{keys}")]
        {
            let (speech, lacks) = spoken(&other, &[]);
            assert_eq!((speech.manner, speech.signing.is_none(), lacks.len()), (Manner::default(), true, 0));
        }
    }

    #[test]
    fn what_was_asked_for_and_cannot_be_is_missing() {
        let own = format!("{OWN}url = 'https://h.example'\nsigning_secret = {{ env = 'SK_SYNC_SECRET_S' }}\n");
        for (repo, env, name, said) in [
            (own.as_str(), &[][..], "missing_signing_secret", "SK_SYNC_SECRET_S is not set"),
            (&own, &[("SK_SYNC_SECRET_S", "topsecret")], "missing_signing_secret", "SK_SYNC_SECRET_S holds no"),
            (TEAM, &[("SSL_CERT_FILE", "/nonexistent.pem")], "unusable_ca_file", "/nonexistent.pem cannot be read"),
            (
                TEAM,
                &[("SSL_CERT_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))],
                "unusable_ca_file",
                "holds no",
            ),
        ] {
            let (_, lacks) = spoken(repo, env);
            let [(found, Some(reason))] = &lacks[..] else { panic!("{repo}: {lacks:?}") };
            assert!(*found == name && reason.contains(said) && !reason.contains("topsecret"), "{reason}");
        }
    }

    #[test]
    fn authorities_matter_to_encrypted_addresses_alone() {
        let env = [("SSL_CERT_FILE", PEM)];
        let (speech, lacks) = spoken(TEAM, &env);
        assert!(speech.network.authorities.is_some() && lacks == [("unusable_ca_file", None)]);
        for (repo, is_concerned) in [
            (format!("{OWN}url = 'http://127.0.0.1:1'"), false),
            (format!("{OWN}url = 'http://127.0.0.1:1'\nbodies_url = 'https://h.example'"), true),
            ("preset = 'stub'".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(spoken(&repo, &env).1.len(), usize::from(is_concerned), "{repo}");
        }
    }
}
