//! Running the program with fewer rights or less space than the tests have, where the machine
//! allows that.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use super::{Run, Sandbox};

/// Sets the mode of a file or directory.
pub(crate) fn mode(path: impl AsRef<Path>, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The mode of a file or directory.
pub(crate) fn mode_of(path: impl AsRef<Path>) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// How a command ended.
pub(crate) fn ended(output: Output) -> Run {
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Gives a command the sandbox's environment and directory.
fn surround(command: &mut Command, sandbox: &Sandbox) {
    let known = sandbox.command([""; 0]);
    command.env_clear().envs(
        known
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command.current_dir(sandbox.repo());
}

/// Runs the program as a user without privileges, who owns the sandbox meanwhile: then file modes
/// apply. `None`, with a notice, if that is not possible.
pub(crate) fn as_nobody(sandbox: &Sandbox, args: &[&str]) -> Option<Run> {
    let _program = program_for_all(sandbox);
    let give = |owner: &str| {
        Command::new("chown")
            .args(["-R", "-h", owner])
            .arg(sandbox.path(""))
            .status()
    };
    if !give("65534:65534").is_ok_and(|done| done.success()) {
        return skipped("cannot give files to another user here");
    }
    let run = as_stranger(sandbox, args);
    assert!(give("0:0").unwrap().success());
    run
}

/// A copy of the program that every user can run: the built one may be in a private directory.
fn program_for_all(sandbox: &Sandbox) -> std::path::PathBuf {
    let program = sandbox.path("sk-sync");
    if !program.exists() {
        std::fs::copy(assert_cmd::cargo::cargo_bin!("sk-sync"), &program).unwrap();
        mode(&program, 0o755);
    }
    mode(sandbox.path(""), 0o755);
    program
}

/// Runs the program as a user who owns nothing here. `None`, with a notice, if that is not
/// possible.
pub(crate) fn as_stranger(sandbox: &Sandbox, args: &[&str]) -> Option<Run> {
    let program = program_for_all(sandbox);
    let mut command = Command::new("setpriv");
    surround(&mut command, sandbox);
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(program)
        .args(args);
    match command.output().map(ended) {
        Ok(run) if !run.stderr.contains("setpriv:") => Some(run),
        other => skipped(&format!("cannot run as another user here: {other:?}")),
    }
}

/// Runs a shell script, with the program as `$SK`, in which file systems can be mounted. `None`,
/// with a notice, if that is not possible.
pub(crate) fn with_mounts(sandbox: &Sandbox, script: &str) -> Option<Run> {
    let mut command = Command::new("unshare");
    surround(&mut command, sandbox);
    command
        .args(["-m", "sh", "-c", script])
        .env("SK", assert_cmd::cargo::cargo_bin!("sk-sync"));
    match command.output().map(ended) {
        Ok(run) if !run.stderr.contains("unshare:") && !run.stderr.contains("mount:") => Some(run),
        other => skipped(&format!("cannot mount here: {other:?}")),
    }
}

#[expect(clippy::print_stderr, reason = "a skipped case must be loud")]
fn skipped<T>(why: &str) -> Option<T> {
    eprintln!("SKIPPED: {why}");
    None
}
