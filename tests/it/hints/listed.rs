//! Hints that no case follows, and why.

const DATABASE: &str = "the receiver on PostgreSQL, which only some builds have: tests/it/hub";
const DISK: &str = "needs a full disk: tests/it/hardship and tests/it/spool fill one";
const OWNER: &str = "needs another user: tests/it/ownership";

/// A hint, and the reason.
pub(super) const LISTED: &[(&str, &str)] = &[
    (
        "build sk-sync-server: cargo build --release --features postgres",
        "building takes minutes",
    ),
    (
        "check bucket, endpoint, region, the clock, and the AWS_* variables",
        DATABASE,
    ),
    (
        "check host, port, user and password in the URL, and that the database runs",
        DATABASE,
    ),
    (
        "check that the user may read and write the tables sk_*",
        DATABASE,
    ),
    ("chmod go-w '{path}'", OWNER),
    (
        "expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, with sslmode=disable or require",
        DATABASE,
    ),
    (
        "expected s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION",
        DATABASE,
    ),
    (
        "free some space or repair the store, then capture the unanswered lines again",
        DISK,
    ),
    ("free some space, then run the same command again", DISK),
    ("if you trust the users who can write there: {line}", OWNER),
    (
        "list the same databases in the same order as at the first start",
        DATABASE,
    ),
    ("look at it, then remove it: rm '{path}'", OWNER),
    (
        "name a directory on a disk with --dir DIR",
        "a measurement takes long, and needs a directory in memory: tests/it/bench.rs",
    ),
    (
        "name it as for the receiver: --bodies s3://BUCKET/PREFIX",
        "needs an object store",
    ),
    ("open the URL above by hand", "needs a browser"),
    (
        "run it once with --migrate-only, as a user who may create tables",
        DATABASE,
    ),
    ("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", DATABASE),
    ("set SK_SYNC_HOME to a directory of your own", OWNER),
    (
        "set SK_SYNC_HOME to a directory on a local disk; on a network file system this needs an option of its mount (NFS: without nolock, CIFS: without nobrl)",
        "needs a network file system: tests/it/file_systems.rs",
    ),
    (
        "set SSL_CERT_FILE to a PEM file with the authority of the database's certificate",
        DATABASE,
    ),
    (
        "set fsync, full_page_writes and synchronous_commit to on at the primary",
        DATABASE,
    ),
    (
        "set {name} to postgres://USER:PASSWORD@HOST/DATABASE",
        DATABASE,
    ),
    (
        "update this program; receivers of the newer version may keep running",
        DATABASE,
    ),
    (
        "wait for the other sk-sync to end, then run the command again",
        "needs a lock held longer than the wait: tests/it/crowd.rs",
    ),
];
