//! What a random history is made of.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use crate::delivery::Settled;

/// One step of a history. `handle` is one of two open handles on the same file.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// New events, all in one transaction; where there is a capacity, none beyond it.
    Append { handle: usize, entries: Vec<Spec>, capacity: Option<i64> },
    /// An id that is known, captured again.
    Again { handle: usize, pick: usize, how: Spelling },
    /// A drain to one of the targets; `during` is captured by the other handle while the first request is on its way.
    Drain { handle: usize, target: usize, replies: Vec<Reply>, rest: Reply, during: Option<Spec> },
    /// A target's answers are lost for a while: long enough, and events are in flight alone.
    Outage { handle: usize, target: usize, drains: usize, is_stored: bool },
    /// Another content takes the place of an event.
    Replace { handle: usize, pick: usize },
    /// A hold is lifted.
    Release { handle: usize, pick: usize },
    /// The operator makes owed again what a target has, or what was given up there.
    OweAgain { handle: usize, target: usize, which: Settled },
    /// The queue is cut to a capacity.
    Evict { handle: usize, capacity: i64 },
    /// The payloads go that a target has.
    Acknowledge { handle: usize, target: usize },
    /// A verified archive has all live events but some.
    Archive { handle: usize, missing: i64 },
    /// The payloads go that nobody needs.
    Collect { handle: usize, rule: Rule },
    /// Events come back from an archive that has all but some of those that were ever captured, and others.
    Restore { handle: usize, missing: i64, entries: Vec<Spec> },
    /// A target is forgotten; a drain to it takes it back.
    Forget { handle: usize, target: usize },
    /// The operator removes events.
    Remove { handle: usize, removal: Removal },
    /// Something of all this, in one transaction that does not commit; the process may go with it.
    Lost { handle: usize, entries: Vec<Spec>, pick: usize, removal: Option<Removal>, is_crash: bool },
    /// Time passes.
    Wait { seconds: u32 },
    /// Somebody sets the clock back.
    ClockBack { seconds: u32 },
    /// The process goes and another one comes.
    Reopen,
}

/// Which payloads nobody needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// The target in force.
    pub(super) configured: Option<usize>,
    pub(super) with_archived: bool,
    /// An event that may go although a target refused it.
    pub(super) named: Option<usize>,
}

/// A way to empty the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    Clear,
    Project,
    /// An archive has all but some of the events.
    ToFile {
        missing: i64,
    },
}

impl Removal {
    /// Whether it is about this row.
    pub(super) fn concerns(self, seq: i64) -> bool {
        !matches!(self, Self::ToFile { missing } if !has(missing, seq))
    }
}

/// Whether an archive that misses some has this row.
pub(super) fn has(missing: i64, seq: i64) -> bool {
    seq % 4 != missing
}

/// A new event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    /// What it is about; `None`: a family that never coalesces.
    pub(super) key: Option<u8>,
    /// What it happened to, where it says so.
    pub(super) aggregate: Option<u8>,
    /// What it says of it.
    pub(super) facts: u8,
    pub(super) is_held: bool,
    /// A strict receiver refuses a whole batch that has it.
    pub(super) is_poison: bool,
    pub(super) form: Form,
}

/// What sending an event takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// Has a field that stays on the machine.
    Local,
    /// Says what strict JSON cannot.
    Broken,
}

/// How a known id comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Same,
    /// Other bytes of the same meaning.
    Respelled,
    /// Another content, the same payload.
    OtherEnvelope,
    /// Another content, in the payload.
    OtherPayload,
}

/// How a receiver answers one request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A word for each event, repeated over the batch. What is stored already is a duplicate, whatever the word.
    Each(Vec<Word>),
    /// Bare 400 for a batch with a poisonous event.
    Strict,
    /// 400 that names the poisonous events.
    Details,
    /// 413 above this many events.
    Tight(usize),
    /// 202.
    Accepted,
    /// A status that stores nothing and says nothing of any event.
    Status(u16),
    /// 429.
    Throttled {
        seconds: u64,
    },
    /// The answer is lost.
    Lost {
        is_stored: bool,
    },
    /// 200 that is no list of results.
    Nonsense {
        is_stored: bool,
    },
    Unreachable,
    /// The sending process dies before it has an answer.
    Crash {
        is_stored: bool,
    },
}

/// What an answer says of one event.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    Success,
    Pending,
    Rejected,
    /// A status nobody knows.
    Odd,
    /// Not named.
    Silent {
        is_stored: bool,
    },
}

impl Reply {
    /// Everything is stored.
    pub(super) fn well() -> Self {
        Self::Each(vec![Word::Success])
    }
}

fn spec() -> impl Strategy<Value = Spec> {
    let form = prop_oneof![8 => Just(Form::Plain), 2 => Just(Form::Local), 1 => Just(Form::Broken)];
    (
        weighted(0.6, 0..3_u8),
        weighted(0.7, 0..2_u8),
        0..3_u8,
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.15),
        form,
    )
        .prop_map(|(key, aggregate, facts, is_held, is_poison, form)| Spec {
            key,
            aggregate,
            facts,
            is_held,
            is_poison,
            form,
        })
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        4 => Just(Word::Success),
        1 => Just(Word::Pending),
        2 => Just(Word::Rejected),
        1 => Just(Word::Odd),
        1 => any::<bool>().prop_map(|is_stored| Word::Silent { is_stored }),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        4 => Just(Reply::well()),
        4 => vec(word(), 1..4).prop_map(Reply::Each),
        3 => Just(Reply::Strict),
        2 => Just(Reply::Details),
        2 => (0..3_usize).prop_map(Reply::Tight),
        1 => Just(Reply::Accepted),
        2 => prop::sample::select(vec![301, 401, 403, 412, 500, 503]).prop_map(Reply::Status),
        1 => (0..90_u64).prop_map(|seconds| Reply::Throttled { seconds }),
        3 => any::<bool>().prop_map(|is_stored| Reply::Lost { is_stored }),
        1 => any::<bool>().prop_map(|is_stored| Reply::Nonsense { is_stored }),
        1 => Just(Reply::Unreachable),
        1 => any::<bool>().prop_map(|is_stored| Reply::Crash { is_stored }),
    ]
}

fn removal() -> impl Strategy<Value = Removal> {
    prop_oneof![
        Just(Removal::Clear),
        Just(Removal::Project),
        (0..6_i64).prop_map(|missing| Removal::ToFile { missing })
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    (prop::option::of(0..3_usize), any::<bool>(), prop::option::of(any::<usize>()))
        .prop_map(|(configured, with_archived, named)| Rule { configured, with_archived, named })
}

/// What changes which payloads and targets there are.
fn upkeep() -> impl Strategy<Value = Op> {
    let handle = || 0..2_usize;
    prop_oneof![
        1 => (handle(), 0..6_i64).prop_map(|(handle, missing)| Op::Archive { handle, missing }),
        2 => (handle(), rule()).prop_map(|(handle, rule)| Op::Collect { handle, rule }),
        1 => (handle(), 0..6_i64, vec(spec(), 0..3))
            .prop_map(|(handle, missing, entries)| Op::Restore { handle, missing, entries }),
        1 => (handle(), 0..3_usize).prop_map(|(handle, target)| Op::Forget { handle, target }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let handle = || 0..2_usize;
    let spelling = prop::sample::select(vec![
        Spelling::Same,
        Spelling::Respelled,
        Spelling::OtherEnvelope,
        Spelling::OtherPayload,
    ]);
    let drain = (handle(), 0..3_usize, vec(reply(), 0..5), reply(), weighted(0.3, spec()));
    prop_oneof![
        6 => (handle(), vec(spec(), 1..5), weighted(0.2, 0..9_i64)).prop_map(|(handle, entries, capacity)| {
            Op::Append { handle, entries, capacity }
        }),
        1 => (handle(), any::<usize>(), spelling).prop_map(|(handle, pick, how)| Op::Again { handle, pick, how }),
        7 => drain.prop_map(|(handle, target, replies, rest, during)| Op::Drain {
            handle, target, replies, rest, during
        }),
        1 => (handle(), 0..3_usize, 1..12_usize, any::<bool>()).prop_map(|(handle, target, drains, is_stored)| {
            Op::Outage { handle, target, drains, is_stored }
        }),
        1 => (handle(), any::<usize>()).prop_map(|(handle, pick)| Op::Replace { handle, pick }),
        1 => (handle(), any::<usize>()).prop_map(|(handle, pick)| Op::Release { handle, pick }),
        1 => (handle(), 0..3_usize, prop::sample::select(vec![Settled::Delivered, Settled::GivenUp]))
            .prop_map(|(handle, target, which)| Op::OweAgain { handle, target, which }),
        1 => (handle(), 0..12_i64).prop_map(|(handle, capacity)| Op::Evict { handle, capacity }),
        1 => (handle(), 0..3_usize).prop_map(|(handle, target)| Op::Acknowledge { handle, target }),
        4 => upkeep(),
        1 => (handle(), removal()).prop_map(|(handle, removal)| Op::Remove { handle, removal }),
        1 => (handle(), vec(spec(), 0..3), any::<usize>(), prop::option::of(removal()), any::<bool>()).prop_map(
            |(handle, entries, pick, removal, is_crash)| Op::Lost { handle, entries, pick, removal, is_crash }
        ),
        2 => (0..120_u32).prop_map(|seconds| Op::Wait { seconds }),
        1 => (0..20_000_u32).prop_map(|seconds| Op::ClockBack { seconds }),
        1 => Just(Op::Reopen),
    ]
}

/// A history.
pub(super) fn history() -> impl Strategy<Value = Vec<Op>> {
    vec(op(), 1..40)
}
