//! `sk-sync init`.

use crate::support::Sandbox;

#[test]
fn a_first_file_with_an_identity() {
    let sandbox = Sandbox::with_empty_repo();
    sandbox.write("deep/down/x", "");
    let run = sandbox
        .sk_sync(["init", "--project", "--json", "--repo", "deep/down"])
        .success();
    let document = run.json();
    assert_eq!(
        (&document["action"], &document["project_slug"]),
        (&"created".into(), &"repo".into())
    );
    let text = sandbox.read("event-sync.toml");
    let uuid = document["project_uuid"].as_str().unwrap();
    assert!(
        text.contains(&format!("[project]\nuuid = \"{uuid}\"\nslug = \"repo\"\n")),
        "{text}"
    );
    assert_eq!(run.stderr, "");
}

#[test]
fn what_is_there_stays() {
    let sandbox = Sandbox::with_empty_repo();
    sandbox.write("event-sync.toml", "preset = \"stub\"  # mine");
    let _added = sandbox.sk_sync(["init"]).success();
    let text = sandbox.read("event-sync.toml");
    assert!(
        text.starts_with("preset = \"stub\"  # mine\n\n[project]\nuuid = \""),
        "{text}"
    );
    let again = sandbox.sk_sync(["init"]).success();
    assert!(
        again.stderr.contains("is complete; not changed"),
        "{}",
        again.stderr
    );
    let _refused = sandbox.sk_sync(["init", "--project"]).code(2);
    assert_eq!(sandbox.read("event-sync.toml"), text);
}

#[test]
fn a_dry_run_writes_nothing() {
    let sandbox = Sandbox::with_empty_repo();
    let run = sandbox
        .sk_sync(["init", "--preset", "stub", "--dry-run"])
        .success();
    assert!(
        run.stdout.contains("\npreset = \"stub\"\n"),
        "{}",
        run.stdout
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn outside_a_repository_the_directory_itself_is_the_root() {
    let sandbox = Sandbox::new();
    let _written = sandbox.sk_sync(["init", "--project"]).success();
    assert!(sandbox.read("event-sync.toml").contains("[project]"));
}
