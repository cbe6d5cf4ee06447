//! An empty status, for tests to change.

use super::document::{Document, Facts};
use super::status::{Surroundings, status};
use crate::base::{Env, Timestamp};
use crate::config::{Inputs, load};
use crate::endpoint::{Choice, Gate, Resolved, resolve};

/// The time of every status made here: 2026-02-12T10:00:00Z.
pub(super) const NOW: Timestamp = Timestamp::from_micros(1_770_890_400_000_000);

/// The resolved target for a user's file.
pub(super) fn resolved(text: &str) -> Resolved {
    let (env, dir) = (Env::of(&[]), tempfile::tempdir().unwrap());
    let file = dir.path().join("config.toml");
    std::fs::write(&file, text).unwrap();
    let inputs = Inputs {
        env: &env,
        user_file: Some(&file),
        repo_file: None,
        is_explicit: false,
        project_file: None,
        flags: &[],
        pins: crate::config::Pins::Any,
    };
    resolve(&load(&inputs).unwrap(), &env, &Choice::default()).unwrap()
}

/// A failed check.
pub(crate) fn shut(name: &'static str) -> Gate {
    let (reason, fix) = (format!("{name} is why"), format!("open {name}"));
    Gate {
        name,
        is_open: false,
        is_known: true,
        reason,
        fix,
        since: None,
    }
}

/// The status of a project that has a Teamspace and no store, with the fields of an existing store.
pub(crate) fn nothing() -> Document {
    let dir = tempfile::tempdir().unwrap();
    let resolved = resolved(
        "preset = 'teamspace'\nteamspace = { server_url = 'https://sync.example.org', team_slug = 'core' }",
    );
    let around = Surroundings {
        store: &dir.path().join("store.db"),
        facts: Facts {
            project_uuid: Some("u".to_owned()),
            project_slug: Some("acme".to_owned()),
            repo: "/src/acme".to_owned(),
            store: "/state/projects/u/store.db".to_owned(),
            store_exists: true,
        },
        resolved: &resolved,
        gates: Vec::new(),
        state: dir.path(),
        legacy_home: None,
        unassigned: &dir.path().join("unassigned.db"),
        root: dir.path(),
        warn_rows: 10,
        warnings: Vec::new(),
    };
    let mut document = status(around, NOW).unwrap();
    document.active_queue.path = "/state/projects/u/store.db".to_owned();
    document
}
