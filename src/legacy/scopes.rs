//! Recognises server, user and team of a queue: the file name is a one-way digest of
//! `server|user|team`, so only combinations known from elsewhere can be recognised. Others are
//! reported as unknown.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use super::marks::Provenance;
use super::targets::OlderTarget;
use super::{Found, Kind};
use crate::base::files::open_regular;
use crate::endpoint::{
    OLDER_DEFAULT_SERVER, active_scope, plain_queue_scope, queue_digest, queue_scope,
};

/// Largest file of the older home directory that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// Known servers, users and teams, combined in every way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// URLs, as written.
    pub(crate) servers: Vec<String>,
    /// User names or e-mail addresses.
    pub(crate) users: Vec<String>,
    /// Teams.
    pub(crate) teams: Vec<String>,
}

/// Every known scope, by its digest.
#[derive(Debug, Default)]
pub(super) struct Scopes(BTreeMap<String, String>);

impl Scopes {
    /// The scopes known from the given names, the older home directory and its targets.
    pub(super) fn gather(names: &Names, home: Option<&Path>, targets: &[OlderTarget]) -> Self {
        let mut names = names.clone();
        names.servers.push(OLDER_DEFAULT_SERVER.to_owned());
        let mut scopes = Self::default();
        if let Some(home) = home {
            scopes
                .0
                .extend(active_scope(home).map(|scope| (queue_digest(&scope), scope)));
            let config = table(&home.join("config.toml"));
            names
                .servers
                .extend(text(config.as_ref(), &["sync", "server_url"]));
            let credentials = table(&home.join("credentials"));
            names
                .servers
                .extend(text(credentials.as_ref(), &["server", "url"]));
            names
                .users
                .extend(text(credentials.as_ref(), &["user", "username"]));
            names
                .teams
                .extend(text(credentials.as_ref(), &["user", "team_slug"]));
        }
        names.users.push(String::new());
        names.teams.extend([String::new(), "no-team".to_owned()]);
        for server in &names.servers {
            for user in &names.users {
                names
                    .teams
                    .iter()
                    .for_each(|team| scopes.add(server, user, team));
            }
        }
        for OlderTarget { server, team, user } in targets {
            names
                .users
                .iter()
                .chain([user])
                .for_each(|user| scopes.add(server, user, team));
        }
        scopes
    }

    /// Adds the scope in both spellings.
    fn add(&mut self, server: &str, user: &str, team: &str) {
        for spell in [queue_scope, plain_queue_scope] {
            let scope = spell(server, user, team);
            self.0.insert(queue_digest(&scope), scope);
        }
    }

    /// Server, user and team of a file.
    pub(super) fn provenance(&self, found: &Found) -> Provenance {
        let scope = if found.kind == Kind::ScopedQueue {
            self.0.get(&found.label).cloned()
        } else {
            None
        };
        let certainty = if scope.is_some() { "known" } else { "unknown" };
        Provenance {
            word: format!("{certainty}:{}", found.label),
            scope,
        }
    }
}

/// The delivery mode of an older version, as that version would have read it: `teamspace` for
/// unknown values; `None` if the file cannot be read.
pub(super) fn older_mode(home: &Path) -> Option<String> {
    let file = home.join("config.toml");
    if !file.exists() {
        return Some("teamspace".to_owned());
    }
    let config = table(&file)?;
    let mode = text(Some(&config), &["event_sync", "mode"]).unwrap_or_default();
    let mode = mode.trim().to_lowercase().replace('-', "_");
    Some(if mode.is_empty() {
        "teamspace".to_owned()
    } else {
        mode
    })
}

fn table(file: &Path) -> Option<toml::Table> {
    let mut text = String::new();
    let read = open_regular(file)
        .ok()?
        .take(LONGEST + 1)
        .read_to_string(&mut text)
        .ok()?;
    if read as u64 > LONGEST {
        None
    } else {
        text.parse().ok()
    }
}

fn text(table: Option<&toml::Table>, path: &[&str]) -> Option<String> {
    let (last, within) = path.split_last()?;
    let mut table = table?;
    for name in within {
        table = table.get(*name)?.as_table()?;
    }
    table
        .get(*last)?
        .as_str()
        .map(str::to_owned)
        .filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(scopes: &Scopes, kind: Kind, label: &str) -> (String, Option<String>) {
        let found = Found {
            path: "/x".into(),
            kind,
            label: label.to_owned(),
        };
        let Provenance { word, scope } = scopes.provenance(&found);
        (word, scope)
    }

    #[test]
    fn a_scope_is_known_only_where_something_names_it() {
        let names = Names {
            servers: vec!["https://x/".into()],
            users: vec!["É@x".into()],
            teams: vec!["T".into()],
        };
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("active_queue_scope"), "a|b|c\n").unwrap();
        std::fs::write(
            home.path().join("config.toml"),
            "[sync]\nserver_url = \"https://y\"\n",
        )
        .unwrap();
        let credentials =
            "[user]\nusername = \"u@x\"\nteam_slug = \"t\"\n[server]\nurl = \"https://z\"\n";
        std::fs::write(home.path().join("credentials"), credentials).unwrap();
        let target = |user: &str| OlderTarget {
            server: "https://p".into(),
            team: "Private".into(),
            user: user.into(),
        };
        let scopes = Scopes::gather(&names, Some(home.path()), &[target(""), target("w@x")]);
        for scope in [
            "https://x|é@x|t",
            "https://x|_u00c9_@x|t",
            "a|b|c",
            "https://z|u@x|t",
            "https://y|u@x|no-team",
            "https://spec-kitty-dev.fly.dev|u@x|t",
            "https://x||",
            "https://p|u@x|private",
            "https://p|_u00c9_@x|private",
            "https://p||private",
            "https://p|w@x|private",
        ] {
            let digest = queue_digest(scope);
            let expected = (format!("known:{digest}"), Some(scope.to_owned()));
            assert_eq!(
                word(&scopes, Kind::ScopedQueue, &digest),
                expected,
                "{scope}"
            );
        }
        assert_eq!(
            word(&scopes, Kind::ScopedQueue, "00ff"),
            ("unknown:00ff".to_owned(), None)
        );
        assert_eq!(
            word(&scopes, Kind::Queue, "legacy"),
            ("unknown:legacy".to_owned(), None)
        );
    }

    #[test]
    fn the_older_mode_is_read_as_it_was_meant() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(older_mode(home.path()).as_deref(), Some("teamspace"));
        for (text, mode) in [
            (
                "[event_sync]\nmode = \" External-Receiver\"\n",
                Some("external_receiver"),
            ),
            ("[sync]\n", Some("teamspace")),
            ("[[[", None),
        ] {
            std::fs::write(home.path().join("config.toml"), text).unwrap();
            assert_eq!(older_mode(home.path()).as_deref(), mode, "{text}");
        }
    }
}
