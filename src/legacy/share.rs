//! The share of each of our stores in one older store, determined by a first pass over every row.

use std::collections::BTreeMap;

use super::catalog::{Known, ShareReport};
use super::route::{Destination, route};
use super::source::Source;
use super::source_rows::{BodyTable, Stop};
use crate::store::ForeignError;

/// The rows of one source that belong to one store, by their keys, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// Events.
    pub(super) events: Vec<i64>,
    /// Queued bodies.
    pub(super) bodies: Vec<i64>,
    /// Entries of the failure log.
    pub(super) failures: Vec<i64>,
}

/// Content of a source.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Shares by destination, in the order in which the stores are locked.
    pub(super) shares: BTreeMap<Destination, Share>,
    /// Event rows, usable or not.
    pub(super) event_rows: u64,
    /// Rows of the body queue.
    pub(super) body_rows: u64,
    /// Rows of the failure log.
    pub(super) failure_rows: u64,
    /// Event rows that are not valid events, with the reasons.
    pub(super) unusable: Vec<String>,
}

impl Plan {
    /// The share of each store.
    pub(super) fn shares(&self) -> Vec<ShareReport> {
        let count = |keys: &[i64]| keys.len() as u64;
        let report = |(destination, share): (&Destination, &Share)| ShareReport {
            store: destination.name().to_owned(),
            events: count(&share.events),
            bodies: count(&share.bodies),
            failures: count(&share.failures),
        };
        self.shares.iter().map(report).collect()
    }

    /// The entry for the catalog.
    pub(super) fn known(&self, source: &Source, refused: u64) -> Known {
        Known {
            stamp: source.stamp().to_string(),
            stores: self
                .shares
                .keys()
                .map(|destination| destination.name().to_owned())
                .collect(),
            shares: self.shares(),
            event_rows: self.event_rows,
            body_rows: self.body_rows,
            failure_rows: self.failure_rows,
            refused,
            holds_more: source.note().is_some(),
            ..Known::default()
        }
    }
}

/// Reads every row once. Memory: a few bytes per row.
pub(super) fn plan(source: &Source) -> Result<Plan, ForeignError> {
    let mut plan = Plan::default();
    let mut places: BTreeMap<Destination, Vec<(i64, i64)>> = BTreeMap::new();
    let surveyed = source.survey(&mut |key, order, looked| {
        plan.event_rows += 1;
        match looked {
            Ok(row) => {
                let destination = route(row.data);
                match places.get_mut(&destination) {
                    Some(rows) => rows.push((order, key)),
                    None => drop(places.insert(destination, vec![(order, key)])),
                }
            }
            Err(why) => plan.unusable.push(why),
        }
        Ok::<_, ()>(())
    });
    match surveyed {
        Ok(()) | Err(Stop::Callback(())) => {}
        Err(Stop::Source(error)) => return Err(error),
    }
    for (destination, mut rows) in places {
        rows.sort_unstable();
        plan.shares.entry(destination).or_default().events =
            rows.into_iter().map(|(_, key)| key).collect();
    }
    for (key, project) in source.body_keys(BodyTable::Queue)? {
        plan.body_rows += 1;
        plan.shares
            .entry(Destination::of(project.as_deref()))
            .or_default()
            .bodies
            .push(key);
    }
    for (key, project) in source.body_keys(BodyTable::Failures)? {
        plan.failure_rows += 1;
        plan.shares
            .entry(Destination::of(project.as_deref()))
            .or_default()
            .failures
            .push(key);
    }
    Ok(plan)
}
