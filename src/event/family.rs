//! Families of event types, and what capture does with an event.
//!
//! The reference treats every family as bound for the Teamspace. So only two families known to be
//! local, and the configured ones, are not bound; unknown families are.

use std::collections::BTreeSet;

/// Event types that are never sent.
const LOCAL_ONLY: [&str; 2] = ["FollowUpRecorded", "MissionReopened"];

/// Class of a family of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Never sent.
    LocalOnly,
    /// Sent to a target.
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

/// The act of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Capture it for sending.
    Keep,
    /// Capture it on hold for this reason, until it is released.
    Hold(&'static str),
    /// Do not capture it.
    Discard,
    /// Do not capture it, but write an audit row.
    AuditAndDiscard,
}

/// The act for an event of `family`. `opted_out`: retention off with delivery none; `audit_bound`:
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
        assert_eq!(
            disposition(Family::TeamspaceBound, true, false),
            Disposition::Hold("opted_out")
        );
        assert_eq!(
            disposition(Family::TeamspaceBound, true, true),
            Disposition::AuditAndDiscard
        );
        assert_eq!(
            disposition(Family::TeamspaceBound, false, true),
            Disposition::Keep
        );
        assert_eq!(
            disposition(Family::LocalOnly, true, false),
            Disposition::Discard
        );
        assert_eq!(
            disposition(Family::LocalOnly, false, false),
            Disposition::Hold("local_only")
        );
    }
}
