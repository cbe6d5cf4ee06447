//! Installing a release: only the file that its checksum names.

use std::path::PathBuf;
use std::process::Command;

use super::{has, runner, step};
use crate::support::programs::prefer;
use crate::support::rights::mode;

/// The archive of a release, with its checksum, from a place that looks like the server.
#[test]
#[expect(clippy::too_many_lines, reason = "one act after another")]
fn a_release_is_installed_only_with_its_checksum() {
    let Some(mut sandbox) = runner() else { return };
    if !has("curl") || !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return;
    }
    let version = env!("CARGO_PKG_VERSION");
    let downloads = sandbox.path(&format!("server/o/r/releases/download/v{version}"));
    let program = assert_cmd::cargo::cargo_bin!("sk-sync");
    let packed = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/archive.sh"))
        .arg(program)
        .args(["x86_64-unknown-linux-musl"])
        .arg(&downloads)
        .output()
        .unwrap();
    assert!(packed.status.success(), "{packed:?}");
    sandbox.change(
        "GITHUB_SERVER_URL",
        &format!("file://{}", sandbox.path("server").display()),
    );
    let archive = downloads.join(format!(
        "sk-sync-{version}-x86_64-unknown-linux-musl.tar.gz"
    ));
    let sum = Command::new("sha256sum")
        .arg(&archive)
        .output()
        .unwrap()
        .stdout;
    let sum = String::from_utf8(sum)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    // By a commit and no other input: the release is the one that its Cargo.toml names.
    let inputs = [("ACTION_REPOSITORY", "o/r"), ("INPUT_CHECKSUM", &*sum)];
    let done = step(&sandbox, "install.sh", &inputs);
    assert_eq!(done.code, Some(0), "{}", done.log);
    assert!(
        done.log.contains(&format!("sk-sync {version}")),
        "{}",
        done.log
    );
    let bin = std::fs::read_to_string(sandbox.path("GITHUB_PATH")).unwrap();
    for file in [
        "sk-sync",
        "man/sk-sync-hook-install.1",
        "completions/_sk-sync",
        "hooks/post-commit",
        "LICENSE",
    ] {
        assert!(PathBuf::from(bin.trim()).join(file).is_file(), "{file}");
    }

    // Without a pinned checksum the attestation counts: verified before anything is unpacked, or
    // nothing is run.
    let tools = sandbox.path("tools");
    std::fs::create_dir(&tools).unwrap();
    let gh = |script: &str| {
        std::fs::write(
            tools.join("gh"),
            format!(
                "#!/bin/sh\necho \"$@\" >>'{}'\n{script}\n",
                tools.join("asked").display()
            ),
        )
        .unwrap();
        mode(tools.join("gh"), 0o755);
    };
    prefer(
        &mut sandbox,
        &[&tools.join("gh"), assert_cmd::cargo::cargo_bin!("sk-sync")],
    );
    let attested = [("ACTION_REPOSITORY", "o/r")];
    gh("exit 0");
    assert_eq!(step(&sandbox, "install.sh", &attested).code, Some(0));
    let asked = std::fs::read_to_string(tools.join("asked")).unwrap();
    let signer = format!("/o/r/.github/workflows/release.yml@refs/tags/v{version}");
    assert!(
        asked.contains("attestation verify") && asked.contains("--cert-identity file://"),
        "{asked}"
    );
    assert!(asked.trim_end().ends_with(&signer), "{asked}");
    gh("exit 1");
    let forged = step(&sandbox, "install.sh", &attested);
    assert!(
        forged.code == Some(1) && forged.log.contains("no valid attestation of o/r"),
        "{}",
        forged.log
    );
    let other = step(
        &sandbox,
        "install.sh",
        &[
            ("ACTION_REPOSITORY", "o/r"),
            ("INPUT_CHECKSUM", &"0".repeat(64)),
        ],
    );
    assert!(
        other.code == Some(1) && other.log.contains("not the one in the input checksum"),
        "{}",
        other.log
    );

    std::fs::write(
        &archive,
        [std::fs::read(&archive).unwrap(), vec![0]].concat(),
    )
    .unwrap();
    let spoilt = step(&sandbox, "install.sh", &inputs);
    assert_eq!(spoilt.code, Some(1));
    assert!(
        spoilt.log.contains("::error title=sk-sync::") && spoilt.log.contains("checksum"),
        "{}",
        spoilt.log
    );
    let unnamed = step(
        &sandbox,
        "install.sh",
        &[
            ("ACTION_REPOSITORY", "o/r"),
            ("INPUT_VERSION", "main;touch pwned"),
        ],
    );
    assert!(
        unnamed.code == Some(1) && unnamed.log.contains("must be like 1.2.3"),
        "{}",
        unnamed.log
    );
}
