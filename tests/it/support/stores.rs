//! The stores in a state directory, and the proof that each is whole.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Every directory of a project in a repository.
pub(crate) fn places(state: &Path) -> Vec<PathBuf> {
    let list = |dir: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).into_iter().flatten();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    };
    list(&state.join("projects"))
        .iter()
        .flat_map(|project| list(project))
        .collect()
}

/// Verifies the store of a project, whatever the test did to the repository and the environment.
pub(crate) fn prove(project_uuid: &str, store: &Path) {
    let stand = tempfile::tempdir().unwrap();
    // A copy in a repository identified by a name: the original repository may no longer be usable.
    let state = stand.path().join("state");
    let name = "name-d80f1eda4dd316ab8c2b4b836eb3da19";
    let copied = state.join("projects").join(project_uuid).join(name);
    std::fs::create_dir_all(&copied).unwrap();
    for file in ["store.db", "store.db-wal"].map(|file| store.with_file_name(file)) {
        if file.is_file() {
            std::fs::copy(&file, copied.join(file.file_name().unwrap())).unwrap();
        }
    }
    std::fs::create_dir(stand.path().join(".kittify")).unwrap();
    let identity = format!("project:\n  uuid: {project_uuid}\n");
    std::fs::write(stand.path().join(".kittify/config.yaml"), identity).unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sk-sync"));
    command
        .args(["verify", "--json"])
        .env_clear()
        .current_dir(stand.path());
    let output = command
        .env("SK_SYNC_HOME", state)
        .env("SK_SYNC_REPOSITORY", "proof")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "the store of {project_uuid} is not whole: {told}"
    );
}
