//! Secrets: where they are read, and nowhere shown.

use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;

use crate::base::env::{TOKEN, TOKEN_FILE};
use crate::base::{Env, text};
use crate::config::{EventSyncConfig, ExternalReceiver};

use super::link::ReceiverKind;

/// A longer file holds no token.
const LONGEST_TOKEN: u64 = 64 << 10;

/// A secret that is not there or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lack {
    /// What is wrong; never the secret.
    pub(super) reason: String,
    /// A shell line that mends it.
    pub(super) fix: String,
}

/// What authorises requests to one target.
#[derive(Debug)]
pub(super) struct Keys {
    /// Header names and values.
    pub(super) headers: Vec<(String, SecretString)>,
}

/// The keys for a kind of receiver: a bearer token, own headers, or none.
pub(super) fn keys(receiver: ReceiverKind, config: &EventSyncConfig, env: &Env) -> Result<Keys, Lack> {
    let external = &config.external_receiver;
    Ok(match receiver {
        ReceiverKind::Stub => Keys { headers: Vec::new() },
        ReceiverKind::Teamspace => Keys { headers: bearer(env)? },
        ReceiverKind::ExternalReceiver => Keys { headers: own_headers(external, env)? },
    })
}

/// The headers of a request to a Teamspace: the bearer token of `SK_SYNC_TOKEN`, else of the file `SK_SYNC_TOKEN_FILE`.
fn bearer(env: &Env) -> Result<Vec<(String, SecretString)>, Lack> {
    let read = match (env.text(TOKEN), env.path(TOKEN_FILE)) {
        (Some(token), _) => usable(token).map_err(|flaw| (format!("{TOKEN} {flaw}"), format!("export {TOKEN}=…"))),
        (None, Some(path)) => token_of_file(&path),
        (None, None) => Err((
            format!("no token: neither {TOKEN} nor {TOKEN_FILE} is set"),
            format!("export {TOKEN_FILE}=FILE   # a file with the token that only you can read; or {TOKEN}"),
        )),
    };
    let token = read.map_err(|(reason, fix)| Lack { reason, fix })?;
    Ok(vec![("Authorization".to_owned(), format!("Bearer {token}").into())])
}

fn token_of_file(path: &Path) -> Result<String, (String, String)> {
    let shown = text::path(path);
    let refusal = |what: &str| (format!("{TOKEN_FILE}: {shown} {what}"), format!("export {TOKEN_FILE}=FILE"));
    let mut file = std::fs::File::open(path).map_err(|e| refusal(&format!("cannot be read: {e}")))?;
    if is_open_to_others(&file) {
        let (reason, _) = refusal("can be read by others than its owner");
        return Err((reason, format!("chmod 600 {}", quoted(&shown))));
    }
    let mut content = String::new();
    file.by_ref()
        .take(LONGEST_TOKEN)
        .read_to_string(&mut content)
        .map_err(|e| refusal(&format!("cannot be read: {e}")))?;
    usable(&content).map_err(refusal)
}

/// The headers of a request to an external receiver, in configuration order.
fn own_headers(config: &ExternalReceiver, env: &Env) -> Result<Vec<(String, SecretString)>, Lack> {
    let header = |h: &crate::config::Header| Ok((h.name.clone(), referred(&h.variable, env)?));
    config.headers.iter().map(header).collect()
}

fn referred(variable: &str, env: &Env) -> Result<SecretString, Lack> {
    let lack = |flaw: &str| Lack { reason: format!("{variable} {flaw}"), fix: format!("export {variable}=…") };
    let value = env.text(variable).ok_or_else(|| lack("is not set"))?;
    usable(value).map(SecretString::from).map_err(lack)
}

/// The secret without blanks around it; or why no header can carry it.
fn usable(secret: &str) -> Result<String, &'static str> {
    let secret = secret.trim();
    match secret.bytes().all(|b| matches!(b, b' '..=b'~')) {
        _ if secret.is_empty() => Err("is empty"),
        true => Ok(secret.to_owned()),
        false => Err("holds characters that a header cannot carry"),
    }
}

#[cfg(unix)]
fn is_open_to_others(file: &std::fs::File) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().map_or(true, |m| m.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::File) -> bool {
    false
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:@%".contains(&b);
    if word.bytes().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn token(env: &Env) -> Result<String, Lack> {
        bearer(env).map(|headers| {
            assert_eq!(headers[0].0, "Authorization");
            headers[0].1.expose_secret().to_owned()
        })
    }

    #[test]
    fn a_token_comes_from_its_variable_or_its_private_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("tok'en");
        std::fs::write(&path, "of-file\n").unwrap();
        let name = path.to_str().unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            for mode in [0o640, 0o604, 0o610] {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
                let lack = token(&Env::of(&[("SK_SYNC_TOKEN_FILE", name)])).unwrap_err();
                assert!(lack.reason.contains("others") && !lack.reason.contains("of-file"), "{lack:?}");
                assert_eq!(lack.fix, format!("chmod 600 '{}'", name.replace('\'', "'\\''")));
            }
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        assert_eq!(token(&Env::of(&[("SK_SYNC_TOKEN_FILE", name)])).unwrap(), "Bearer of-file");
        let both = Env::of(&[("SK_SYNC_TOKEN_FILE", name), ("SK_SYNC_TOKEN", " of-env ")]);
        assert_eq!(token(&both).unwrap(), "Bearer of-env");
    }

    #[test]
    fn unusable_tokens_are_told_without_being_shown() {
        for (pairs, said) in [
            (&[][..], "neither SK_SYNC_TOKEN nor SK_SYNC_TOKEN_FILE is set"),
            (&[("SK_SYNC_TOKEN", " ")], "SK_SYNC_TOKEN is empty"),
            (&[("SK_SYNC_TOKEN", "topsecret\r\nX: y")], "cannot carry"),
            (&[("SK_SYNC_TOKEN", "topsecrét")], "cannot carry"),
            (&[("SK_SYNC_TOKEN_FILE", "/nonexistent/token")], "/nonexistent/token cannot be read"),
        ] {
            let lack = token(&Env::of(pairs)).unwrap_err();
            assert!(lack.reason.contains(said) && !lack.reason.contains("topsecr"), "{lack:?}");
        }
    }

    #[test]
    fn headers_are_read_by_reference() {
        let mut config = EventSyncConfig::default().external_receiver;
        let header =
            |name: &str, variable: &str| crate::config::Header { name: name.into(), variable: variable.into() };
        config.headers = vec![header("X-A", "SK_SYNC_SECRET_A"), header("X-B", "SK_SYNC_SECRET_B")];
        let env = Env::of(&[("SK_SYNC_SECRET_A", "a"), ("SK_SYNC_SECRET_B", "b")]);
        let headers = own_headers(&config, &env).unwrap();
        let plain: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.expose_secret())).collect();
        assert_eq!(plain, [("X-A", "a"), ("X-B", "b")]);
        let lack = own_headers(&config, &Env::of(&[("SK_SYNC_SECRET_A", "a")])).unwrap_err();
        assert_eq!(lack.reason, "SK_SYNC_SECRET_B is not set");
    }
}
