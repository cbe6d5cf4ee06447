//! Secrets in URLs: a query may hold a key. It is sent, and shown and stored nowhere.

use serde_json::json;

use crate::support::Sandbox;
use crate::support::server::Server;

const SECRET: &str = "s3cr3tvalue";

/// Runs every command that shows a target, and returns every output or file that contains the
/// secret.
fn leaks(sandbox: &Sandbox) -> Vec<String> {
    let (log, page) = (sandbox.path("log"), sandbox.path("page.html"));
    let mut found = Vec::new();
    for command in [
        &["run", "-v", "--log-file", log.to_str().unwrap()][..],
        &["run", "--json"],
        &["status"],
        &["status", "--json"],
        &["status", "--html", page.to_str().unwrap()],
        &["preflight", "--json"],
        &["target", "show"],
        &["target", "show", "--json"],
        &["target", "list", "--json"],
        &["config", "show", "--origin"],
        &["config", "show", "--json"],
        &["gc"],
        &["events", "list", "--jsonl"],
        &["run", "--target-url", "https://other.example"],
    ] {
        let run = sandbox.sk_sync(command);
        if format!("{}{}", run.stdout, run.stderr).contains(SECRET) {
            found.push(format!("{command:?}: {}{}", run.stdout, run.stderr));
        }
    }
    for (file, size) in sandbox.listing() {
        let bytes = if size == 0 || file.starts_with(sandbox.repo()) {
            Vec::new()
        } else {
            std::fs::read(&file).unwrap()
        };
        let is_configuration = file
            .extension()
            .is_some_and(|extension| extension == "toml");
        if !is_configuration
            && bytes
                .windows(SECRET.len())
                .any(|window| window == SECRET.as_bytes())
        {
            found.push(file.display().to_string());
        }
    }
    found
}

#[test]
fn a_key_in_a_query_is_sent_and_shown_nowhere() {
    let server = Server::honest();
    let mut sandbox = Sandbox::with_repo();
    sandbox.set("SK_SYNC_PRESET", "external-receiver");
    for (name, path) in [("EVENTS_URL", "in"), ("BODIES_URL", "put")] {
        sandbox.set(
            &format!("SK_SYNC_EXTERNAL_RECEIVER__{name}"),
            &format!("{}/{path}?code={SECRET}", server.url()),
        );
    }
    assert_eq!(leaks(&sandbox), Vec::<String>::new());
    let paths: Vec<_> = server
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    let has = |path: &str| {
        paths
            .iter()
            .any(|sent| *sent == format!("/{path}?code={SECRET}"))
    };
    assert!(has("in") && has("put"), "{paths:?}");
    let shown = sandbox.sk_sync(["target", "show"]).success().stdout;
    assert!(
        shown.contains("/in?***"),
        "a person sees that there is a query: {shown}"
    );
}

/// A key in a variable is not part of the target: with a new key it is the same target.
#[test]
fn a_query_comes_by_reference_and_a_new_key_is_the_same_target() {
    let server = Server::honest();
    let mut sandbox = Sandbox::with_repo();
    let url = server.url();
    sandbox.own(format!(
        "preset = 'external-receiver'\n[external_receiver]\nevents_url = '{url}/in?v=1'\nbodies_url = '{url}/put'\n\
         events_query = {{ env = 'SK_SYNC_SECRET_KEY' }}\nbodies_query = {{ env = 'SK_SYNC_SECRET_KEY' }}\n"
    ));
    let preflight = sandbox.sk_sync(["preflight"]).code(4).stdout;
    assert!(
        preflight.contains("missing_url_secret: SK_SYNC_SECRET_KEY is not set"),
        "{preflight}"
    );
    let _blocked = sandbox.sk_sync(["run"]).code(4);
    assert_eq!(server.connections(), 0);
    sandbox.set("SK_SYNC_SECRET_KEY", &format!("?code={SECRET}"));
    assert_eq!(leaks(&sandbox), Vec::<String>::new());
    let sent: Vec<_> = server
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert!(
        sent.contains(&format!("/in?v=1&code={SECRET}"))
            && sent.contains(&format!("/put?code={SECRET}")),
        "{sent:?}"
    );
    sandbox.change("SK_SYNC_SECRET_KEY", "code=another");
    let report = sandbox.sk_sync(["run", "--json"]).success().json();
    assert_eq!(
        (
            &report["drain"]["selected"],
            &report["balance"]["delivered"]
        ),
        (&json!(0), &json!(23)),
        "{report}"
    );
}

/// Nothing would be sent with the query of a base URL, so it is refused, not dropped.
#[test]
fn a_base_url_with_a_query_is_refused() {
    let server = Server::honest();
    let url = format!("{}/?key={SECRET}", server.url());
    let sandbox = Sandbox::with_repo();
    let refused = |sandbox: &Sandbox, args: &[&str]| {
        let run = sandbox.sk_sync(args).code(2);
        assert!(
            run.stderr.contains("query") && run.stderr.contains("events_url"),
            "{run:?}"
        );
        assert!(!run.stderr.contains(SECRET), "{run:?}");
    };
    refused(
        &sandbox,
        &["run", "--preset", "external-receiver", "--target-url", &url],
    );
    for name in [
        "SK_SYNC_TARGET_URL",
        "SPEC_KITTY_SAAS_URL",
        "SK_SYNC_EXTERNAL_RECEIVER__URL",
    ] {
        let mut sandbox = Sandbox::with_repo();
        sandbox.set(name, &url);
        refused(&sandbox, &["run", "--preset", "external-receiver"]);
    }
    refused(
        &sandbox,
        &[
            "target",
            "set",
            "--receiver",
            "external-receiver",
            "--url",
            &url,
        ],
    );
    assert_eq!(server.connections(), 0);
}
