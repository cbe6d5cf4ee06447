//! Databases of other programs, in every state that their writers leave.

use std::time::Duration;

use rusqlite::Connection;

use super::*;

#[expect(clippy::disallowed_methods, reason = "the test is the other program")]
/// A directory with a database `q.db` of one table, in WAL mode or not, and its open writer.
fn source(is_wal: bool) -> (tempfile::TempDir, PathBuf, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("q #1.db");
    let conn = Connection::open(&path).unwrap();
    if is_wal {
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
            .unwrap();
    }
    conn.execute_batch("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('one');")
        .unwrap();
    (dir, path, conn)
}

fn open_copy(path: &Path) -> Result<Foreign, ForeignError> {
    let scratch = tempfile::tempdir().unwrap();
    Foreign::open(path, scratch.path(), &Interrupt::default())
}

fn rows(path: &Path) -> Result<i64, ForeignError> {
    let foreign = open_copy(path)?;
    Ok(foreign
        .conn()
        .query_row("SELECT COUNT(*) FROM t", [], |r| r.get(0))?)
}

/// Every file of the directory with its bytes, except the `-shm`, which belongs to the writer.
fn bytes(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn what_is_only_in_the_wal_counts_and_the_source_stays() {
    let (dir, path, writer) = source(true);
    writer
        .execute_batch("INSERT INTO t VALUES ('two')")
        .unwrap();
    let before = bytes(dir.path());
    assert!(
        before
            .iter()
            .any(|(file, bytes)| file.to_string_lossy().ends_with("-wal") && !bytes.is_empty())
    );
    assert_eq!(rows(&path).unwrap(), 2);
    assert_eq!(bytes(dir.path()), before);
}

#[test]
fn an_uncommitted_transaction_of_a_live_writer_does_not_count() {
    for is_wal in [false, true] {
        let (dir, path, writer) = source(is_wal);
        writer
            .execute_batch("PRAGMA cache_size = 1; BEGIN EXCLUSIVE; UPDATE t SET x = 'changed';")
            .unwrap();
        let mut insert = writer.prepare("INSERT INTO t VALUES (?1)").unwrap();
        for _ in 0..200 {
            insert.execute(["x".repeat(1000)]).unwrap();
        }
        let before = bytes(dir.path());
        assert!(
            before.len() > 1,
            "the transaction must have reached the disk"
        );
        assert_eq!(rows(&path).unwrap(), 1, "{is_wal}");
        assert_eq!(bytes(dir.path()), before);
    }
}

#[test]
fn what_is_no_sound_database_says_why() {
    let (_dir, path, writer) = source(false);
    writer
        .execute_batch(
            "CREATE TABLE u AS SELECT randomblob(5000) FROM (VALUES (1), (2), (3), (4));",
        )
        .unwrap();
    drop(writer);
    let whole = std::fs::read(&path).unwrap();
    let error = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        rows(&path).unwrap_err()
    };
    assert!(matches!(
        error(b"this is a text, not a database"),
        ForeignError::NotADatabase
    ));
    assert!(matches!(
        error(&whole[..whole.len() - 1500]),
        ForeignError::Damaged(_)
    ));
    let mut noise = whole.clone();
    noise[4096..4300].fill(0x5a);
    assert!(matches!(error(&noise), ForeignError::Damaged(_)));
    assert!(error(&noise).is_lasting());
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(rows(&path), Err(ForeignError::Missing)));
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(rows(&path), Err(ForeignError::Unreadable(_))));
}

#[test]
fn nothing_is_an_empty_database() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.db");
    std::fs::write(&path, "").unwrap();
    let copy = open_copy(&path).unwrap();
    let tables: i64 = copy
        .conn()
        .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |r| r.get(0))
        .unwrap();
    assert_eq!(tables, 0);
}

/// A rollback journal can name a file that SQLite deletes after the rollback.
#[test]
fn a_journal_that_names_another_file_is_not_followed() {
    let (dir, path, writer) = source(false);
    drop(writer);
    let victim = dir.path().join("precious.txt");
    std::fs::write(&victim, "precious").unwrap();
    let name = victim.to_str().unwrap().as_bytes();
    let mut journal = vec![0_u8; 512];
    journal[..8].copy_from_slice(&SUPER_JOURNAL);
    journal.extend_from_slice(&[0, 0, 0, 0]);
    journal.extend_from_slice(name);
    journal.extend_from_slice(&u32::try_from(name.len()).unwrap().to_be_bytes());
    let sum = name
        .iter()
        .fold(0_u32, |sum, b| sum.wrapping_add(u32::from(*b)));
    journal.extend_from_slice(&sum.to_be_bytes());
    journal.extend_from_slice(&SUPER_JOURNAL);
    std::fs::write(beside(&path, "-journal"), &journal).unwrap();
    assert!(matches!(open_copy(&path), Err(ForeignError::SuperJournal)));
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn the_copy_cannot_be_written_and_does_not_work_without_end() {
    let (_dir, path, _writer) = source(false);
    let copy = open_copy(&path).unwrap();
    assert!(
        copy.conn()
            .execute_batch("INSERT INTO t VALUES ('three')")
            .is_err()
    );
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n";
    let error = copy
        .conn()
        .query_row(endless, [], |r| r.get::<_, i64>(0))
        .unwrap_err();
    assert!(matches!(copy.sorted(error), ForeignError::TooMuchWork));
}

#[test]
fn a_stop_is_noticed() {
    let (_dir, path, _writer) = source(false);
    let (scratch, interrupt) = (tempfile::tempdir().unwrap(), Interrupt::default());
    let copy = Foreign::open(&path, scratch.path(), &interrupt).unwrap();
    interrupt.request();
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n";
    let error = copy
        .conn()
        .query_row(endless, [], |r| r.get::<_, i64>(0))
        .unwrap_err();
    assert!(matches!(copy.sorted(error), ForeignError::Interrupted));
}

#[test]
fn time_is_bounded_as_well() {
    let (_dir, path, _writer) = source(false);
    let scratch = tempfile::tempdir().unwrap();
    let interrupt = Interrupt::default();
    let refused = Foreign::open_within(
        &path,
        scratch.path(),
        Bounds::new(Duration::ZERO, &interrupt),
    );
    assert!(matches!(refused, Err(ForeignError::TooSlow)), "{refused:?}");
    assert_eq!(
        std::fs::read_dir(scratch.path()).unwrap().count(),
        0,
        "nothing is left of the copy"
    );
    // While reading, and for each piece of reading separately.
    let copy = Foreign::open_within(
        &path,
        scratch.path(),
        Bounds::new(Duration::from_millis(500), &interrupt),
    )
    .unwrap();
    copy.begin();
    while copy.bounds.check().is_ok() {
        interrupt.wait(Duration::from_millis(5));
    }
    let much = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT MAX(i) FROM n";
    let read = || copy.conn().query_row(much, [], |r| r.get::<_, i64>(0));
    assert!(matches!(
        copy.sorted(read().unwrap_err()),
        ForeignError::TooSlow
    ));
    copy.begin();
    assert_eq!(
        copy.conn()
            .query_row("SELECT COUNT(*) FROM t", [], |r| r.get::<_, i64>(0))
            .unwrap(),
        1
    );
}
