//! Which statements a store really runs, for tests.

use std::cell::RefCell;

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

thread_local! {
    /// What ran since somebody on this thread began to listen.
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Makes the statements of a connection heard. They run on the thread that uses it.
pub(super) fn watch(conn: &mut Connection) {
    let hear = |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(_, sql) = event {
            HEARD.with_borrow_mut(|heard| heard.iter_mut().for_each(|heard| heard.push(sql.to_owned())));
        }
    };
    conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(hear)).unwrap();
}

/// Runs `work`, and says which statements any store ran meanwhile on this thread.
pub(crate) fn traced<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    HEARD.set(Some(Vec::new()));
    let value = work();
    (value, HEARD.take().unwrap())
}
