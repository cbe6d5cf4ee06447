//! Reading all sources, and their order of precedence.

use std::path::Path;

use super::keys::KEYS;
use super::load::{Flag, Inputs, Pins, load};
use super::{Compression, Delivery, Error, Loaded, ReceiverKind, Retention};
use crate::base::{Env, Sha256};

/// Loads from the text of files and from variables and flags.
fn load_text(
    user: &str,
    repo: &str,
    project: &str,
    env: &[(&str, &str)],
    flags: &[Flag<'_>],
) -> Result<Loaded, Error> {
    let temp = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = temp.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (user, repo, project) = (
        write("u.toml", user),
        write("r.toml", repo),
        write("p.toml", project),
    );
    let env = Env::of(env);
    load(&Inputs {
        env: &env,
        user_file: Some(&user),
        repo_file: Some(&repo),
        is_explicit: false,
        project_file: Some(&project),
        flags,
        pins: Pins::Any,
    })
}

fn repo(text: &str) -> Result<Loaded, Error> {
    load_text("", text, "", &[], &[])
}

#[test]
fn later_layers_win_and_are_named() {
    let key = |n: u32| format!("[drain]\nmax_events = {n}\n");
    let flag = [Flag {
        key: "drain.max_events",
        value: "6",
        name: "--max-events",
    }];
    let env = [("SK_SYNC_DRAIN__MAX_EVENTS", "5")];
    let theirs = |n: u32| format!("hook.drain = 'none'\n{}", key(n));
    for (loaded, n, origin) in [
        (load_text("", "", "", &[], &[]), 1000, "default"),
        (load_text(&key(2), &key(3), "", &[], &[]), 2, "u.toml"),
        (load_text(&key(2), "", "", &[], &[]), 2, "u.toml"),
        (load_text(&key(2), &theirs(3), "", &[], &[]), 3, "r.toml"),
        (
            load_text(&key(2), &theirs(3), &key(4), &[], &[]),
            4,
            "p.toml",
        ),
        (
            load_text(&key(2), &theirs(3), &key(4), &env, &[]),
            5,
            "SK_SYNC_DRAIN__MAX_EVENTS",
        ),
        (
            load_text(&key(2), &theirs(3), &key(4), &env, &flag),
            6,
            "--max-events",
        ),
    ] {
        let loaded = loaded.unwrap();
        assert_eq!(loaded.config.drain.max_events, n);
        assert!(
            loaded
                .values
                .iter()
                .any(|v| v.key == "drain.max_events" && v.origin.to_string().ends_with(origin)),
            "{origin}"
        );
        assert_eq!(
            loaded.config.drain.max_rejections, 5,
            "other keys of the section keep their defaults"
        );
    }
}

#[test]
fn an_axis_overrides_the_presets_of_its_own_and_lower_layers_only() {
    use {Delivery as D, Retention as R};
    let stub = [("SK_SYNC_PRESET", "stub")];
    for (user, repo, env, expected) in [
        ("", "", &[][..], (R::On, D::None)),
        ("", "preset = 'opt_out'", &[], (R::Off, D::None)),
        (
            "",
            "preset = 'teamspace'\nretention = 'off'",
            &[],
            (R::Off, D::To(ReceiverKind::Teamspace)),
        ),
        (
            "preset = 'opt-out'",
            "delivery = 'external_receiver'",
            &[],
            (R::Off, D::To(ReceiverKind::ExternalReceiver)),
        ),
        (
            "retention = 'off'",
            "preset = 'teamspace'",
            &[],
            (R::On, D::To(ReceiverKind::Teamspace)),
        ),
        (
            "",
            "retention = 'off'\ndelivery = 'teamspace'",
            &stub,
            (R::On, D::To(ReceiverKind::Stub)),
        ),
    ] {
        let config = load_text(user, repo, "", env, &[]).unwrap().config;
        assert_eq!(
            (config.retention, config.delivery),
            expected,
            "{user} | {repo}"
        );
    }
}

#[test]
fn addresses_are_kept_apart_and_shown_without_their_password() {
    let env = [("SK_SYNC_TEAMSPACE__SERVER_URL", "https://e")];
    let text = "[teamspace]\nserver_url = ' https://u:topsecret@r '\n";
    let loaded = load_text("[teamspace]\nserver_url = 'https://u'", text, "", &env, &[]).unwrap();
    let found: Vec<_> = loaded
        .urls
        .iter()
        .map(|u| (u.key, u.value.as_str()))
        .collect();
    let key = "teamspace.server_url";
    assert_eq!(
        found,
        [
            (key, "https://u"),
            (key, "https://u:topsecret@r"),
            (key, "https://e")
        ]
    );
    assert!(loaded.urls[1].origin.is_repository());
    let shown = repo(text)
        .unwrap()
        .values
        .into_iter()
        .find(|v| v.key == key)
        .unwrap();
    assert_eq!(shown.value, "https://***@r");
}

#[test]
fn values_list_every_key_in_order_and_no_secret() {
    let text = "[external_receiver]\nheaders = { X-A = { env = 'SK_SYNC_SECRET_A' } }\nsigning_secret = { env = 'SK_SYNC_SECRET_S' }\n[drain]\nmax_time = '5m'";
    let loaded = load_text("", text, "", &[("SK_SYNC_SECRET_A", "topsecret")], &[]).unwrap();
    assert!(
        loaded
            .values
            .iter()
            .map(|v| v.key)
            .eq(KEYS.iter().map(|k| k.name))
    );
    let json = serde_json::to_string(&loaded.values).unwrap();
    for part in [
        r#"{"key":"external_receiver.headers","value":{"X-A":{"env":"SK_SYNC_SECRET_A"}},"origin":"#,
        r#"{"key":"external_receiver.compression","value":"none","origin":"default"}"#,
        r#"{"key":"project.uuid","value":null,"origin":"default"}"#,
        r#"{"key":"delivery","value":"none","origin":"default"}"#,
        r#"{"key":"drain.max_time","value":"5m","origin":"#,
    ] {
        assert!(json.contains(part), "{part} in {json}");
    }
    assert!(!json.contains("topsecret"));
    assert_eq!(
        loaded.repo_file.unwrap().sha256,
        Sha256::of(text.as_bytes())
    );
}

#[test]
fn headers_of_a_higher_layer_replace_those_of_a_lower_one() {
    let text = |name: &str| {
        format!("[external_receiver.headers]\n{name} = {{ env = 'SK_SYNC_SECRET_{name}' }}")
    };
    let config = load_text(&text("A"), &text("B"), "", &[], &[])
        .unwrap()
        .config;
    assert_eq!(
        config
            .external_receiver
            .headers
            .iter()
            .map(|h| h.name.as_str())
            .collect::<Vec<_>>(),
        ["B"]
    );
}

#[test]
fn a_repository_names_only_secrets_made_for_it() {
    let text = "[external_receiver]\nsigning_secret = { env = 'AWS_SECRET' }\nheaders = { A = { env = 'GITHUB_TOKEN' } }";
    let error = repo(text).unwrap_err().to_string();
    assert!(
        error.contains("r.toml:2:1: ") && error.contains("not `AWS_SECRET`"),
        "{error}"
    );
    assert!(
        error.contains("r.toml:3:1: ") && error.contains("not `GITHUB_TOKEN`"),
        "{error}"
    );
    assert!(
        load_text(text, "", "", &[], &[]).is_ok(),
        "a person's own file may"
    );
}

#[test]
fn problems_of_all_sources_are_told_together() {
    let error = load_text(
        "x = 1",
        "preset = 'cloud'",
        "",
        &[("SK_SYNC_BODIES__PARALLEL", "0")],
        &[],
    )
    .unwrap_err();
    let text = error.to_string();
    for part in [
        "u.toml:1:1: unknown key `x`",
        "r.toml:1:1: `preset`",
        "SK_SYNC_BODIES__PARALLEL: `bodies.parallel`",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn cloudevents_are_acknowledged_by_status_only() {
    let text = "[external_receiver]\nformat = 'cloudevents'\n";
    let error = repo(text).unwrap_err().to_string();
    assert!(
        error.contains("r.toml:2:1: ")
            && error.contains("needs `external_receiver.ack` = \"status\""),
        "{error}"
    );
    let settled = |more: &str| {
        repo(&format!("{text}ack = 'status'\n{more}"))
            .unwrap()
            .config
            .external_receiver
            .compression
    };
    assert_eq!(
        (settled(""), settled("compression = 'gzip'")),
        (Compression::None, Compression::Gzip)
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_elsewhere_is_not_read() {
    let temp = tempfile::tempdir().unwrap();
    let (secret, dir) = (temp.path().join("secret"), temp.path().join("clone"));
    std::fs::create_dir_all(dir.join("shared")).unwrap();
    std::fs::write(&secret, "top-secret\n").unwrap();
    for shared in [
        dir.join("shared/common.toml"),
        temp.path().join("event-sync.toml"),
    ] {
        std::fs::write(shared, "preset = 'stub'\n").unwrap();
    }
    let link = dir.join("event-sync.toml");
    let env = Env::of(&[]);
    let through = |target: &str, is_explicit| {
        let _absent = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(target, &link).unwrap();
        let repo_file = Some(link.as_path());
        let (user_file, project_file, flags, pins) = (None, None, &[][..], Pins::Any);
        load(&Inputs {
            env: &env,
            user_file,
            repo_file,
            is_explicit,
            project_file,
            flags,
            pins,
        })
    };
    let error = through("../secret", false).unwrap_err().to_string();
    assert!(
        error.contains("a link to a file elsewhere") && !error.contains("top-secret"),
        "{error}"
    );
    assert!(
        through("../secret", true).is_err(),
        "read where a person names it, and not TOML"
    );
    for target in ["shared/common.toml", "../event-sync.toml"] {
        assert!(
            through(target, false).unwrap().repo_file.is_some(),
            "{target}"
        );
    }
}

#[test]
fn only_a_file_that_was_asked_for_must_exist() {
    let missing = Path::new("/nonexistent/event-sync.toml");
    let env = Env::of(&[]);
    let at = |is_explicit| {
        let some = Some(missing);
        let (user_file, repo_file, project_file, pins) = (some, some, some, Pins::Any);
        load(&Inputs {
            env: &env,
            user_file,
            repo_file,
            is_explicit,
            project_file,
            flags: &[],
            pins,
        })
    };
    assert!(at(false).unwrap().repo_file.is_none());
    let error = at(true).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot read configuration /nonexistent/event-sync.toml: "),
        "{error}"
    );
}
