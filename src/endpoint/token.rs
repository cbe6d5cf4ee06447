//! The bearer token of a Teamspace and the sources it may come from, in their order. None of them
//! is shown, kept, or given to another program; a source that is there and useless is named, not
//! passed over.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::address::Address;
use super::grants::Secret;
use super::older::Login;
use super::resolved::Resolved;
use super::secret::{MissingCredential, SET_FILE, is_open_to_others, usable};
use crate::base::env::{HOME, TOKEN, TOKEN_FILE};
use crate::base::{Env, child, shell, text};
use crate::config::Teamspace;
use crate::git::Git;

/// A longer file holds no token.
const LONGEST_TOKEN: u64 = 64 << 10;

/// How long the user's own program may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// Where a token may come from.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    /// The configuration.
    pub(super) teamspace: &'a Teamspace,
    /// The environment.
    pub(super) env: &'a Env,
    /// The target the token is for.
    pub(super) resolved: &'a Resolved,
}

impl Sources<'_> {
    /// The token of the first source that there is, when that can be told without starting a
    /// program; else `None`.
    pub(super) fn at_hand(&self) -> Option<Result<String, MissingCredential>> {
        if let Some(missing) = self.resolved.uncovered(&Secret::Token) {
            return Some(Err(missing));
        }
        if let Some(token) = self.env.text(TOKEN) {
            return Some(
                usable(token).map_err(|flaw| {
                    missing(format!("{TOKEN} {flaw}"), format!("export {TOKEN}=…"))
                }),
            );
        }
        if let Some(path) = self.env.path(TOKEN_FILE) {
            return Some(of_file(
                &path,
                TOKEN_FILE,
                &format!("export {TOKEN_FILE}=PATH"),
            ));
        }
        if let Some(path) = &self.teamspace.token_file {
            return Some(of_file(
                &self.at_home(path),
                "teamspace.token_file",
                SET_FILE,
            ));
        }
        if self.teamspace.token_command.is_some() {
            return self.unasked().map(Err);
        }
        self.server_for_git().is_none().then(|| self.last())
    }

    /// Why no program is asked for the token: the origin without consent. A program may open a
    /// vault, or ask a person, which a repository's file must not be able to cause.
    fn unasked(&self) -> Option<MissingCredential> {
        let origins = self.resolved.origins();
        let origin = origins
            .iter()
            .find(|origin| !self.resolved.is_permitted(origin))?;
        let reason = format!(
            "{} is not asked for a token for {origin}: it has no consent",
            self.whom()
        );
        Some(missing(reason, shell::line("sk-sync allow", [origin])))
    }

    /// The token of the first source that there is. The user's own program, else git's credential
    /// helpers, are asked where it comes to that.
    pub(super) fn asked(&self) -> Result<String, MissingCredential> {
        if let Some(known) = self.at_hand() {
            return known;
        }
        if let Some(words) = &self.teamspace.token_command {
            return of_command(words, self.env);
        }
        self.of_git().map_or_else(|| self.last(), Ok)
    }

    /// Where the token comes from, or would be asked for; `None` where there is no source.
    pub(super) fn place(&self) -> Option<String> {
        let of_file = |named: &str, path: PathBuf| Some(format!("{named}: {}", text::path(&path)));
        if self.env.text(TOKEN).is_some() {
            return Some(TOKEN.to_owned());
        }
        if let Some(path) = self.env.path(TOKEN_FILE) {
            return of_file(TOKEN_FILE, path);
        }
        if let Some(path) = &self.teamspace.token_file {
            return of_file("teamspace.token_file", self.at_home(path));
        }
        if self.teamspace.token_command.is_some() {
            return Some(format!("teamspace.token_command: {}", self.whom()));
        }
        let login = self.own_login().map(|(login, _)| text::path(&login.path));
        let git = self
            .server_for_git()
            .map(|_| "git's credential helpers".to_owned());
        let all: Vec<_> = git.into_iter().chain(login).collect();
        (!all.is_empty()).then(|| all.join(", then "))
    }

    /// The older login at this very server, and the server's origin.
    fn own_login(&self) -> Option<(&Login, String)> {
        let login = self.resolved.login.as_ref()?;
        let origin = Address::read(&self.resolved.endpoints.as_ref()?.events)
            .ok()?
            .origin();
        (login.origin == origin).then_some((login, origin))
    }

    /// Who would be asked, for a person.
    pub(super) fn whom(&self) -> String {
        match self
            .teamspace
            .token_command
            .as_deref()
            .and_then(<[String]>::first)
        {
            Some(program) => format!("`{}`", text::printable(program)),
            None => "git".to_owned(),
        }
    }

    /// What is left when no other source has a token: an older login at this very server, or that
    /// there is none.
    fn last(&self) -> Result<String, MissingCredential> {
        if let Some((login, origin)) = self.own_login() {
            return login.token(&origin);
        }
        Err(missing(
            format!(
                "no token: neither {TOKEN} nor {TOKEN_FILE} is set, and git knows no password for the server"
            ),
            SET_FILE.to_owned(),
        ))
    }

    /// The scheme and host that git's credential helpers may be asked about: only a server that may
    /// be sent to, since a helper may ask for more than a configuration file should be able to
    /// cause. A receiver on this machine is for trying things out; its token is never one that a
    /// helper keeps.
    fn server_for_git(&self) -> Option<(String, String)> {
        let url = self
            .resolved
            .endpoints
            .as_ref()
            .map(|e| e.events.as_str())?;
        let permit = self
            .resolved
            .consent
            .permit(url)
            .ok()
            .filter(|permit| !permit.is_loopback)?;
        let (scheme, host) = permit.origin.split_once("://")?;
        Some((scheme.to_owned(), host.to_owned()))
    }

    /// What git's credential helpers know.
    fn of_git(&self) -> Option<String> {
        let (scheme, host) = self.server_for_git()?;
        let answer = Git::new(self.env).credential(&scheme, &host);
        let token = answer
            .inspect_err(|e| log::debug!("git credential: {e}"))
            .ok()??;
        usable(&token).ok()
    }

    fn at_home(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.env.path(HOME)) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }
}

fn missing(reason: String, fix: String) -> MissingCredential {
    MissingCredential { reason, fix }
}

/// The token in a private file that `named` names.
fn of_file(path: &Path, named: &str, fix: &str) -> Result<String, MissingCredential> {
    let shown = text::path(path);
    let refusal = |what: &str| missing(format!("{named}: {shown} {what}"), fix.to_owned());
    let mut file =
        std::fs::File::open(path).map_err(|e| refusal(&format!("cannot be read: {e}")))?;
    if is_open_to_others(&file, path) {
        let reason = refusal("can be read by others than its owner").reason;
        return Err(missing(
            reason,
            shell::line("chmod 600", [path.to_string_lossy()]),
        ));
    }
    let mut content = String::new();
    file.by_ref()
        .take(LONGEST_TOKEN)
        .read_to_string(&mut content)
        .map_err(|e| refusal(&format!("cannot be read: {e}")))?;
    usable(&content).map_err(refusal)
}

/// What the user's own program prints; run without a shell, away from the repository, and without
/// this program's secrets.
fn of_command(words: &[String], env: &Env) -> Result<String, MissingCredential> {
    let name = words.first().map_or("", String::as_str);
    let refusal = |what: String| {
        let reason = format!(
            "teamspace.token_command: `{}` {what}",
            text::printable(name)
        );
        missing(
            reason,
            format!("export {TOKEN_FILE}=PATH   # or fix the program"),
        )
    };
    let mut command = Command::new(name);
    command
        .args(words.get(1..).unwrap_or_default())
        .current_dir("/");
    command.env_clear().envs(env.for_own_program());
    let answer = child::ask(command, b"", COMMAND_LIMIT).map_err(|e| refusal(e.to_string()))?;
    if !answer.is_success {
        return Err(refusal("failed".to_owned()));
    }
    let content =
        String::from_utf8(answer.stdout).map_err(|_| refusal("printed no text".to_owned()))?;
    usable(&content).map_err(|flaw| refusal(format!("printed what {flaw}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Choice;
    use crate::endpoint::authority::tests::resolve_text;

    const SERVER: &str = "preset = 'teamspace'\nteamspace.server_url = 'http://127.0.0.1:1'\n";

    fn token(user: &str, env: &[(&str, &str)]) -> Result<String, MissingCredential> {
        let (loaded, env, resolved) =
            resolve_text(&format!("{SERVER}{user}"), "", env, &Choice::default());
        Sources {
            teamspace: &loaded.config.teamspace,
            env: &env,
            resolved: &resolved.unwrap(),
        }
        .asked()
    }

    #[cfg(unix)]
    #[test]
    fn a_token_comes_from_the_first_source_that_there_is() {
        use std::os::unix::fs::PermissionsExt as _;
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("tok'en");
        std::fs::write(&path, "of-file\n").unwrap();
        let name = path.to_str().unwrap();
        let file = ("SK_SYNC_TOKEN_FILE", name);
        for mode in [0o640, 0o604, 0o610] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let missing = token("", &[file]).unwrap_err();
            assert!(
                missing.reason.contains("others") && !missing.reason.contains("of-file"),
                "{missing:?}"
            );
            assert_eq!(
                missing.fix,
                format!("chmod 600 '{}'", name.replace('\'', "'\\''"))
            );
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let setting = format!("teamspace.token_file = \"{name}\"\n");
        let command = "teamspace.token_command = ['printf', '%s\\n', 'of-command']\n";
        let both = format!("{setting}{command}");
        for (user, env, expected) in [
            (
                both.as_str(),
                &[file, ("SK_SYNC_TOKEN", " of-env ")][..],
                "of-env",
            ),
            (&both, &[file], "of-file"),
            (&both, &[], "of-file"),
            (
                "teamspace.token_file = \"~/tok'en\"",
                &[("HOME", temp.path().to_str().unwrap())],
                "of-file",
            ),
            (command, &[], "of-command"),
        ] {
            assert_eq!(token(user, env).unwrap(), expected, "{user} {env:?}");
        }
    }

    #[test]
    fn unusable_tokens_are_told_without_being_shown() {
        for (user, pairs, said) in [
            (
                "",
                &[][..],
                "neither SK_SYNC_TOKEN nor SK_SYNC_TOKEN_FILE is set",
            ),
            ("", &[("SK_SYNC_TOKEN", " ")], "SK_SYNC_TOKEN is empty"),
            (
                "",
                &[("SK_SYNC_TOKEN", "topsecret\r\nX: y")],
                "cannot carry",
            ),
            ("", &[("SK_SYNC_TOKEN", "topsecrét")], "cannot carry"),
            (
                "",
                &[("SK_SYNC_TOKEN_FILE", "/nonexistent/token")],
                "/nonexistent/token cannot be read",
            ),
            (
                "teamspace.token_command = ['no-such-program-anywhere']",
                &[],
                "`no-such-program-anywhere` not installed",
            ),
            ("teamspace.token_command = ['false']", &[], "`false` failed"),
            (
                "teamspace.token_command = ['printf', 'topsecr\\tet']",
                &[],
                "cannot carry",
            ),
            (
                "teamspace.token_command = ['true']",
                &[],
                "`true` printed what is empty",
            ),
        ] {
            let missing = token(user, pairs).unwrap_err();
            assert!(
                missing.reason.contains(said) && !missing.reason.contains("topsecr"),
                "{missing:?}"
            );
        }
    }
}
