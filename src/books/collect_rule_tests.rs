//! The decision about each payload, row by row.

use super::*;

const PLAIN: Kept = Kept {
    seq: 1,
    size: 10,
    captured_at: Timestamp::from_micros(100),
    is_held: false,
    is_superseded: false,
    is_discarded: false,
    is_archived: false,
    is_disputed: false,
    is_newest: false,
    is_announcing: false,
    kind: journal::Kind::Event,
};
const HAS: At = At {
    counts: true,
    status: Some(Status::Success),
};
const DUPLICATE: At = At {
    counts: true,
    status: Some(Status::Duplicate),
};
const UNTRIED: At = At {
    counts: true,
    status: None,
};
const REFUSED: At = At {
    counts: true,
    status: Some(Status::TerminalFailed),
};
const STUB_HAS: At = At {
    counts: false,
    status: Some(Status::Success),
};

fn at(status: Status) -> At {
    At {
        counts: true,
        status: Some(status),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "the table of reasons")]
fn each_payload_goes_or_stays_for_one_reason() {
    use Verdict::{Go, Stay};
    let plain = GcRule::default();
    let archived = GcRule {
        with_archived: true,
        ..GcRule::default()
    };
    let named = GcRule {
        named: BTreeSet::from([1]),
        ..GcRule::default()
    };
    let old = |micros| GcRule {
        captured_before: Some(Timestamp::from_micros(micros)),
        ..GcRule::default()
    };
    let superseded = Kept {
        is_superseded: true,
        ..PLAIN
    };
    let kept = Kept {
        is_archived: true,
        ..PLAIN
    };
    let released = Kept {
        is_discarded: true,
        ..kept
    };
    for (rule, row, at, expected) in [
        (&plain, PLAIN, &[HAS, DUPLICATE][..], Go(Why::Delivered)),
        (&plain, PLAIN, &[], Stay(WhyNot::NoTarget)),
        (&plain, PLAIN, &[STUB_HAS], Stay(WhyNot::NoTarget)),
        (&plain, PLAIN, &[HAS, UNTRIED], Stay(WhyNot::NotEverywhere)),
        (
            &plain,
            PLAIN,
            &[HAS, at(Status::Queued)],
            Stay(WhyNot::NotEverywhere),
        ),
        (
            &plain,
            PLAIN,
            &[HAS, at(Status::Rejected)],
            Stay(WhyNot::NotEverywhere),
        ),
        (
            &plain,
            PLAIN,
            &[HAS, at(Status::InFlight)],
            Stay(WhyNot::InFlight),
        ),
        (
            &plain,
            PLAIN,
            &[
                HAS,
                At {
                    counts: false,
                    ..at(Status::Pending)
                },
            ],
            Stay(WhyNot::InFlight),
        ),
        (&plain, PLAIN, &[HAS, REFUSED], Stay(WhyNot::Undeliverable)),
        (&named, PLAIN, &[HAS, REFUSED], Go(Why::Undeliverable)),
        (&named, PLAIN, &[REFUSED], Go(Why::Undeliverable)),
        (
            &named,
            PLAIN,
            &[REFUSED, UNTRIED],
            Stay(WhyNot::NotEverywhere),
        ),
        (&named, PLAIN, &[UNTRIED], Stay(WhyNot::NotEverywhere)),
        (&plain, superseded, &[], Go(Why::Superseded)),
        (
            &plain,
            Kept {
                is_disputed: true,
                ..superseded
            },
            &[],
            Stay(WhyNot::Disputed),
        ),
        (
            &plain,
            Kept {
                is_disputed: true,
                ..PLAIN
            },
            &[HAS],
            Stay(WhyNot::Disputed),
        ),
        (
            &plain,
            Kept {
                is_held: true,
                ..PLAIN
            },
            &[HAS],
            Stay(WhyNot::Held),
        ),
        (&old(100), PLAIN, &[HAS], Stay(WhyNot::TooYoung)),
        (&old(101), PLAIN, &[HAS], Go(Why::Delivered)),
        (&old(100), superseded, &[], Stay(WhyNot::TooYoung)),
        (&plain, kept, &[HAS, UNTRIED], Stay(WhyNot::NotEverywhere)),
        (&archived, kept, &[HAS, UNTRIED], Go(Why::Archived)),
        (&archived, kept, &[UNTRIED], Stay(WhyNot::NotEverywhere)),
        (&archived, kept, &[STUB_HAS], Stay(WhyNot::NoTarget)),
        (
            &archived,
            PLAIN,
            &[HAS, UNTRIED],
            Stay(WhyNot::NotEverywhere),
        ),
        (
            &archived,
            kept,
            &[HAS, REFUSED],
            Stay(WhyNot::Undeliverable),
        ),
        (&plain, released, &[HAS], Stay(WhyNot::Released)),
        (
            &plain,
            Kept {
                is_newest: true,
                ..PLAIN
            },
            &[HAS],
            Stay(WhyNot::Newest),
        ),
        (
            &archived,
            Kept {
                is_newest: true,
                ..kept
            },
            &[HAS],
            Stay(WhyNot::Newest),
        ),
        (
            &plain,
            Kept {
                is_announcing: true,
                ..PLAIN
            },
            &[HAS],
            Stay(WhyNot::Announcing),
        ),
        (&archived, released, &[], Go(Why::Archived)),
        (
            &archived,
            released,
            &[at(Status::InFlight)],
            Stay(WhyNot::InFlight),
        ),
    ] {
        assert_eq!(judge(rule, &row, at), expected, "{row:?} {at:?}");
    }
}
