//! The environment as a value: every variable this program knows, and the one place that reads
//! them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// One environment variable this program reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    /// Its effect, in one line of help text.
    pub(crate) meaning: &'static str,
}

macro_rules! variables {
    ($($constant:ident = $name:literal: $meaning:literal;)*) => {
        $(#[doc = $meaning] pub(crate) const $constant: &str = $name;)*
        /// Every variable, in the order `--help` and the README list them.
        pub(crate) const ALL: &[Variable] = &[$(Variable { name: $name, meaning: $meaning }),*];
    };
}

variables! {
    SWITCH = "SK_SYNC": "`0`, `false`, `no` or `off` switches sk-sync off: no output, no file opened, exit 0";
    STATE_HOME = "SK_SYNC_HOME": "state directory (stores, grants, logs); default `$XDG_STATE_HOME/sk-sync`";
    USER_CONFIG = "SK_SYNC_CONFIG": "user configuration file; default `$XDG_CONFIG_HOME/sk-sync/config.toml`";
    REPOSITORY = "SK_SYNC_REPOSITORY": "name of the repository that the store belongs to, for clones that are made for each run (CI)";
    PRESET = "SK_SYNC_PRESET": "preset, as `--preset`";
    TARGET_URL = "SK_SYNC_TARGET_URL": "base URL of the target, as `--target-url`";
    TOKEN = "SK_SYNC_TOKEN": "bearer token for the target";
    TOKEN_FILE = "SK_SYNC_TOKEN_FILE": "file that holds the bearer token; refused when group- or world-readable";
    LEGACY_HOME = "SPEC_KITTY_HOME": "directory of older queues and journals; default `~/.spec-kitty`";
    LEGACY_URL = "SPEC_KITTY_SAAS_URL": "older name of `SK_SYNC_TARGET_URL`";
    LEGACY_SWITCH = "SPEC_KITTY_ENABLE_SAAS_SYNC": "a false value blocks delivery to a Teamspace (`sync_disabled`)";
    CI = "CI": "set by CI systems: a heartbeat line every 10 s instead of progress bars";
    TERM = "TERM": "`dumb` switches colour off";
    NO_COLOR = "NO_COLOR": "any value switches colour off";
    CLICOLOR_FORCE = "CLICOLOR_FORCE": "any value but `0` switches colour on";
    COMPLETE = "SK_SYNC_COMPLETE": "set by completion scripts: the shell that asks what may come next on a command line";
    SUDO_UID = "SUDO_UID": "set by sudo: root also works in repositories of this user, as git does";
    PATH = "PATH": "where git is found and, for `hook status`, sk-sync";
    CERTIFICATES = "SSL_CERT_FILE": "PEM file of the authorities or server certificates to trust for https, instead of the built-in ones";
    PROXY = "SK_SYNC_PROXY": "proxy for https (`http://host:port`), before `network.proxy`; `none` connects directly";
    HTTPS_PROXY = "HTTPS_PROXY": "proxy if neither `SK_SYNC_PROXY` nor `network.proxy` is set; then `ALL_PROXY`, `HTTP_PROXY`; lower case comes first";
    ALL_PROXY = "ALL_PROXY": "see `HTTPS_PROXY`";
    HTTP_PROXY = "HTTP_PROXY": "see `HTTPS_PROXY`";
    NO_PROXY_LIST = "NO_PROXY": "hosts, domains and IP ranges to connect to without a proxy; also `no_proxy`";
    HOME = "HOME": "home directory, for the defaults above";
    XDG_STATE_HOME = "XDG_STATE_HOME": "base of the state directory; default `~/.local/state`";
    XDG_CONFIG_HOME = "XDG_CONFIG_HOME": "base of the user configuration; default `~/.config`";
    LOGNAME = "LOGNAME": "user name; the node ID holds a digest of it; then `USER`, `LNAME`, `USERNAME`";
    USER = "USER": "see `LOGNAME`";
    LNAME = "LNAME": "see `LOGNAME`";
    USERNAME = "USERNAME": "see `LOGNAME`";
}

/// Prefix of the variables that set a configuration key: `SK_SYNC_<SECTION>__<KEY>`.
pub(crate) const KEY_PREFIX: &str = "SK_SYNC_";
/// Prefix that a repository file's variable references must have.
pub(crate) const SECRET_PREFIX: &str = "SK_SYNC_SECRET_";

/// The proxy variables of other programs, in order of precedence: the lower-case name first, as in
/// curl.
pub(crate) const SYSTEM_PROXIES: [&str; 6] = [
    "https_proxy",
    HTTPS_PROXY,
    "all_proxy",
    ALL_PROXY,
    "http_proxy",
    HTTP_PROXY,
];
/// The variables that list hosts to reach without a proxy.
pub(crate) const NO_PROXY: [&str; 2] = ["no_proxy", NO_PROXY_LIST];

/// Prefixes of the variables that are hidden from child processes.
const OWN_PREFIXES: [&str; 2] = ["SK_SYNC", "SPEC_KITTY"];

/// The variables that git needs to find programs, its settings, temporary files and, under sudo,
/// the user.
const FOR_GIT: [&str; 18] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "TMPDIR",
    "LANG",
    "LD_LIBRARY_PATH",
    "SUDO_UID",
    "SUDO_GID",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "PATHEXT",
    "PROGRAMDATA",
    "APPDATA",
    "LOCALAPPDATA",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "TEMP",
];

/// A snapshot of the process environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Env(BTreeMap<OsString, OsString>);

impl Env {
    /// The process environment, read once.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one owner of the process environment"
    )]
    pub(crate) fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// An environment of exactly these pairs: for tests, and for work that must not see the user's.
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(
            pairs
                .iter()
                .map(|(k, v)| (OsString::from(k), OsString::from(v)))
                .collect(),
        )
    }

    /// The value of `name` when it is set, not empty, and UTF-8.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(OsStr::new(name))
            .and_then(|v| v.to_str())
            .filter(|v| !v.is_empty())
    }

    /// The value of `name` when it is set and not empty, in any encoding: for paths.
    pub(crate) fn path(&self, name: &str) -> Option<std::path::PathBuf> {
        self.0
            .get(OsStr::new(name))
            .filter(|v| !v.is_empty())
            .map(std::path::PathBuf::from)
    }

    /// Every pair whose name and value are UTF-8, in name order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(|(k, v)| Some((k.to_str()?, v.to_str()?)))
    }

    /// Every pair, in any encoding.
    fn raw(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// The environment for a program that the user configured: everything except the variables of
    /// this program (which hold secrets) and of the older version.
    pub(crate) fn for_own_program(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let is_ours = |name: &OsStr| {
            OWN_PREFIXES
                .iter()
                .any(|p| name.as_encoded_bytes().starts_with(p.as_bytes()))
        };
        self.raw().filter(move |(name, _)| !is_ours(name))
    }

    /// The environment for git: only where programs, settings and temporary files are.
    pub(crate) fn for_git(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.raw()
            .filter(|(name, _)| FOR_GIT.iter().any(|known| name.eq_ignore_ascii_case(known)))
    }

    /// True when `SK_SYNC` says off: one of the words of [`is_false`].
    pub(crate) fn is_switched_off(&self) -> bool {
        self.text(SWITCH).is_some_and(is_false)
    }

    /// The value of `SK_SYNC` if it means neither on nor off; it is ignored then. Else `None`.
    pub(crate) fn unknown_switch(&self) -> Option<&str> {
        let is_true = |word: &str| {
            ["1", "true", "yes", "on"].contains(&word.trim().to_ascii_lowercase().as_str())
        };
        self.text(SWITCH)
            .filter(|word| !is_false(word) && !is_true(word))
    }
}

/// True for the words that mean "no" in a switch: `0`, `false`, `no`, `off` (trimmed, any case).
pub(crate) fn is_false(word: &str) -> bool {
    ["0", "false", "no", "off"].contains(&word.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let env = Env::of(&[("A", ""), ("B", "x")]);
        assert_eq!(env.text("A"), None);
        assert_eq!(env.text("B"), Some("x"));
        assert_eq!(env.path("A"), None);
    }

    #[test]
    fn children_see_no_secret_of_ours() {
        let names = [
            "SK_SYNC_TOKEN",
            "SK_SYNC_SECRET_A",
            "SPEC_KITTY_TOKEN",
            "PATH",
            "OTHER",
            "GIT_DIR",
        ];
        let env = Env::of(&names.map(|name| (name, "x")));
        let names = |vars: Vec<&OsStr>| {
            vars.into_iter()
                .map(|name| name.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(env.for_own_program().map(|(name, _)| name).collect()),
            ["GIT_DIR", "OTHER", "PATH"]
        );
        assert_eq!(
            names(env.for_git().map(|(name, _)| name).collect()),
            ["PATH"]
        );
    }

    #[test]
    fn every_spelling_of_off_switches_off() {
        for off in ["0", "false", "off", "no", "FALSE", "Off", " no "] {
            assert!(Env::of(&[("SK_SYNC", off)]).is_switched_off(), "{off:?}");
        }
        for other in ["1", "true", "on", "YES", "", "offline"] {
            assert!(
                !Env::of(&[("SK_SYNC", other)]).is_switched_off(),
                "{other:?}"
            );
        }
    }

    #[test]
    fn a_switch_that_says_neither_is_told() {
        for (value, unknown) in [
            ("maybe", Some("maybe")),
            ("disabled", Some("disabled")),
            ("On", None),
            ("0", None),
        ] {
            assert_eq!(Env::of(&[("SK_SYNC", value)]).unknown_switch(), unknown);
        }
    }
}
