//! Networks behind a proxy: it is used if the user names one, and its password is never shown.

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::proxy::Proxy;
use crate::support::server::Server;
use crate::support::tls::{Front, fixture};

/// A name that this machine cannot resolve: reachable only through a proxy.
const SERVER: &str = "https://elsewhere.example";

fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::with_repo();
    sandbox.target(SERVER);
    sandbox.set("SSL_CERT_FILE", fixture("authority.pem").to_str().unwrap());
    sandbox
}

fn run(sandbox: &Sandbox) -> Value {
    sandbox
        .sk_sync(["run", "--allow-origin", SERVER, "--json"])
        .json()
}

#[test]
fn everything_goes_through_the_proxy_that_is_named() {
    let server = Server::honest();
    let front = Front::of(&server, "elsewhere");
    for (name, password, authority) in [
        ("SK_SYNC_PROXY", None, ""),
        ("https_proxy", None, ""),
        ("HTTPS_PROXY", Some("me:s3cr:t"), "me:s3cr%3At@"),
        ("HTTP_PROXY", None, ""),
        ("user file", Some("me:s3cr:t"), "me:s3cr%3At@"),
    ] {
        let proxy = Proxy::to(&front.url("127.0.0.1"), password);
        let mut sandbox = sandbox();
        let url = format!("http://{authority}{}", proxy.authority());
        if name == "user file" {
            let file = sandbox.path("user.toml");
            std::fs::write(&file, format!("[network]\nproxy = '{url}'\n")).unwrap();
            sandbox.set("SK_SYNC_CONFIG", file.to_str().unwrap());
        } else {
            sandbox.set(name, &url);
        }
        let report = run(&sandbox);
        assert_eq!(
            (&report["exit_code"], &report["balance"]["delivered"]),
            (&json!(0), &json!(23)),
            "{name}: {report}"
        );
        let asked = proxy.asked();
        assert!(
            !asked.is_empty()
                && asked
                    .iter()
                    .all(|line| line == "CONNECT elsewhere.example:443 HTTP/1.1"),
            "{asked:?}"
        );
        let source = if name == "user file" {
            "network.proxy"
        } else {
            name
        };
        let shown = format!("http://{} ({source})", proxy.authority());
        for command in [
            &["preflight"][..],
            &["target", "show"],
            &["config", "show"],
            &["status"],
            &["run", "-v"],
        ] {
            let said = sandbox.sk_sync(command);
            let text = format!("{}{}", said.stdout, said.stderr);
            assert!(!text.contains("s3cr"), "{command:?}: {text}");
            assert!(
                !["preflight", "target"].contains(&command[0]) || text.contains(&shown),
                "{command:?}: {text}"
            );
        }
        let document = sandbox.sk_sync(["preflight", "--json"]).json();
        let route = json!({"proxy": format!("http://{}", proxy.authority()), "source": source, "unused": null});
        assert_eq!(document["network"], route);
        assert_eq!(
            sandbox
                .sk_sync(["target", "show", "--json"])
                .success()
                .json()["network"],
            route
        );
    }
}

#[test]
fn a_proxy_that_refuses_is_named_and_nothing_is_lost() {
    let server = Server::honest();
    let front = Front::of(&server, "elsewhere");
    let strict = Proxy::to(&front.url("127.0.0.1"), Some("me:right"));
    let (open, wrong) = (
        format!("http://{}", strict.authority()),
        format!("http://me:wr0ng@{}", strict.authority()),
    );
    for (url, said) in [
        (open.as_str(), "it wants a user name and a password"),
        (&wrong, "does not accept the user name and password"),
        ("http://127.0.0.1:9", "through the proxy"),
        ("http://proxy.invalid:3128", "through the proxy"),
    ] {
        let mut sandbox = sandbox();
        sandbox.set("HTTPS_PROXY", url);
        let report = run(&sandbox);
        let halted = report["drain"]["halted"].as_str().unwrap();
        assert!(
            halted.contains(said) && !halted.contains("wr0ng"),
            "{url}: {halted}"
        );
        assert_eq!(
            (&report["exit_code"], &report["balance"]["untried"]),
            (&json!(3), &json!(23)),
            "{url}: {report}"
        );
    }
    assert_eq!(front.connections(), 0);
}

#[test]
fn a_server_on_this_machine_or_in_no_proxy_is_reached_directly() {
    let server = Server::honest();
    let proxy = Proxy::to(&server.url(), None);
    let mut near = Sandbox::with_repo();
    near.target(&server.url());
    near.set("HTTPS_PROXY", &format!("http://{}", proxy.authority()));
    near.set("HTTP_PROXY", &format!("http://{}", proxy.authority()));
    near.set("SK_SYNC_PROXY", &format!("http://{}", proxy.authority()));
    assert_eq!(
        near.sk_sync(["run", "--json"]).success().json()["balance"]["delivered"],
        23
    );
    assert!(
        near.sk_sync(["preflight"])
            .success()
            .stdout
            .contains("is on this machine")
    );
    let mut excepted = sandbox();
    excepted.set("HTTPS_PROXY", &format!("http://{}", proxy.authority()));
    excepted.set("no_proxy", "localhost,.example");
    let report = run(&excepted);
    assert!(
        report["drain"]["halted"]
            .as_str()
            .unwrap()
            .contains("no such host: elsewhere.example"),
        "{report}"
    );
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

/// The proxy is set by the user only.
#[test]
fn a_repositorys_file_names_no_proxy() {
    let sandbox = sandbox();
    sandbox.write(
        "event-sync.toml",
        "[network]\nproxy = 'http://me:topsecret@127.0.0.1:1'\n",
    );
    let refused = sandbox.sk_sync(["run"]).code(2).stderr;
    assert!(
        refused.contains("network.proxy") && refused.contains("only your user file"),
        "{refused}"
    );
    assert!(!refused.contains("topsecret"), "{refused}");
    std::fs::remove_file(sandbox.repo().join("event-sync.toml")).unwrap();
    let mut sandbox = sandbox;
    sandbox.set("SK_SYNC_PROXY", "socks5://me:topsecret@127.0.0.1:1");
    let preflight = sandbox.sk_sync(["preflight"]).code(4).stdout;
    assert!(
        preflight.contains("unusable_proxy: SK_SYNC_PROXY is not an http:// or https:// proxy"),
        "{preflight}"
    );
    assert!(!preflight.contains("topsecret"), "{preflight}");
}
