//! Absorbing the spool from every state that a killed run can leave, exactly once.

use std::path::PathBuf;

use super::{Setup, Workspace, World, opening};
use crate::base::clock::FixedClock;
use crate::base::ids::SystemIds;
use crate::base::{Env, Interrupt, Sha256, Timestamp, env};
use crate::books;
use crate::journal;
use crate::spool::{Dropped, Fate, Spool, Spooled, Writer};

const NOW: Timestamp = Timestamp::from_micros(1_770_000_000_000_000);
const THEN: Timestamp = Timestamp::from_micros(1_769_000_000_000_000);
const PROJECT: &str = "5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60";

struct Site {
    _dir: tempfile::TempDir,
    env: Env,
    ids: SystemIds,
    interrupt: Interrupt,
    workspace: Workspace,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().join("repo");
        std::fs::create_dir_all(repo.join(".kittify")).unwrap();
        std::fs::write(
            repo.join(".kittify/config.yaml"),
            format!("project:\n  uuid: {PROJECT}\n"),
        )
        .unwrap();
        let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        let env = Env::of(&[
            (env::STATE_HOME, &path("state")),
            (env::HOME, &path("home")),
        ]);
        let setup = Setup {
            cwd: &repo,
            start: &repo,
            config_file: None,
            flags: &[],
            settings: None,
            allows_file: false,
        };
        let (ids, interrupt) = (SystemIds::default(), Interrupt::default());
        let world = World {
            env: &env,
            clock: &FixedClock(NOW),
            ids: &ids,
            random: fastrand::f64,
            interrupt: &interrupt,
        };
        let workspace = Workspace::open(&world, &setup).unwrap();
        Self {
            _dir: dir,
            env,
            ids,
            interrupt,
            workspace,
        }
    }

    fn store(&self) -> PathBuf {
        self.workspace.place.store()
    }

    fn spool(&self) -> Spool {
        Spool::beside(&self.store())
    }

    /// Opens the store as the next command does.
    fn open(&self) -> opening::Absorbed {
        let (env, ids, interrupt) = (&self.env, &self.ids, &self.interrupt);
        let world = World {
            env,
            clock: &FixedClock(NOW),
            ids,
            random: fastrand::f64,
            interrupt,
        };
        let absorbed = opening::open(&world, &self.workspace).unwrap().1;
        let store = books::open(&self.store()).unwrap();
        assert_eq!(store.read(books::check).unwrap(), []);
        absorbed
    }

    /// Spools envelopes, each with its fate.
    fn write(&self, lines: &[(Fate<'_>, Vec<u8>)]) {
        let lines: Vec<_> = lines
            .iter()
            .map(|(fate, envelope)| Spooled {
                captured_at: THEN,
                origin: "capture",
                fate: *fate,
                envelope,
            })
            .collect();
        Writer::new(self.spool()).append(&lines).unwrap();
    }

    /// Takes the spool like a run, absorbs the first `parts` of it into the store, and stops.
    fn killed_after(&self, id: &str, parts: usize) {
        let taken = self.spool().take(id).unwrap().unwrap();
        let mut store = books::open(&self.store()).unwrap();
        let mut from = 0;
        for _ in 0..parts {
            let part = taken.part(from).unwrap().unwrap();
            store
                .write(|tx| books::absorb(tx, NOW, &taken.id, &part, "r"))
                .unwrap()
                .unwrap();
            from = part.through;
        }
    }

    /// Ids in order, and the number of audit rows.
    fn kept(&self) -> (Vec<String>, i64) {
        let store = books::open(&self.store()).unwrap();
        store
            .read(|tx| {
                let mut ids = tx
                    .conn()
                    .prepare("SELECT event_id FROM journal_events ORDER BY seq")?;
                let ids = ids.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?;
                let audits =
                    tx.conn()
                        .query_row("SELECT COUNT(*) FROM journal_audit", [], |r| r.get(0))?;
                Ok::<_, books::Error>((ids, audits))
            })
            .unwrap()
    }

    /// True if no file of the spool is left next to the store.
    fn is_clean(&self) -> bool {
        !self.spool().is_written() && self.spool().left().unwrap().is_empty()
    }
}

fn plain(n: usize) -> (Fate<'static>, Vec<u8>) {
    (
        Fate::Keep,
        format!(r#"{{"event_id":"e{n:04}","event_type":"T"}}"#).into_bytes(),
    )
}

fn keyed(id: &str, said: &str) -> (Fate<'static>, Vec<u8>) {
    let payload = format!(
        r#"{{"artifact_id":{{"path":"a"}},"namespace":{{"mission_slug":"m"}},"said":"{said}"}}"#
    );
    let envelope = format!(
        r#"{{"event_id":"{id}","event_type":"MissionDossierArtifactIndexed","payload":{payload}}}"#
    );
    (Fate::Keep, envelope.into_bytes())
}

fn audited(id: &str) -> (Fate<'static>, Vec<u8>) {
    let dropped = Dropped {
        event_id: id.to_owned(),
        event_type: "T".to_owned(),
        sha256: Sha256::of(b"x").to_string(),
    };
    (Fate::Audit, serde_json::to_vec(&dropped).unwrap())
}

#[test]
fn it_is_as_if_it_had_been_captured_then() {
    let site = Site::new();
    let held = (
        Fate::Hold("local_only"),
        br#"{"event_id": "h",  "event_type":"T"}"#.to_vec(),
    );
    site.write(&[plain(1), held.clone(), audited("d"), plain(1)]);
    let absorbed = site.open();
    assert_eq!(
        (
            absorbed.captured,
            absorbed.unchanged,
            absorbed.discarded,
            absorbed.lines()
        ),
        (2, 1, 1, 4)
    );
    assert!(absorbed.warnings.is_empty() && site.is_clean());
    let store = books::open(&site.store()).unwrap();
    store
        .read(|tx| {
            let row = journal::show(tx, "h")?.unwrap().record;
            assert_eq!(
                (row.captured_at, row.origin.as_str()),
                (THEN.as_micros(), "capture")
            );
            assert_eq!(row.held.as_deref(), Some("local_only"));
            assert_eq!(journal::payload(tx, row.seq)?.as_ref(), Some(&held.1));
            let audit = "SELECT at || act || event_id || event_type FROM journal_audit";
            let audit: String = tx.conn().query_row(audit, [], |r| r.get(0))?;
            assert_eq!(audit, format!("{}discardeddT", THEN.as_micros()));
            Ok::<_, books::Error>(())
        })
        .unwrap();
    assert_eq!(site.open(), opening::Absorbed::default());
}

/// Taken but not begun, in the middle, and finished but not removed; each with newer lines after
/// it.
#[test]
fn every_state_of_a_killed_run_is_completed_once() {
    for parts in 0..=2 {
        let site = Site::new();
        site.write(
            &(0..1500)
                .map(plain)
                .chain([audited("d")])
                .collect::<Vec<_>>(),
        );
        site.killed_after("01A", parts);
        site.write(&[plain(1500)]);
        let absorbed = site.open();
        let news = [1501, 501, 1][parts];
        assert_eq!(
            (absorbed.captured, absorbed.unchanged),
            (news, 0),
            "after {parts}"
        );
        let ids: Vec<_> = (0..=1500).map(|n| format!("e{n:04}")).collect();
        assert_eq!(
            (site.kept(), site.is_clean()),
            ((ids, 1), true),
            "after {parts}"
        );
    }
}

/// Why the store records absorbed bytes: a line that stated nothing new has left no id behind, and
/// would be captured as new after a later line.
#[test]
fn a_fact_that_is_over_does_not_come_back() {
    let site = Site::new();
    site.write(&[keyed("k1", "old")]);
    assert_eq!(site.open().captured, 1);
    site.write(&[keyed("k2", "old"), keyed("k3", "new")]);
    site.killed_after("01A", 1);
    assert_eq!(site.open(), opening::Absorbed::default());
    assert_eq!(
        (site.kept().0, site.is_clean()),
        (vec!["k1".to_owned(), "k3".to_owned()], true)
    );
}

/// Two processes absorb the same file (the lock file was removed): the store lets only one
/// continue.
#[test]
fn a_part_goes_in_where_the_store_stands_and_nowhere_else() {
    let site = Site::new();
    site.write(&(0..1500).map(plain).collect::<Vec<_>>());
    site.killed_after("01A", 1);
    let taken = site.spool().left().unwrap().remove(0);
    let first = taken.part(0).unwrap().unwrap();
    let mut store = books::open(&site.store()).unwrap();
    assert_eq!(
        store
            .write(|tx| books::absorb(tx, NOW, "01A", &first, "r"))
            .unwrap(),
        None
    );
    let second = taken.part(first.through).unwrap().unwrap();
    assert_eq!(
        store
            .write(|tx| books::absorb(tx, NOW, "01B", &second, "r"))
            .unwrap(),
        None
    );
    assert_eq!(site.open().captured, 500);
}

#[test]
fn a_damaged_line_is_told_and_kept_and_stops_no_other() {
    let site = Site::new();
    site.write(&[plain(1), plain(2)]);
    let lines = site.store().with_file_name("spool.lines");
    let mut bytes = std::fs::read(&lines).unwrap();
    bytes[100] ^= 1;
    bytes.extend_from_slice(b"sk-sync-spool-1 torn");
    std::fs::write(&lines, bytes).unwrap();
    let absorbed = site.open();
    assert_eq!(
        (
            absorbed.captured,
            absorbed.unreadable,
            absorbed.warnings.len()
        ),
        (1, 2, 2),
        "{absorbed:?}"
    );
    assert!(
        absorbed
            .warnings
            .iter()
            .all(|words| words.contains(".damaged")),
        "{absorbed:?}"
    );
    assert_eq!(
        (site.kept().0, site.is_clean()),
        (vec!["e0002".to_owned()], true)
    );
    let waiting = site.spool().look().unwrap();
    assert_eq!(
        (
            waiting.lines,
            waiting.torn,
            waiting.damaged,
            waiting.kept.len()
        ),
        (0, 1, 1, 1)
    );
    assert_eq!(site.open(), opening::Absorbed::default());
}

/// An error of the spool's files stops no command.
#[test]
fn a_spool_that_cannot_be_read_is_a_warning() {
    let site = Site::new();
    assert_eq!(site.open(), opening::Absorbed::default());
    std::fs::create_dir(site.store().with_file_name("spool.lines")).unwrap();
    let absorbed = site.open();
    assert!(
        absorbed.warnings[0].contains("spooled lines stay in the spool: cannot take the spool "),
        "{absorbed:?}"
    );
}
