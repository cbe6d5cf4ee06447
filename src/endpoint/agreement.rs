//! Whether all who name the target name the same one. Pure.

use std::fmt;

use crate::config::Origin;

use super::address::Address;

/// Where events go below a base address.
pub(super) const EVENTS_PATH: &str = "/api/v1/events/batch/";
/// Where bodies go below a base address.
pub(super) const BODIES_PATH: &str = "/api/dossier/push-content/";

/// Which of a target's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// The base, from which the others are derived.
    Base,
    /// Where events go, verbatim.
    Events,
    /// Where bodies go, verbatim.
    Bodies,
}

/// One address, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// The address.
    pub(super) address: Address,
    /// The source.
    pub(super) origin: Origin,
}

/// Two sources that name different targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Disagreement {
    /// A source and what it names.
    pub(crate) first: (Origin, String),
    /// Another source, and what it names instead.
    pub(crate) second: (Origin, String),
    /// True when they name two base addresses.
    pub(crate) is_base: bool,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((first, a), (second, b)) = (&self.first, &self.second);
        write!(f, "{first} says {a}, but {second} says {b}")
    }
}

/// What one source says, or several that agree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Proposal {
    /// The base.
    pub(super) base: Option<Claim>,
    /// Where events go.
    pub(super) events: Option<Claim>,
    /// Where bodies go.
    pub(super) bodies: Option<Claim>,
}

impl Proposal {
    /// True when nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        self.base.is_none() && self.events.is_none() && self.bodies.is_none()
    }

    /// Adds a claim, which must agree with one for the same slot.
    pub(super) fn add(&mut self, slot: Slot, claim: Claim) -> Result<(), Disagreement> {
        let held = match slot {
            Slot::Base => &mut self.base,
            Slot::Events => &mut self.events,
            Slot::Bodies => &mut self.bodies,
        };
        if let Some(held) = held {
            return same(
                (held, written(held, slot)),
                (&claim, written(&claim, slot)),
                slot == Slot::Base,
            );
        }
        *held = Some(claim);
        Ok(())
    }

    /// This proposal and another as one. They must name the same addresses, derived ones included:
    /// a source that names a base must not have its events or bodies led elsewhere by another
    /// source. One that names the same base may say more about paths, not about hosts.
    pub(super) fn join(mut self, other: Self) -> Result<Self, Disagreement> {
        let is_base_shared = self.base.is_some() && other.base.is_some();
        if let (Some(a), Some(b)) = (&self.base, &other.base) {
            same(
                (a, written(a, Slot::Base)),
                (b, written(b, Slot::Base)),
                true,
            )?;
        }
        for (slot, path) in [(Slot::Events, EVENTS_PATH), (Slot::Bodies, BODIES_PATH)] {
            if let (Some(a), Some(b)) = (self.effective(slot, path), other.effective(slot, path))
                && !(is_base_shared && a.2 == b.2)
            {
                same((a.0, a.1), (b.0, b.1), false)?;
            }
        }
        let slots = [
            (Slot::Base, other.base),
            (Slot::Events, other.events),
            (Slot::Bodies, other.bodies),
        ];
        for (slot, claim) in slots
            .into_iter()
            .filter_map(|(slot, claim)| Some((slot, claim?)))
        {
            self.add(slot, claim)?;
        }
        Ok(self)
    }

    /// The claim that decides a slot, the address it comes to, and its origin.
    fn effective(&self, slot: Slot, path: &str) -> Option<(&Claim, String, String)> {
        let own = if slot == Slot::Events {
            &self.events
        } else {
            &self.bodies
        };
        let derived = |base: &Claim| below(&base.address, path).trim_end_matches('/').to_owned();
        let (claim, address) = match (own, &self.base) {
            (Some(own), _) => (own, own.address.canonical()),
            (None, Some(base)) => (base, derived(base)),
            (None, None) => return None,
        };
        Some((claim, address, claim.address.origin()))
    }
}

/// The address of `path` below a base.
pub(super) fn below(base: &Address, path: &str) -> String {
    format!("{}{path}", base.base())
}

fn written(claim: &Claim, slot: Slot) -> String {
    if slot == Slot::Base {
        claim.address.base()
    } else {
        claim.address.canonical()
    }
}

fn same(a: (&Claim, String), b: (&Claim, String), is_base: bool) -> Result<(), Disagreement> {
    if a.1 == b.1 {
        return Ok(());
    }
    let shown = |(claim, url): (&Claim, String)| {
        (claim.origin.clone(), crate::config::without_secrets(&url))
    };
    let (first, second) = (shown(a), shown(b));
    Err(Disagreement {
        first,
        second,
        is_base,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(name: &str, base: &str, events: &str, bodies: &str) -> Proposal {
        let claim = |url: &str| {
            let origin = Origin::Variable(name.to_owned());
            (!url.is_empty()).then(|| Claim {
                address: Address::read(url).unwrap(),
                origin,
            })
        };
        Proposal {
            base: claim(base),
            events: claim(events),
            bodies: claim(bodies),
        }
    }

    #[test]
    fn sources_must_name_the_same_addresses_derived_ones_included() {
        let derived = "https://a/api/v1/events/batch";
        for (first, second, agree) in [
            (("https://a", "", ""), ("HTTPS://A:443/", "", ""), true),
            (("https://a", "", ""), ("https://b", "", ""), false),
            (("https://a/x", "", ""), ("https://a/X", "", ""), false),
            (("https://a", "", ""), ("", "", ""), true),
            // A derived address and a verbatim one.
            (("https://a", "", ""), ("", derived, ""), true),
            (("https://a", "", ""), ("", "https://b/in", ""), false),
            (("https://a", "", ""), ("", "", "https://b/bodies"), false),
            (("", "https://b/in", ""), ("https://a", "", ""), false),
            // The same base twice: one may say more about paths.
            (
                ("https://a", "https://a/in", ""),
                ("https://a", "", ""),
                true,
            ),
            (
                ("https://a", "", ""),
                ("https://a", "", "https://a/put"),
                true,
            ),
            (
                ("https://a", "https://a/in", ""),
                ("https://a", "https://a/out", ""),
                false,
            ),
            (
                ("https://a", "", ""),
                ("https://a", "https://b/in", ""),
                false,
            ),
            // Verbatim addresses for different things.
            (("", "https://b/in", ""), ("", "", "https://b/bodies"), true),
            (
                ("", "https://b/in?s=1", ""),
                ("", "https://b/in?s=2", ""),
                false,
            ),
        ] {
            let a = proposal("A", first.0, first.1, first.2);
            let b = proposal("B", second.0, second.1, second.2);
            assert_eq!(a.join(b).is_ok(), agree, "{first:?} {second:?}");
        }
    }

    #[test]
    fn a_disagreement_names_both_sources_and_addresses() {
        let error = proposal("A", "https://a", "", "")
            .join(proposal("B", "https://b", "", ""))
            .unwrap_err();
        assert_eq!(error.to_string(), "A says https://a, but B says https://b");
        let error = proposal("A", "https://a", "", "")
            .join(proposal("B", "", "", "https://b/put"))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "A says https://a/api/dossier/push-content, but B says https://b/put"
        );
    }

    #[test]
    fn joined_proposals_keep_what_each_says() {
        let joined = proposal("A", "https://a", "", "")
            .join(proposal("B", "https://a", "https://a/in", ""))
            .unwrap();
        assert!(joined.base.is_some() && joined.events.is_some() && joined.bodies.is_none());
    }
}
