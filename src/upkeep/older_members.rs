//! Fields of Spec Kitty's `sync status --json` about its daemon. sk-sync has none: they are null,
//! zero or empty, so that scripts that read them keep working.

use serde::Serialize;

use crate::endpoint::Gate;

/// The fields; only those about the token carry information.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct OlderMembers {
    /// The receiver requires a token.
    auth_required: bool,
    /// A token is available.
    auth_present: bool,
    live_orphan_daemon_count: u32,
    foreground: Foreground,
    daemon_owner_record: OwnerRecord,
    mismatches: [(); 0],
    orphan_records: [(); 0],
}

impl OlderMembers {
    /// The fields according to the checks of the target.
    pub(super) fn of(gates: &[Gate]) -> Self {
        let gate = gates.iter().find(|gate| gate.name == "missing_auth");
        let auth_present = gate.is_some_and(|gate| gate.is_known && gate.is_open);
        Self {
            auth_required: gate.is_some(),
            auth_present,
            ..Self::default()
        }
    }
}

/// The process that answers.
#[derive(Debug, Clone, Default, Serialize)]
struct Foreground {
    package_version: (),
    executable_path: (),
    source_path: (),
    server_url: (),
    team_or_user: (),
    queue_db_path: (),
    pid: (),
}

/// The daemon that owned the queue.
#[derive(Debug, Clone, Serialize)]
struct OwnerRecord {
    status: &'static str,
    port: (),
    #[serde(flatten)]
    process: Foreground,
}

impl Default for OwnerRecord {
    fn default() -> Self {
        Self {
            status: "absent",
            port: (),
            process: Foreground::default(),
        }
    }
}
