//! What is said of documents in a report: counts, and the last word on each.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::report::{Bodies, BodyOutcome};
use crate::base::Sha256;
use crate::bodies::{self, ArtifactOutcome, Decision, Status};

/// Which text is spoken of, in the order of the report. One artifact has several when an older text
/// of it, or that of another branch, was sent as well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Which {
    /// The mission.
    pub(super) mission_slug: String,
    /// The path below the feature directory.
    pub(super) path: String,
    /// The mission's branch.
    pub(super) target_branch: String,
    /// The digest of the text, where there is one.
    pub(super) sha256: Option<Sha256>,
}

/// How a document that is on disk stands at the target, apart from what this run sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The target acknowledged it.
    Acknowledged,
    /// It is left to send, or would be.
    Owed,
    /// It was refused for good.
    Refused,
    /// Another checkout told something newer.
    NoNews,
    /// It changed on disk before its text could be read.
    Changed,
}

/// The counts in the making, with the last word on each.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Bodies,
    /// What an upload of this run said.
    sent: BTreeMap<Which, Said>,
    /// The others, in the order in which they were indexed: no two are about the same text.
    others: Vec<(Which, Said)>,
    /// Words of uploads.
    uploads: u64,
    /// Requests made.
    pub(super) requests: u64,
}

/// The word on a body.
#[derive(Debug)]
struct Said {
    status: Status,
    reason: Cow<'static, str>,
    retryable: bool,
}

impl Tally {
    /// Counts what was decided about an artifact without a look at the ledger.
    pub(super) fn decided(&mut self, which: Which, decision: Decision) {
        match decision.status {
            Status::Skipped => {
                let key = decision.reason.split(':').next().unwrap_or_default();
                match self.counts.skipped.get_mut(key) {
                    Some(count) => *count += 1,
                    None => drop(self.counts.skipped.insert(key.to_owned(), 1)),
                }
            }
            _ => self.counts.queued += 1,
        }
        self.say(which, decision.status, decision.reason);
    }

    /// Counts a document by how it stands; what an upload said of it stays said. `is_new`: this run
    /// captured it.
    pub(super) fn stands(&mut self, which: Which, is_new: bool, standing: Standing) {
        let was_sent = self.sent.contains_key(&which);
        if was_sent || standing == Standing::Owed {
            *if is_new {
                &mut self.counts.queued
            } else {
                &mut self.counts.already_in_queue
            } += 1;
        }
        if was_sent {
            return;
        }
        let (status, reason) = match standing {
            Standing::Owed if is_new => (Status::Queued, "enqueued"),
            Standing::Owed => (Status::Queued, "already_in_queue"),
            Standing::Acknowledged => {
                self.counts.already_exists += 1;
                (Status::AlreadyExists, "acknowledged")
            }
            Standing::Refused => {
                self.counts.refused += 1;
                (Status::Failed, "refused_earlier")
            }
            Standing::NoNews => return self.decided(which, Decision::skipped("no_news")),
            Standing::Changed => {
                return self.decided(which, Decision::skipped("content_hash_mismatch"));
            }
        };
        self.say(which, status, reason.into());
    }

    fn say(&mut self, which: Which, status: Status, reason: Cow<'static, str>) {
        // An upload of this run is the last word on its text.
        if !self.sent.contains_key(&which) {
            self.others.push((
                which,
                Said {
                    status,
                    reason,
                    retryable: false,
                },
            ));
        }
    }

    /// Takes the word of an upload, and says how many there were.
    pub(super) fn uploaded(&mut self, outcome: &ArtifactOutcome) -> u64 {
        let ArtifactOutcome {
            mission_slug,
            target_branch,
            path,
            sha256,
            status,
            reason,
            retryable,
        } = outcome.clone();
        let which = Which {
            mission_slug,
            path,
            target_branch,
            sha256: Some(sha256),
        };
        self.sent.insert(
            which,
            Said {
                status,
                reason: reason.into(),
                retryable,
            },
        );
        self.uploads += 1;
        self.uploads
    }

    /// Adds what a drain of documents did.
    pub(super) fn drained(&mut self, report: &bodies::Report) {
        self.counts.uploaded += report.uploaded;
        self.counts.already_exists += report.already_exists;
        self.counts.failed += report.failed;
        self.requests += report.requests;
    }

    /// The finished section; `waiting` documents are left to send. Logs one line per artifact.
    pub(super) fn finish(self, waiting: u64) -> Bodies {
        let mut outcomes: Vec<_> = self.sent.into_iter().chain(self.others).collect();
        outcomes.sort_by(|(one, _), (other, _)| one.cmp(other));
        let outcomes = outcomes.into_iter().map(|(which, said)| {
            let (
                Which {
                    mission_slug, path, ..
                },
                Said {
                    status,
                    reason,
                    retryable,
                },
            ) = (which, said);
            log::info!("{} {mission_slug}/{path} ({reason})", status.word());
            BodyOutcome {
                mission_slug,
                path,
                status: status.word(),
                reason: reason.into_owned(),
                retryable,
            }
        });
        Bodies {
            retryable: waiting,
            outcomes: outcomes.collect(),
            ..self.counts
        }
    }
}
