//! What an older Spec Kitty on this machine knew of its server: the address in its
//! `config.toml`, and in `credentials` a token, a user and a team, which belong to the server that
//! gave them. Only read.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use toml::Table;

use super::address::Address;
use super::scope::OLDER_DEFAULT_SERVER;
use super::secret::{MissingCredential, SET_FILE, is_open_to_others, usable};
use crate::base::{shell, text};

/// A longer file is none of these.
const LONGEST: u64 = 1 << 20;

/// The two files, as far as they say something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Older {
    /// The file that names a server, and the address as written.
    pub(super) server: Option<(PathBuf, String)>,
    /// Whom the older login knew.
    pub(super) login: Option<Login>,
    /// What a person should know.
    pub(super) warnings: Vec<String>,
}

/// An older login. The token stays in its file until it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// The file.
    pub(super) path: PathBuf,
    /// The origin of the server that it is for, and no other.
    pub(super) origin: String,
    /// The user.
    pub(super) user: Option<String>,
    /// The team.
    pub(super) team: Option<String>,
}

/// What the older home directory `home` says. A file that cannot be read says nothing, and is
/// mentioned.
pub(crate) fn older(home: &Path) -> Older {
    let mut found = Older::default();
    let mut table = |name: &str| {
        let path = home.join(name);
        match read(&path) {
            Ok(table) => Some((path, table?.1)),
            Err(what) => {
                found.warnings.push(format!(
                    "{} is not asked for a server: it {what}",
                    text::path(&path)
                ));
                None
            }
        }
    };
    let (config, credentials) = (table("config.toml"), table("credentials"));
    let server =
        config.and_then(|(path, config)| Some((path, word(&config, "sync", "server_url")?)));
    // An older version without a configured server wrote its default, which is not a choice of the
    // user.
    let chosen = server.filter(|(_, url)| {
        Address::read(url).map_or(true, |url| url.base() != OLDER_DEFAULT_SERVER)
    });
    match chosen {
        Some((path, url)) if Address::read(&url).is_err() => {
            found.warnings.push(format!(
                "{}: sync.server_url is not a usable URL",
                text::path(&path)
            ));
        }
        chosen => found.server = chosen,
    }
    found.login = credentials.and_then(|(path, table)| {
        let origin = Address::read(&word(&table, "server", "url")?)
            .ok()?
            .origin();
        Some(Login {
            path,
            origin,
            user: word(&table, "user", "username"),
            team: word(&table, "user", "team_slug"),
        })
    });
    found
}

impl Login {
    /// The file, for a person.
    pub(crate) fn place(&self) -> String {
        text::path(&self.path)
    }

    /// Its token, for the server at `origin`: what the file says now, if it is private and for that
    /// server.
    pub(super) fn token(&self, origin: &str) -> Result<String, MissingCredential> {
        let shown = text::path(&self.path);
        let fix = SET_FILE;
        let refusal = |what: &str| MissingCredential {
            reason: format!("{shown} {what}"),
            fix: fix.to_owned(),
        };
        let (is_open, table) = read(&self.path)
            .map_err(refusal)?
            .ok_or_else(|| refusal("is gone"))?;
        if is_open {
            let reason = format!("{shown} can be read by others than its owner");
            return Err(MissingCredential {
                reason,
                fix: shell::line("chmod 600", [self.path.to_string_lossy()]),
            });
        }
        let server = word(&table, "server", "url").and_then(|url| Address::read(&url).ok());
        if server.is_none_or(|server| server.origin() != origin) {
            return Err(refusal("is for another server"));
        }
        let token = word(&table, "tokens", "access").ok_or_else(|| refusal("holds no token"))?;
        usable(&token).map_err(|flaw| refusal(&format!("holds a token that {flaw}")))
    }
}

/// A file as TOML, and whether others can read it; `None` where there is none.
fn read(path: &Path) -> Result<Option<(bool, Table)>, &'static str> {
    // Opening a pipe of that name would wait for a writer.
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => return Err("is not a file"),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(_) => return Err("cannot be read"),
    }
    let file = std::fs::File::open(path).map_err(|_| "cannot be read")?;
    let (is_open, mut content) = (is_open_to_others(&file, path), String::new());
    file.take(LONGEST)
        .read_to_string(&mut content)
        .map_err(|_| "cannot be read")?;
    content
        .parse()
        .map(|table| Some((is_open, table)))
        .map_err(|_| "is not TOML")
}

/// A text that is there and says something.
fn word(table: &Table, section: &str, key: &str) -> Option<String> {
    let word = table.get(section)?.get(key)?.as_str()?.trim();
    (!word.is_empty()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(config: &str, credentials: &str) -> (tempfile::TempDir, Older) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("config.toml", config), ("credentials", credentials)] {
            if !text.is_empty() {
                let path = dir.path().join(name);
                std::fs::write(&path, text).unwrap();
                #[cfg(unix)]
                std::fs::set_permissions(
                    &path,
                    std::os::unix::fs::PermissionsExt::from_mode(0o600),
                )
                .unwrap();
            }
        }
        let found = older(dir.path());
        (dir, found)
    }

    #[test]
    fn a_server_is_what_somebody_chose() {
        for (config, server, warns) in [
            ("", None, false),
            (
                "[sync]\nserver_url = ' https://h.example/ '",
                Some("https://h.example/"),
                false,
            ),
            (
                "[sync]\nserver_url = 'https://Spec-Kitty-Dev.fly.dev/'",
                None,
                false,
            ),
            ("[sync]\nserver_url = ''", None, false),
            ("[sync]\nserver_url = 7", None, false),
            ("sync = 'x'", None, false),
            ("[sync]\nserver_url = 'http://h.example'", None, true),
            ("[[ garbled", None, true),
        ] {
            let (_dir, found) = home(config, "");
            assert_eq!(
                found.server.as_ref().map(|(_, url)| url.as_str()),
                server,
                "{config}"
            );
            assert_eq!(
                !found.warnings.is_empty(),
                warns,
                "{config}: {:?}",
                found.warnings
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_token_goes_to_its_own_server_from_a_private_file() {
        let text = "[tokens]\naccess = 'topsecret'\n[user]\nusername = 'me'\nteam_slug = 'core'\n\
                    [server]\nurl = 'https://H.example:443/base'\n[tracker.providers.x]\na = 1\n";
        let (dir, found) = home("", text);
        let login = found.login.unwrap();
        assert_eq!(
            (login.origin.as_str(), login.team.as_deref()),
            ("https://h.example", Some("core"))
        );
        assert_eq!(login.token("https://h.example").unwrap(), "topsecret");
        let elsewhere = login.token("https://h.example:8443").unwrap_err();
        assert!(
            elsewhere.reason.contains("another server") && !elsewhere.reason.contains("topsecret")
        );
        let path = dir.path().join("credentials");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .unwrap();
        assert!(
            login
                .token("https://h.example")
                .unwrap_err()
                .fix
                .starts_with("chmod 600 ")
        );
        assert_eq!(
            home("", "[tokens]\naccess = 'x'\n").1.login,
            None,
            "of no server"
        );
    }
}
