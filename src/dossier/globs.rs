//! Globs on paths that are not indexed.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Ignored by default: dependencies and caches.
const USUAL: [&str; 2] = ["**/node_modules/**", "**/__pycache__/**"];

/// Globs on paths that are not indexed; `*` crosses `/`.
#[derive(Debug, Clone, Default)]
pub(super) struct Ignore {
    files: GlobSet,
    /// Directories that are ignored as a whole, so that they need not be walked.
    directories: GlobSet,
}

impl Ignore {
    pub(super) fn of<T: AsRef<str>>(globs: &[T]) -> Result<Self, String> {
        let (mut files, mut directories) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for text in globs.iter().map(AsRef::as_ref) {
            files.add(glob(text)?);
            if let Some(directory) = text.strip_suffix("/**") {
                directories.add(glob(directory)?);
            }
        }
        let build = |set: GlobSetBuilder| set.build().map_err(|e| e.to_string());
        Ok(Self {
            files: build(files)?,
            directories: build(directories)?,
        })
    }

    /// The default for a source without its own list.
    pub(super) fn usual() -> Result<Self, String> {
        Self::of(&USUAL)
    }

    /// The files and directories that match the globs, each directory with everything in it.
    pub(super) fn of_trees(globs: &[String]) -> Result<Self, String> {
        let trimmed = globs
            .iter()
            .map(|glob| glob.trim_start_matches("./").trim_end_matches('/'));
        let all: Vec<String> = trimmed
            .flat_map(|glob| [glob.to_owned(), format!("{glob}/**")])
            .collect();
        Self::of(&all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// True if the file at `path` is ignored.
    pub(super) fn has_file(&self, path: &str) -> bool {
        self.files.is_match(path)
    }

    /// True if everything in the directory at `path` is ignored.
    pub(super) fn has_directory(&self, path: &str) -> bool {
        self.directories.is_match(path)
    }
}

fn glob(text: &str) -> Result<Glob, String> {
    let built = GlobBuilder::new(text)
        .literal_separator(false)
        .backslash_escape(true)
        .build();
    built.map_err(|e| format!("bad glob `{text}`: {}", e.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_directories_are_not_walked() {
        let ignore = Ignore::usual().unwrap();
        assert!(ignore.has_directory("a/node_modules") && ignore.has_directory("node_modules"));
        assert!(ignore.has_file("a/node_modules/x/y.md") && !ignore.has_file("a/modules/y.md"));
        let some = Ignore::of(&["drafts/[!k]*"]).unwrap();
        assert!(
            some.has_file("drafts/x.md")
                && !some.has_file("drafts/keep.md")
                && !some.has_directory("drafts")
        );
    }

    #[test]
    fn an_excluded_directory_stands_for_everything_in_it() {
        let globs = ["./docs/drafts/", "**/secret", "*.key.md"].map(str::to_owned);
        let exclude = Ignore::of_trees(&globs).unwrap();
        for path in ["docs/drafts", "a/secret", "secret"] {
            assert!(
                exclude.has_directory(path) && exclude.has_file(&format!("{path}/deep/x.md")),
                "{path}"
            );
        }
        assert!(exclude.has_file("a/b/x.key.md") && exclude.has_file("docs/drafts"));
        assert!(
            !exclude.has_directory("docs")
                && !exclude.has_file("docs/drafts2/x.md")
                && !exclude.has_file("x.md")
        );
    }
}
