//! Token files as machines have them: mounted read-only, another user's, written by an editor with
//! a byte order mark.

use std::process::Command;

use crate::support::Sandbox;
use crate::support::rights::{as_stranger, mode, with_mounts};

fn preflight(sandbox: &Sandbox) -> (Option<i32>, String) {
    let run = sandbox.sk_sync(["preflight"]);
    (run.code, run.stdout)
}

fn with_token(content: &[u8], bits: u32) -> Sandbox {
    let mut sandbox = Sandbox::with_repo();
    sandbox.target("http://127.0.0.1:9");
    sandbox.unset("SK_SYNC_TOKEN");
    std::fs::create_dir(sandbox.path("secrets")).unwrap();
    mode(sandbox.path("secrets"), 0o755);
    let file = sandbox.path("secrets/token");
    std::fs::write(&file, content).unwrap();
    mode(&file, bits);
    sandbox.set("SK_SYNC_TOKEN_FILE", file.to_str().unwrap());
    sandbox
}

#[test]
fn a_byte_order_mark_and_line_ends_are_no_part_of_a_token() {
    for content in [
        &b"\xef\xbb\xbfabc\n"[..],
        b"abc\r\n",
        b"\n abc \n\n",
        b"abc",
    ] {
        assert_eq!(
            preflight(&with_token(content, 0o600)).0,
            Some(0),
            "{content:?}"
        );
    }
    for content in [&b"\xef\xbb\xbf\n"[..], b"a\nb", b""] {
        assert_eq!(
            preflight(&with_token(content, 0o600)).0,
            Some(4),
            "{content:?}"
        );
    }
}

#[test]
fn a_token_that_is_mounted_read_only_is_used_and_one_that_can_be_closed_is_refused() {
    let sandbox = with_token(b"abc", 0o444);
    let (code, said) = preflight(&sandbox);
    assert!(
        code == Some(4) && said.contains("chmod 600"),
        "its owner can close it: {said}"
    );
    let dir = sandbox.path("secrets").display().to_string();
    for bits in [0o755, 0o777] {
        mode(sandbox.path("secrets"), bits);
        let script = format!(
            "mount --bind {dir} {dir} && mount -o remount,ro,bind {dir} && exec \"$SK\" preflight"
        );
        let Some(run) = with_mounts(&sandbox, &script) else {
            return;
        };
        let _ready = run.success();
    }
}

#[test]
fn a_token_of_another_user_is_used_where_nobody_else_can_replace_it() {
    for (dir, file, expected) in [(0o755, 0o444, 0), (0o777, 0o444, 4), (0o755, 0o666, 4)] {
        let sandbox = with_token(b"abc", file);
        mode(sandbox.path("secrets"), dir);
        let own = ["home", "state", "kitty", "repo"].map(|name| sandbox.path(name));
        if !Command::new("chown")
            .args(["-R", "65534:65534"])
            .args(own)
            .status()
            .is_ok_and(|done| done.success())
        {
            return;
        }
        let Some(run) = as_stranger(&sandbox, &["preflight"]) else {
            return;
        };
        assert_eq!(run.code, Some(expected), "{dir:o} {file:o}: {run:?}");
    }
}
