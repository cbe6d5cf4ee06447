//! The operations of a random history.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use crate::delivery::Settled;

/// One step of a history. `handle` is one of two open handles on the same file.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// New events, all in one transaction; within the capacity if there is one.
    Append {
        handle: usize,
        entries: Vec<Spec>,
        capacity: Option<i64>,
    },
    /// New events in one transaction; a target has the marked ones already.
    StartFrom {
        handle: usize,
        target: usize,
        entries: Vec<(Spec, bool)>,
    },
    /// A known id, captured again.
    Again {
        handle: usize,
        pick: usize,
        how: Spelling,
    },
    /// A drain to one of the targets; `during` is captured by the other handle while the first
    /// request is on its way.
    Drain {
        handle: usize,
        target: usize,
        replies: Vec<Reply>,
        rest: Reply,
        during: Option<Spec>,
    },
    /// A target's answers are lost for a while; after enough drains single events are parked.
    Outage {
        handle: usize,
        target: usize,
        drains: usize,
        is_stored: bool,
    },
    /// Other content replaces an event.
    Replace { handle: usize, pick: usize },
    /// A hold is released.
    Release { handle: usize, pick: usize },
    /// The operator requeues events that a target has, or that were given up there.
    OweAgain {
        handle: usize,
        target: usize,
        which: Settled,
    },
    /// The queue is reduced to a capacity.
    Evict { handle: usize, capacity: i64 },
    /// The payloads that a target has are deleted.
    Acknowledge { handle: usize, target: usize },
    /// A verified archive contains all live events except some.
    Archive { handle: usize, missing: i64 },
    /// The payloads that are no longer needed are deleted.
    Collect { handle: usize, rule: Rule },
    /// Events are restored from an archive that contains all captured events except some, and
    /// others.
    Restore {
        handle: usize,
        missing: i64,
        entries: Vec<Spec>,
    },
    /// A target is forgotten; a drain to it restores it.
    Forget { handle: usize, target: usize },
    /// The operator removes events.
    Remove { handle: usize, removal: Removal },
    /// Some of these in one transaction that does not commit; the process may crash with it.
    Lost {
        handle: usize,
        entries: Vec<Spec>,
        pick: usize,
        removal: Option<Removal>,
        is_crash: bool,
    },
    /// Time passes.
    Wait { seconds: u32 },
    /// The clock is set back.
    ClockBack { seconds: u32 },
    /// The process ends and another one starts.
    Reopen,
}

/// Rule for payloads that are no longer needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// The configured target.
    pub(super) configured: Option<usize>,
    pub(super) with_archived: bool,
    /// An event that may be deleted although a target refused it.
    pub(super) named: Option<usize>,
}

/// A way to empty the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    Clear,
    Project,
    /// An archive contains all but some of the events.
    ToFile {
        missing: i64,
    },
}

impl Removal {
    /// True if it concerns this row.
    pub(super) fn concerns(self, seq: i64) -> bool {
        !matches!(self, Self::ToFile { missing } if !has(missing, seq))
    }
}

/// True if an archive that misses some rows contains this one.
pub(super) fn has(missing: i64, seq: i64) -> bool {
    seq % 4 != missing
}

/// A new event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    /// Its key; `None` for a family that never coalesces.
    pub(super) key: Option<u8>,
    /// Its aggregate; `None` if it names none.
    pub(super) aggregate: Option<u8>,
    /// The facts that it states.
    pub(super) facts: u8,
    pub(super) is_held: bool,
    /// A strict receiver refuses a whole batch that contains it.
    pub(super) is_poison: bool,
    pub(super) form: Form,
}

/// How an event must be changed for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// Has a field that must not leave the machine.
    Local,
    /// Contains a value that strict JSON cannot express.
    Broken,
}

/// How a known id is captured again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Same,
    /// Other bytes with the same meaning.
    Respelled,
    /// Other content, the same payload.
    OtherEnvelope,
    /// Other content, in the payload.
    OtherPayload,
}

/// How a receiver answers one request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A word for each event, repeated over the batch. A stored event is a duplicate, whatever the
    /// word.
    Each(Vec<Word>),
    /// 400 without details for a batch with a poisonous event.
    Strict,
    /// 400 that names the poisonous events.
    Details,
    /// 413 above this many events.
    Tight(usize),
    /// 202.
    Accepted,
    /// A status that stores nothing and has no result for any event.
    Status(u16),
    /// 429.
    Throttled {
        seconds: u64,
    },
    /// The answer is lost.
    Lost {
        is_stored: bool,
    },
    /// 200 whose body is not a list of results.
    Nonsense {
        is_stored: bool,
    },
    Unreachable,
    /// The sending process dies before it has an answer.
    Crash {
        is_stored: bool,
    },
}

/// The result for one event.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    Success,
    Pending,
    Rejected,
    /// An unknown status word.
    Odd,
    /// No result for the event.
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
    (
        prop::option::of(0..3_usize),
        any::<bool>(),
        prop::option::of(any::<usize>()),
    )
        .prop_map(|(configured, with_archived, named)| Rule {
            configured,
            with_archived,
            named,
        })
}

/// Operations that change which payloads and targets exist.
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
    let drain = (
        handle(),
        0..3_usize,
        vec(reply(), 0..5),
        reply(),
        weighted(0.3, spec()),
    );
    prop_oneof![
        6 => (handle(), vec(spec(), 1..5), weighted(0.2, 0..9_i64)).prop_map(|(handle, entries, capacity)| {
            Op::Append { handle, entries, capacity }
        }),
        2 => (handle(), 0..3_usize, vec((spec(), any::<bool>()), 1..5))
            .prop_map(|(handle, target, entries)| Op::StartFrom { handle, target, entries }),
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

/// A random history.
pub(super) fn history() -> impl Strategy<Value = Vec<Op>> {
    vec(op(), 1..40)
}
