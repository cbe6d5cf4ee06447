//! What a build knows of itself and a program cannot find out later: `sk-sync --version --json`
//! prints it.

use std::process::Command;

fn main() {
    let said = Command::new(variable("RUSTC")).arg("--version").output();
    let rustc = said
        .ok()
        .and_then(|out| String::from_utf8(out.stdout).ok())
        .unwrap_or_default();
    println!("cargo::rustc-env=SK_SYNC_RUSTC={}", rustc.trim());
    println!("cargo::rustc-env=SK_SYNC_TARGET={}", variable("TARGET"));
    println!("cargo::rustc-env=SK_SYNC_PROFILE={}", variable("PROFILE"));
    // Given by who builds a release; a build does not look around in the repository it happens to
    // lie in.
    println!(
        "cargo::rustc-env=SK_SYNC_COMMIT={}",
        variable("SK_SYNC_BUILD_COMMIT")
    );
    println!("cargo::rerun-if-env-changed=SK_SYNC_BUILD_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a build script is told by its environment"
)]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
