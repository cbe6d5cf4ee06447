//! Distinguishes repositories that state the same project UUID: a UUID is a claim that anyone can
//! copy.

use std::path::Path;

use super::Sha256;

/// Digits of an id, for each of the three kinds.
const DIGITS: usize = 32;

/// The id of a repository: a name that is safe as the name of a directory. The three kinds never
/// collide, so a file cannot claim an id that only a path or the environment may give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RepositoryId(String);

impl RepositoryId {
    /// A random id, made from a random UUID and stored in the git directory.
    pub(crate) fn random(uuid: &str) -> Option<Self> {
        Self::read(uuid.replace('-', "").as_bytes())
    }

    /// Reads the file in a git directory: 32 lower-case hexadecimal digits and an optional line
    /// end. `None` for anything else.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == DIGITS && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// Id of the directory at this path, for directories in which a file cannot be stored.
    pub(crate) fn of_path(path: &Path) -> Self {
        Self(format!(
            "path-{}",
            digest("repository path", path.as_os_str().as_encoded_bytes())
        ))
    }

    /// Id of a repository that a person or a workflow named.
    pub(crate) fn of_name(name: &str) -> Self {
        Self(format!(
            "name-{}",
            digest("repository name", name.trim().as_bytes())
        ))
    }

    /// The id that belongs to this directory of the state directory; `None` if the name is not an
    /// id.
    pub(crate) fn of_directory(name: &str) -> Option<Self> {
        let digits = name
            .strip_prefix("path-")
            .or_else(|| name.strip_prefix("name-"))
            .unwrap_or(name);
        Self::read(digits.as_bytes())
            .filter(|id| id.0 == digits)
            .map(|_| Self(name.to_owned()))
    }

    /// Name of its directory.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn digest(what: &str, bytes: &[u8]) -> String {
    let mut digits = Sha256::of_parts(&[what.as_bytes(), &[0], bytes]).to_string();
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn only_digits_are_an_id() {
        assert_eq!(
            RepositoryId::read(format!("{ID}\n").as_bytes())
                .unwrap()
                .as_str(),
            ID
        );
        let path = RepositoryId::of_path(Path::new("/r"));
        let upper = ID.to_uppercase();
        let long = format!("{ID}0");
        for bad in [
            "",
            "\n",
            "..",
            "../../etc",
            &upper,
            &long,
            &ID[1..],
            path.as_str(),
            &format!("{ID}\n\n"),
            "\0",
        ] {
            assert_eq!(RepositoryId::read(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(RepositoryId::read(&[0xff; 32]), None);
    }

    #[test]
    fn kinds_cannot_be_mistaken_for_each_other() {
        let (path, name) = (
            RepositoryId::of_path(Path::new("x")),
            RepositoryId::of_name("x"),
        );
        assert_ne!(path.as_str()[5..], name.as_str()[5..]);
        assert_eq!(RepositoryId::of_name(" x\n"), name);
        assert_eq!(
            RepositoryId::random("01234567-89ab-cdef-0123-456789abcdef")
                .unwrap()
                .as_str(),
            ID
        );
    }
}
