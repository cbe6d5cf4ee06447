//! The operations of a random history of documents.

use proptest::collection::vec;
use proptest::prelude::*;

use super::ops::{Reply, Word};
use crate::base::Sha256;
use crate::delivery::{self, Class};
use crate::event::NamespaceRef;
use crate::journal::Document;

/// A text that is not a document, such as one that is too large.
pub(super) const NO_DOCUMENT: u8 = 3;
/// Number of targets in a history; one more is added at the end.
pub(super) const TARGETS: usize = 2;

#[derive(Debug, Clone)]
pub(super) enum Op {
    /// A file is written.
    Write {
        path: u8,
        text: u8,
    },
    Delete {
        path: u8,
    },
    /// A hook keeps texts; a run that delivers at once does not.
    Index {
        keeps_texts: bool,
        is_held: bool,
    },
    Events {
        target: usize,
        replies: Vec<Reply>,
    },
    /// The answers to documents, repeated; documents after the last answer are not sent.
    Documents {
        target: usize,
        words: Vec<Said>,
        sees_disk: bool,
    },
    Collect {
        configured: Option<usize>,
    },
    Release,
    /// Consent from now on: whatever the target lacks is put on hold.
    Hold {
        target: usize,
    },
    Retry {
        target: usize,
    },
    Replay {
        target: usize,
    },
    /// The newest version of each document is sent once more.
    Resubmit {
        target: usize,
    },
    Evict {
        capacity: i64,
    },
    Clear,
    Forget {
        target: usize,
    },
    Wait {
        seconds: u32,
    },
    Reopen,
}

/// The server's answer to a document, or the death of the process before it is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said {
    Stored,
    Again,
    Refused,
    Dies,
}

pub(super) fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        6 => Just(Reply::well()),
        2 => Just(Reply::Each(vec![Word::Success, Word::Rejected, Word::Pending])),
        1 => Just(Reply::Status(503)),
        1 => Just(Reply::Status(401)),
        1 => any::<bool>().prop_map(|is_stored| Reply::Lost { is_stored }),
        1 => any::<bool>().prop_map(|is_stored| Reply::Crash { is_stored }),
    ]
}

/// One operation.
pub(super) fn op() -> impl Strategy<Value = Op> {
    let said = prop::sample::select(vec![
        Said::Stored,
        Said::Stored,
        Said::Again,
        Said::Refused,
        Said::Dies,
    ]);
    let target = || 0..TARGETS;
    prop_oneof![
        6 => (0..3_u8, 0..=NO_DOCUMENT).prop_map(|(path, text)| Op::Write { path, text }),
        1 => (0..3_u8).prop_map(|path| Op::Delete { path }),
        6 => (any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(keeps_texts, is_held)| Op::Index { keeps_texts, is_held }),
        5 => (target(), vec(reply(), 0..3)).prop_map(|(target, replies)| Op::Events { target, replies }),
        5 => (target(), vec(said, 1..5), any::<bool>())
            .prop_map(|(target, words, sees_disk)| Op::Documents { target, words, sees_disk }),
        2 => prop::option::of(target()).prop_map(|configured| Op::Collect { configured }),
        1 => Just(Op::Release),
        1 => target().prop_map(|target| Op::Hold { target }),
        1 => target().prop_map(|target| Op::Resubmit { target }),
        1 => target().prop_map(|target| Op::Retry { target }),
        1 => target().prop_map(|target| Op::Replay { target }),
        1 => (0..8_i64).prop_map(|capacity| Op::Evict { capacity }),
        1 => Just(Op::Clear),
        1 => target().prop_map(|target| Op::Forget { target }),
        2 => (0..120_u32).prop_map(|seconds| Op::Wait { seconds }),
        1 => Just(Op::Reopen),
    ]
}

pub(super) fn text_of(text: u8) -> String {
    format!("text {text}")
}

pub(super) fn namespace() -> NamespaceRef {
    let field = |name: &str| name.to_owned();
    NamespaceRef {
        project_uuid: field("p"),
        mission_slug: field("m"),
        target_branch: field("b"),
        mission_type: field("t"),
        manifest_version: field("1"),
    }
}

pub(super) fn document(path: u8, text: u8) -> Document {
    let text = text_of(text);
    let (namespace, size) = (namespace(), text.len() as u64);
    Document {
        namespace,
        path: format!("f{path}"),
        sha256: Sha256::of(text.as_bytes()),
        size,
        place: None,
    }
}

pub(super) fn owed_classes(balance: &delivery::Balance) -> i64 {
    [Class::Untried, Class::Retryable, Class::InFlight]
        .into_iter()
        .map(|class| balance.of(class))
        .sum()
}
