//! What may happen to an event of a family at capture (design section 3; `formats/storage-and-wire` section 3.5).
//!
//! The reference has no table: it treats every family as bound for the Teamspace. So only two families known to be
//! local, and those the configuration names, are not; an unknown family is treated as bound.

use std::collections::BTreeSet;

/// Event types that never leave the machine.
const LOCAL_ONLY: [&str; 2] = ["FollowUpRecorded", "MissionReopened"];

/// How a family of events is classified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Stays on the machine.
    LocalOnly,
    /// Is owed to a target.
    TeamspaceBound,
}

/// The family table: the built-in local-only types and the configured ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct FamilyTable(BTreeSet<String>);

impl FamilyTable {
    /// The table with `local_only` added to the built-in types.
    pub(crate) fn with_local_only(local_only: impl IntoIterator<Item = String>) -> Self {
        Self(local_only.into_iter().collect())
    }

    /// The family of an event type.
    pub(crate) fn classify(&self, event_type: &str) -> Family {
        if LOCAL_ONLY.contains(&event_type) || self.0.contains(event_type) {
            Family::LocalOnly
        } else {
            Family::TeamspaceBound
        }
    }
}

/// What capture does with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Keep it; it is owed.
    Keep,
    /// Keep it, held for the reason given, until it is released.
    Hold(&'static str),
    /// Do not keep it.
    Discard,
    /// Do not keep it, and leave a durable audit row.
    AuditAndDiscard,
}

/// What happens to an event of `family`. `opted_out` is retention off with delivery none; `audit_bound` is
/// `opt_out.teamspace_bound = "audit"`.
pub(crate) fn disposition(family: Family, opted_out: bool, audit_bound: bool) -> Disposition {
    match (family, opted_out, audit_bound) {
        (Family::LocalOnly, true, _) => Disposition::Discard,
        (Family::LocalOnly, false, _) => Disposition::Hold("local_only"),
        (Family::TeamspaceBound, false, _) => Disposition::Keep,
        (Family::TeamspaceBound, true, false) => Disposition::Hold("opted_out"),
        (Family::TeamspaceBound, true, true) => Disposition::AuditAndDiscard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_families_are_local() {
        let table = FamilyTable::with_local_only(["Mine".to_owned()]);
        for local in ["FollowUpRecorded", "MissionReopened", "Mine"] {
            assert_eq!(table.classify(local), Family::LocalOnly, "{local}");
        }
        for bound in ["WPStatusChanged", "NeverHeardOf", "mine"] {
            assert_eq!(table.classify(bound), Family::TeamspaceBound, "{bound}");
        }
    }

    #[test]
    fn opting_out_never_silently_drops_a_bound_event() {
        assert_eq!(disposition(Family::TeamspaceBound, true, false), Disposition::Hold("opted_out"));
        assert_eq!(disposition(Family::TeamspaceBound, true, true), Disposition::AuditAndDiscard);
        assert_eq!(disposition(Family::TeamspaceBound, false, true), Disposition::Keep);
        assert_eq!(disposition(Family::LocalOnly, true, false), Disposition::Discard);
        assert_eq!(disposition(Family::LocalOnly, false, false), Disposition::Hold("local_only"));
    }
}
