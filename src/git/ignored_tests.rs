//! Compares the ignored files with git's answer for the same tree.

use std::process::Command;

use super::*;
use crate::git::discover;

const FILES: &[&str] = &[
    "a.md",
    "b.local.md",
    "{x,y}.md",
    "x.md",
    "y.md",
    "[z].md",
    "z.md",
    "#hash.md",
    "!bang.md",
    "end .md",
    "Upper.MD",
    "é.md",
    "build/a.md",
    "docs/a.md",
    "docs/b.local.md",
    "docs/build/a.md",
    "docs/deep/er/a.md",
    "docs/deep/b.local.md",
    "docs/kept/a.md",
    "docs/kept/build/deep/a.md",
];

fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args([
        "-c",
        "core.quotePath=false",
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@example.org",
    ]);
    command
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

struct Tree {
    _temp: tempfile::TempDir,
    dir: PathBuf,
}

fn tree(files: &[&str]) -> Tree {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().canonicalize().unwrap();
    git(&dir, &["init", "-q"]);
    for file in files {
        write(&dir, file, "x");
    }
    Tree { _temp: temp, dir }
}

fn ignored(dir: &Path) -> GitIgnored {
    GitIgnored::of(&discover(dir).unwrap()).unwrap()
}

/// Those of these files that are not ignored; an ignored directory hides its content.
fn wanted<'a>(dir: &Path, files: &[&'a str]) -> BTreeSet<&'a str> {
    let ignored = ignored(dir);
    let is_passed = |file: &str| {
        let mut above = file.match_indices('/').filter_map(|(at, _)| file.get(..at));
        above.any(|dir| ignored.has_directory(dir)) || ignored.has_file(file)
    };
    files
        .iter()
        .copied()
        .filter(|file| !is_passed(file))
        .collect()
}

/// The same according to git: tracked files, and files that are neither tracked nor ignored.
fn wanted_by_git(dir: &Path, files: &[&str]) -> BTreeSet<String> {
    let listed = git(
        dir,
        &["ls-files", "--cached", "--others", "--exclude-standard"],
    );
    listed
        .lines()
        .filter(|line| files.contains(line))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_pattern_means_what_it_means_to_git() {
    for (patterns, nested) in [
        ("*.local.md", ""),
        ("*.md\n!a.md", "!b.local.md"),
        ("/a.md", "/a.md"),
        ("build", ""),
        ("build/", "!build/"),
        ("/build/", "build/"),
        ("docs/build", ""),
        ("docs/*\n!docs/kept/", ""),
        ("docs/\n!docs/a.md", "!a.md"),
        ("docs/**", "!a.md"),
        ("docs/**/a.md", ""),
        ("**/build/", ""),
        ("**/deep/**/a.md", ""),
        ("docs/*/a.md", ""),
        ("a?md\n[xy].md\n[!a-y].md", ""),
        ("{x,y}.md", ""),
        ("\\{x,y}.md\n{x", ""),
        ("\\[z].md\n[z", ""),
        ("\\#hash.md\n\\!bang.md\n#a.md", ""),
        ("!\n!/\n/\n\n", ""),
        ("*\n!", ""),
        ("*\n!*/\n!a.md", ""),
        ("a.md   \nend\\ .md\t\nx.md\r\ny.md\r", ""),
        ("\u{feff}a.md", ""),
        ("upper.md\nÉ.md\né.md", ""),
        ("deep/er", "er/a.md"),
        ("kept/build/deep/a.md", "kept/build/*"),
        ("\\a.md\n\\", ""),
    ] {
        let Tree { _temp, dir } = tree(FILES);
        write(&dir, ".gitignore", patterns);
        write(&dir, "docs/.gitignore", nested);
        assert_eq!(
            wanted(&dir, FILES),
            wanted_by_git(&dir, FILES)
                .iter()
                .map(String::as_str)
                .collect(),
            "{patterns:?} {nested:?}"
        );
        git(&dir, &["config", "core.ignoreCase", "true"]);
        let by_git = wanted_by_git(&dir, FILES);
        assert_eq!(
            wanted(&dir, FILES),
            by_git.iter().map(String::as_str).collect(),
            "{patterns:?} in any case"
        );
    }
}

#[test]
fn a_tracked_file_is_never_ignored() {
    let Tree { _temp, dir } = tree(FILES);
    git(&dir, &["add", "docs", "a.md"]);
    write(&dir, ".gitignore", "*\n");
    write(&dir, "docs/new.md", "x");
    let files: Vec<_> = FILES.iter().copied().chain(["docs/new.md"]).collect();
    let wanted = wanted(&dir, &files);
    assert_eq!(
        wanted,
        wanted_by_git(&dir, &files)
            .iter()
            .map(String::as_str)
            .collect()
    );
    assert!(
        wanted.contains("docs/build/a.md")
            && !wanted.contains("docs/new.md")
            && !wanted.contains("build/a.md")
    );
}

#[test]
fn a_linked_work_tree_shares_the_patterns_of_the_repository_and_has_its_own_index() {
    let Tree { _temp, dir } = tree(&["a.md", "docs/a.md"]);
    git(&dir, &["add", "a.md"]);
    git(&dir, &["commit", "-q", "-m", "x"]);
    write(&dir, ".git/info/exclude", "*.md\n");
    let side = dir.join("side");
    git(&dir, &["worktree", "add", "-q", "side"]);
    write(&side, "new.md", "x");
    write(&side, "added.md", "x");
    git(&side, &["add", "-f", "added.md"]);
    let files = ["a.md", "new.md", "added.md"];
    assert_eq!(wanted(&side, &files), BTreeSet::from(["a.md", "added.md"]));
    assert_eq!(
        wanted(&dir, &["a.md", "docs/a.md"]),
        BTreeSet::from(["a.md"])
    );
}

/// Unreadable files reduce what is sent, with a warning.
#[test]
fn what_cannot_be_read_is_left_out_and_said() {
    let Tree { _temp, dir } = tree(FILES);
    git(&dir, &["add", "docs"]);
    write(&dir, "docs/new.md", "x");
    let too_long = format!("nothing\n{}", "#\n".repeat(MAX_PATTERN_BYTES));
    write(&dir, "docs/.gitignore", &too_long);
    let found = ignored(&dir);
    assert!(
        found.has_file("docs/new.md") && !found.has_file("docs/a.md") && !found.has_file("a.md")
    );
    let flaws = found.flaws().join("\n");
    assert!(
        flaws.contains("docs/.gitignore: larger than") && !flaws.contains("new.md"),
        "{flaws}"
    );

    write(&dir, "docs/.gitignore", "*.md");
    write(&dir, ".git/index", "DIRC of no version");
    let found = ignored(&dir);
    assert!(found.has_file("docs/a.md") && !found.has_directory("docs") && !found.has_file("a.md"));
    let flaws = found.flaws().join("\n");
    assert!(
        flaws.contains(".git/index: it is too short") && !flaws.contains("a.md"),
        "{flaws}"
    );
}

/// Git does not follow a link to patterns; a pipe with that name must not block.
#[cfg(unix)]
#[test]
fn patterns_are_read_from_plain_files() {
    let Tree { _temp, dir } = tree(&["a.md", "deep/a.md", "list"]);
    write(&dir, "list", "*.md\n");
    std::os::unix::fs::symlink("list", dir.join(".gitignore")).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(dir.join("deep/.gitignore"))
            .status()
            .unwrap()
            .success()
    );
    let found = ignored(&dir);
    assert!(!found.has_file("a.md") && !found.has_file("deep/a.md"));
    assert_eq!(found.flaws(), [""; 0]);
}
