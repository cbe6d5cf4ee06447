//! Records the statements that a store runs, for tests.

use std::cell::RefCell;

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

thread_local! {
    /// The statements that ran on this thread since recording began; `None` while not recording.
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Records the statements of a connection. They run on the thread that uses it.
pub(super) fn watch(conn: &mut Connection) {
    let hear = |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(_, sql) = event {
            HEARD.with_borrow_mut(|heard| {
                if let Some(heard) = heard {
                    heard.push(sql.to_owned());
                }
            });
        }
    };
    conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(hear))
        .unwrap();
}

/// Runs `work`, and returns the statements that any store ran meanwhile on this thread.
pub(crate) fn traced<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    HEARD.set(Some(Vec::new()));
    let value = work();
    (value, HEARD.take().unwrap())
}
