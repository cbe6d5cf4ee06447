//! Documents that a hook delivers in the background.

use std::time::{Duration, Instant};

use super::{BODIES, SPEC};
use crate::support::server::{Reply, Server};
use crate::support::wire::{honest, received};
use crate::support::{Sandbox, pause};

/// The background process of a hook waits for a server that asks it to, and for one that loses an
/// answer, like any other drain: no further commit is needed.
#[test]
fn the_drain_of_a_hook_waits_inside_its_time() {
    for reply in [
        Reply::status(429).header("Retry-After", "1"),
        Reply::status(500),
    ] {
        for path in ["/api/v1/events/batch/", BODIES] {
            let mut is_first = true;
            let reply = reply.clone();
            let server = Server::answering(move |request| {
                let stumbles = request.path == path && std::mem::take(&mut is_first);
                if stumbles {
                    reply.clone()
                } else {
                    honest(request, "success")
                }
            });
            let mut sandbox = Sandbox::aimed_at(&server);
            sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
            let _hook = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
            let begun = Instant::now();
            while sandbox.sk_sync(["status", "--check"]).code != Some(0) {
                assert!(
                    begun.elapsed() < Duration::from_mins(1),
                    "{path}: {:?}",
                    sandbox.sk_sync(["status"])
                );
                pause(Duration::from_millis(100));
            }
        }
    }
}

/// Waits until the process in the background has brought the receiver this text.
fn arrives(file: &std::path::Path, text: &str) {
    let begun = Instant::now();
    while !received(file)
        .bodies
        .iter()
        .any(|(_, _, body)| body == text)
    {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the text never came"
        );
        pause(Duration::from_millis(20));
    }
}

#[test]
fn a_hook_delivers_the_text_with_its_event() {
    let mut sandbox = Sandbox::with_repo();
    let file = sandbox.path("received.db");
    let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
    sandbox.target(&served.url());
    sandbox.set("SK_SYNC_HOOK__BUDGET", "30s");
    sandbox.write(SPEC, "# by the hook\n");
    let _hook = sandbox.sk_sync(["hook", "run", "post-commit"]).success();
    arrives(&file, "# by the hook\n");
    let begun = Instant::now();
    while sandbox.sk_sync(["status", "--check"]).code != Some(0) {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{:?}",
            sandbox.sk_sync(["status"])
        );
        pause(Duration::from_millis(50));
    }
}
