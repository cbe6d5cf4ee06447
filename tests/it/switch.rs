//! The switch `SK_SYNC`: off, sk-sync says so and does nothing.

use crate::support::Sandbox;

#[test]
fn switched_off_it_says_and_does_nothing() {
    let mut sandbox = Sandbox::with_repo();
    for off in ["0", "false", "off", "no", "FALSE", "Off"] {
        sandbox.change("SK_SYNC", off);
        for (words, code) in [
            (&["run", "--json"][..], 0),
            (&["--nonsense"], 0),
            (&["--help"], 0),
            (&["init"], 0),
            (&["capture", "--json"], 4),
        ] {
            let run = sandbox.sk_sync(words).code(code);
            assert_eq!(
                (run.stdout.as_str(), run.stderr.as_str()),
                ("", ""),
                "{off}: {words:?}"
            );
        }
    }
    for dir in ["state", "home", "kitty"] {
        assert_eq!(
            std::fs::read_dir(sandbox.path(dir)).unwrap().count(),
            0,
            "{dir}"
        );
    }
    assert_eq!(sandbox.git(&["status", "--porcelain", "--ignored"]), "");
}

#[test]
fn a_switch_that_says_neither_on_nor_off_is_told() {
    let mut sandbox = Sandbox::with_repo();
    for (value, is_told) in [("disabled", true), ("on", false), ("1", false)] {
        sandbox.change("SK_SYNC", value);
        let said = sandbox.sk_sync(["run"]).success().stdout;
        assert_eq!(
            said.contains("SK_SYNC=disabled is neither on nor off"),
            is_told,
            "{said}"
        );
    }
}
