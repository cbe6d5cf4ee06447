//! Every command that a message, the help or a page of `docs/` names exists and has the options
//! that are named with it.

use std::collections::HashMap;

use crate::support::Sandbox;
use crate::support::source::files;

/// Words that follow "sk-sync" at the start of a sentence.
const PROSE: &[&str] = &[
    "does", "cannot", "is", "itself", "knows", "process", "made", "store", "and", "or", "for",
    "holds", "sets",
];

/// The help of commands by their path; `None` where there is no such command.
struct Helps {
    sandbox: Sandbox,
    known: HashMap<Vec<String>, Option<String>>,
}

impl Helps {
    fn of(&mut self, path: &[String]) -> Option<String> {
        let Self { sandbox, known } = self;
        let ask = || {
            let output = sandbox.sk_sync(path.iter().map(String::as_str).chain(["--help"]));
            (output.code == Some(0)).then_some(output.stdout)
        };
        known.entry(path.to_vec()).or_insert_with(ask).clone()
    }

    /// The fault of a command line without its program; `None` if it is one of this program's.
    fn fault(&mut self, line: &str) -> Option<String> {
        // `help COMMAND` is COMMAND's help.
        let line = line.strip_prefix("help ").unwrap_or(line);
        let words: Vec<&str> = line
            .split_whitespace()
            .take_while(|word| !["#", "<", ">", "|", "&&"].contains(word))
            .collect();
        let mut path = Vec::new();
        let mut help = self.of(&path)?;
        for word in words
            .iter()
            .take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        {
            path.push((*word).to_owned());
            match self.of(&path) {
                // The help of the command before it: the word is an argument.
                Some(deeper) if deeper == help => break,
                Some(deeper) => help = deeper,
                None if path.len() == 1 => return Some(format!("there is no command `{word}`")),
                None => break,
            }
        }
        let is_known = |option: &str| {
            help.split(|c: char| !c.is_alphanumeric() && c != '-')
                .any(|word| word == option)
        };
        let options = words
            .iter()
            .filter(|word| word.starts_with("--"))
            .map(|word| {
                word.split(|c: char| !c.is_alphanumeric() && c != '-')
                    .next()
                    .unwrap_or_default()
            });
        let mut unknown =
            options.filter(|option| *option != "--" && *option != "--help" && !is_known(option));
        unknown
            .next()
            .map(|option| format!("`{}` has no {option}", path.join(" ")))
    }
}

/// The command lines in a text: what follows the program's name in a code span, or at the start of
/// a line.
fn commands(text: &str) -> Vec<String> {
    let spans = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|span| span.strip_prefix("sk-sync "));
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("sk-sync "));
    let is_prose =
        |line: &&str| PROSE.contains(&line.split_whitespace().next().unwrap_or_default());
    spans
        .chain(lines.filter(move |line| !is_prose(line)))
        .map(|line| line.replace(['{', '}'], "X"))
        .collect()
}

/// A page whose lines of prose name commands in code spans only.
fn code_of(page: &str) -> String {
    let mut is_fenced = false;
    let line = |line: &str| {
        is_fenced ^= line.trim_start().starts_with("```");
        if is_fenced {
            format!("{line}\n")
        } else {
            format!("- {line}\n")
        }
    };
    page.lines().map(line).collect()
}

#[test]
fn every_named_command_exists() {
    let mut helps = Helps {
        sandbox: Sandbox::with_repo(),
        known: HashMap::new(),
    };
    let sources = files("src", "rs").into_iter().map(|source| {
        let text = source
            .strings
            .iter()
            .map(|string| string.replace("\\n", "\n").replace("\\\n", " "))
            .collect::<Vec<_>>();
        (source.file, text)
    });
    let pages = files("docs", "md")
        .into_iter()
        .map(|page| (page.file, vec![code_of(&page.text)]));
    let (mut faults, mut count) = (Vec::new(), 0);
    for (file, texts) in sources.chain(pages) {
        for line in texts.iter().flat_map(|text| commands(text)) {
            count += 1;
            faults.extend(
                helps
                    .fault(&line)
                    .map(|fault| format!("{file}: `sk-sync {line}`: {fault}")),
            );
        }
    }
    assert_eq!(faults, Vec::<String>::new());
    assert!(count > 200, "only {count} commands found");
    for (line, expected) in [
        ("statsu --json", Some("there is no command `statsu`")),
        ("events list --nope", Some("`events list` has no --nope")),
        ("allow https://example.com --revoke", None),
    ] {
        assert_eq!(helps.fault(line).as_deref(), expected);
    }
}
