//! Compares the parsed index with what git wrote.

use std::process::Command;

use super::*;

fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=T", "-c", "user.email=t@example.org"])
        .args(args)
        .current_dir(dir);
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

fn write(dir: &Path, path: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "x").unwrap();
}

/// Every path in the index, requested by its first component.
fn read(git_dir: &Path, common_dir: &Path, names: &[&str]) -> BTreeSet<String> {
    names
        .iter()
        .flat_map(|name| tracked(git_dir, common_dir, name).unwrap())
        .collect()
}

#[test]
fn every_form_that_git_writes_is_read() {
    let long = format!("deep/{}/x.md", "d".repeat(200));
    let sha256 = &["init", "-q", "--object-format=sha256"][..];
    let plain = &["init", "-q"][..];
    for (name, init, setups) in [
        (
            "version 2",
            plain,
            &[&["update-index", "--index-version", "2"][..]][..],
        ),
        (
            "version 3",
            plain,
            &[&["update-index", "--skip-worktree", "a.md"]],
        ),
        (
            "version 4",
            plain,
            &[&["update-index", "--index-version", "4"]],
        ),
        ("split", plain, &[&["update-index", "--split-index"]]),
        (
            "split, version 4",
            plain,
            &[
                &["update-index", "--index-version", "4"],
                &["update-index", "--split-index"],
            ],
        ),
        ("sha256", sha256, &[]),
        (
            "sha256, split",
            sha256,
            &[&["update-index", "--split-index"]],
        ),
        (
            "without a digest",
            plain,
            &[
                &["config", "index.skipHash", "true"],
                &["update-index", "--force-write-index"],
            ],
        ),
        (
            "untracked cache",
            plain,
            &[&["update-index", "--force-untracked-cache"], &["status"]],
        ),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        for path in [
            "a.md",
            "b.md",
            "deep/b.md",
            "deep/bc.md",
            "deeper/x.md",
            &long,
            "gone.md",
            "é.md",
        ] {
            write(dir, path);
        }
        git(dir, init);
        git(dir, &["add", "-A"]);
        for setup in setups {
            git(dir, setup);
        }
        // A split index stores these as differences: an added entry, a removed one, and a changed
        // one.
        write(dir, "later.md");
        git(dir, &["add", "-N", "later.md"]);
        git(dir, &["rm", "-q", "-f", "--cached", "gone.md", "deep/b.md"]);
        std::fs::write(dir.join("b.md"), "other").unwrap();
        git(dir, &["add", "b.md"]);
        let dot_git = dir.join(".git");
        let wanted: BTreeSet<String> = git(dir, &["-c", "core.quotePath=false", "ls-files"])
            .lines()
            .map(str::to_owned)
            .collect();
        assert!(
            wanted.contains("later.md") && wanted.contains(&long) && !wanted.contains("gone.md"),
            "{wanted:?}"
        );
        let names = [
            "a.md", "b.md", "deep", "deeper", "gone.md", "later.md", "é.md", "never.md",
        ];
        assert_eq!(read(&dot_git, &dot_git, &names), wanted, "{name}");
        let is_split = std::fs::read_dir(&dot_git)
            .unwrap()
            .flatten()
            .any(|e| e.file_name().to_string_lossy().starts_with("sharedindex."));
        assert_eq!(is_split, name.contains("split"), "{name}");
    }
}

#[test]
fn a_sparse_index_has_directories_and_a_linked_work_tree_an_index_of_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, side) = (temp.path().join("main"), temp.path().join("side"));
    for path in ["in/a.md", "out/deep/b.md", "c.md"] {
        write(&dir, path);
    }
    git(&dir, &["init", "-q"]);
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-q", "-m", "x"]);
    git(&dir, &["worktree", "add", "-q", side.to_str().unwrap()]);
    git(
        &dir,
        &["sparse-checkout", "set", "--cone", "--sparse-index", "in"],
    );
    let dot_git = dir.join(".git");
    assert_eq!(
        read(&dot_git, &dot_git, &["in", "out"]),
        ["in/a.md", "out/"].map(str::to_owned).into()
    );
    write(&side, "in/new.md");
    git(&side, &["add", "in/new.md"]);
    let git_dir = dot_git.join("worktrees/side");
    let wanted = ["in/a.md", "in/new.md", "out/deep/b.md"].map(str::to_owned);
    assert_eq!(read(&git_dir, &dot_git, &["in", "out"]), wanted.into());
}

#[test]
fn a_damaged_index_is_an_error_and_a_missing_one_is_empty() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    assert_eq!(tracked(dir, dir, "a").unwrap(), BTreeSet::new());
    for path in ["a.md", "deep/b.md", "deep/c.md"] {
        write(dir, path);
    }
    git(dir, &["init", "-q"]);
    git(dir, &["add", "-A"]);
    git(dir, &["update-index", "--split-index"]);
    git(dir, &["rm", "-q", "--cached", "deep/b.md"]);
    let dot_git = dir.join(".git");
    let shared = std::fs::read_dir(&dot_git)
        .unwrap()
        .flatten()
        .find(|e| e.file_name().to_string_lossy().starts_with("sharedindex."));
    let wanted = BTreeSet::from(["deep/c.md".to_owned()]);
    for file in [dot_git.join("index"), shared.unwrap().path()] {
        let whole = std::fs::read(&file).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&file, &whole[..cut]).unwrap();
            assert!(
                tracked(&dot_git, &dot_git, "deep").is_err(),
                "{} cut at {cut}",
                file.display()
            );
        }
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 0xff;
            std::fs::write(&file, &other).unwrap();
            assert!(
                tracked(&dot_git, &dot_git, "deep").is_err(),
                "{} changed at {at}",
                file.display()
            );
            // Without a digest its content is arbitrary: reading ends, without a panic.
            let end = other.len() - 20;
            other[end..].fill(0);
            std::fs::write(&file, &other).unwrap();
            let _read = tracked(&dot_git, &dot_git, "deep");
        }
        std::fs::write(&file, &whole).unwrap();
    }
    assert_eq!(read(&dot_git, &dot_git, &["deep"]), wanted);
    std::fs::write(dot_git.join("index"), "DIRC\0\0\0\u{2}\0\0\0\u{1}").unwrap();
    assert!(tracked(&dot_git, &dot_git, "deep").is_err());
    std::fs::remove_file(dot_git.join("index")).unwrap();
    std::fs::create_dir(dot_git.join("index")).unwrap();
    assert!(tracked(&dot_git, &dot_git, "deep").is_err());
}
