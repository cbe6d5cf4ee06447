//! Path patterns from the top of a project: `specs/{name}` for directories, `docs/**/*.md` for
//! files. Pure.
//!
//! A pattern is read segment by segment, so that only the directories it leads through are ever
//! listed.

use globset::{GlobBuilder, GlobMatcher};

/// Directories that hold git's own files, or copies of the work tree; patterns never match inside
/// them.
const CLOSED: [&str; 2] = [".git", ".worktrees"];

/// One segment of a pattern.
#[derive(Debug, Clone)]
pub(crate) enum Segment {
    /// Exactly this name.
    Literal(String),
    /// `before{name}after`: one name that is not hidden; the variable is its middle.
    Variable {
        before: String,
        /// Name of the variable.
        name: String,
        after: String,
    },
    /// `*`, `?` and `[…]` in one name; matches a name that begins with `.` only if the pattern
    /// does.
    Glob(GlobMatcher),
    /// `**`: any number of visible directories.
    Any,
}

/// A checked pattern.
#[derive(Debug, Clone)]
pub(crate) struct PathPattern {
    segments: Vec<Segment>,
}

impl PathPattern {
    /// A pattern of directories, such as `packages/{group}/specs/{name}`. The error is a reason for
    /// the user.
    pub(crate) fn of_directories(text: &str) -> Result<Self, String> {
        let segments: Vec<_> = names(text)?
            .into_iter()
            .map(variable_or_literal)
            .collect::<Result<_, _>>()?;
        let pattern = Self { segments };
        let variables: Vec<_> = pattern.variables().collect();
        if variables.is_empty() {
            return Err(format!(
                "`{}` needs a `{{variable}}`, such as `{text}/{{name}}`",
                text.trim_end_matches('/')
            ));
        }
        if let Some(twice) = variables
            .iter()
            .enumerate()
            .find_map(|(i, v)| variables[..i].contains(v).then_some(v))
        {
            return Err(format!("`{text}` holds `{{{twice}}}` twice"));
        }
        if matches!(pattern.segments.as_slice(), [_]) {
            return Err(format!(
                "`{text}` would take every directory of the project; put a directory before it"
            ));
        }
        Ok(pattern)
    }

    /// A pattern of files, such as `docs/adr/*.md`. The error is a reason for the user.
    pub(crate) fn of_files(text: &str) -> Result<Self, String> {
        let mut segments: Vec<_> = names(text)?
            .into_iter()
            .map(glob_or_literal)
            .collect::<Result<_, _>>()?;
        if let Some(Segment::Any) = segments.last() {
            segments.push(glob_or_literal("*")?);
        }
        Ok(Self { segments })
    }

    /// The segments, in order.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The variables, in order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    /// The names that every path of this pattern begins with; empty if the first segment is a
    /// variable or a glob.
    pub(crate) fn literal_beginning(&self) -> String {
        literal(self.segments.iter())
    }

    /// The directory that contains every match of this pattern; empty for the top of the project.
    pub(crate) fn literal_parent(&self) -> String {
        literal(
            self.segments
                .iter()
                .take(self.segments.len().saturating_sub(1)),
        )
    }
}

/// The literal names of the leading segments, as a path.
fn literal<'a>(segments: impl Iterator<Item = &'a Segment>) -> String {
    let names = segments.map_while(|segment| match segment {
        Segment::Literal(name) => Some(name.as_str()),
        _ => None,
    });
    names.collect::<Vec<_>>().join("/")
}

impl Segment {
    /// True if this segment matches `name`. For a variable see [`Self::captured`].
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == name,
            Self::Variable { .. } => self.captured(name).is_some(),
            Self::Glob(glob) => {
                (!name.starts_with('.') || glob.glob().glob().starts_with('.'))
                    && glob.is_match(name)
            }
            Self::Any => !name.starts_with('.'),
        }
    }

    /// Value of the variable for `name`; `None` if this segment is not a variable or does not match
    /// `name`.
    pub(crate) fn captured<'a>(&self, name: &'a str) -> Option<&'a str> {
        let Self::Variable { before, after, .. } = self else {
            return None;
        };
        let middle = name
            .strip_prefix(before.as_str())?
            .strip_suffix(after.as_str())?;
        (!middle.is_empty() && !name.starts_with('.')).then_some(middle)
    }
}

/// The names of a relative path, split at `/`.
fn names(text: &str) -> Result<Vec<&str>, String> {
    let names: Vec<_> = text
        .strip_prefix("./")
        .unwrap_or(text)
        .trim_end_matches('/')
        .split('/')
        .collect();
    if text.chars().any(|c| c.is_control() || c == '\\') {
        return Err("a pattern is one line of text, with `/` between directories".to_owned());
    }
    if names.iter().any(|name| matches!(*name, "" | "." | "..")) {
        return Err(format!(
            "`{text}` must be a path inside the project: relative, without `..`"
        ));
    }
    if let Some(closed) = names.iter().find(|name| CLOSED.contains(name)) {
        return Err(format!(
            "`{text}` leads through {closed}, which is never read"
        ));
    }
    Ok(names)
}

fn variable_or_literal(name: &str) -> Result<Segment, String> {
    let Some((before, rest)) = name.split_once('{') else {
        return match name.find(['}', '*', '?', '[']) {
            None => Ok(Segment::Literal(name.to_owned())),
            Some(_) => Err(format!(
                "`{name}`: write a `{{variable}}` for any directory; `*` is for documents"
            )),
        };
    };
    let Some((variable, after)) = rest.split_once('}') else {
        return Err(format!("`{name}`: `{{` without `}}`"));
    };
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if variable.is_empty() || !variable.bytes().all(is_word) {
        return Err(format!(
            "`{name}`: a variable is named with letters, digits and `_`"
        ));
    }
    if before.starts_with('.')
        || [before, after]
            .iter()
            .any(|text| text.contains(['{', '}', '*', '?', '[']))
    {
        return Err(format!(
            "`{name}`: one variable in a name, for a visible directory"
        ));
    }
    let (before, name, after) = (before.to_owned(), variable.to_owned(), after.to_owned());
    Ok(Segment::Variable {
        before,
        name,
        after,
    })
}

fn glob_or_literal(name: &str) -> Result<Segment, String> {
    if name == "**" {
        return Ok(Segment::Any);
    }
    if name.contains("**") || name.contains(['{', '}']) {
        return Err(format!(
            "`{name}`: `**` stands alone between two `/`, and documents have no variables"
        ));
    }
    if !name.contains(['*', '?', '[']) {
        return Ok(Segment::Literal(name.to_owned()));
    }
    let glob = GlobBuilder::new(name).literal_separator(true).build();
    glob.map(|glob| Segment::Glob(glob.compile_matcher()))
        .map_err(|e| format!("bad glob `{name}`: {}", e.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_stands_for_one_visible_name() {
        let pattern = PathPattern::of_directories("./a/{group}-phases/{name}/").unwrap();
        assert_eq!(pattern.variables().collect::<Vec<_>>(), ["group", "name"]);
        assert_eq!(pattern.literal_parent(), "a");
        let group = &pattern.segments()[1];
        for (name, wanted) in [
            ("v1.0-phases", Some("v1.0")),
            ("-phases", None),
            (".v-phases", None),
            ("v1", None),
            ("phases", None),
        ] {
            assert_eq!(group.captured(name), wanted, "{name}");
        }
        assert_eq!(
            pattern.segments()[2].captured("my feature"),
            Some("my feature")
        );
        assert_eq!(pattern.segments()[2].captured(".hidden"), None);
    }

    #[test]
    fn globs_stay_in_a_name_and_pass_hidden_ones_over() {
        let pattern = PathPattern::of_files(".kiro/steering/**/*.md").unwrap();
        assert_eq!(pattern.literal_parent(), ".kiro/steering");
        let [_, _, any, last] = pattern.segments() else {
            panic!("{pattern:?}")
        };
        assert!(any.matches("deep") && !any.matches(".deep"));
        assert!(last.matches("a.md") && !last.matches(".a.md") && !last.matches("a.txt"));
        assert_eq!(
            PathPattern::of_files("docs/**").unwrap().segments().len(),
            3
        );
        assert_eq!(
            PathPattern::of_files("README.md").unwrap().literal_parent(),
            ""
        );
    }

    #[test]
    fn what_leads_out_or_means_nothing_is_refused() {
        for text in [
            "",
            "/a/{name}",
            "../{name}",
            "a//{name}",
            "a/./{name}",
            "a/{name}/..",
            "a\\{name}",
            "a\n/{name}",
        ] {
            assert!(PathPattern::of_directories(text).is_err(), "{text:?}");
            assert!(PathPattern::of_files(text).is_err(), "{text:?}");
        }
        for text in [
            "a",
            "{name}",
            "a/{}",
            "a/{na me}",
            "a/{a}{b}",
            "a/{n",
            "a/*",
            "a/.{name}",
            "{a}/{a}",
            ".git/{n}",
        ] {
            assert!(PathPattern::of_directories(text).is_err(), "{text:?}");
        }
        for text in ["a/{name}", "a/b**/c", "a/[", ".git/config", ".worktrees/**"] {
            assert!(PathPattern::of_files(text).is_err(), "{text:?}");
        }
    }
}
