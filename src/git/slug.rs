//! Names derived from the URL of the remote `origin`.

/// Default name of a project: the last part of the remote's path, else the directory's name; lower
/// case, `-` for `_` and blanks. As in the reference, a URL that ends in `/` gives an empty name.
pub(super) fn project_slug(origin: Option<&str>, directory: &str) -> String {
    let name = origin.map(|url| {
        let url = url.strip_suffix(".git").unwrap_or(url);
        let after_colon = if url.contains('@') {
            url.rsplit(':').next()
        } else {
            None
        };
        after_colon
            .unwrap_or(url)
            .rsplit('/')
            .next()
            .unwrap_or_default()
    });
    name.unwrap_or(directory)
        .to_lowercase()
        .replace(['_', ' '], "-")
}

/// `owner/name` (with more parts if the path has more) of a remote's URL; `None` for local paths
/// and shorter paths.
pub(super) fn repo_slug(origin: &str) -> Option<String> {
    let is_local = ["/", "./", "../"]
        .iter()
        .any(|start| origin.starts_with(start));
    let is_file = origin
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("file:"));
    if origin.is_empty() || is_local || is_file {
        return None;
    }
    let path = path_of_url(origin)
        .or_else(|| path_of_scp(origin))?
        .trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    (parts.len() >= 2).then(|| parts.join("/"))
}

/// True if `text` is a valid `owner/name`: it has a `/` and no blank part.
pub(crate) fn is_repo_slug(text: &str) -> bool {
    text.contains('/') && text.split('/').all(|part| !part.trim().is_empty())
}

/// The path of `scheme://host/path`, without query and fragment.
fn path_of_url(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() || host.is_empty() || host.starts_with(':') {
        return None;
    }
    path.split(['?', '#']).next()
}

/// The path of `[user@]host:path`.
fn path_of_scp(url: &str) -> Option<&str> {
    let (host, path) = url.split_once(':')?;
    (!host.is_empty() && !host.contains('/')).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names() {
        for (origin, slug) in [
            ("https://u:p@h/o/r.git?x=1", Some("o/r")),
            ("git@h:o/r.git.git", Some("o/r.git")),
            ("https://h/r", None),
            ("https://h:8443/a/b/c.git", Some("a/b/c")),
            ("ssh://git@h/o/r/", Some("o/r")),
            ("https://h//o//r#frag", Some("o/r")),
            ("h:/o/r.git", Some("o/r")),
            ("", None),
            ("file:///srv/o/r", None),
            ("FILE:///srv/o/r", None),
            ("/srv/o/r.git", None),
            ("./o/r", None),
            ("../o/r", None),
            ("o/r", None),
            ("https://h/o/.git", None),
        ] {
            assert_eq!(repo_slug(origin).as_deref(), slug, "{origin}");
        }
    }

    #[test]
    fn project_names() {
        for (origin, directory, slug) in [
            (Some("git@h:o/My_Repo.git"), "d", "my-repo"),
            (Some("https://u:p@h/o/r r"), "d", "r-r"),
            (Some("git@h:solo.git"), "d", "solo"),
            (Some("https://h:8443/o/r"), "d", "r"),
            (Some("https://h/o/r/"), "d", ""),
            (None, "My Dir_1", "my-dir-1"),
        ] {
            assert_eq!(project_slug(origin, directory), slug, "{origin:?}");
        }
    }

    #[test]
    fn configured_names() {
        for (text, is_valid) in [
            ("o/r", true),
            ("a/b/c", true),
            ("r", false),
            ("o/", false),
            ("/r", false),
            ("o/ /r", false),
        ] {
            assert_eq!(is_repo_slug(text), is_valid, "{text}");
        }
    }
}
