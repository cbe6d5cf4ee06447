//! The way to a target: a proxy, the certificates that are believed, the certificate that this side
//! shows. All of it is the person's to say, in the user's file or the environment; a repository's
//! file has no say.

use std::io::Read as _;
use std::path::PathBuf;

use super::address::Address;
use super::no_proxy;
use super::resolved::Resolved;
use super::secret::MissingCredential;
use crate::base::env::{CERTIFICATES, HOME, NO_PROXY, PROXY, SYSTEM_PROXIES};
use crate::base::{Env, text};
use crate::config::EventSyncConfig;
use crate::http::{Authorities, ClientIdentity, Network, Proxy};

/// A longer file holds no certificates that anybody would want to trust.
const LONGEST_FILE: u64 = 16 << 20;
/// What a value says that wants a direct connection.
const DIRECT: [&str; 4] = ["none", "off", "direct", "no"];

/// How connections to a target are made, for a person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct ProxyUse {
    /// The proxy's scheme, host and port; null for direct connections.
    pub(crate) proxy: Option<String>,
    /// The source of the proxy; null without one.
    pub(crate) source: Option<String>,
    /// Why a proxy that is named is not used.
    pub(crate) unused: Option<String>,
}

impl ProxyUse {
    /// One line of text; `None` without a proxy.
    pub(crate) fn words(&self) -> Option<String> {
        let source = self.source.as_deref()?;
        Some(match (&self.proxy, &self.unused) {
            (Some(proxy), _) => format!("{proxy} ({source})"),
            (None, Some(why)) => format!("none ({source} is not used: {why})"),
            (None, None) => format!("none ({source} cannot be used)"),
        })
    }
}

/// The network of a target; what cannot be used is left out, which [`missing_parts`] says.
pub(super) fn network(resolved: &Resolved, config: &EventSyncConfig, env: &Env) -> Network {
    let way = Way {
        resolved,
        config,
        env,
    };
    Network {
        proxy: way.proxy().and_then(Result::ok),
        authorities: way.authorities().and_then(Result::ok),
        identity: way.identity().and_then(Result::ok),
    }
}

/// The checks that the network adds: only what is configured can be missing.
pub(super) fn missing_parts(
    resolved: &Resolved,
    config: &EventSyncConfig,
    env: &Env,
) -> Vec<(&'static str, Option<MissingCredential>)> {
    let way = Way {
        resolved,
        config,
        env,
    };
    let proxy = way.proxy().map(|found| ("unusable_proxy", found.err()));
    let trust = way
        .authorities()
        .map(|found| ("unusable_ca_file", found.err()));
    let identity = way
        .identity()
        .map(|found| ("unusable_client_cert", found.err()));
    proxy.into_iter().chain(trust).chain(identity).collect()
}

/// How the target is reached; `None` where nothing is sent.
pub(crate) fn proxy_use(
    resolved: &Resolved,
    config: &EventSyncConfig,
    env: &Env,
) -> Option<ProxyUse> {
    let way = Way {
        resolved,
        config,
        env,
    };
    let (host, ..) = way.host()?;
    let Some((source, value)) = way.named_proxy() else {
        return Some(ProxyUse {
            proxy: None,
            source: None,
            unused: None,
        });
    };
    let unused = if way.is_loopback() {
        Some(format!("{host} is on this machine"))
    } else if way.is_excepted() {
        Some(format!("NO_PROXY names {host}"))
    } else {
        DIRECT
            .contains(&value.as_str())
            .then(|| format!("it says {value}"))
    };
    let proxy = Proxy::read(&value)
        .ok()
        .map(|proxy| proxy.shown())
        .filter(|_| unused.is_none());
    Some(ProxyUse {
        proxy,
        source: Some(source),
        unused,
    })
}

struct Way<'a> {
    resolved: &'a Resolved,
    config: &'a EventSyncConfig,
    env: &'a Env,
}

impl Way<'_> {
    /// Host and port of the events' URL.
    fn host(&self) -> Option<(String, u16)> {
        Address::read(&self.resolved.endpoints.as_ref()?.events)
            .ok()?
            .host_and_port()
    }

    fn is_loopback(&self) -> bool {
        let events = self
            .resolved
            .endpoints
            .as_ref()
            .map(|endpoints| Address::read(&endpoints.events));
        events.is_some_and(|address| address.is_ok_and(|address| address.is_loopback()))
    }

    /// True when `NO_PROXY` names the host.
    fn is_excepted(&self) -> bool {
        let list = NO_PROXY.iter().find_map(|name| self.env.text(name));
        list.is_some_and(|list| {
            self.host()
                .is_some_and(|(host, port)| no_proxy::covers(list, &host, port))
        })
    }

    /// The value that names a proxy, and who says it: the own variable, the user's file, then the
    /// usual variables.
    fn named_proxy(&self) -> Option<(String, String)> {
        let own = self.env.text(PROXY).map(|value| (PROXY, value));
        let set = self
            .config
            .network
            .proxy
            .as_deref()
            .map(|value| ("network.proxy", value));
        let usual = || {
            SYSTEM_PROXIES
                .iter()
                .find_map(|name| Some((*name, self.env.text(name)?)))
        };
        let (source, value) = own.or(set).or_else(usual)?;
        Some((source.to_owned(), value.trim().to_owned()))
    }

    fn proxy(&self) -> Option<Result<Proxy, MissingCredential>> {
        self.host()?;
        let (source, value) = self.named_proxy()?;
        if self.is_loopback() || self.is_excepted() || DIRECT.contains(&value.as_str()) {
            return None;
        }
        let fix =
            format!("export {PROXY}=http://HOST:PORT   # or {PROXY}=none for a direct connection");
        Some(Proxy::read(&value).map_err(|flaw| MissingCredential {
            reason: format!("{source} {flaw}"),
            fix,
        }))
    }

    /// The certificates that a person named; `None` where there are none, and where nothing is
    /// encrypted.
    fn authorities(&self) -> Option<Result<Authorities, MissingCredential>> {
        let path = self.env.path(CERTIFICATES)?;
        self.is_encrypted().then(|| {
            let found = read_file(&path).and_then(|pem| Authorities::read(&pem));
            found.map_err(|flaw| MissingCredential {
                reason: format!("{CERTIFICATES}: {} {flaw}", text::path(&path)),
                fix: format!(
                    "unset {CERTIFICATES}   # or name a PEM file with the certificate of the server or of its authority"
                ),
            })
        })
    }

    /// The certificate that this side shows; `None` where none is set, and where nothing is
    /// encrypted.
    fn identity(&self) -> Option<Result<ClientIdentity, MissingCredential>> {
        let network = &self.config.network;
        let (certificate, key) = match (&network.client_cert, &network.client_key) {
            (None, None) => return None,
            (Some(certificate), key) => (certificate, key.as_ref().unwrap_or(certificate)),
            (None, Some(_)) => {
                let missing = || lacking_identity("client_key is set and client_cert is not");
                return self.is_encrypted().then(|| Err(missing()));
            }
        };
        let read = |name: &str, path: &str| {
            let path = self.at_home(path);
            read_file(&path).map_err(|flaw| format!("{name} {} {flaw}", text::path(&path)))
        };
        self.is_encrypted().then(|| {
            read("client_cert", certificate)
                .and_then(|pem| ClientIdentity::read(&pem, &read("client_key", key)?))
                .map_err(|flaw| lacking_identity(&flaw))
        })
    }

    fn is_encrypted(&self) -> bool {
        let is_encrypted = |url: &String| {
            Address::read(url).is_ok_and(|address| address.origin().starts_with("https:"))
        };
        let Some(endpoints) = &self.resolved.endpoints else {
            return false;
        };
        is_encrypted(&endpoints.events) || endpoints.bodies.as_ref().is_some_and(is_encrypted)
    }

    fn at_home(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.env.path(HOME)) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }
}

fn lacking_identity(flaw: &str) -> MissingCredential {
    let fix =
        "# set client_cert and client_key (PEM files) in [network] of your user configuration file";
    MissingCredential {
        reason: format!("network: {flaw}"),
        fix: fix.to_owned(),
    }
}

fn read_file(path: &std::path::Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    file.take(LONGEST_FILE)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("cannot be read: {e}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Choice;
    use crate::endpoint::authority::tests::resolve_text;

    const HERE: &str =
        "preset = 'external-receiver'\nexternal_receiver.url = 'http://127.0.0.1:1'\n";
    const THERE: &str =
        "preset = 'external-receiver'\nexternal_receiver.url = 'https://h.example'\n";

    fn route_of(user: &str, env: &[(&str, &str)]) -> ProxyUse {
        let (loaded, env, resolved) = resolve_text(user, "", env, &Choice::default());
        proxy_use(&resolved.unwrap(), &loaded.config, &env).unwrap()
    }

    #[test]
    fn the_proxy_is_the_persons_own_then_the_usual_one_and_never_for_this_machine() {
        let usual = ("https_proxy", "http://u:topsecret@usual.example:1");
        let own = ("SK_SYNC_PROXY", "http://own.example:2");
        let file = format!("{THERE}network.proxy = 'http://me:topsecret@file.example:3'\n");
        for (user, env, proxy, source) in [
            (THERE, &[][..], None, None),
            (
                THERE,
                &[usual],
                Some("http://usual.example:1"),
                Some("https_proxy"),
            ),
            (
                THERE,
                &[("HTTP_PROXY", "plain.example:4")],
                Some("http://plain.example:4"),
                Some("HTTP_PROXY"),
            ),
            (
                &file,
                &[usual],
                Some("http://file.example:3"),
                Some("network.proxy"),
            ),
            (
                &file,
                &[usual, own],
                Some("http://own.example:2"),
                Some("SK_SYNC_PROXY"),
            ),
            (
                &file,
                &[("SK_SYNC_PROXY", "none")],
                None,
                Some("SK_SYNC_PROXY"),
            ),
            (
                THERE,
                &[usual, ("NO_PROXY", "example")],
                None,
                Some("https_proxy"),
            ),
            (HERE, &[usual, own], None, Some("SK_SYNC_PROXY")),
        ] {
            let route = route_of(user, env);
            assert_eq!(
                (route.proxy.as_deref(), route.source.as_deref()),
                (proxy, source),
                "{user} {env:?}"
            );
            assert!(!format!("{route:?}").contains("topsecret"));
        }
    }

    #[test]
    fn what_cannot_be_used_is_said_without_quoting() {
        for (user, env, name, said) in [
            (
                THERE.to_owned(),
                &[("SK_SYNC_PROXY", "socks5://u:topsecret@h:1")][..],
                "unusable_proxy",
                "SOCKS",
            ),
            (
                format!("{THERE}network.client_cert = '/nonexistent.pem'\n"),
                &[],
                "unusable_client_cert",
                "cannot be read",
            ),
            (
                format!("{THERE}network.client_key = '/nonexistent.pem'\n"),
                &[],
                "unusable_client_cert",
                "client_cert is not",
            ),
        ] {
            let (loaded, env, resolved) = resolve_text(&user, "", env, &Choice::default());
            let missing_parts = missing_parts(&resolved.unwrap(), &loaded.config, &env);
            let [(found, Some(missing))] = &missing_parts[..] else {
                panic!("{user}: {missing_parts:?}")
            };
            assert!(
                *found == name && missing.reason.contains(said),
                "{missing:?}"
            );
            assert!(!format!("{missing:?}").contains("topsecret"), "{missing:?}");
        }
    }
}
