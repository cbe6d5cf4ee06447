//! Decides about a log line that maps to an envelope. Pure.

use crate::event::{Disposition, LogEvent, Skip};
use crate::journal::Seen;

/// The hold of a lane change that the contract's transition rules reject.
pub(super) const TRANSITION: &str = "transition";
/// Reason of the hold on a family that never leaves the machine.
const LOCAL_ONLY: &str = "local_only";

/// Decision about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is captured.
    New {
        /// On hold for this reason; `None` if not.
        held: Option<&'static str>,
    },
    /// It was captured before.
    Unchanged {
        /// True if it is on hold.
        is_held: bool,
    },
    /// It was captured before with another content, which is kept.
    Rewritten,
    /// The preset drops it.
    Dropped {
        /// True if it needs an audit row.
        is_audited: bool,
    },
    /// It is not an event.
    Skipped(Skip),
}

/// Facts that the decision depends on.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The journal's event with this id; `None` if there is none.
    pub(super) seen: Option<Seen>,
    /// The journal has a live copy of it that was imported.
    pub(super) is_copied: bool,
    /// Another mission whose log contains the same id.
    pub(super) elsewhere: Option<&'a str>,
    /// What the preset does with its type.
    pub(super) disposition: Disposition,
}

/// Decides on a line.
pub(super) fn decide(event: &LogEvent, known: &Known<'_>) -> Decision {
    let skipped = |code| Decision::Skipped(Skip::bare(code));
    if let Some(slug) = known.elsewhere {
        return Decision::Skipped(Skip::about("id_in_other_mission", slug));
    }
    match &known.seen {
        Some(Seen::Same { is_held }) => return Decision::Unchanged { is_held: *is_held },
        Some(Seen::Other { .. }) => return Decision::Rewritten,
        Some(Seen::Imported) => return skipped("already_emitted"),
        Some(Seen::Purged) => return skipped("purged"),
        None if known.is_copied => return skipped("already_emitted"),
        None => {}
    }
    let transition = event.transition.is_some().then_some(TRANSITION);
    match known.disposition {
        Disposition::Discard => Decision::Dropped { is_audited: false },
        Disposition::AuditAndDiscard => Decision::Dropped { is_audited: true },
        Disposition::Keep => Decision::New { held: transition },
        Disposition::Hold(LOCAL_ONLY) => Decision::New {
            held: Some(LOCAL_ONLY),
        },
        // Opting in again releases what opting out put on hold; a rejected transition stays on
        // hold.
        Disposition::Hold(reason) => Decision::New {
            held: transition.or(Some(reason)),
        },
    }
}

impl Decision {
    /// The word and the reason in a listing.
    pub(super) fn words(&self, event: &LogEvent) -> (&'static str, String) {
        match self {
            Self::New { held: None } => ("captured", String::new()),
            Self::New {
                held: Some(TRANSITION),
            } => (
                "captured",
                format!(
                    "held: {TRANSITION}: {}",
                    event.transition.as_deref().unwrap_or_default()
                ),
            ),
            Self::New { held: Some(reason) } => ("captured", format!("held: {reason}")),
            Self::Unchanged { .. } => ("unchanged", String::new()),
            Self::Rewritten => (
                "rewritten",
                "captured before with another content, which is kept".to_owned(),
            ),
            Self::Dropped { .. } => ("skipped", "opted_out".to_owned()),
            Self::Skipped(skip) => ("skipped", skip.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{LogMission, LogProject, read_log};

    fn event(to_lane: &str) -> LogEvent {
        let line = format!(
            r#"{{"event_id":"01KQXA0Q7W3M5D8F1GZ2H4J6K8","wp_id":"WP01","from_lane":"planned","to_lane":"{to_lane}",
                "actor":"a","at":"2026-05-06T10:02:51Z"}}"#
        );
        let line = line.replace('\n', " ");
        read_log(
            line.as_bytes(),
            LogProject::default(),
            LogMission::default(),
        )
        .next()
        .unwrap()
        .becomes
        .unwrap()
    }

    #[test]
    fn what_is_known_decides_before_the_preset() {
        let (plain, refused) = (event("claimed"), event("done"));
        let known = |seen, is_copied, elsewhere, disposition| Known {
            seen,
            is_copied,
            elsewhere,
            disposition,
        };
        let keep = Disposition::Keep;
        let other = || Some(Seen::Other { mission_slug: None });
        for (event, known, words) in [
            (&plain, known(None, false, None, keep), "captured "),
            (
                &refused,
                known(None, false, None, keep),
                "captured held: transition: transition_not_allowed: planned -> done",
            ),
            (
                &plain,
                known(None, false, None, Disposition::Hold("opted_out")),
                "captured held: opted_out",
            ),
            (
                &refused,
                known(None, false, None, Disposition::Hold("opted_out")),
                "captured held: transition: transition_not_allowed: planned -> done",
            ),
            (
                &refused,
                known(None, false, None, Disposition::Hold("local_only")),
                "captured held: local_only",
            ),
            (
                &plain,
                known(None, false, None, Disposition::AuditAndDiscard),
                "skipped opted_out",
            ),
            (
                &plain,
                known(None, true, None, keep),
                "skipped already_emitted",
            ),
            (
                &plain,
                known(Some(Seen::Imported), false, None, keep),
                "skipped already_emitted",
            ),
            (
                &plain,
                known(Some(Seen::Purged), false, None, keep),
                "skipped purged",
            ),
            (
                &plain,
                known(
                    Some(Seen::Same { is_held: false }),
                    true,
                    None,
                    Disposition::Discard,
                ),
                "unchanged ",
            ),
            (
                &plain,
                known(other(), true, None, keep),
                "rewritten captured before with another content, which is kept",
            ),
            (
                &plain,
                known(other(), false, Some("m"), keep),
                "skipped id_in_other_mission: m",
            ),
        ] {
            let (word, reason) = decide(event, &known).words(event);
            assert_eq!(format!("{word} {reason}"), words);
        }
    }
}
