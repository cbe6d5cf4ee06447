//! Origin of a value, and a problem there.

use std::fmt;
use std::path::PathBuf;

use crate::base::text;

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// Built in.
    Default,
    /// The user's own file.
    UserFile(PathBuf),
    /// A file of the repository, which another person may have written.
    RepositoryFile(PathBuf),
    /// The project's settings in the state directory.
    ProjectFile(PathBuf),
    /// A file of an older Spec Kitty.
    OlderFile(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Origin {
    /// True for sources in the work tree, which another person may have written.
    pub(crate) fn is_repository(&self) -> bool {
        matches!(self, Self::RepositoryFile(_))
    }
}

impl fmt::Display for Origin {
    /// `default`, a file path, an environment name or a flag: the words of `config show --origin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::UserFile(path)
            | Self::RepositoryFile(path)
            | Self::ProjectFile(path)
            | Self::OlderFile(path) => f.write_str(&text::path(path)),
            Self::Variable(name) => f.write_str(&text::printable(name)),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

impl serde::Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A problem in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The source.
    pub(crate) origin: Origin,
    /// Line and column in a file, both from 1.
    pub(crate) place: Option<(usize, usize)>,
    /// The text concerned; `None` if it may be a secret.
    pub(crate) excerpt: Option<String>,
    /// The problem and its fix.
    pub(crate) message: String,
}

impl Problem {
    /// A problem of a whole source, or of an entry without a place in it.
    pub(super) fn of(origin: Origin, message: String) -> Self {
        Self {
            origin,
            place: None,
            excerpt: None,
            message,
        }
    }
}

impl fmt::Display for Problem {
    /// `event-sync.toml:3:1: unknown key …: presett = "stub"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.excerpt {
            Some(excerpt) => write!(
                f,
                "\n  | {}",
                text::shorten(&text::printable(excerpt.trim()), 120)
            ),
            None => Ok(()),
        }
    }
}

/// A URL without the name and password in front of its host and without its query, which may
/// contain a key; for messages.
pub(crate) fn without_secrets(url: &str) -> String {
    let after_scheme = url.find("//").map_or(0, |at| at + 2);
    let (scheme, rest) = url.split_at(after_scheme);
    let authority = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let bare = match rest.get(..authority).and_then(|a| a.rfind('@')) {
        Some(at) => format!("{scheme}***{}", rest.get(at..).unwrap_or_default()),
        None => url.to_owned(),
    };
    match bare.split_once(['?', '#']) {
        Some((path, rest))
            if !rest.is_empty()
                && bare
                    .get(path.len()..)
                    .is_some_and(|rest| rest.starts_with('?')) =>
        {
            format!("{path}?***")
        }
        Some((path, _)) => path.to_owned(),
        None => bare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        for (url, shown) in [
            ("https://u:p@host/x", "https://***@host/x"),
            ("https://u:p@x@host", "https://***@host"),
            ("u:p@host/x", "***@host/x"),
            ("https://host/a@b", "https://host/a@b"),
            ("https://host/a?code=topsecret#f", "https://host/a?***"),
            ("https://u:p@host?code=a@b", "https://***@host?***"),
            ("https://host/a?", "https://host/a"),
            ("https://host/a#code", "https://host/a"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn a_problem_says_source_place_and_text() {
        let problem = Problem {
            origin: Origin::RepositoryFile("event-sync.toml".into()),
            place: Some((3, 1)),
            excerpt: Some("presett = \"\u{1b}[1m\"".into()),
            message: "unknown key `presett`".into(),
        };
        assert_eq!(
            problem.to_string(),
            "event-sync.toml:3:1: unknown key `presett`\n  | presett = \"\\u{1b}[1m\""
        );
    }
}
