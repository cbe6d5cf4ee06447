//! The spool with several processes, and every state that a killed one leaves.

use std::path::PathBuf;

use super::{Fate, Flaws, Spool, Spooled, Writer, decode};
use crate::base::{Interrupt, Timestamp};

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn spool(&self) -> Spool {
        Spool::beside(&self.0.path().join("p/store.db"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("p").join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.path(""))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn append(writer: &mut Writer, ids: &[&str]) {
    let envelopes: Vec<_> = ids
        .iter()
        .map(|id| format!("{{\"event_id\":\"{id}\"}}"))
        .collect();
    let at = Timestamp::from_micros(7);
    let lines: Vec<_> = envelopes
        .iter()
        .map(|e| Spooled {
            captured_at: at,
            origin: "capture",
            fate: Fate::Keep,
            envelope: e.as_bytes(),
        })
        .collect();
    writer.append(&lines).unwrap();
}

/// The ids in a taken file, part by part.
fn ids(taken: &super::Taken, mut from: u64) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(part) = taken.part(from).unwrap() {
        assert!(part.from == from && part.through > from);
        from = part.through;
        for line in part.lines.iter().filter_map(|line| decode(line).ok()) {
            ids.push(
                String::from_utf8_lossy(&line.envelope[13..line.envelope.len() - 2]).into_owned(),
            );
        }
    }
    ids
}

#[test]
fn what_is_written_is_taken_once_and_in_order() {
    let dir = Dir::new();
    let (spool, mut writer) = (dir.spool(), Writer::new(dir.spool()));
    assert!(!spool.is_written() && spool.take("1").unwrap().is_none());
    append(&mut writer, &["a", "b"]);
    append(&mut writer, &["c"]);
    assert!(spool.is_written());
    let taken = spool.take("1").unwrap().unwrap();
    assert_eq!(
        (dir.names(), spool.is_written()),
        (vec!["spool-1.taken".to_owned()], false)
    );
    // The writer's file was taken: it creates a new one.
    append(&mut writer, &["d"]);
    assert_eq!(ids(&taken, 0), ["a", "b", "c"]);
    assert_eq!(taken.set_aside().unwrap(), Flaws::default());
    taken.remove().unwrap();
    assert_eq!(ids(&spool.take("2").unwrap().unwrap(), 0), ["d"]);
}

#[test]
fn what_a_killed_absorber_left_is_found_oldest_first() {
    let dir = Dir::new();
    let (spool, mut writer) = (dir.spool(), Writer::new(dir.spool()));
    for (id, event) in [("01B", "b"), ("01A", "a")] {
        append(&mut writer, &[event]);
        drop(spool.take(id).unwrap());
    }
    append(&mut writer, &["c"]);
    let left: Vec<_> = spool.left().unwrap();
    assert_eq!(
        left.iter()
            .flat_map(|taken| ids(taken, 0))
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    let waiting = spool.look().unwrap();
    assert_eq!(
        (
            waiting.lines,
            waiting.torn,
            waiting.damaged,
            waiting.kept.len()
        ),
        (3, 0, 0, 0)
    );
    assert_eq!(
        waiting.bytes,
        ["spool-01A.taken", "spool-01B.taken", "spool.lines"]
            .map(|n| dir.path(n).metadata().unwrap().len())
            .iter()
            .sum::<u64>()
    );
}

/// A line truncated anywhere, with or without another writer's line after it.
#[test]
fn a_torn_line_hurts_no_other() {
    let dir = Dir::new();
    append(&mut Writer::new(dir.spool()), &["a", "b"]);
    let whole = std::fs::read(dir.path("spool.lines")).unwrap();
    let line_end = whole.iter().skip(1).position(|b| *b == b'\n').unwrap() + 2;
    for cut in line_end + 1..whole.len() - 1 {
        std::fs::write(dir.path("spool.lines"), &whole[..cut]).unwrap();
        let after = cut % 2 == 0;
        if after {
            append(&mut Writer::new(dir.spool()), &["c"]);
        }
        let spool = dir.spool();
        assert_eq!(
            (spool.check().unwrap().torn, spool.check().unwrap().damaged),
            (1, 0),
            "cut at {cut}"
        );
        let taken = spool.take("1").unwrap().unwrap();
        let expected: &[&str] = if after { &["a", "c"] } else { &["a"] };
        assert_eq!(ids(&taken, 0), expected, "cut at {cut}");
        for _again in 0..2 {
            let flaws = taken.set_aside().unwrap();
            assert_eq!((flaws.torn, flaws.garbled), (1, 0), "cut at {cut}");
            assert_eq!(
                std::fs::read(flaws.kept.unwrap()).unwrap(),
                [&whole[line_end..cut], b"\n"].concat()
            );
        }
        taken.remove().unwrap();
        let kept = spool.look().unwrap();
        assert_eq!(
            (kept.lines, kept.bytes, kept.torn, kept.kept.len()),
            (0, 0, 1, 1)
        );
        std::fs::remove_file(&kept.kept[0]).unwrap();
    }
    // A line that lacks only its line end is complete.
    std::fs::write(dir.path("spool.lines"), &whole[..whole.len() - 1]).unwrap();
    assert_eq!(ids(&dir.spool().take("1").unwrap().unwrap(), 0), ["a", "b"]);
}

#[test]
fn damaged_lines_are_kept_whatever_they_are() {
    let dir = Dir::new();
    append(&mut Writer::new(dir.spool()), &["a", "b"]);
    let mut bytes = std::fs::read(dir.path("spool.lines")).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    bytes.splice(0..0, *b"\xff\0garbage\n");
    std::fs::write(dir.path("spool.lines"), &bytes).unwrap();
    let taken = dir.spool().take("1").unwrap().unwrap();
    let flaws = taken.set_aside().unwrap();
    assert_eq!(
        (flaws.torn, flaws.garbled, ids(&taken, 0)),
        (0, 2, vec!["a".to_owned()])
    );
    assert!(
        std::fs::read(flaws.kept.unwrap())
            .unwrap()
            .starts_with(b"\xff\0garbage\nsk-sync-spool-1 ")
    );
}

/// Writers and absorbing processes at the same time: each line is taken exactly once, and no
/// acknowledged line is missing.
#[test]
fn writers_and_takers_race() {
    let dir = Dir::new();
    let mut taken: Vec<String> = std::thread::scope(|scope| {
        let writers: Vec<_> = ["x", "y"]
            .map(|name| {
                let mut writer = Writer::new(dir.spool());
                scope.spawn(move || {
                    (0..150).for_each(|n| append(&mut writer, &[&format!("{name}{n}")]));
                })
            })
            .into();
        let (mut all, mut turn, mut takes) = (Vec::new(), 0, 0);
        loop {
            let is_over = writers
                .iter()
                .all(std::thread::ScopedJoinHandle::is_finished);
            turn += 1;
            if let Some(taken) = dir.spool().take(&format!("{turn:06}")).unwrap() {
                takes += 1;
                assert!(taken.settle(&Interrupt::default()).unwrap());
                all.extend(ids(&taken, 0));
                taken.remove().unwrap();
            }
            if is_over {
                assert!(
                    takes > 1,
                    "the taker is never kept out until all is written"
                );
                return all;
            }
        }
    });
    let of = |name: &str| (0..150).map(|n| format!("{name}{n}")).collect::<Vec<_>>();
    for name in ["x", "y"] {
        let own: Vec<_> = taken
            .iter()
            .filter(|id| id.starts_with(name))
            .cloned()
            .collect();
        assert_eq!(own, of(name), "in order");
    }
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 300);
}

#[cfg(unix)]
#[test]
fn everything_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Dir::new();
    append(&mut Writer::new(dir.spool()), &["a"]);
    std::fs::write(
        dir.path("spool.lines"),
        [&std::fs::read(dir.path("spool.lines")).unwrap()[..], b"x"].concat(),
    )
    .unwrap();
    let taken = dir.spool().take("1").unwrap().unwrap();
    taken.set_aside().unwrap();
    let mode = |name: &str| {
        std::fs::metadata(dir.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(
        (mode(""), mode("spool-1.taken"), mode("spool-1.damaged")),
        (0o700, 0o600, 0o600)
    );
}

/// A writer that keeps its lock does not block a run for ever, and its lines wait for the next run.
#[test]
fn a_lock_that_is_kept_leaves_the_lines_for_later() {
    let dir = Dir::new();
    append(&mut Writer::new(dir.spool()), &["a"]);
    let stuck = std::fs::File::open(dir.path("spool.lines")).unwrap();
    stuck.lock_shared().unwrap();
    let interrupt = Interrupt::default();
    interrupt.request();
    let taken = dir.spool().take("1").unwrap().unwrap();
    assert!(!taken.settle(&interrupt).unwrap());
    drop(stuck);
    let left = dir.spool().left().unwrap();
    assert!(left.len() == 1 && left[0].settle(&interrupt).unwrap());
}
