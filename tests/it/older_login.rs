//! The login of an older Spec Kitty: a URL that is one source among others, and a token that is
//! sent only to its own server.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::support::Sandbox;
use crate::support::gates::closed_gates;
use crate::support::server::Server;

/// A sandbox whose older home knows a server and was logged in at one, with a Teamspace as the
/// preset.
fn after(server_url: &str, login_url: &str) -> Sandbox {
    let sandbox = Sandbox::with_repo();
    sandbox.own("preset = 'teamspace'\n");
    let write = |name: &str, text: String| {
        let path = sandbox.path("kitty").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write(
        "config.toml",
        format!("[sync]\nserver_url = \"{server_url}\"\n"),
    );
    let login = "[tokens]\naccess = \"of-old\"\nrefresh = \"r-of-old\"\n[user]\nusername = \"me@example.org\"\n\
                 team_slug = \"harbour\"\n";
    write(
        "credentials",
        format!("{login}[server]\nurl = \"{login_url}\"\n"),
    );
    sandbox
}

/// Without other settings the older login is enough, and `target show` names the source of each
/// part.
#[test]
fn an_older_login_is_the_last_source() {
    let server = Server::honest();
    let mut sandbox = after(&format!("{}/", server.url()), &server.url());
    let shown = sandbox
        .sk_sync(["target", "show", "--json"])
        .success()
        .json();
    assert_eq!(
        (closed_gates(&shown), &shown["sources"][0]["key"]),
        (vec![], &json!("sync.server_url")),
        "{shown}"
    );
    for place in [
        &shown["sources"][0]["origin"],
        &shown["token_source"],
        &shown["team_source"],
    ] {
        assert!(place.as_str().unwrap().contains("/kitty/c"), "{shown}");
    }
    assert_eq!(shown["target_authority"]["user_id"], "me@example.org");
    assert_eq!(
        shown["target"]["user_email"], "",
        "never learned from a login"
    );
    let words = sandbox.sk_sync(["target", "show"]).success().stdout;
    assert!(
        words.contains("/kitty/config.toml: sync.server_url = http") && words.contains("Token   "),
        "{words}"
    );
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(report["target"]["team_slug"], "harbour");
    assert!(
        server
            .requests()
            .iter()
            .all(|r| r.header("authorization") == Some("Bearer of-old"))
    );

    // Any other source comes first; one that is there and useless is named, and not passed over.
    sandbox.write("kitty-specs/001-harbour-tide-table/spec.md", "# another\n");
    sandbox.set("SK_SYNC_TOKEN_FILE", "/nonexistent/token");
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(closed_gates(&report), ["missing_auth"]);
    assert!(
        report["gates"].to_string().contains("/nonexistent/token"),
        "{report}"
    );
}

/// A token of another server is never sent, its team never used, whatever else is missing.
#[test]
fn d24_a_login_elsewhere_gives_neither_token_nor_team() {
    let (here, there) = (Server::honest(), Server::honest());
    let mut sandbox = after(&here.url(), &there.url());
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(closed_gates(&report), ["missing_auth", "missing_team"]);
    assert!(!report.to_string().contains("of-old"), "{report}");
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    sandbox.set("SK_SYNC_TEAMSPACE__TEAM_SLUG", "other");
    let _sent = sandbox.sk_sync(["run"]).success();
    assert!(there.requests().is_empty());
    assert!(!here.requests().is_empty());
    for request in here.requests() {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer correct-horse")
        );
        assert!(
            !format!("{request:?}").contains("of-old"),
            "a raw look at all that came"
        );
    }
}

/// The older URL is compared with every other, and nothing is sent until they agree.
#[test]
fn d25_an_older_address_that_disagrees_stops_the_run() {
    let (older, own) = (Server::honest(), Server::honest());
    let mut sandbox = after(&older.url(), &older.url());
    sandbox.set("SK_SYNC_TOKEN", "correct-horse");
    let config = format!(
        "preset = 'teamspace'\nteamspace = {{ server_url = '{}', team_slug = 'core' }}\n",
        own.url()
    );
    sandbox.write("event-sync.toml", config);
    let _agreed = sandbox.sk_sync(["allow", &own.url()]).success();
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    assert_eq!(closed_gates(&report), ["target_disagreement"]);
    let reason = report["gates"][1]["reason"].as_str().unwrap();
    assert!(
        reason.contains("/kitty/config.toml says ") && reason.contains("event-sync.toml says "),
        "{reason}"
    );
    assert!(older.requests().is_empty() && own.requests().is_empty());
    let fix: Vec<_> = report["gates"][1]["fix"]
        .as_str()
        .unwrap()
        .split(' ')
        .skip(1)
        .take(3)
        .collect();
    let _sent = sandbox.sk_sync(fix).success();
    assert!(
        own.requests().is_empty() && !older.requests().is_empty(),
        "the person's own file was named"
    );
    // Settings that an older version wrote by default are not the user's choice.
    std::fs::write(
        sandbox.path("kitty/config.toml"),
        "[sync]\nserver_url = 'https://spec-kitty-dev.fly.dev'\n",
    )
    .unwrap();
    let _sent = sandbox.sk_sync(["run"]).success();
    assert!(!own.requests().is_empty());
}

#[test]
fn an_older_login_that_others_can_read_is_refused() {
    let server = Server::honest();
    let sandbox = after(&server.url(), &server.url());
    let path = sandbox.path("kitty/credentials");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let report = sandbox.sk_sync(["run", "--json"]).code(4).json();
    let gate = &report["gates"][3];
    assert_eq!(
        (&gate["open"], gate["fix"].as_str()),
        (
            &json!(false),
            Some(&*format!("chmod 600 {}", path.display()))
        )
    );
    assert!(server.requests().is_empty());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let _sent = sandbox.sk_sync(["drain"]).success();
}
