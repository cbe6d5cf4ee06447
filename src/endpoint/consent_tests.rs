//! Origins that may be reached, and secrets that may go there.

use super::*;
use crate::base::Sha256;
use crate::http::OriginGrant as _;

fn grant(origin: &str, pin: Option<&Sha256>) -> Grant {
    Grant {
        origin: origin.to_owned(),
        config_sha256: pin.map(Sha256::to_string),
        config_keys: BTreeMap::new(),
        narrowing: BTreeMap::new(),
        secrets: vec!["bearer token".to_owned()],
        granted_at: String::new(),
    }
}

#[test]
fn only_loopback_that_a_person_named_is_permitted_unasked() {
    for (url, origin) in [
        ("http://127.0.0.1:8080/api/", Some("http://127.0.0.1:8080")),
        ("https://localhost/x", Some("https://localhost")),
        ("http://[::1]:9", Some("http://[::1]:9")),
        ("https://example.com/x", None),
        ("https://127.0.0.1.example.com", None),
        ("stub://local", None),
        ("nonsense", None),
    ] {
        let by = |origin| {
            [Named {
                key: "",
                url: url.to_owned(),
                origin,
            }]
        };
        let consent = Consent::default().with_named(&by(Origin::Flag("--target-url")));
        let permit = consent.permit(url);
        assert_eq!(permit.as_ref().ok().map(Permit::origin), origin, "{url}");
        assert!(permit.is_err() || permit.unwrap().is_loopback(), "{url}");
        let consent = Consent::default().with_named(&by(Origin::RepositoryFile("r.toml".into())));
        assert!(
            consent.permit(url).is_err() && Consent::default().permit(url).is_err(),
            "{url}"
        );
    }
}

#[test]
fn an_agreement_opens_its_own_origin_and_no_other() {
    let consent = Consent {
        grants: vec![grant("https://h.example", None)],
        ..Consent::default()
    };
    for (url, is_open) in [
        ("https://h.example/api", true),
        ("https://H.EXAMPLE:443/api", true),
        ("https://h.example:8443/api", false),
        ("https://h.example.org/", false),
        ("https://sub.h.example/", false),
    ] {
        let permit = consent.permit(url);
        assert_eq!(permit.is_ok(), is_open, "{url}");
        assert!(
            permit.is_err() || !permit.unwrap().is_loopback(),
            "a name is not taken for loopback"
        );
    }
    let once = Consent {
        allowed: vec!["https://h.example".to_owned()],
        ..Consent::default()
    };
    assert!(
        once.permit("https://h.example/api").is_ok() && once.permit("https://o.example").is_err()
    );
}

#[test]
fn an_agreement_holds_for_the_file_it_was_given_for() {
    let file = |text: &str| RepositoryFile {
        path: "/r/event-sync.toml".into(),
        sha256: Sha256::of(text.as_bytes()),
        asks: Vec::new(),
        narrows: BTreeMap::new(),
    };
    let (seen, other) = (file("a"), file("b"));
    for (granted, now, expected) in [
        (None, None, Ok(())),
        (Some(&seen), Some(&seen), Ok(())),
        // A file that decides nothing any more takes nothing away.
        (Some(&seen), None, Ok(())),
        (Some(&seen), Some(&other), Err(Refusal::Changed(&other))),
        // Agreed while no file of the repository decided anything.
        (None, Some(&other), Err(Refusal::Changed(&other))),
    ] {
        let grants = vec![grant("https://h.example", granted.map(|f| &f.sha256))];
        let consent = Consent {
            grants,
            pin: now.cloned(),
            ..Consent::default()
        };
        assert_eq!(consent.permit("https://h.example/x").map(|_| ()), expected);
    }
}

#[test]
fn the_last_agreement_says_what_it_found() {
    let values = |value: &str| BTreeMap::from([("key".to_owned(), Value::from(value))]);
    let (hour, pin) = (["06:00", "07:00", "08:00"], Sha256::of(b"a"));
    let given = |n: usize, pin| Grant {
        granted_at: format!("2026-11-21T{}:00Z", hour[n]),
        config_keys: values(hour[n]),
        narrowing: values(hour[n]),
        ..grant("https://h.example", pin)
    };
    let consent = Consent {
        grants: vec![given(1, Some(&pin)), given(2, None), given(0, Some(&pin))],
        ..Consent::default()
    };
    assert_eq!(
        consent.last_keys(),
        Some(&values("07:00")),
        "bound to the file"
    );
    assert_eq!(consent.last_narrowing(), Some(&values("08:00")));
    let nothing = Consent::default();
    assert_eq!(
        (nothing.last_keys(), nothing.last_narrowing()),
        (None, None)
    );
}

#[test]
fn a_secret_goes_where_a_person_said() {
    let consent = Consent {
        grants: vec![grant("https://h.example", None)],
        ..Consent::default()
    };
    let own = [Named {
        key: "",
        url: "https://own.example/b".to_owned(),
        origin: Origin::Flag("--target-url"),
    }];
    let consent = Consent {
        allowed: vec!["https://ci.example".to_owned()],
        ..consent
    }
    .with_named(&own);
    let key = Secret::Variable("SK_SYNC_SECRET_A".to_owned());
    for (origin, token, variable) in [
        ("https://h.example", "allowed with the secret since ", ""),
        (
            "https://own.example",
            "named by --target-url",
            "named by --target-url",
        ),
        (
            "https://ci.example",
            "allowed by --allow-origin",
            "allowed by --allow-origin",
        ),
        ("https://o.example", "", ""),
    ] {
        let cover = |secret| {
            consent
                .cover(origin, secret)
                .map(|cover| cover.to_string())
                .unwrap_or_default()
        };
        assert_eq!(
            (cover(&Secret::Token), cover(&key)),
            (token.to_owned(), variable.to_owned()),
            "{origin}"
        );
    }
}

#[test]
fn an_origin_is_no_address() {
    assert_eq!(read_origin(" HTTPS://H:443/ ", "x").unwrap(), "https://h");
    for text in [
        "https://h/path",
        "https://h?q",
        "h",
        "http://h.example",
        "https://u:topsecret@h",
    ] {
        let error = read_origin(text, "--allow-origin").unwrap_err().to_string();
        assert!(
            error.starts_with("--allow-origin") && !error.contains("topsecret"),
            "{error}"
        );
    }
}
