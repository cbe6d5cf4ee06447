//! Outgoing webhooks: where a project's events are sent on, and when each is due. Pure.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::reply::{Reply, Trouble};
use crate::base::ids::Ids;
use crate::base::{Sha256, Timestamp};

/// The most events of a request.
pub(in crate::serve) const MOST_EVENTS: i64 = 100;
/// The most bytes of their envelopes, except for a single longer one.
pub(in crate::serve) const MOST_BYTES: usize = 256 << 10;
/// How long a receiver has a webhook to itself: longer than a request may take.
pub(in crate::serve) const LEASE: Duration = Duration::from_secs(30);
/// The pause after the first failure; doubled after each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// A webhook, as an operator named it and as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    /// A UUID.
    pub(crate) id: String,
    /// The name of its team; empty for the operator's own.
    pub(crate) team: String,
    /// Its name, unique within the team.
    pub(crate) name: String,
    /// A lower-case hyphenated UUID.
    pub(crate) project_uuid: String,
    pub(crate) url: String,
    /// A Standard Webhooks secret.
    pub(crate) secret: SecretString,
    /// True if the host may have a private address.
    pub(crate) may_be_private: bool,
    pub(crate) created_at: Timestamp,
    /// Failures since the last success.
    pub(crate) failures: i32,
    /// When it is tried again.
    pub(crate) due_at: Timestamp,
    /// Why it failed last; empty after a success.
    pub(crate) failure: String,
}

/// Outcome of adding a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    Yes,
    /// The team has a webhook of that name.
    NameTaken,
    NoTeam,
}

/// A webhook with its place in the feed that its events come from.
#[derive(Debug, Clone)]
pub(in crate::serve) struct Placed {
    pub(in crate::serve) webhook: Webhook,
    pub(in crate::serve) team: i32,
    /// What was taken.
    pub(in crate::serve) position: i64,
    /// The end of what is being sent, until it was taken.
    pub(in crate::serve) sending_to: Option<i64>,
}

/// Events that a receiver has to send, to it alone until the lease ends.
#[derive(Debug, Clone)]
pub(in crate::serve) struct Sending {
    pub(in crate::serve) webhook: Webhook,
    /// The lease, which is named again when the outcome is noted.
    pub(in crate::serve) leased_until: Timestamp,
    /// The position after the last of these events. It stays the same until they were taken, so
    /// that every receiver sends the same events under the same id.
    pub(in crate::serve) to: i64,
    /// The envelopes, in order. Empty if all of them were deleted.
    pub(in crate::serve) envelopes: Vec<Vec<u8>>,
}

impl Sending {
    /// The `webhook-id`: the same whenever these events are sent again.
    pub(in crate::serve) fn message_id(&self) -> String {
        format!("msg_{}_{}", self.webhook.id.replace('-', ""), self.to)
    }
}

/// Result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) enum Sent {
    /// The events were taken, or there were none.
    Taken,
    /// They were not; they are sent again from this time on.
    Failed { due_at: Timestamp, failure: String },
}

/// How long to wait after so many failures: 1 s, 2 s, 4 s … 1 h, of which a random part from a half
/// to all; at least as long as the other side asked for, within that hour.
pub(in crate::serve) fn pause(failures: i32, random: f64, asked: Option<Duration>) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1))
        .unwrap_or(0)
        .min(20);
    let longest = FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE);
    longest
        .mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
        .max(asked.unwrap_or_default().min(LONGEST_PAUSE))
}

/// Where webhooks are kept.
pub(in crate::serve) trait Webhooks {
    /// Adds a webhook. It begins with the next event, or with the first one of its project.
    fn add_webhook(&self, webhook: Webhook, from_start: bool) -> Reply<'_, Result<Added, Trouble>>;
    /// Every webhook, by team and name.
    fn list_webhooks(&self) -> Reply<'_, Result<Vec<Webhook>, Trouble>>;
    /// Removes a webhook; false if the team has none of that name.
    fn remove_webhook(&self, team: String, name: String) -> Reply<'_, Result<bool, Trouble>>;
    /// Takes a webhook that has events to send and no receiver that sends them.
    fn take_webhook(&self, now: Timestamp) -> Reply<'_, Result<Option<Sending>, Trouble>>;
    /// Notes the result, unless the lease has ended and another receiver has it.
    fn settle_webhook(&self, sending: Sending, sent: Sent) -> Reply<'_, Result<(), Trouble>>;
}

/// A new secret: `whsec_` and 32 bytes of the system's randomness.
pub(crate) fn new_secret(ids: &dyn Ids) -> String {
    let seed = [ids.uuid(), ids.uuid(), ids.uuid()].concat();
    format!(
        "whsec_{}",
        STANDARD.encode(Sha256::of(seed.as_bytes()).as_bytes())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::SystemIds;
    use crate::http::SigningKeys;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let millis = |failures, random| pause(failures, random, None).as_millis();
        assert_eq!(
            [1, 2, 3, 4].map(|failures| millis(failures, 1.0)),
            [1_000, 2_000, 4_000, 8_000]
        );
        assert_eq!(
            [millis(3, 0.0), millis(12, 1.0), millis(i32::MAX, 1.0)],
            [2_000, 2_048_000, 3_600_000]
        );
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(pause(1, 0.0, asked(90)), Duration::from_secs(90));
        assert_eq!(
            pause(1, 0.0, asked(90_000)),
            LONGEST_PAUSE,
            "nothing is put off for days"
        );
    }

    #[test]
    fn a_new_secret_signs() {
        let [one, other] = [0, 1].map(|_| new_secret(&SystemIds::default()));
        assert_ne!(one, other);
        assert!(SigningKeys::read(&one).is_ok(), "{one}");
    }
}
