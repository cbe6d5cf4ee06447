//! The versions of one document, in order.

use std::time::Duration;

use super::drain_tests::run_now;
use super::test_server::{Reply, Server};
use super::test_world::World;

/// Two versions of one document are due, and a pool would send them at once.
#[test]
fn an_older_version_never_comes_after_a_newer_one() {
    let mut world = World::new();
    let texts: Vec<String> = (0..20).map(|n| format!("version {n}")).collect();
    for (n, text) in (0..).zip(&texts) {
        world.put("a.md", text, n);
    }
    let server = Server::start(|n, request| {
        if n % 2 == 0 {
            crate::base::Interrupt::default().wait(Duration::from_millis(20));
        }
        if n == 2 {
            Reply::of(503, "busy")
        } else {
            Reply::echo(201, "stored", request)
        }
    });
    let (report, _) = run_now(&mut world, &server.origin, 4);
    let sent: Vec<_> = server
        .seen()
        .requests
        .iter()
        .map(|r| r["content_body"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sent, texts);
    assert_eq!(
        (report.uploaded, report.remaining),
        (19, 0),
        "the third gave way to the newer ones"
    );
}
