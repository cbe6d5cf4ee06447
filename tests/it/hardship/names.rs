//! Hostile paths and file names, and odd files next to good ones.

use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;

use crate::support::Sandbox;
use crate::support::rights::ended;
use crate::support::wire::assert_mirrored;

/// A repository below a path with blanks, quotes and bytes that are not UTF-8.
#[test]
fn any_path_leads_to_a_repository() {
    for name in [
        &b"a b"[..],
        b"it's \"quoted\" $HOME",
        b"caf\xc3\xa9",
        b"bad-\xff-bytes",
        b"-dash",
        b"line\nbreak",
    ] {
        let sandbox = Sandbox::with_repo();
        let odd = sandbox.path("odd").join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir(sandbox.path("odd")).unwrap();
        std::fs::rename(sandbox.repo(), &odd).unwrap();
        let mut command = sandbox.command(["run", "--json"]);
        let run = ended(command.current_dir(&odd).output().unwrap()).success();
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            report["balance"]["delivered"], report["capture"]["captured"],
            "{name:?}"
        );
        std::fs::create_dir(sandbox.repo()).unwrap();
        let mut command = sandbox.command(["run", "--json", "--repo"]);
        let again = ended(command.arg(&odd).output().unwrap()).success();
        let report: Value = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!(
            report["capture"]["captured"], 0,
            "{name:?}: the same project, by --repo"
        );
    }
}

/// Names of files and words of servers reach neither the terminal nor the next line as they are.
#[test]
fn hostile_names_are_shown_escaped() {
    use crate::support::server::{Reply, Server};
    let words = serde_json::json!({"error": "\u{1b}[2Jerased\n::error::forged"});
    let server = Server::answering(move |_| Reply::json(403, &words));
    let sandbox = Sandbox::aimed_at(&server);
    let mission = "kitty-specs/storm-surge-alerts-01KQX7M2";
    sandbox.write(
        &format!("{mission}/research/\u{1b}[31mred\n::error::x.md"),
        "x",
    );
    sandbox.write(&format!("{mission}/research/\u{1b}[31mempty.md"), "");
    sandbox.write("kitty-specs/\u{1b}[31mmission\n::error::x/spec.md", "x");
    for words in [
        &["run"][..],
        &["run", "--json"],
        &["status"],
        &["events", "list"],
        &["drain", "-vvv"],
    ] {
        let run = sandbox.sk_sync(words);
        for text in [&run.stdout, &run.stderr] {
            assert!(
                !text.contains('\u{1b}') && !text.contains("\n::error"),
                "{words:?}: {text}"
            );
        }
    }
    assert!(
        sandbox.sk_sync(["run"]).code(4).stdout.contains("erased"),
        "the server's words are shown"
    );
}

/// Nothing but the fixture's project lies around after all of this, and its bodies are where they
/// belong.
#[test]
fn odd_files_beside_good_ones_cost_the_good_ones_nothing() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    let mission = "kitty-specs/storm-surge-alerts-01KQX7M2";
    sandbox.write(&format!("{mission}/research/utf16.md"), b"\xff\xfea\0");
    sandbox.write(&format!("{mission}/research/nul.md"), b"a\0b");
    sandbox.write(
        &format!("{mission}/research/bom.md"),
        b"\xef\xbb\xbftext\r\n",
    );
    sandbox.write(&format!("{mission}/research/large.md"), "x".repeat(524_289));
    sandbox.write(
        &format!("{mission}/research/deep/{}/x.md", "d/".repeat(60)),
        "deep",
    );
    std::fs::write(
        sandbox
            .repo()
            .join(mission)
            .join("research")
            .join(std::ffi::OsStr::from_bytes(b"\xfe.md")),
        "x",
    )
    .unwrap();
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    for reason in [
        "not_present: invalid_utf8",
        "oversized: 524289 bytes > 524288 limit",
    ] {
        assert!(
            report["bodies"]["outcomes"].to_string().contains(reason),
            "{reason}"
        );
    }
    drop(served);
    assert_mirrored(&sandbox, &file);
    sandbox.verified();
}
