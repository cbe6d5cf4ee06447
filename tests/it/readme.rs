//! The `console` blocks of README.md and the pages in docs/ show real results: those of a page are
//! run in order in a clone, and the output is compared. In a shown line `…` stands for anything;
//! alone on a line, for any lines.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Sandbox;

/// Printed after each command, with its exit code.
const MARK: &str = "@@exit ";

/// A command of a block, and the lines shown below it.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    command: String,
    output: Vec<String>,
}

/// The `console` blocks of a text: lines that begin with `$ ` are commands, the rest is output.
fn blocks(text: &str) -> Vec<Vec<Shown>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line == "```console") {
        let mut block: Vec<Shown> = Vec::new();
        for line in lines.by_ref().take_while(|line| *line != "```") {
            match (line.strip_prefix("$ "), block.last_mut()) {
                (Some(command), _) => block.push(Shown {
                    command: command.to_owned(),
                    output: Vec::new(),
                }),
                (None, Some(shown)) => shown.output.push(line.to_owned()),
                (None, None) => panic!("output before the first command: {line}"),
            }
        }
        blocks.push(block);
    }
    blocks
}

/// The command as this test runs it: the built program, and a receiver's first line waited for.
fn script_line(command: &str) -> String {
    let command = command.split("   #").next().unwrap_or_default().trim_end();
    let command = command.replace("cargo run -- ", "sk-sync ");
    match command.strip_suffix(" &") {
        Some(server) => format!(
            "rm -f said; {server} >said & for i in $(seq 400); do test -s said && break; sleep 0.05; done; cat said"
        ),
        None => command,
    }
}

/// Runs a block in one shell; the output of each command with its exit code.
fn run(sandbox: &Sandbox, block: &[Shown], port: u16) -> Vec<(Vec<String>, String)> {
    let program = sandbox.command([""; 0]);
    let bin = Path::new(program.get_program()).parent().unwrap();
    let lines = block
        .iter()
        .map(|shown| script_line(&shown.command).replace(":8400", &format!(":{port}")));
    let marked = lines.map(|line| format!("{line}\ns=$?; printf '{MARK}%s\\n' $s; (exit $s)\n"));
    let script = format!(
        "exec 2>&1\nPATH='{}':$PATH\n{}kill $! 2>/dev/null; wait 2>/dev/null; true",
        bin.display(),
        marked.collect::<String>()
    );
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .env_clear()
        .current_dir(sandbox.repo())
        .stdin(Stdio::null());
    shell.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = shell.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut results = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        match line.strip_prefix(MARK) {
            Some(code) => results.push((std::mem::take(&mut lines), code.to_owned())),
            None => lines.push(line.to_owned()),
        }
    }
    assert_eq!(results.len(), block.len(), "{text}");
    results
}

/// A line without parts that differ between runs: seconds.
fn timeless(line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    let is_time = |i: usize| words.get(i + 1) == Some(&"s") && words[i].parse::<f64>().is_ok();
    (0..words.len())
        .map(|i| if is_time(i) { "N" } else { words[i] })
        .collect::<Vec<_>>()
        .join(" ")
}

fn line_matches(shown: &str, line: &str) -> bool {
    let (shown, line) = (timeless(shown), timeless(line));
    let Some((first, rest)) = shown.split_once('…') else {
        return shown == line;
    };
    let Some(mut line) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('…').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return line.ends_with(part);
        }
        let Some((_, after)) = line.split_once(part) else {
            return false;
        };
        line = after;
    }
    true
}

fn matches(shown: &[String], lines: &[String]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, lines)| line_matches(first, line) && matches(rest, lines)),
    }
}

/// The clone that the README speaks of, and `your-repository` in it: missions without identity and
/// configuration.
fn clone() -> Sandbox {
    let sandbox = Sandbox::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let script = "mkdir tests && cp -R \"$0\" tests/fixtures && mkdir your-repository && \
                  cp -R \"$0/repo/kitty-specs\" your-repository";
    let copied = Command::new("sh")
        .args(["-c", script])
        .arg(fixtures)
        .current_dir(sandbox.repo())
        .status()
        .unwrap();
    assert!(copied.success());
    sandbox.git(&["init", "--quiet"]);
    sandbox.git(&["init", "--quiet", "your-repository"]);
    sandbox
}

fn has(tool: &str) -> bool {
    Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

#[test]
fn every_console_block_of_the_readme_is_true() {
    assert!(try_page("README.md") > 3);
}

#[test]
fn every_console_block_of_the_docs_is_true() {
    let blocks: Vec<_> = docs().iter().map(|page| try_page(page)).collect();
    assert!(blocks.iter().sum::<usize>() > 5, "{blocks:?}");
}

/// Readers of the README are in a hurry.
#[test]
fn the_readme_is_short() {
    let words = read("README.md").split_whitespace().count();
    assert!(words <= 900, "{words} words");
}

/// Every link of a page within this repository has a target.
#[test]
fn every_link_between_pages_leads_somewhere() {
    let top = [
        "README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "ARCHITECTURE.md",
        "hooks/README.md",
    ];
    let mut links = 0;
    for page in docs().into_iter().chain(top.map(str::to_owned)) {
        let text = read(&page);
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let path = root()
                .join(&page)
                .parent()
                .unwrap()
                .join(target.split('#').next().unwrap());
            assert!(path.exists(), "{page} links to {target}");
            links += 1;
        }
    }
    assert!(links > 20, "{links} links");
}

/// The pages in docs/.
fn docs() -> Vec<String> {
    let files = std::fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = files.filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    pages
        .map(|file| format!("docs/{}", file.file_name().unwrap().to_str().unwrap()))
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap()
}

/// Runs the blocks of a page in a separate clone; returns their number.
#[expect(clippy::print_stdout, reason = "a skipped block must be loud")]
fn try_page(page: &str) -> usize {
    let blocks = blocks(&read(page));
    let sandbox = clone();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for block in &blocks {
        let missing = ["jq", "curl"]
            .into_iter()
            .find(|t| block.iter().any(|s| s.command.contains(t)) && !has(t));
        if let Some(tool) = missing {
            println!("SKIPPED: a block of {page} that needs {tool}");
            continue;
        }
        for (shown, (lines, code)) in block.iter().zip(run(&sandbox, block, port)) {
            let lines: Vec<_> = lines
                .iter()
                .map(|line| line.replace(&format!(":{port}"), ":8400"))
                .collect();
            let said = format!(
                "{page}: $ {}\nexit {code}\n{}",
                shown.command,
                lines.join("\n")
            );
            assert!(matches(&shown.output, &lines), "{said}");
            // A failure is shown by asking for it: `echo $?`.
            assert!(
                code == "0" || block.iter().any(|other| other.command == "echo $?"),
                "{said}"
            );
        }
    }
    blocks.len()
}

#[test]
fn shown_lines_match_what_they_stand_for() {
    for (shown, line, expected) in [
        ("a in 0.5 s", "a in 12 s", true),
        ("a in …/x.db", "a in /home/me/x.db", true),
        ("a … b … c", "a 1 b 2 c", true),
        ("a … b … c", "a 1 c", false),
        ("3 events", "4 events", false),
        ("a", "a b", false),
    ] {
        assert_eq!(line_matches(shown, line), expected, "{shown} / {line}");
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a\n…\nd"), &lines("a\nb\nc\nd")));
    assert!(!matches(&lines("a\n…\nd"), &lines("a\nb\nc")));
    assert!(!matches(&lines("a"), &lines("a\nb")));
    let shown = |command: &str, output: &str| Shown {
        command: command.to_owned(),
        output: lines(output),
    };
    assert_eq!(
        blocks("x\n```console\n$ a\n1\n$ b\n```\n"),
        [[shown("a", "1"), shown("b", "")]]
    );
}
