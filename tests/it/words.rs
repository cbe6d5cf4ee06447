//! Words that comments, messages and documentation must not use, each with the plain one. A new
//! phrase is one row of [`RULES`].

use std::path::Path;

use crate::support::source::files;

/// A phrase in lower case, the words to use instead, and the contexts in which it is allowed.
type Rule = (&'static str, &'static str, &'static [&'static str]);

const RULES: &[Rule] = &[
    ("nobody", "name it: no user, no process, no server", &[]),
    ("somebody", "name it: the user, another process", &[]),
    ("whoever", "name it: the process that …", &[]),
    ("beside", "next to", &[]),
    ("in force", "configured, effective", &[]),
    ("what became of", "result of", &[]),
    ("what came of", "result of", &[]),
    ("mend", "fix, repair", &[]),
    ("mends", "fixes, repairs", &[]),
    ("come over", "be imported", &[]),
    ("comes over", "is imported", &[]),
    ("came over", "was imported", &[]),
    ("take over", "import, absorb", &[]),
    ("takes over", "imports, absorbs", &[]),
    ("taken over", "imported, absorbed", &[]),
    ("took over", "imported, absorbed", &[]),
    ("let go", "delete, release", &[]),
    ("lets go", "deletes, releases", &[]),
    ("by itself", "alone, automatically", &[]),
    ("by themselves", "alone, automatically", &[]),
    (
        "of its own",
        "separate",
        &["of its own project", "of its own and"],
    ),
    ("of their own", "separate", &[]),
    ("of one's own", "custom", &[]),
    ("a line each", "one line per …", &[]),
    ("names them all", "lists them", &[]),
    ("that is so", "if so", &[]),
    ("whose having", "the targets that count", &[]),
    ("patience", "lock wait, time limit", &[]),
    ("guest", "connection, hook", &[]),
    ("honest", "correct, valid", &[]),
    ("unwell", "failing, unavailable", &[]),
    ("owed", "left to send", &["migrate.imported = \\\"owed\\\""]),
    ("owes", "is left to send to", &[]),
    ("told apart", "distinguished", &[]),
    ("all the same", "still", &["sends them all the same"]),
    ("at hand", "current", &[]),
    ("is news", "is new", &[]),
    ("set away", "rename", &[]),
    ("put aside", "rotate, set aside", &[]),
    ("spoken to", "contacted", &[]),
    ("vouches", "is trusted", &[]),
    ("afresh", "again", &[]),
    ("anew", "again", &[]),
    ("turned down", "rejected", &[]),
    ("in place of", "instead of", &[]),
    ("shut gate", "failed check", &[]),
    ("gate is shut", "check fails", &[]),
    ("he", "it, the user", &[]),
    ("his", "its, the user's", &[]),
    ("is no", "is not a", &["there is no", "is no longer"]),
    ("are no", "are not", &["there are no", "are no longer"]),
    ("was no", "was not a", &["there was no", "was no longer"]),
    (
        "design section",
        "state the rule, or name a page of docs/",
        &[],
    ),
    (
        "design sections",
        "state the rule, or name a page of docs/",
        &[],
    ),
    (
        "`formats section",
        "state the rule, or name a page of docs/",
        &[],
    ),
    (
        "`formats sections",
        "state the rule, or name a page of docs/",
        &[],
    ),
];

/// The prose of a file by lines; `None` for a line of code.
fn prose<'a>(file: &str, text: &'a str) -> Vec<Option<&'a str>> {
    let is_rust = Path::new(file)
        .extension()
        .is_some_and(|extension| extension == "rs");
    let mut is_fenced = false;
    let line = |line: &'a str| {
        let line = line.trim();
        if is_rust {
            return line
                .starts_with("//")
                .then(|| line.trim_start_matches(['/', '!']));
        }
        let is_fence = line.starts_with("```");
        is_fenced ^= is_fence;
        (!is_fence && !is_fenced).then_some(line)
    };
    text.lines().map(line).collect()
}

/// The line in lower case; of a code span only its first word is kept, behind its backtick.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    for (at, part) in line.to_lowercase().split('`').enumerate() {
        if at % 2 == 0 {
            plain.push_str(part);
        } else {
            plain.push('`');
            plain.push_str(
                part.split(|c: char| !c.is_alphanumeric())
                    .next()
                    .unwrap_or_default(),
            );
        }
    }
    plain
}

/// Where `phrase` occurs as whole words in `text`, outside the allowed contexts.
fn occurrences<'a>(
    (phrase, _, allowed): &'a Rule,
    text: &'a str,
) -> impl Iterator<Item = usize> + 'a {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let is_whole = move |at: usize| {
        !text[..at].ends_with(|c| is_word(c) || c == '`')
            && !text[at + phrase.len()..].starts_with(is_word)
    };
    let is_allowed = move |at: usize| {
        allowed.iter().any(|context| {
            let before = context.find(phrase).unwrap();
            at.checked_sub(before)
                .and_then(|start| text.get(start..))
                .is_some_and(|text| text.starts_with(context))
        })
    };
    text.match_indices(phrase)
        .map(|(at, _)| at)
        .filter(move |at| is_whole(*at) && !is_allowed(*at))
}

/// Each banned phrase of a file with its line and the words to use; phrases that continue on the
/// next line too.
fn faults(file: &str, text: &str, rules: &[Rule]) -> Vec<String> {
    let lines: Vec<_> = prose(file, text)
        .into_iter()
        .map(|line| line.map(plain))
        .collect();
    let mut faults = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(line) = line else { continue };
        let next = lines
            .get(at + 1)
            .and_then(Option::as_deref)
            .unwrap_or_default();
        let both = format!("{line} {}", next.trim());
        for rule in rules {
            for _ in occurrences(rule, &both).filter(|found| *found < line.len()) {
                faults.push(format!("{file}:{}: `{}`; use: {}", at + 1, rule.0, rule.1));
            }
        }
    }
    faults
}

#[test]
fn comments_and_pages_use_plain_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |page: String| (std::fs::read_to_string(root.join(&page)).unwrap(), page);
    let pages = [
        "README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "ARCHITECTURE.md",
    ]
    .map(|page| read(page.to_owned()));
    let docs = files("docs", "md")
        .into_iter()
        .map(|page| (page.text, page.file));
    let sources = files("src", "rs")
        .into_iter()
        .map(|source| (source.text, source.file));
    let all: Vec<_> = pages.into_iter().chain(docs).chain(sources).collect();
    let found: Vec<_> = all
        .iter()
        .flat_map(|(text, file)| faults(file, text, RULES))
        .collect();
    assert_eq!(
        found,
        Vec::<String>::new(),
        "see the rules at the top of tests/it/words.rs"
    );
}

/// A string literal as users read it: without its line breaks and the names of its values; `None`
/// for SQL and words.
fn message(literal: &str) -> Option<String> {
    let is_sql = [
        "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", " WHERE ",
    ]
    .iter()
    .any(|sql| literal.contains(sql));
    if is_sql || !literal.contains(' ') {
        return None;
    }
    let mut message = String::new();
    for (at, part) in literal.replace("\\\n", " ").split(['{', '}']).enumerate() {
        message.push_str(if at % 2 == 0 { part } else { "0" });
    }
    Some(message.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn messages_use_plain_words() {
    let mut found = Vec::new();
    for source in files("src", "rs") {
        for message in source.strings.iter().filter_map(|literal| message(literal)) {
            let text = plain(&message);
            for rule in RULES
                .iter()
                .filter(|rule| occurrences(rule, &text).next().is_some())
            {
                found.push(format!(
                    "{}: `{}` in {message:?}; use: {}",
                    source.file, rule.0, rule.1
                ));
            }
        }
    }
    assert_eq!(
        found,
        Vec::<String>::new(),
        "see the rules at the top of tests/it/words.rs"
    );
    assert_eq!(
        message("asks {nobody} twice").as_deref(),
        Some("asks 0 twice")
    );
    assert_eq!(
        occurrences(
            &RULES[0],
            &plain(&message("It asks \\\n   nobody").unwrap())
        )
        .count(),
        1
    );
}

#[test]
fn a_banned_word_is_found_in_prose_alone() {
    let found = |file: &str, text: &str| faults(file, text, RULES);
    let nobody = "`nobody`; use: name it: no user, no process, no server";
    assert_eq!(
        found("a.rs", "let nobody = 1;\n/// Asks nobody.\n"),
        [format!("a.rs:2: {nobody}")]
    );
    assert_eq!(
        found("a.md", "```sh\nnobody\n```\n* Nobody\n"),
        [format!("a.md:4: {nobody}")]
    );
    assert_eq!(
        found("a.rs", "//! The store of\n//! its own.\n"),
        ["a.rs:1: `of its own`; use: separate"]
    );
    assert_eq!(
        found("a.rs", "// It is no event."),
        ["a.rs:1: `is no`; use: is not a"]
    );
    let formats = "a.rs:1: ``formats section`; use: state the rule, or name a page of docs/";
    assert_eq!(found("a.rs", "/// As in `formats` section 3."), [formats]);
    for text in [
        "// There is no event.",
        "// It is no longer.",
        "// `nobody`",
        "let x = 1; // nobody",
        "// mended",
    ] {
        assert_eq!(found("a.rs", text), Vec::<String>::new(), "{text}");
    }
}
