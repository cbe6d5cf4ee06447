//! The commands that the program itself lists.

use super::Sandbox;

/// The headings of lists of commands: those of the first page, and that of a command with
/// subcommands.
const LISTS: [&str; 6] = [
    "Everyday:",
    "Set up:",
    "Fix:",
    "Storage:",
    "More:",
    "Commands:",
];

/// A command that can be run.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Its words, without `sk-sync`.
    pub(crate) words: Vec<String>,
    help: String,
}

impl Listed {
    /// True when its help lists this option.
    pub(crate) fn has(&self, option: &str) -> bool {
        let is_it = |word: &str| word.trim_end_matches(',') == option;
        self.help
            .lines()
            .any(|line| line.trim_start().starts_with('-') && line.split_whitespace().any(is_it))
    }

    /// Its words with a blank between them.
    pub(crate) fn name(&self) -> String {
        self.words.join(" ")
    }
}

/// Every command in `--help` that can be run.
pub(crate) fn commands(sandbox: &Sandbox) -> Vec<Listed> {
    let mut found = Vec::new();
    collect(sandbox, Vec::new(), &mut found);
    assert!(found.len() > 30, "{found:?}");
    found
}

fn collect(sandbox: &Sandbox, words: Vec<String>, found: &mut Vec<Listed>) {
    let asked = words.iter().map(String::as_str).chain(["--help"]);
    let help = sandbox.sk_sync(asked).success().stdout;
    let mut is_list = false;
    let listed = help.lines().filter(|line| {
        if !line.starts_with(' ') && !line.is_empty() {
            is_list = LISTS.contains(line);
        }
        is_list
    });
    // Text that is indented further continues a description.
    let names = listed.filter_map(|line| {
        line.strip_prefix("  ")
            .filter(|rest| !rest.starts_with(' '))
    });
    let names: Vec<String> = names
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .filter(|name| name != "help")
        .collect();
    for name in &names {
        collect(
            sandbox,
            [words.as_slice(), std::slice::from_ref(name)].concat(),
            found,
        );
    }
    let mut usage = help
        .lines()
        .skip_while(|line| !line.starts_with("Usage:"))
        .take_while(|line| !line.is_empty());
    if usage.any(|line| !line.contains("<COMMAND>")) {
        found.push(Listed { words, help });
    }
}
