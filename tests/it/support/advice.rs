//! The program's advice, run like a user would: with the user's values filled in.

use std::process::{Command, Output};

use super::Sandbox;

/// A printed line with the file of a token, the address of a server and a team in place of `PATH`,
/// `URL` and `TEAM`.
pub(crate) fn filled(fix: &str, token: &str, url: &str) -> String {
    let places = [
        ("--token-file ", "PATH", token),
        ("_FILE=", "PATH", token),
        ("--url ", "URL", url),
    ];
    let places = places
        .into_iter()
        .chain([("--team ", "TEAM", "harbour"), ("=", "…", "own")]);
    places.fold(fix.to_owned(), |line, (kept, place, own)| {
        line.replace(&format!("{kept}{place}"), &format!("{kept}{own}"))
    })
}

/// Lines run by one `sh` in the repository, with the built program in its `PATH`.
pub(crate) fn shell(sandbox: &Sandbox, script: &str) -> Output {
    let program = sandbox.command([""; 0]);
    let mut path = std::path::Path::new(program.get_program())
        .parent()
        .unwrap()
        .as_os_str()
        .to_owned();
    path.push(":/usr/bin:/bin");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .env_clear()
        .current_dir(sandbox.repo());
    shell
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PATH", path);
    shell.output().unwrap()
}
