//! Lanes, and the contract's transition rules.
//!
//! A change that breaks a rule happened anyway and is not modified: it is captured on hold.

/// Every lane.
pub(super) const LANES: [&str; 10] = [
    "genesis",
    "planned",
    "claimed",
    "in_progress",
    "for_review",
    "in_review",
    "approved",
    "done",
    "blocked",
    "canceled",
];

/// The part of a lane change that the rules use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) from: Option<&'a str>,
    pub(super) to: &'a str,
    pub(super) is_forced: bool,
}

impl Change<'_> {
    /// The lanes, for people.
    pub(super) fn words(&self) -> String {
        format!("{} -> {}", self.from.unwrap_or("None"), self.to)
    }

    /// True if the contract requires the review that sent the work back.
    pub(super) fn needs_review_ref(&self) -> bool {
        let from_review = matches!(self.from, Some("for_review" | "in_review" | "approved"));
        let goes_back = self.to == "in_progress" || (self.to == "planned" && !self.is_forced);
        from_review && goes_back
    }

    /// The first rule that the change breaks. The rule that a change from `in_progress` to
    /// `planned` has a reason follows from the others: it must be forced, and a forced change
    /// without a reason maps to no envelope.
    pub(super) fn broken_rule(&self, has_review_ref: bool) -> Option<&'static str> {
        if !self.is_forced && self.needs_force() {
            Some("force_required")
        } else if !self.is_forced && !self.is_allowed() {
            Some("transition_not_allowed")
        } else if self.needs_review_ref() && !has_review_ref {
            Some("review_ref_required")
        } else {
            None
        }
    }

    fn needs_force(&self) -> bool {
        match self.from {
            Some("done" | "canceled") => true,
            Some("in_progress" | "for_review" | "in_review" | "approved") => self.to == "planned",
            _ => false,
        }
    }

    /// True if it is allowed without force.
    fn is_allowed(&self) -> bool {
        let Some(from) = self.from else {
            return self.to == "planned";
        };
        let next: &[&str] = match from {
            "genesis" => &["planned"],
            "planned" => &["claimed"],
            "claimed" | "blocked" => &["in_progress"],
            "in_progress" => &["for_review", "approved", "planned"],
            "for_review" => &["in_review", "approved", "done", "in_progress", "planned"],
            "in_review" => &["approved", "done", "in_progress", "for_review", "planned"],
            "approved" => &["done", "in_progress", "planned"],
            _ => &[],
        };
        next.contains(&self.to)
            || (matches!(self.to, "blocked" | "canceled") && !matches!(from, "done" | "canceled"))
    }
}

/// The lane with this name; `None` if unknown.
pub(super) fn lane(word: &str) -> Option<&'static str> {
    let word = if word == "doing" { "in_progress" } else { word };
    LANES.into_iter().find(|lane| *lane == word)
}
