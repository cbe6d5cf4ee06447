//! Whether the repository's file decides where data goes, with what authority, or how much of it: an agreement is then
//! bound to that file's bytes (design section 3). Pure.

use serde_json::Value;

use crate::config::{EventSyncConfig, Loaded, RepositoryFile, Setting, default_of};

/// Keys that decide where data goes, or which secret goes with it, or when.
const ALWAYS: &[&str] = &["external_receiver.headers", "external_receiver.signing_secret", "hook.drain"];

/// The repository's file, when what it says matters to an agreement.
pub(super) fn pin(loaded: &Loaded) -> Option<RepositoryFile> {
    let file = loaded.repo_file.as_ref()?;
    let names_address = loaded.urls.iter().any(|url| url.origin.is_repository());
    let matters = |s: &Setting| s.origin.is_repository() && matters(s, &loaded.config);
    let decides = names_address || loaded.values.iter().any(matters);
    decides.then(|| file.clone())
}

fn matters(setting: &Setting, config: &EventSyncConfig) -> bool {
    let default = default_of(setting.key).unwrap_or(Value::Null);
    match setting.key {
        key if ALWAYS.contains(&key) => setting.value != default,
        "artifacts.root" => setting.value != default,
        "artifacts.surfaces" | "artifacts.formats" => !is_within(&setting.value, &default),
        "artifacts.max_bytes" => default.as_u64().is_none_or(|usual| config.artifacts.max_bytes > usual),
        _ => false,
    }
}

/// True when every entry of `list` is one of `usual`.
fn is_within(list: &Value, usual: &Value) -> bool {
    let entries = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let usual = entries(usual);
    entries(list).iter().all(|entry| usual.contains(entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Choice;
    use crate::endpoint::authority::tests::resolve_text;

    fn is_pinned(user: &str, repo: &str) -> bool {
        let (loaded, ..) = resolve_text(user, repo, &[], &Choice::default());
        pin(&loaded).is_some()
    }

    #[test]
    fn what_a_repository_says_of_places_secrets_and_reach_is_pinned() {
        for (repo, expected) in [
            ("preset = 'teamspace'\nteamspace.team_slug = 't'", false),
            ("teamspace.server_url = 'https://h.example'", true),
            ("external_receiver.url = 'https://h.example'", true),
            ("external_receiver.bodies_url = 'https://h.example'", true),
            ("external_receiver.headers = { X-A = { env = 'SK_SYNC_SECRET_A' } }", true),
            ("external_receiver.signing_secret = { env = 'SK_SYNC_SECRET_A' }", true),
            ("hook.drain = 'none'", true),
            ("hook.drain = 'detached'", false),
            ("artifacts.root = 'docs'", true),
            ("artifacts.root = 'kitty-specs'", false),
            ("artifacts.surfaces = ['spec.md']", false),
            ("artifacts.surfaces = ['spec.md', '**']", true),
            ("artifacts.formats = ['md']", false),
            ("artifacts.formats = ['md', 'pem']", true),
            ("artifacts.max_bytes = 1000", false),
            ("artifacts.max_bytes = 524288", false),
            ("artifacts.max_bytes = 524289", true),
            ("artifacts.max_bytes = '1 MiB'", true),
            ("drain.max_events = 10", false),
        ] {
            assert_eq!(is_pinned("", repo), expected, "{repo}");
            assert!(!is_pinned(repo, ""), "a person's own file is theirs: {repo}");
        }
    }
}
