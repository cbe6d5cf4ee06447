//! What a cut leaves of writes that were not synced.

use std::path::Path;

use super::*;

fn file() -> (Disk, Vec<Op>) {
    let disk = Disk::empty();
    let write = |at, byte| Op::Write {
        node: 1,
        at,
        bytes: vec![byte; 1024],
    };
    let make = Op::Make {
        dir: 0,
        name: "a".to_owned(),
        node: 1,
        is_dir: false,
    };
    let ops = vec![
        make,
        write(0, 1),
        Op::Sync { node: 1, before: 2 },
        write(1024, 2),
    ];
    (disk, ops)
}

fn bytes(disk: &Disk) -> Option<Vec<u8>> {
    disk.bytes(disk.find(Path::new("a"))?).map(<[u8]>::to_vec)
}

#[test]
fn what_is_not_synced_may_be_lost() {
    let (disk, mut ops) = file();
    let mut chance = Chance::new(1);
    let length = |disk: Disk| bytes(&disk).map(|bytes| bytes.len());
    assert_eq!(
        length(cut(&disk, &ops, 4, Loss::Nothing, &mut chance)),
        Some(2048)
    );
    assert_eq!(
        length(cut(&disk, &ops, 4, Loss::All, &mut chance)),
        None,
        "the name is not synced"
    );
    ops.push(Op::Sync { node: 0, before: 4 });
    let left = cut(&disk, &ops, 5, Loss::All, &mut chance);
    assert_eq!(bytes(&left), Some(vec![1; 1024]));
    // A sync that began before a write does not cover it.
    ops[2] = Op::Sync { node: 1, before: 1 };
    assert_eq!(
        bytes(&cut(&disk, &ops, 5, Loss::All, &mut chance)),
        Some(Vec::new())
    );
}

#[test]
fn torn_writes_keep_whole_sectors() {
    let (disk, mut ops) = file();
    ops.push(Op::Sync { node: 0, before: 4 });
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let left = bytes(&cut(&disk, &ops, 5, Loss::Torn, &mut Chance::new(seed))).unwrap();
        assert_eq!(left[..1024], [1; 1024], "synced");
        let sectors: Vec<_> = left[1024..]
            .chunks(512)
            .map(|sector| (sector[0], sector.len()))
            .collect();
        assert!(
            left[1024..]
                .chunks(512)
                .all(|sector| sector.iter().all(|byte| *byte == sector[0])),
            "{seed}"
        );
        seen.insert(sectors);
    }
    assert!(seen.len() >= 5, "{seen:?}");
}
