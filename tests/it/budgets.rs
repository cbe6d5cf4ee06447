//! Everything from a repository is limited: bytes, entries, and the cost of reading. Without
//! limits, each of these files took minutes or gigabytes, or blocked for ever.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::rights::ended;
use crate::support::{Run, Sandbox};

/// Address space of a run, in KiB, and its CPU time, in seconds: far more than a normal repository
/// of this size needs, far less than the hostile ones took.
const MOST_KIB: u32 = 600_000;
const MOST_CPU_S: u32 = 30;

/// Runs the program within these bounds.
fn bounded(sandbox: &Sandbox, args: &[&str]) -> Run {
    let known = sandbox.command(args);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!(
        "ulimit -v {MOST_KIB}; ulimit -t {MOST_CPU_S}; exec \"$0\" \"$@\""
    ));
    command
        .arg(known.get_program())
        .args(known.get_args())
        .current_dir(sandbox.repo())
        .stdin(Stdio::null());
    command.env_clear().envs(
        known
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    // Each thread's arena reserves 64 MiB of address space, used or not.
    command.env("MALLOC_ARENA_MAX", "1");
    ended(command.output().unwrap())
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// 800 KB of aliases stood for 50 GB of values.
#[test]
fn yaml_aliases_are_refused() {
    let sandbox = Sandbox::with_repo();
    let mut text = format!("a0: &a0 [{}1]\n", "1,".repeat(40_000));
    for n in 1..20 {
        let many = format!("*a{},", n - 1).repeat(8_000);
        let _ = writeln!(text, "a{n}: &a{n} [{many}*a{}]", n - 1);
    }
    text += "project:\n  uuid: 5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60\n";
    text.truncate(1 << 20);
    sandbox.write(".kittify/config.yaml", text);
    for args in [&["run"][..], &["status"], &["hook", "run", "post-commit"]] {
        let run = bounded(&sandbox, args);
        let is_hook = args[0] == "hook";
        assert_eq!(run.code, Some(if is_hook { 0 } else { 2 }), "{run:?}");
        assert!(
            is_hook
                || run
                    .stderr
                    .contains("config.yaml:2: not valid YAML: aliases"),
            "{run:?}"
        );
    }
}

/// Each number of a section was searched from the beginning of the file.
#[test]
fn numbers_in_yaml_cost_what_their_bytes_cost() {
    let sandbox = Sandbox::with_repo();
    let mut text = "project:\n  uuid: 5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60\n".to_owned();
    for n in 0..60_000 {
        let _ = writeln!(text, "  k{n}: {n}");
    }
    assert!(
        text.len() < 1 << 20 && text.len() > 900_000,
        "{}",
        text.len()
    );
    sandbox.write(".kittify/config.yaml", text);
    let run = bounded(&sandbox, &["run", "--json"]).success();
    assert_eq!(run.json()["balance"]["holds"], true);
}

/// A branch name of 4 MB was part of each of 700 events.
#[test]
fn a_field_that_goes_into_every_event_is_short() {
    let sandbox = Sandbox::with_repo();
    let meta = json!({"mission_type": "software-dev", "target_branch": "b".repeat(4_000_000)});
    sandbox.write("kitty-specs/900-bomb/meta.json", meta.to_string());
    for n in 0..700 {
        sandbox.write(&format!("kitty-specs/900-bomb/research/{n}.md"), "# text\n");
    }
    let report = bounded(&sandbox, &["run", "--json"]).success().json();
    assert_eq!(
        report["balance"]["delivered"], 23,
        "the other missions go: {report}"
    );
    assert!(
        report["warnings"].to_string().contains("900-bomb"),
        "{report}"
    );
    let kept: u64 = std::fs::metadata(sandbox.store()).unwrap().len();
    assert!(kept < 1 << 20, "{kept} bytes");
    let long = json!({"mission_type": "software-dev", "target_branch": "b".repeat(256)});
    sandbox.write("kitty-specs/900-bomb/meta.json", long.to_string());
    let report = bounded(&sandbox, &["run", "--json"]).success().json();
    assert!(
        report["warnings"]
            .to_string()
            .contains("more than 255 characters"),
        "{report}"
    );
    sandbox.write(
        ".kittify/config.yaml",
        format!("project:\n  uuid: x\n  slug: {}\n", "s".repeat(256)),
    );
    let run = bounded(&sandbox, &["run"]).code(2);
    assert!(
        run.stderr
            .contains("config.yaml:3: slug has more than 255 characters"),
        "{run:?}"
    );
}

/// `count` lines, each made of its number.
fn lines(count: usize, line: fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

/// 60,000 unknown keys took minutes in every command.
#[test]
fn of_many_problems_twenty_are_named() {
    let sandbox = Sandbox::with_repo();
    let keys = |n: usize| lines(n, |n| format!("some_key_of_no_meaning_{n} = 1\n"));
    let many = keys(30_000);
    assert!(many.len() < 1 << 20);
    for (text, named) in [
        (many, 30_000),
        (format!("[drain]\n{}", keys(25_000)), 25_000),
        (lines(30_000, |n| format!("[a{n}.b]\n")), 30_000),
        (keys(21), 21),
    ] {
        sandbox.write("event-sync.toml", text);
        for args in [&["status"][..], &["config", "show"]] {
            let run = bounded(&sandbox, args).code(2);
            assert_eq!(run.stderr.matches("unknown ").count(), 20, "{}", run.stderr);
            assert!(
                run.stderr
                    .contains(&format!("{} more problems are not listed", named - 20)),
                "{}",
                run.stderr
            );
            assert!(run.stderr.len() < 10_000, "{}", run.stderr);
        }
        assert_eq!(
            bounded(&sandbox, &["hook", "run", "post-commit"]).code,
            Some(0)
        );
    }
    sandbox.write("event-sync.toml", keys(20));
    let run = bounded(&sandbox, &["status"]).code(2);
    assert!(
        run.stderr.matches("unknown key").count() == 20 && !run.stderr.contains("more problems"),
        "{}",
        run.stderr
    );
}

/// Lists and texts of a repository's file are bounded too: globs by the ten thousand are compiled
/// by every command.
#[test]
fn long_lists_are_refused() {
    let sandbox = Sandbox::with_repo();
    let globs = vec!["{a,b}{c,d}{e,f}/**/*[a-z]?*.md"; 20_000];
    for (text, said) in [
        (
            format!("artifacts.surfaces = {}", json!(globs)),
            "at most 16384 bytes",
        ),
        (
            format!(
                "artifacts.exclude = {}",
                json!(vec!["{a,b}".repeat(50); 30])
            ),
            "at most 2048 wildcards",
        ),
        (
            format!("artifacts.formats = {}", json!(vec!["md"; 257])),
            "at most 256 entries",
        ),
        (
            format!("teamspace.team_slug = '{}'", "t".repeat(256)),
            "at most 255 characters",
        ),
        (
            format!("external_receiver.url = 'https://{}'", "h".repeat(3000)),
            "at most 2048 characters",
        ),
    ] {
        sandbox.write("event-sync.toml", text);
        let run = bounded(&sandbox, &["run"]).code(2);
        assert!(
            run.stderr.contains(said) && run.stderr.len() < 2000,
            "{}",
            run.stderr
        );
    }
}

/// An unpacked archive may contain a `.git` with any content. Git would block on these files, so it
/// is not run.
#[test]
fn pipes_and_endless_files_in_a_git_directory_are_refused() {
    for name in [
        "HEAD",
        "config",
        "packed-refs",
        "commondir",
        "config.worktree",
    ] {
        let sandbox = Sandbox::with_repo();
        let path = sandbox.repo().join(".git").join(name);
        let _absent = std::fs::remove_file(&path);
        pipe(&path);
        let run = bounded(&sandbox, &["run"]).code(2);
        assert!(
            run.stderr.contains(name) && run.stderr.contains("not a regular file"),
            "{run:?}"
        );
        assert_eq!(
            bounded(&sandbox, &["hook", "run", "post-commit"]).code,
            Some(0),
            "{name}"
        );
    }
    for (name, most) in [("config", "1 MiB"), ("packed-refs", "1 GiB")] {
        let sandbox = Sandbox::with_repo();
        let path = sandbox.repo().join(".git").join(name);
        std::fs::File::options()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap()
            .set_len(100 << 30)
            .unwrap();
        let run = bounded(&sandbox, &["run"]).code(2);
        assert!(
            run.stderr
                .contains(&format!("{name}: it is larger than {most}")),
            "{run:?}"
        );
    }
}

/// This program reads refs; one that is a pipe or endless is ignored.
#[test]
fn a_ref_that_is_no_file_is_none() {
    let sandbox = Sandbox::with_repo();
    let head = std::fs::read_to_string(sandbox.repo().join(".git/HEAD")).unwrap();
    let loose = sandbox
        .repo()
        .join(".git")
        .join(head.trim().strip_prefix("ref: ").unwrap());
    std::fs::create_dir_all(loose.parent().unwrap()).unwrap();
    let _absent = std::fs::remove_file(&loose);
    pipe(&loose);
    assert_eq!(
        bounded(&sandbox, &["run", "--json"]).success().json()["balance"]["delivered"],
        23
    );
}

/// A file of 10 GB that is not a database was copied before its first bytes were checked. The bytes
/// written are limited.
#[test]
fn an_older_store_is_looked_at_before_it_is_copied() {
    let sandbox = Sandbox::with_repo();
    let dir = sandbox.path("kitty/queues");
    std::fs::create_dir_all(&dir).unwrap();
    let make = |name: &str, begin: &[u8]| {
        let path = dir.join(name);
        std::fs::write(&path, begin).unwrap();
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(10 << 30)
            .unwrap();
    };
    make("queue-01.db", b"no database at all");
    let small = sandbox.path("small.db");
    let conn = crate::support::older::database(&small);
    conn.execute_batch("CREATE TABLE queue (id INTEGER PRIMARY KEY)")
        .unwrap();
    drop(conn);
    make("queue-02.db", &std::fs::read(&small).unwrap());
    let known = sandbox.command(["migrate", "--json"]);
    let mut command = Command::new("sh");
    // The largest file that it may write, in blocks of 512 bytes.
    command
        .arg("-c")
        .arg("ulimit -f 100000; exec \"$0\" \"$@\"")
        .arg(known.get_program())
        .args(known.get_args());
    command.current_dir(sandbox.repo()).env_clear();
    command.envs(
        known
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let run = ended(command.output().unwrap());
    assert!(
        run.stdout.contains("it is not a SQLite database"),
        "{run:?}"
    );
    assert!(
        run.stdout.contains("and the file has 10737418240"),
        "{run:?}"
    );
}

/// Each `**` doubled the number of paths through a list of documents per directory: 18 GB for sixty
/// of them.
#[test]
fn several_stars_in_a_list_of_documents_cost_what_directories_cost() {
    let sandbox = Sandbox::with_repo();
    let stars = "**/".repeat(40);
    let own = format!(
        "{}[[artifacts.source]]\nname = 'deep'\nslug = 'deep'\ndocuments = ['d/{stars}x.md']\n",
        sandbox.read("event-sync.toml")
    );
    sandbox.write("event-sync.toml", own);
    sandbox.agree();
    let deepest = format!("{}x.md", "d/".repeat(60));
    sandbox.write(&deepest, "# deep\n");
    let report = bounded(&sandbox, &["index", "--dry-run", "--json"])
        .success()
        .json();
    assert!(
        report
            .to_string()
            .contains(&format!("{}x.md", "d/".repeat(60))),
        "{report}"
    );
}

/// The patterns of one directory were limited, but not those of all directories together.
#[test]
fn files_of_patterns_are_bounded_together() {
    let sandbox = Sandbox::with_repo();
    sandbox.git(&["init", "--quiet"]);
    let patterns: String = (0..1400)
        .map(|n| format!("*{}b{n}\n", "a*".repeat(40)))
        .collect::<Vec<_>>()
        .concat();
    for n in 0..60 {
        sandbox.write(
            &format!("kitty-specs/900-many/research/d{n}/.gitignore"),
            &patterns,
        );
        sandbox.write(&format!("kitty-specs/900-many/research/d{n}/a.md"), "# a\n");
    }
    let report = bounded(&sandbox, &["index", "--json"]).success().json();
    assert!(
        report["warnings"].to_string().contains("more than 1 MiB"),
        "{}",
        report["warnings"]
    );
}
