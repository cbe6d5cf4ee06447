//! Hints of the commands that work on a project.

use super::{Case, Hint, succeeds};
use crate::support::older::{Era, HARBOUR, envelope, id, put};
use crate::support::server::Server;
use crate::support::{Run, Sandbox};

/// A project with everything captured.
fn captured() -> Sandbox {
    let sandbox = Sandbox::with_repo();
    let _run = sandbox.sk_sync(["index"]).success();
    sandbox
}

/// Runs words that are wrong.
fn wrong(sandbox: &Sandbox, words: &str) -> Run {
    sandbox.sk_sync(words.split(' ')).code(2)
}

/// The hint's line succeeds in a project where everything is captured.
fn leads(hint: &Hint, words: &str, line: &str) -> String {
    let sandbox = captured();
    hint.follow(&sandbox, &wrong(&sandbox, words), line)
}

/// The same words work with one more option.
fn works_with(hint: &Hint, words: &str, option: &str, named: &str) {
    let sandbox = captured();
    let printed = hint.of(&wrong(&sandbox, words));
    assert!(printed.contains(named), "{printed}");
    let _said = succeeds(&sandbox, &format!("sk-sync {words} {option}"));
}

fn no_place(hint: &Hint) {
    let sandbox = Sandbox::with_repo();
    sandbox.own("[[artifacts.source]]\nname = 'plans'\nunits = ['plans/{name}']\n");
    let _hint = hint.of(&wrong(&sandbox, "index"));
    sandbox.write("plans/one/plan.md", "text\n");
    let _indexed = sandbox.sk_sync(["index"]).success();
}

fn no_mission(hint: &Hint) {
    let said = leads(hint, "index --mission zzz", "sk-sync index --dry-run");
    assert!(said.contains("storm-surge-alerts-01KQX7M2"), "{said}");
}

fn similar_mission(hint: &Hint) {
    let sandbox = captured();
    let printed = hint.of(&wrong(
        &sandbox,
        "index --mission storm-surge-alert-01KQX7M2",
    ));
    let name = "storm-surge-alerts-01KQX7M2";
    assert!(printed.contains(name), "{printed}");
    let _found = succeeds(&sandbox, &format!("sk-sync index --mission {name}"));
}

fn no_such_store(hint: &Hint) {
    let said = leads(
        hint,
        "migrate adopt --store nonsense --yes",
        "sk-sync status --all",
    );
    assert!(said.contains("harbour-tides"), "{said}");
}

fn no_identity(hint: &Hint) {
    let sandbox = Sandbox::with_empty_repo();
    sandbox.write("kitty-specs/001-a/spec.md", "text\n");
    sandbox.own("preset = 'local-retention'\n");
    let run = sandbox.sk_sync(["run"]).code(4);
    let _said = hint.follow(&sandbox, &run, "sk-sync init --project");
    let _run = sandbox.sk_sync(["run"]).success();
}

fn identity_exists(hint: &Hint) {
    let _said = leads(hint, "init --project", "sk-sync init");
}

fn invalid_file(hint: &Hint) {
    let sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", "preset = \n");
    let _hint = hint.of(&wrong(&sandbox, "init"));
    sandbox.write("event-sync.toml", "preset = 'stub'\n");
    let _again = sandbox.sk_sync(["init"]).success();
}

fn layouts_exist(hint: &Hint) {
    let sandbox = Sandbox::with_repo();
    sandbox.write("event-sync.toml", "[artifacts]\n");
    sandbox.write("openspec/changes/one/proposal.md", "text\n");
    let printed = hint.of(&wrong(&sandbox, "init --layout openspec"));
    let line = printed.split('`').nth(1).unwrap();
    sandbox.write("event-sync.toml", format!("[artifacts]\n{line}\n"));
    sandbox.agree();
    let said = succeeds(&sandbox, "sk-sync index --dry-run");
    assert!(said.contains("one"), "{said}");
}

fn archive_exists(hint: &Hint) {
    let sandbox = captured();
    sandbox.write("taken", "");
    let _hint = hint.of(&wrong(&sandbox, "archive --output taken"));
    let _said = succeeds(&sandbox, "sk-sync archive --output free");
}

fn archive_damaged(hint: &Hint) {
    let sandbox = captured();
    let _said = succeeds(&sandbox, "sk-sync archive --output good");
    let whole = std::fs::read(sandbox.repo().join("good")).unwrap();
    sandbox.write("torn", &whole[..whole.len() / 2]);
    let _hint = hint.of(&sandbox.sk_sync(["restore", "torn"]).code(6));
    let _said = succeeds(&sandbox, "sk-sync restore good");
}

fn archive_foreign(hint: &Hint) {
    let sandbox = captured();
    let _said = succeeds(&sandbox, "sk-sync archive --output mine");
    let other = Sandbox::with_empty_repo();
    let _said = succeeds(&other, "sk-sync init --project");
    let archive = std::fs::read(sandbox.repo().join("mine")).unwrap();
    other.write("mine", archive);
    let _hint = hint.of(&wrong(&other, "restore mine"));
    let _said = succeeds(&sandbox, "sk-sync restore mine");
}

fn no_directory(hint: &Hint) {
    let sandbox = Sandbox::with_repo();
    let script = "mkdir gone; cd gone; rmdir ../gone; sk-sync status; cd ..; sk-sync status";
    let output = crate::support::advice::shell(&sandbox, script);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(hint.0), "{stderr}");
    assert!(output.status.success(), "{stderr}");
}

fn no_hooks_here(hint: &Hint) {
    let sandbox = Sandbox::with_repo();
    let home = sandbox.path("home");
    let line = format!(
        "cd {}; sk-sync hook status 2>said; sk-sync --repo {} hook status",
        home.display(),
        sandbox.repo().display()
    );
    let _said = succeeds(&sandbox, &line);
    let said = std::fs::read_to_string(home.join("said")).unwrap();
    assert!(said.contains(hint.0), "{said}");
}

fn no_current_target(hint: &Hint) {
    let sandbox = captured();
    sandbox.own("preset = 'local-retention'\n");
    let run = wrong(&sandbox, "target forget nowhere");
    let _said = hint.follow(&sandbox, &run, "sk-sync target list");
}

/// A target that is not known, next to one that is.
fn no_such_target(hint: &Hint) {
    let server = Server::honest();
    let sandbox = Sandbox::aimed_at(&server);
    let run = sandbox.sk_sync(["run", "--json"]).success().json();
    let id = run["target"]["target_id"].as_str().unwrap();
    for words in ["events list --target", "replay --to"] {
        let printed = hint.of(&wrong(&sandbox, &format!("{words} nothing")));
        assert!(printed.contains(id), "{printed}");
        let _said = succeeds(&sandbox, &format!("sk-sync {words} {id}"));
    }
}

fn no_imports(hint: &Hint) {
    let _said = leads(hint, "migrate release nowhere", "sk-sync migrate");
}

/// Events of an older queue, on hold.
fn no_such_import(hint: &Hint) {
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_MIGRATE__IMPORTED", "held");
    let queue = sandbox.queue("queue.db", Era::Last);
    put(&queue, &id(1), envelope(&id(1), Some(HARBOUR), "a"), 1);
    drop(queue);
    sandbox.at_rest();
    let _adopted = succeeds(&sandbox, "sk-sync migrate adopt --yes");
    let printed = hint.of(&wrong(&sandbox, "migrate release nowhere"));
    let name = printed.rsplit(": ").next().unwrap();
    let said = succeeds(&sandbox, &format!("sk-sync migrate release '{name}'"));
    assert!(said.contains('1'), "{said}");
}

fn no_conflict(hint: &Hint) {
    let words = "migrate conflicts resolve nothing --keep journal";
    let _said = leads(hint, words, "sk-sync migrate conflicts");
}

fn no_event(hint: &Hint) {
    let said = leads(hint, "events show nothing", "sk-sync events list");
    assert!(said.contains("MissionDossier"), "{said}");
}

fn no_undeliverable(hint: &Hint) {
    let line = "sk-sync events list --status undeliverable";
    let _said = leads(hint, "gc --explicit --undeliverable nothing", line);
}

fn no_group(hint: &Hint) {
    let _said = leads(hint, "events waive nothing", "sk-sync events explain");
}

fn no_key(hint: &Hint) {
    let said = leads(hint, "config get colours", "sk-sync help config");
    assert!(said.contains("event-sync.toml"), "{said}");
}

fn no_agreement(hint: &Hint) {
    let words = "allow --revoke https://x.example";
    let _said = leads(hint, words, "sk-sync allow --list");
}

fn nothing_to_agree_to(hint: &Hint) {
    let sandbox = Sandbox::with_repo();
    let run = wrong(&sandbox, "allow");
    let _said = hint.follow(&sandbox, &run, "sk-sync status");
    let named = [
        "--preset",
        "external-receiver",
        "--target-url",
        "https://x.example",
    ];
    let run = sandbox.sk_sync([&["allow"], &named[..]].concat()).code(2);
    assert!(
        run.stderr.contains("sk-sync allow https://x.example"),
        "with a target there is an origin to agree to: {run:#?}"
    );
}

fn agree_to_an_origin(hint: &Hint) {
    let sandbox = Sandbox::with_repo();
    sandbox.own(
        "preset = 'external-receiver'\n[external_receiver]\nevents_url = 'https://x.example/in'\n",
    );
    let run = wrong(&sandbox, "allow");
    let _said = hint.follow(&sandbox, &run, "sk-sync allow https://x.example");
    let said = succeeds(&sandbox, "sk-sync allow --list");
    assert!(said.contains("https://x.example"), "{said}");
}

fn no_pages(hint: &Hint) {
    let sandbox = captured();
    let run = sandbox.sk_sync(["open"]).code(4);
    let said = hint.follow(&sandbox, &run, "sk-sync target show");
    assert!(said.contains("stub"), "{said}");
}

fn a_url_without_a_receiver(hint: &Hint) {
    let words = "target set --url https://x.example";
    works_with(hint, words, "--receiver teamspace", "--receiver teamspace");
    let sandbox = captured();
    let _hint = hint.of(&wrong(
        &sandbox,
        "target set opt-out --url https://x.example",
    ));
}

fn without_a_target(hint: &Hint) {
    let sandbox = captured();
    sandbox.own("preset = 'opt-out'\n");
    for words in ["events waive --all", "events retry --all"] {
        let printed = hint.of(&wrong(&sandbox, words));
        assert!(printed.contains("--target"), "{printed}");
    }
    let server = Server::honest();
    let aimed = Sandbox::aimed_at(&server);
    let run = aimed.sk_sync(["run", "--json"]).success().json();
    let id = run["target"]["target_id"].as_str().unwrap();
    aimed.own("preset = 'opt-out'\n");
    for words in ["events waive --all", "events retry --all"] {
        let _said = succeeds(&aimed, &format!("sk-sync {words} --target {id}"));
    }
}

pub(super) const CASES: &[Case] = &[
    (
        "correct [artifacts] in event-sync.toml, or create the directory",
        no_place,
    ),
    ("sk-sync index --dry-run", no_mission),
    ("did you mean {}?", similar_mission),
    (
        "`sk-sync status --all` lists every store, and which repositories are gone",
        no_such_store,
    ),
    ("run `sk-sync init --project` to give it one", no_identity),
    ("run `sk-sync init` without --project", identity_exists),
    (
        "fix the file, then run the same command again",
        invalid_file,
    ),
    ("write `{line}` below [artifacts] in it", layouts_exist),
    ("name another file with --output", archive_exists),
    (
        "nothing was written; fetch the archive again, or take another copy",
        archive_damaged,
    ),
    (
        "nothing was written; restore it in a checkout of its own project",
        archive_foreign,
    ),
    ("change to a directory that exists", no_directory),
    (
        "change to a checkout, or name one with --repo",
        no_hooks_here,
    ),
    (
        "`sk-sync target list` lists every target",
        no_current_target,
    ),
    (
        "`sk-sync migrate` imports what older stores hold",
        no_imports,
    ),
    ("name an older store: {}", no_such_import),
    ("known: {known}", no_such_target),
    ("`sk-sync migrate conflicts` names them", no_conflict),
    ("`sk-sync events list` lists every event", no_event),
    (
        "`sk-sync events list --status undeliverable` lists every ID",
        no_undeliverable,
    ),
    ("`sk-sync events explain` names every group", no_group),
    ("sk-sync help config", no_key),
    ("`sk-sync allow --list` lists the agreements", no_agreement),
    (
        "name the target first: --target-url BASE, SK_SYNC_TARGET_URL, or event-sync.toml; see `sk-sync status`",
        nothing_to_agree_to,
    ),
    ("to agree: {}", agree_to_an_origin),
    (
        "pages are part of sk-sync serve; see sk-sync target show",
        no_pages,
    ),
    (
        "name the receiver: --receiver teamspace, or --receiver external-receiver",
        a_url_without_a_receiver,
    ),
    ("name one with --target", without_a_target),
];
