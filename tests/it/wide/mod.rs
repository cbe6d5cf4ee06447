//! Files that a repository's file adds are not captured before the user allows the file, for any
//! target: everything captured today is left to send to every later target. And files that it keeps
//! back stay excluded.

mod init;

use serde_json::json;

use crate::support::Sandbox;
use crate::support::advice::shell;
use crate::support::gates::closed_gates;
use crate::support::server::Server;

const PROJECT: &str = "[project]\nuuid = '7e57ab1e-0000-4000-8000-000000000001'\nslug = 's'\n";

const WIDE: &str = "[artifacts]\nsurfaces = ['**']\nformats = ['pem', 'env', 'md']\n";

/// A clone with one mission, and the user's untracked files next to its spec.
fn clone(text: &str) -> Sandbox {
    let sandbox = Sandbox::with_empty_repo();
    sandbox.write("kitty-specs/001-x/spec.md", "the spec\n");
    commit(&sandbox, text);
    for (file, text) in [("key.pem", "PRIVATEKEY"), ("deploy.env", "DB=PRIVATEENV")] {
        sandbox.write(&format!("kitty-specs/001-x/{file}"), text);
    }
    sandbox
}

/// The next commit of the repository's author.
fn commit(sandbox: &Sandbox, text: &str) {
    sandbox.write("event-sync.toml", text);
    sandbox.git(&["add", "event-sync.toml", "kitty-specs/001-x/spec.md"]);
    sandbox.git(&["commit", "--quiet", "--allow-empty", "--message=theirs"]);
}

fn external(server: &Server) -> String {
    format!(
        "preset = 'external-receiver'\n{PROJECT}[external_receiver]\nurl = '{}'\n",
        server.url()
    )
}

/// Every byte that was sent.
fn sent(server: &Server) -> String {
    server
        .requests()
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body()).into_owned())
        .collect()
}

/// Nothing private was sent; the spec, which is public, was. (The names of a mission's files are
/// sent in any case.)
fn assert_narrow(server: &Server) {
    let sent = sent(server);
    assert!(sent.contains("the spec"), "{sent}");
    for private in ["PRIVATE", "private.md", "n.txt", "pw.txt"] {
        assert!(!sent.contains(private), "{private}: {sent}");
    }
}

/// Wide without a target, narrow with one: the agreement is about the narrow file, and the run
/// before it captured no more.
#[test]
fn wide_without_a_target_then_narrow_with_one() {
    for first in [
        "",
        "preset = 'stub'\n",
        "preset = 'local-retention'\n",
        "delivery = 'none'\n",
    ] {
        for command in ["run", "index"] {
            let server = Server::honest();
            let sandbox = clone(&format!("{first}{PROJECT}{WIDE}"));
            let run = sandbox.sk_sync([command]).success();
            let words = "artifacts.surfaces, artifacts.formats; to use them: sk-sync allow local";
            assert!(
                run.stdout.contains(words),
                "{first} {command}: {}",
                run.stdout
            );
            commit(&sandbox, &external(&server));
            let _agreed = sandbox.sk_sync(["allow", &server.url()]).success();
            let _sent = sandbox.sk_sync(["run"]).success();
            assert_narrow(&server);
        }
    }
}

/// A later version has the bytes of an allowed one: files added by the version in between were not
/// captured.
#[test]
fn back_to_an_agreed_version() {
    let server = Server::honest();
    let agreed = external(&server);
    let sandbox = clone(&agreed);
    let _agreed = sandbox.sk_sync(["allow", &server.url()]).success();
    let _sent = sandbox.sk_sync(["run"]).success();
    commit(
        &sandbox,
        &format!("preset = 'local-retention'\n{PROJECT}{WIDE}"),
    );
    let _kept = sandbox.sk_sync(["run"]).success();
    let _hook = sandbox.sk_sync(["hook", "run", "post-merge"]).success();
    let _hook = sandbox.sk_sync(["hook", "deliver", "--index"]).success();
    commit(&sandbox, &agreed);
    let _hook = sandbox.sk_sync(["hook", "run", "post-merge"]).success();
    let _hook = sandbox.sk_sync(["hook", "deliver", "--index"]).success();
    sandbox.write("kitty-specs/001-x/spec.md", "the spec, again\n");
    let _sent = sandbox.sk_sync(["run"]).success();
    assert!(sent(&server).contains("the spec, again"));
    assert_narrow(&server);
}

/// A loopback target named by the user needs no consent, and so gets the defaults.
#[test]
fn wide_then_a_target_of_the_persons_own() {
    let server = Server::honest();
    let sandbox = clone(&format!("{PROJECT}{WIDE}"));
    let _kept = sandbox.sk_sync(["index"]).success();
    commit(&sandbox, PROJECT);
    let _sent = sandbox
        .sk_sync([
            "run",
            "--preset",
            "external-receiver",
            "--target-url",
            &server.url(),
        ])
        .success();
    assert_narrow(&server);
}

/// The top of the project as root, and sources over all of it.
#[test]
fn everything_below_the_project_stays_here() {
    let server = Server::honest();
    let sandbox = clone(&format!(
        "{PROJECT}[artifacts]\nroot = '.'\nsurfaces = ['**']\nformats = ['pem', 'env', 'md', 'txt']\n\
         [[artifacts.source]]\nname = 'a'\nslug = 'q'\ndocuments = ['private/**/*.txt', '*.txt']\n"
    ));
    sandbox.write("private/deep/n.txt", "PRIVATETXT");
    sandbox.write("pw.txt", "PRIVATEPW");
    let _kept = sandbox.sk_sync(["index"]).success();
    commit(&sandbox, &external(&server));
    let _agreed = sandbox.sk_sync(["allow", &server.url()]).success();
    let _sent = sandbox.sk_sync(["run"]).success();
    assert_narrow(&server);
}

/// The command that a run names concerns the file, shows what it adds, and makes its keys apply; it
/// sends nothing.
#[test]
fn the_printed_command_makes_the_keys_count() {
    let sandbox = clone(&format!("preset = 'stub'\n{PROJECT}{WIDE}"));
    let run = sandbox.sk_sync(["run"]).success();
    let (_, line) = run.stdout.split_once("to use them: ").unwrap();
    let line = line.lines().next().unwrap();
    let pasted = shell(
        &sandbox,
        line.split_once(" (and").map_or(line, |(line, _)| line),
    );
    assert!(pasted.status.success(), "{line}: {pasted:?}");
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["bodies"]["uploaded"], json!(2), "{report}");
    assert!(
        !report["warnings"].to_string().contains("are not used"),
        "{report}"
    );
    let shown = clone(&format!("{PROJECT}{WIDE}"))
        .sk_sync(["allow", "local", "-v"])
        .success()
        .stdout;
    for line in [
        "sent: key.pem",
        "sent: deploy.env",
        "artifacts.surfaces = [\"**\"]",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let once = clone(&format!("preset = 'stub'\n{PROJECT}{WIDE}"));
    let report = once
        .sk_sync(["run", "--allow-origin", "local", "--json"])
        .success()
        .json();
    assert_eq!(report["bodies"]["uploaded"], json!(3), "{report}");
    assert!(
        once.sk_sync(["run"])
            .success()
            .stdout
            .contains("are not used")
    );
    // Its next version is another file.
    sandbox.write(
        "event-sync.toml",
        format!("preset = 'stub'\n{PROJECT}{WIDE}git_ignored = 'send'\n"),
    );
    let run = sandbox.sk_sync(["run"]).success();
    assert!(
        run.stdout
            .contains("event-sync.toml has changed since it was allowed"),
        "{}",
        run.stdout
    );
}

/// At an agreed origin, a file that keeps back less than it did asks again; one that keeps back
/// more does not.
#[test]
fn a_later_file_does_not_quietly_keep_back_less() {
    let server = Server::honest();
    let file = |keys: &str| format!("{PROJECT}[artifacts]\n{keys}\n");
    let sandbox = clone(&file("exclude = ['**/private.md', '**/b.md']"));
    sandbox.write("kitty-specs/001-x/research/private.md", "PRIVATEDOC");
    let own = sandbox.path("home/config/sk-sync");
    std::fs::create_dir_all(&own).unwrap();
    let text = format!(
        "preset = 'external-receiver'\nexternal_receiver.url = '{}'\n",
        server.url()
    );
    std::fs::write(own.join("config.toml"), text).unwrap();
    let _agreed = sandbox.sk_sync(["allow", &server.url()]).success();
    let _sent = sandbox.sk_sync(["run"]).success();
    for less in ["exclude = ['**/b.md']", ""] {
        commit(&sandbox, &file(less));
        let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
        assert_eq!(closed_gates(&report), ["repository_not_allowed"], "{less}");
        let gate = report["gates"]
            .as_array()
            .unwrap()
            .iter()
            .find(|gate| gate["open"] == false)
            .unwrap();
        assert!(
            gate["reason"]
                .as_str()
                .unwrap()
                .ends_with("allowed, and these keys are not used: artifacts.exclude"),
            "{gate}"
        );
        assert_eq!(gate["fix"], format!("sk-sync allow {}", server.url()));
    }
    let shown = sandbox.sk_sync(["allow", "--show"]).success().stdout;
    assert!(
        shown.contains("artifacts.exclude is no longer set (was [\"**/private.md\",\"**/b.md\"])"),
        "{shown}"
    );
    commit(
        &sandbox,
        &file("exclude = ['**/b.md', '**/private.md', '**/c.md']"),
    );
    let _sent = sandbox.sk_sync(["run"]).success();
    assert_narrow(&server);
    // Without the file, files that it kept back are still not sent.
    sandbox.write(
        ".kittify/config.yaml",
        "project:\n  uuid: 7e57ab1e-0000-4000-8000-000000000001\n  slug: s\n",
    );
    std::fs::remove_file(sandbox.repo().join("event-sync.toml")).unwrap();
    let _sent = sandbox.sk_sync(["run"]);
    assert_narrow(&server);
    commit(&sandbox, &file(""));
    let _agreed = sandbox.sk_sync(["allow", &server.url()]).success();
    let _sent = sandbox.sk_sync(["run"]).success();
    assert!(sent(&server).contains("PRIVATEDOC"));
}

/// A waiting URL of a clone is not used: it disagrees with no URL that the user named.
#[test]
fn a_waiting_address_does_not_disagree() {
    let server = Server::honest();
    let mut sandbox = clone(&format!(
        "preset = 'external-receiver'\n{PROJECT}[external_receiver]\nevents_url = 'https://theirs.example/x'\n"
    ));
    sandbox.set("SK_SYNC_TARGET_URL", &server.url());
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(
        closed_gates(&report),
        ["repository_not_allowed"],
        "{report}"
    );
    assert_eq!(
        report["target"]["canonical_url"],
        json!(server.url()),
        "{report}"
    );
    sandbox.set("SK_SYNC_PRESET", "external-receiver");
    assert_eq!(
        closed_gates(&sandbox.sk_sync(["run", "--json"]).code(4).json()),
        ["repository_not_allowed"]
    );
    assert_eq!(server.connections(), 0);
}

/// An endless id is invalid, wherever it comes from: waiting rows are not blocked by it.
#[test]
fn an_endless_id_holds_up_nothing() {
    let sandbox = clone(PROJECT);
    let line = format!(
        "{{\"event_id\":\"{}\",\"event_type\":\"A\",\"payload\":{{}}}}\n",
        "x".repeat(300_000)
    );
    let run = sandbox.sk_sync_with(["capture", "--json"], &line);
    assert!(
        run.stdout.contains("has more than 255 characters") && run.stdout.len() < 4096,
        "{}",
        run.stdout
    );
    let report = sandbox
        .sk_sync(["run", "--preset", "stub", "--json"])
        .success()
        .json();
    assert_eq!(
        report["balance"]["delivered"], report["balance"]["captured"],
        "{report}"
    );
}

/// Documents captured with consent to a wide file are left to send to a later target; the consent
/// dialog for it lists them.
#[test]
fn what_waits_beside_the_list_is_named_before_it_is_released() {
    let server = Server::honest();
    let sandbox = clone(&format!("{PROJECT}{WIDE}"));
    sandbox.agree();
    let _captured = sandbox.sk_sync(["index"]).success();
    commit(&sandbox, &external(&server));
    let shown = sandbox.sk_sync(["allow", "--show"]).success().stdout;
    for line in [
        "Captured  2 documents before, not in this list and released with it:",
        "          001-x/deploy.env (13 B)\n",
        "          001-x/key.pem (10 B)\n",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let document = sandbox
        .sk_sync(["allow", &server.url(), "--from-now", "--json"])
        .success()
        .json();
    assert_eq!(
        document["captured_before"].as_array().unwrap().len(),
        2,
        "{document}"
    );
    sandbox.write("kitty-specs/001-x/spec.md", "the spec, again\n");
    let _sent = sandbox.sk_sync(["run"]).success();
    assert!(sent(&server).contains("the spec, again"));
    assert_narrow(&server);
}
