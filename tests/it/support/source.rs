//! Parses this project's sources, so that a test can distinguish code from comments, strings and
//! tests.

use std::ops::Range;
use std::path::Path;

/// One source file without its comments and its `#[cfg(test)]` items. Line numbers are kept.
#[derive(Debug)]
pub(crate) struct Source {
    /// The path below the project's root, with forward slashes.
    pub(crate) file: String,
    /// The file as it is.
    pub(crate) text: String,
    /// The code, with every string literal emptied.
    pub(crate) code: String,
    /// The string literals of the code, as written between their quotes.
    pub(crate) strings: Vec<String>,
    /// The modules behind `#[cfg(test)]` in separate files.
    test_modules: Vec<String>,
}

impl Source {
    /// The file `file` with this text.
    pub(crate) fn new(file: &str, text: &str) -> Self {
        let (mut code, mut strings) = lex(text);
        let tests = test_items(&code);
        strings.retain(|(at, _)| !tests.iter().any(|item| item.contains(at)));
        let is_module = |item: &Range<usize>| {
            Some(
                code[item.clone()]
                    .split_once("mod ")?
                    .1
                    .strip_suffix(';')?
                    .to_owned(),
            )
        };
        let test_modules = tests.iter().filter_map(is_module).collect();
        for item in tests {
            let blanks = code[item.clone()].replace(|c| c != '\n', " ");
            code.replace_range(item, &blanks);
        }
        let strings = strings.into_iter().map(|(_, string)| string).collect();
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            code,
            strings,
            test_modules,
        }
    }

    /// The files of the test modules that this `mod.rs` declares.
    fn test_files(&self) -> Vec<String> {
        let dir = self.file.strip_suffix("mod.rs").unwrap_or_default();
        self.test_modules
            .iter()
            .flat_map(|name| [format!("{dir}{name}.rs"), format!("{dir}{name}/mod.rs")])
            .collect()
    }

    /// The names that follow `crate::` in the code, the heads of `use crate::{a, b::c}` included.
    pub(crate) fn crate_heads(&self) -> Vec<String> {
        let mut heads = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            if self.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
                continue;
            }
            let rest = &self.code[at + "crate::".len()..];
            match rest.strip_prefix('{') {
                Some(group) => heads.extend(group_heads(group)),
                None => heads.push(word(rest)),
            }
        }
        heads
    }
}

/// Every file below `dir` of the project with this extension, in order. A file that is a test
/// module as a whole has no code.
pub(crate) fn files(dir: &str, extension: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending = vec![root.join(dir)];
    let mut found = Vec::new();
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if entry.is_dir() {
                pending.push(entry);
            } else if entry.extension().is_some_and(|e| e == extension) {
                let file = entry
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/");
                found.push(Source::new(
                    &file,
                    &std::fs::read_to_string(&entry).unwrap(),
                ));
            }
        }
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    let tests: Vec<_> = found.iter().flat_map(Source::test_files).collect();
    // Files below the folder of a test module belong to the test as well.
    let is_test = |file: &str| {
        tests.iter().any(|t| {
            t == file
                || t.strip_suffix("mod.rs")
                    .is_some_and(|folder| file.starts_with(folder))
        })
    };
    for source in found.iter_mut().filter(|source| is_test(&source.file)) {
        source.code.clear();
        source.strings.clear();
    }
    assert!(!found.is_empty(), "no .{extension} files below {dir}");
    found
}

/// The first words of each member of a `use` group, up to its closing brace.
fn group_heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = Vec::new();
    let mut is_head = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_head = true,
            c if is_head && !c.is_whitespace() => {
                heads.push(word(&group[at..]));
                is_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// `text` with comments and the insides of strings blanked; and those strings, with where they
/// begin.
fn lex(text: &str) -> (String, Vec<(usize, String)>) {
    let mut out = text.as_bytes().to_vec();
    let mut strings = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        at += if rest.starts_with("//") {
            blank(&mut out, at, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            blank(
                &mut out,
                at,
                rest.find("*/").map_or(rest.len(), |end| end + 2),
            )
        } else if let Some((open, inside, close)) = string(rest) {
            strings.push((at, rest[open..open + inside].to_owned()));
            open + blank(&mut out, at + open, inside) + close
        } else if let Some(length) = character(rest) {
            1 + blank(&mut out, at + 1, length - 2) + 1
        } else {
            // A whole word at once: an `r` or `b` at its end begins no string.
            word(rest).len().max(first.len_utf8())
        };
    }
    (String::from_utf8(out).unwrap(), strings)
}

/// Blanks `length` bytes from `at`, keeping line ends; returns the length.
fn blank(out: &mut [u8], at: usize, length: usize) -> usize {
    out[at..at + length]
        .iter_mut()
        .filter(|b| **b != b'\n')
        .for_each(|b| *b = b' ');
    length
}

/// The lengths of a string literal's opening, inside and closing, when `rest` begins with one.
fn string(rest: &str) -> Option<(usize, usize, usize)> {
    let prefix = rest.len() - rest.trim_start_matches(['b', 'c']).len();
    let after = &rest[prefix.min(1)..];
    if let Some(raw) = after.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        raw[hashes..].strip_prefix('"')?;
        let open = prefix.min(1) + 1 + hashes + 1;
        let close = format!("\"{}", "#".repeat(hashes));
        let inside = rest[open..].find(&close)?;
        return Some((open, inside, close.len()));
    }
    after.strip_prefix('"')?;
    let open = prefix.min(1) + 1;
    let mut is_escaped = false;
    for (i, c) in rest[open..].char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some((open, i, 1)),
            _ => {}
        }
    }
    None
}

/// The length of a character literal, when `rest` begins with one and not with a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let length = match inside.strip_prefix('\\') {
        Some(escape) => {
            2 + escape
                .chars()
                .skip(1)
                .take_while(|c| *c != '\'')
                .map(char::len_utf8)
                .sum::<usize>()
        }
        None => inside.chars().next()?.len_utf8(),
    };
    inside[length..].starts_with('\'').then_some(length + 2)
}

/// Where the items behind `#[cfg(test)]` are.
fn test_items(code: &str) -> Vec<Range<usize>> {
    const MARK: &str = "#[cfg(test)]";
    let mut items: Vec<Range<usize>> = Vec::new();
    for (at, _) in code.match_indices(MARK) {
        if items.last().is_none_or(|last| last.end <= at) {
            items.push(at..at + MARK.len() + item(&code[at + MARK.len()..]));
        }
    }
    items
}

/// The length of the item that `code` begins with: up to its `;`, or to the brace that closes its
/// body.
fn item(code: &str) -> usize {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => others += 1,
            ')' | ']' => others -= 1,
            '{' => braces += 1,
            '}' if braces == 1 => return at + 1,
            '}' => braces -= 1,
            ';' if braces == 0 && others == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn code_comments_strings_and_tests_are_told_apart() {
    let text = r##"//! crate::a
use crate::{b, c::{d, e}, f};
/* crate::g */ fn x<'a>(y: &'a str) -> char { crate::h::z("crate::i // \" é", r#"j "q" "#, b"k", '"', '\'', '\u{e9}') }
#[cfg(test)]
use crate::l;
#[cfg(test)]
#[derive(Debug)]
struct T(crate::m::N, [u8; 3]);
fn after() { crate::o() } // é
#[cfg(test)]
mod apart_tests;
#[cfg(test)]
mod tests {
    use crate::p;
    fn f() { "crate::q }" }
}
fn last() { $crate::r!("s") }
"##;
    let source = Source::new("src/x/mod.rs", text);
    assert_eq!(source.crate_heads(), ["b", "c", "f", "h", "o"]);
    assert_eq!(
        source.strings,
        [r#"crate::i // \" é"#, r#"j "q" "#, "k", "s"]
    );
    assert_eq!(
        source.test_files(),
        ["src/x/apart_tests.rs", "src/x/apart_tests/mod.rs"]
    );
    assert_eq!(source.code.lines().count(), text.lines().count());
}
