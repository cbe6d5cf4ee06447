//! A self-test in progress: the directory, the receiver, and what the checks leave for each other.

use std::collections::BTreeSet;

use serde::Deserialize as _;
use serde_json::{Value, json};

use super::fault::Fault;
use super::relay::{Message, Relay};
use super::setup::Setup;
use super::site::{PROJECT, Site};
use crate::base::env;
use crate::books::Balance;
use crate::ops::Stub;

/// One self-test.
pub(super) struct Trial<'a> {
    setup: &'a Setup<'a>,
    pub(super) site: Site,
    pub(super) relay: Relay,
    /// Runs until the end.
    receiver: Stub,
    /// The request whose client was killed, and the number of its events.
    pub(super) unanswered: Option<(Message, u64)>,
    /// The balances in the end.
    pub(super) balance: Option<Balance>,
    pub(super) documents: Option<Balance>,
}

impl<'a> Trial<'a> {
    /// Makes the directory and starts the receiver.
    pub(super) fn begin(setup: &'a Setup<'a>) -> Result<Self, Fault> {
        let mut site = Site::new(setup)?;
        let receiver = (setup.start_receiver)(&site.path("received.db")).map_err(Fault)?;
        let relay = Relay::open(&receiver.origin)?;
        // A loopback address that a user names needs no consent.
        site.set(env::PRESET, "external-receiver");
        site.set(env::TARGET_URL, &relay.through(&receiver.origin));
        Ok(Self {
            setup,
            site,
            relay,
            receiver,
            unanswered: None,
            balance: None,
            documents: None,
        })
    }

    /// Stops the receiver and deletes the directory unless it `is_kept`; returns its path.
    pub(super) fn end(self, is_kept: bool) -> std::path::PathBuf {
        drop((self.relay, self.receiver));
        self.site.end(is_kept)
    }

    /// Waits a moment; true if the self-test was interrupted.
    pub(super) fn pause(&self) -> bool {
        self.setup
            .interrupt
            .wait(std::time::Duration::from_millis(200))
    }

    /// A new event that keeps the contract.
    pub(super) fn event(&self) -> String {
        let now = self.setup.clock.now();
        let id = self.setup.ids.ulid(now);
        let event = json!({
            "event_id": id, "event_type": "WPStatusChanged", "aggregate_id": "WP01", "aggregate_type": "WorkPackage",
            "schema_version": "3.0.0", "build_id": PROJECT, "node_id": "5e1f7e570000", "lamport_clock": 1,
            "causation_id": null, "correlation_id": id, "timestamp": now.to_string(), "team_slug": "selftest",
            "project_uuid": PROJECT, "payload": {"wp_id": "WP01", "note": "self-test"},
        });
        event.to_string()
    }

    /// The ids of all events in the journal.
    pub(super) fn journal(&self) -> Result<BTreeSet<String>, Fault> {
        let listed = self.site.run(&["events", "list", "--jsonl"])?.with(&[0])?;
        let id = |line: &str| {
            Some(
                serde_json::from_str::<Value>(line).ok()?["event_id"]
                    .as_str()?
                    .to_owned(),
            )
        };
        Ok(listed.stdout.lines().filter_map(id).collect())
    }

    /// Proves the store from its rows.
    pub(super) fn verified(&self) -> Result<Value, Fault> {
        self.site.run(&["verify", "--json"])?.with(&[0])?.json()
    }

    /// The balances of events and documents.
    pub(super) fn balances(&self) -> Result<[Balance; 2], Fault> {
        let status = self.site.run(&["status", "--json"])?.with(&[0])?.json()?;
        let [events, documents] =
            [&status["balance"], &status["documents"]["balance"]].map(Balance::deserialize);
        Ok([events?, documents?])
    }

    /// A number in the receiver's report.
    pub(super) fn received(&self, name: &str) -> Result<u64, Fault> {
        Ok(number(&self.relay.report()?[name]))
    }
}

/// A number in a document; 0 if it is missing.
pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}
