//! What is enumerated of small traces.

use super::*;

const BOUNDS: Bounds = Bounds {
    subsets: 3,
    pairs: 5,
    sectors: 5,
};

fn make(name: &str, node: Node) -> Op {
    Op::Make {
        dir: 0,
        name: name.to_owned(),
        node,
        is_dir: false,
    }
}

fn write(node: Node, at: u64, length: usize) -> Op {
    Op::Write {
        node,
        at,
        bytes: vec![1; length],
    }
}

/// The different states of these operations, with the most operations that leave each.
fn states(ops: &[Op]) -> BTreeMap<[u8; 32], Cut> {
    let base = Disk::empty();
    let cuts = cuts(&base, ops, &BOUNDS).into_iter();
    cuts.map(|cut| (left(&base, ops, &cut).digest(), cut))
        .collect()
}

#[test]
fn each_name_and_each_content_is_there_or_not() {
    let ops = [make("a", 1), write(1, 0, 9), make("b", 2)];
    // No file; a empty, as long as after the write, or whole; each of these with b or without.
    assert_eq!(states(&ops).len(), 8);
}

#[test]
fn what_a_sync_covers_stays() {
    let ops = [
        make("a", 1),
        write(1, 0, 9),
        Op::Sync { node: 0, before: 2 },
        Op::Sync { node: 1, before: 3 },
        Op::Said(Vec::new()),
    ];
    let states = states(&ops);
    let at_the_end: Vec<_> = states.values().filter(|cut| cut.count == 5).collect();
    assert_eq!(at_the_end.len(), 1, "{at_the_end:?}");
    assert_eq!(states.len(), 4);
}

#[test]
fn a_name_may_be_there_before_an_earlier_one() {
    let rename = Op::Move {
        dir: 0,
        from: "a".to_owned(),
        to: "b".to_owned(),
        node: 1,
    };
    let ops = [make("a", 1), rename];
    let base = Disk::empty();
    let found = |lost: &[usize]| {
        let cut = Cut {
            count: 2,
            fates: fates(lost),
        };
        let disk = left(&base, &ops, &cut);
        ["a", "b"].map(|name| disk.find(std::path::Path::new(name)))
    };
    assert_eq!(found(&[]), [None, Some(1)]);
    assert_eq!(found(&[0]), [None, Some(1)]);
    assert_eq!(found(&[1]), [Some(1), None]);
    assert_eq!(found(&[0, 1]), [None, None]);
}

#[test]
fn writes_are_torn_at_sectors_or_pages() {
    let some = |others: usize| {
        let ops: Vec<_> = (0..=others)
            .map(|n| write(1, 100 + 9000 * n as u64, 8192))
            .collect();
        let cuts = cuts(&Disk::empty(), &ops, &BOUNDS).into_iter();
        let torn = cuts
            .filter(|cut| cut.count == 1)
            .flat_map(|cut| cut.fates.into_values());
        torn.filter(|fate| matches!(fate, Fate::Head(_)))
            .collect::<Vec<_>>()
    };
    let sectors = some(0);
    assert_eq!(sectors.len(), 16);
    assert_eq!(sectors[..2], [Fate::Head(412), Fate::Head(924)]);
    let ops: Vec<_> = (0..6).map(|n| write(1, 9000 * n, 8192)).collect();
    let cuts = cuts(&Disk::empty(), &ops, &BOUNDS);
    let last = cuts
        .iter()
        .filter(|cut| cut.count == 6 && cut.fates.len() == 1);
    let heads = last.filter(|cut| matches!(cut.fates.values().next(), Some(Fate::Head(_))));
    assert_eq!(heads.count(), 11, "pages: one or two in each of six writes");
}

#[test]
fn of_many_changes_each_and_each_pair_is_lost_and_kept() {
    let ops: Vec<_> = (0..5).map(|n| make(&n.to_string(), n + 1)).collect();
    let lost: BTreeSet<_> = cuts(&Disk::empty(), &ops, &BOUNDS)
        .into_iter()
        .filter(|cut| cut.count == 5)
        .map(|cut| cut.fates.into_keys().collect::<Vec<_>>())
        .collect();
    // Nothing and everything, five and ten alone, five and ten alone kept.
    assert_eq!(lost.len(), 2 + 5 + 10 + 5 + 10);
}
